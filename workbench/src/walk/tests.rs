use async_snmp::{Oid, Value};

use super::*;

fn oid_of(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

fn text(text: &str) -> Value {
    Value::from(text)
}

/// Returns the value of the only object of a walk.
fn check(line: &str, expect: &Value) {
    let walk = Walk::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"));
    let values: Vec<&Value> = walk.objects.values().collect();
    assert_eq!(values, [expect], "{line}");
}

#[test]
fn what_snmpwalk_prints_is_read() {
    let typed =
        |value: &str, expect: Value| check(&format!(".1.3.6.1.4.1.32473.1 = {value}"), &expect);
    typed("INTEGER: -7", Value::Integer(-7));
    typed("INTEGER: up(1)", Value::Integer(1));
    typed("INTEGER: 230 Volts", Value::Integer(230));
    typed("Gauge32: 4294967295", Value::Gauge32(u32::MAX));
    typed("Counter32: 5", Value::Counter32(5));
    typed(
        "Counter64: 18446744073709551615",
        Value::Counter64(u64::MAX),
    );
    typed("Timeticks: (4711) 0:00:47.11", Value::TimeTicks(4711));
    typed("STRING: \"a \\\"b\\\" c\"", text("a \"b\" c"));
    typed("STRING: plain", text("plain"));
    typed("\"\"", text(""));
    typed("STRING: \"one\ntwo\"", text("one\ntwo"));
    typed("STRING: one\ntwo", text("one\ntwo"));
    typed(
        "Hex-STRING: 00 1A \n2B",
        Value::from(&[0_u8, 0x1a, 0x2b][..]),
    );
    typed("OID: .1.3.6.1", Value::ObjectIdentifier(oid_of("1.3.6.1")));
    typed("OID: iso.3.6.1", Value::ObjectIdentifier(oid_of("1.3.6.1")));
    typed("OID: ccitt.0", Value::ObjectIdentifier(oid_of("0.0")));
    typed("IpAddress: 10.0.3.7", Value::IpAddress([10, 0, 3, 7]));
    typed(
        "Network Address: 0A:00:03:07",
        Value::IpAddress([10, 0, 3, 7]),
    );
    typed(
        "BITS: 80 01 first(0) last(15)",
        Value::from(&[0x80_u8, 1][..]),
    );
    typed(
        "Wrong Type (should be Gauge32 or Unsigned32): INTEGER: 3",
        Value::Integer(3),
    );
    let float = Value::Opaque(vec![0x9f, 0x78, 4, 0x3f, 0xc0, 0, 0].into());
    typed("Opaque: Float: 1.500000", float);
    check("iso.3.6.1.4.1.32473.1 = INTEGER: 5", &Value::Integer(5));
}

#[test]
fn what_snmpwalk_prints_without_types_is_guessed() {
    let quick =
        |value: &str, expect: Value| check(&format!(".1.3.6.1.4.1.32473.1 {value}"), &expect);
    quick("-7", Value::Integer(-7));
    quick("4294967295", Value::Gauge32(u32::MAX));
    quick("18446744073709551615", Value::Counter64(u64::MAX));
    quick("\"12\"", text("12"));
    quick("plain text", text("plain text"));
    quick("\"00 1A 2B \"", Value::from(&[0_u8, 0x1a, 0x2b][..]));
    quick("0:0:00:47.11", Value::TimeTicks(4711));
    quick(".1.3.6.1.4", Value::ObjectIdentifier(oid_of("1.3.6.1.4")));
    quick("10.0.3.7", Value::IpAddress([10, 0, 3, 7]));
    let walk =
        Walk::parse(b".1.3.6.1.2.1.1.1.0 \"never closed\n.1.3.6.1.2.1.1.5.0 name\n").unwrap();
    assert_eq!((walk.objects.len(), walk.format), (2, Format::Quick));
}

#[test]
fn recordings_of_snmpsim_are_read() {
    let recorded =
        |value: &str, expect: Value| check(&format!("1.3.6.1.4.1.32473.1|{value}"), &expect);
    recorded("2|-7", Value::Integer(-7));
    recorded("4|a|b", text("a|b"));
    recorded("4x|001a", Value::from(&[0_u8, 0x1a][..]));
    recorded("5|", Value::Null);
    recorded("6|1.3.6.1", Value::ObjectIdentifier(oid_of("1.3.6.1")));
    recorded("64|10.0.3.7", Value::IpAddress([10, 0, 3, 7]));
    recorded("64x|0a000307", Value::IpAddress([10, 0, 3, 7]));
    recorded("65|1", Value::Counter32(1));
    recorded("66|1", Value::Gauge32(1));
    recorded("67|1", Value::TimeTicks(1));
    recorded("70|1", Value::Counter64(1));
}

#[test]
fn lines_that_are_no_object_are_named_and_the_others_are_read() {
    let walk = Walk::parse(
        b"1.3.6.1.2.1.1.3.0|67|1\n\
          # a comment\n\
          1.3.6.1.2.1.1.4.0|2:writecache|1\n\
          1.3.6.1.2.1.1.5.0|2|many\n\
          junk\n\
          1.3.6.1.2.1.1.3.0|67|2\n\
          .1.3.6.1.2.1.1.6.0 = No Such Object available on this agent at this OID\n\
          .1.3.6.1.2.1.1.7.0 = INTEGER: 23.5 C\n",
    )
    .unwrap();
    let lines: Vec<usize> = walk.skipped.iter().map(|one| one.line).collect();
    assert_eq!(lines, [3, 4, 5, 8], "{:?}", walk.skipped);
    assert!(
        walk.skipped[3].problem.contains("-m ''"),
        "{:?}",
        walk.skipped
    );
    assert_eq!(
        (walk.objects.len(), walk.repeated, walk.skipped_count),
        (1, 1, 4)
    );
    assert_eq!(
        walk.get(&oid_of("1.3.6.1.2.1.1.3.0")),
        Some(&Value::TimeTicks(1))
    );
}

#[test]
fn a_file_without_an_object_is_refused_with_its_first_line() {
    assert_eq!(Walk::parse(b"\n \n"), Err(Error::Empty));
    let refused = Walk::parse(b"\nTimeout: No Response from 10.0.3.7\n").unwrap_err();
    assert!(
        matches!(refused, Error::NotAWalk { line: 2, .. }),
        "{refused:?}"
    );
    let names = Walk::parse(b"SNMPv2-MIB::sysDescr.0 = STRING: x\n").unwrap_err();
    assert!(names.to_string().contains("-On"), "{names}");
}

#[test]
fn texts_that_are_not_utf_8_keep_their_bytes() {
    let walk = Walk::parse(b".1.3.6.1.2.1.1.6.0 = STRING: \"K\xf6ln\"\n").unwrap();
    let expect = Value::from(&b"K\xf6ln"[..]);
    assert_eq!(walk.objects.values().next(), Some(&expect));
}

#[test]
fn objects_are_in_the_order_in_which_devices_answer() {
    let walk = Walk::parse(b"1.3.6.1.10.1|2|1\n1.3.6.1.9.1|2|2\n1.3.6.1.9|2|3\n").unwrap();
    let order: Vec<String> = walk.objects.keys().map(Oid::to_string).collect();
    assert_eq!(order, ["1.3.6.1.9", "1.3.6.1.9.1", "1.3.6.1.10.1"]);
    assert!(walk.has(&oid_of("1.3.6.1.9")));
    assert_eq!(walk.under(&oid_of("1.3.6.1.9")).count(), 2);
}
