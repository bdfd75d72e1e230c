use async_snmp::{Oid, Value};
use serde_json::json;

use super::*;

fn octets(bytes: &'static [u8]) -> Value {
    Value::from(bytes)
}

#[test]
fn a_typed_value_is_what_was_written_or_a_sentence_that_says_why_not() {
    let cases = [
        (Kind::Integer, json!(2), Ok(Value::Integer(2))),
        (Kind::Integer, json!("-2"), Ok(Value::Integer(-2))),
        (Kind::Integer, json!(true), Ok(Value::Integer(1))),
        (Kind::Integer, json!(false), Ok(Value::Integer(2))),
        (Kind::Integer, json!(1_i64 << 40), Err("32 bits")),
        (Kind::Integer, json!(1.5), Err("whole number")),
        (Kind::Unsigned, json!(7), Ok(Value::Gauge32(7))),
        (Kind::Unsigned, json!(-7), Err("without sign")),
        (
            Kind::Counter64,
            json!(u64::MAX),
            Ok(Value::Counter64(u64::MAX)),
        ),
        (Kind::TimeTicks, json!(100), Ok(Value::TimeTicks(100))),
        (Kind::String, json!("on"), Ok(octets(b"on"))),
        (Kind::String, json!(5), Ok(octets(b"5"))),
        (Kind::String, json!([]), Err("a text")),
        (Kind::Hex, json!("54:10:EC"), Ok(octets(b"\x54\x10\xec"))),
        (Kind::Hex, json!("541"), Err("hexadecimal")),
        (
            Kind::Oid,
            json!("1.3.6.1"),
            Ok(Value::from(Oid::from_slice(&[1, 3, 6, 1]))),
        ),
        (Kind::Oid, json!("1.3.x"), Err("an OID")),
        (Kind::Ip, json!("10.0.3.7"), Ok(Value::from([10, 0, 3, 7]))),
        (Kind::Ip, json!("10.0.3"), Err("IPv4")),
    ];
    for (kind, json, expect) in cases {
        match (kind.value(&json), expect) {
            (Ok(value), Ok(wanted)) => assert_eq!(value, wanted, "{kind:?} {json}"),
            (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
            (found, wanted) => panic!("{kind:?} {json}: {found:?}, not {wanted:?}"),
        }
    }
}

#[test]
fn every_name_of_a_type_is_a_type() {
    for name in Kind::NAMES {
        assert!(Kind::parse(name).is_some(), "{name}");
    }
    assert_eq!(Kind::parse("int"), None);
}

#[test]
fn numbers_are_found_in_texts_and_in_opaque_floats() {
    for (value, expect) in [
        (octets(b" 21.5\0"), Some(21.5)),
        (octets(b"on"), None),
        (Value::Counter64(1 << 40), Some((1_u64 << 40) as f64)),
        (
            Value::Opaque(vec![0x9f, 0x78, 4, 0x40, 0x20, 0, 0].into()),
            Some(2.5),
        ),
        (
            Value::Opaque(vec![0x9f, 0x78, 4, 0x41, 0x5b, 0x33, 0x33].into()),
            Some(13.7),
        ),
        (Value::NoSuchInstance, None),
    ] {
        assert_eq!(as_number(&value), expect, "{value:?}");
    }
}

#[test]
fn texts_are_shown_as_they_are_and_octets_in_hexadecimal() {
    for (value, expect) in [
        (octets(b"PDU A1\0"), "PDU A1"),
        (octets("Büro\r\n".as_bytes()), "Büro"),
        (octets(b"\x54\x10\xec\xa1\x3c\x3f"), "54:10:ec:a1:3c:3f"),
        (octets(b"\x07"), "07"),
        (Value::from([10, 0, 0, 1]), "10.0.0.1"),
        (Value::TimeTicks(7), "7"),
    ] {
        assert_eq!(as_text(&value).as_deref(), Some(expect));
    }
    assert_eq!(as_text(&Value::Null), None);
}
