use std::time::Duration;

use async_snmp::message::CommunityMessage;
use async_snmp::{DecodeConfig, Oid, Value, VarBind};

use super::*;
use crate::swarm::interfaces::Moment;

const NOW: Moment = Moment {
    agent: 6,
    uptime: Duration::from_secs(10),
};

/// A handwritten request: `kind`, two numbers, and identifiers.
fn request(kind: u8, numbers: (u8, u8), oids: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    let whole = ber::open(&mut out, ber::SEQUENCE);
    ber::put(&mut out, ber::INTEGER, &[1]);
    ber::put(&mut out, ber::OCTET_STRING, b"public");
    let pdu = ber::open(&mut out, kind);
    ber::put(&mut out, ber::INTEGER, &[0x12, 0x34]);
    ber::put(&mut out, ber::INTEGER, &[numbers.0]);
    ber::put(&mut out, ber::INTEGER, &[numbers.1]);
    let list = ber::open(&mut out, ber::SEQUENCE);
    for oid in oids {
        let binding = ber::open(&mut out, ber::SEQUENCE);
        let oid = Oid::parse(oid).unwrap().to_ber().unwrap();
        ber::put(&mut out, ber::OBJECT_IDENTIFIER, &oid);
        out.extend_from_slice(&[0x05, 0]);
        ber::close(&mut out, binding);
    }
    for mark in [list, pdu, whole] {
        ber::close(&mut out, mark);
    }
    out
}

fn ask(request: &[u8], interfaces: u32) -> Option<(i32, Vec<VarBind>)> {
    let mut out = Vec::new();
    answer(request, &Interfaces::build(interfaces), NOW, &mut out)?;
    let message = CommunityMessage::decode(out.into(), DecodeConfig::default()).unwrap();
    let pdu = message.value.into_pdu().unwrap();
    Some((pdu.error_status(), pdu.into_varbinds()))
}

#[test]
fn a_get_answers_values_and_says_what_is_missing() {
    let request = request(
        0xa0,
        (0, 0),
        &["1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.31.1.1.1.6.2", "1.3.9"],
    );
    let (status, bindings) = ask(&request, 2).unwrap();
    assert_eq!(status, 0);
    assert_eq!(bindings[0].value, Value::OctetString("agent-0007".into()));
    assert!(matches!(bindings[1].value, Value::Counter64(count) if count > 1 << 32));
    assert_eq!(bindings[2].value, Value::NoSuchObject);
}

#[test]
fn a_walk_by_bulk_sees_every_object_once_and_the_end() {
    for interfaces in [1, 20] {
        let mut at = "1.3".to_owned();
        let mut seen = Vec::new();
        loop {
            let (_, bindings) = ask(&request(0xa5, (0, 25), &[&at]), interfaces).unwrap();
            let values = bindings
                .iter()
                .take_while(|binding| !binding.value.is_exception());
            seen.extend(values.map(|binding| binding.oid.clone()));
            if bindings
                .iter()
                .any(|binding| binding.value == Value::EndOfMibView)
            {
                break;
            }
            at = seen.last().unwrap().to_string();
        }
        assert!(seen.is_sorted_by(|left, right| left < right));
        assert_eq!(seen.len(), 8 + 36 * interfaces as usize);
    }
}

#[test]
fn non_repeaters_come_once_and_repeaters_in_rows() {
    let oids = [
        "1.3.6.1.2.1.1.3",
        "1.3.6.1.2.1.2.2.1.2",
        "1.3.6.1.2.1.2.2.1.10",
    ];
    let (_, bindings) = ask(&request(0xa5, (1, 2), &oids), 3).unwrap();
    let names: Vec<String> = bindings
        .iter()
        .map(|binding| binding.oid.to_string())
        .collect();
    let columns = ["2.2.1.2.1", "2.2.1.10.1", "2.2.1.2.2", "2.2.1.10.2"];
    assert_eq!(names[0], "1.3.6.1.2.1.1.3.0");
    assert_eq!(
        names[1..],
        columns.map(|column| format!("1.3.6.1.2.1.{column}"))
    );
}

#[test]
fn a_set_is_refused_and_other_communities_and_versions_get_no_answer() {
    let (status, _) = ask(&request(0xa3, (0, 0), &["1.3.6.1.2.1.1.5.0"]), 1).unwrap();
    assert_eq!(status, 17);
    let good = request(0xa0, (0, 0), &["1.3.6.1.2.1.1.5.0"]);
    let stranger: Vec<u8> = good
        .iter()
        .map(|byte| if *byte == b'p' { b'q' } else { *byte })
        .collect();
    assert!(ask(&stranger, 1).is_none());
    let mut version_1 = good;
    version_1[6] = 0;
    assert!(ask(&version_1, 1).is_none());
}

#[test]
fn numbers_are_encoded_in_as_few_bytes_as_they_take() {
    let check = |number: u64, expect: &[u8]| {
        let mut out = Vec::new();
        ber::put_unsigned(&mut out, ber::COUNTER64, number);
        assert_eq!(out[2..], *expect, "{number}");
    };
    check(0, &[0]);
    check(127, &[127]);
    check(128, &[0, 128]);
    check(255, &[0, 255]);
    check(256, &[1, 0]);
    check(u64::MAX, &[0, 255, 255, 255, 255, 255, 255, 255, 255]);
}

#[test]
fn no_datagram_is_so_broken_that_it_harms() {
    let good = request(0xa5, (0, 25), &["1.3.6.1.2.1.2"]);
    let objects = Interfaces::build(2);
    let mut out = Vec::new();
    for length in 0..good.len() {
        answer(&good[..length], &objects, NOW, &mut out);
    }
    for place in 0..good.len() {
        for value in [0, 1, 0x7f, 0x80, 0x84, 0xff] {
            let mut bad = good.clone();
            bad[place] = value;
            answer(&bad, &objects, NOW, &mut out);
        }
    }
}
