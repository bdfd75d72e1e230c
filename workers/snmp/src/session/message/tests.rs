use async_snmp::{
    DecodeConfig, GetBulkPdu, ResponsePdu, Version,
    message::{CommunityMessage, Message},
    pdu::Pdu,
};
use proptest::prelude::*;

use super::*;

fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

fn community(pdu: Pdu) -> Vec<u8> {
    let version = CommunityVersion::V2c;
    let message = CommunityMessage::new(version, "public", pdu).unwrap();
    message.encode().unwrap().to_vec()
}

/// Returns the result of decoding each binding.
fn shown(answer: Answer) -> Vec<(Oid, Option<Value>)> {
    let found = answer.bindings.into_found().into_iter();
    found.map(|found| (found.oid, found.value.ok())).collect()
}

/// Any value that an agent may send.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::Integer),
        any::<u32>().prop_map(Value::Counter32),
        any::<u32>().prop_map(Value::Gauge32),
        any::<u32>().prop_map(Value::TimeTicks),
        any::<u64>().prop_map(Value::Counter64),
        any::<[u8; 4]>().prop_map(Value::IpAddress),
        any::<Vec<u8>>().prop_map(|bytes| Value::OctetString(bytes.into())),
        any::<Vec<u8>>()
            .prop_filter("a number", |bytes| bytes.first() != Some(&0x9f))
            .prop_map(|bytes| Value::Opaque(bytes.into())),
        any_oid().prop_map(Value::ObjectIdentifier),
        Just(Value::Null),
        Just(Value::NoSuchObject),
        Just(Value::NoSuchInstance),
        Just(Value::EndOfMibView),
    ]
}

fn any_oid() -> impl Strategy<Value = Oid> {
    let tail = prop::collection::vec(prop_oneof![0..300_u32, any::<u32>()], 0..20);
    (0..40_u32, tail).prop_map(|(second, tail)| Oid::new([1, second].into_iter().chain(tail)))
}

fn answer(id: i32, bindings: Vec<(Oid, Value)>) -> Vec<u8> {
    let bindings = bindings.into_iter();
    let bindings = bindings.map(|(oid, value)| VarBind::new(oid, value));
    let answer = ResponsePdu::success(Version::V2c, id, bindings.collect());
    community(answer.unwrap().into_raw())
}

#[test]
fn a_request_has_the_bytes_that_the_library_would_send() {
    for (id, names, singles, rows) in [
        (1, &["1.3.6.1.2.1.1.3"][..], 1, 0),
        (
            0x7fff_ffff,
            &["1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2.2.1.10.300"],
            0,
            20,
        ),
        (128, &["1.3.6.1.4.1.318.1.1.12"; 40], 12, 128),
        (65_536, &["1.3.4294967295"], 0, 1),
    ] {
        let mut ours = Names::default();
        names
            .iter()
            .for_each(|name| ours.push(&oid(name).to_ber().unwrap()));
        let theirs = GetBulkPdu::new(
            Version::V2c,
            id,
            singles,
            rows,
            names.iter().map(|name| VarBind::null(oid(name))).collect(),
        );
        let theirs = community(theirs.unwrap().into_raw());
        let operation = PduKind::Bulk {
            singles: singles as usize,
            rows: rows as usize,
        };
        let ours = request(id, CommunityVersion::V2c, b"public", &operation, &ours).unwrap();
        assert_eq!(ours, theirs, "{names:?}");
    }
}

#[test]
fn what_tells_an_answer_from_others_is_read_first() {
    let bytes = answer(7, vec![(oid("1.3.6"), Value::Null)]);
    let expected = Envelope {
        version: 1,
        community: b"public",
        pdu: 0xa2,
        id: 7,
    };
    assert_eq!(envelope(&bytes), Some(expected));
    assert_eq!(envelope(&bytes[..20]).map(|envelope| envelope.id), Some(7));
    assert_eq!(envelope(b"GET / HTTP/1.1"), None);
}

#[test]
fn an_answer_that_breaks_off_is_what_came_before() {
    let bindings: Vec<(Oid, Value)> = (1..20)
        .map(|last| (oid("1.3.6.1").child(last), Value::Integer(5)))
        .collect();
    let bytes = answer(7, bindings.clone());
    for length in 0..bytes.len() {
        let cut = parse(bytes[..length].to_vec().into());
        let count = cut.map_or(0, |cut| {
            let shown = shown(cut);
            for ((oid, value), (expected, _)) in shown.iter().zip(&bindings) {
                assert_eq!((oid, value), (expected, &Some(Value::Integer(5))));
            }
            shown.len()
        });
        assert!(count <= length / 12, "{count} of {length} bytes");
    }
    assert_eq!(
        shown(parse(bytes[..bytes.len() - 1].to_vec().into()).unwrap()).len(),
        18
    );
}

/// An answer with three bindings, of which the second has this value.
fn around(value: &[u8]) -> Vec<(Oid, Result<Value, Flaw>)> {
    let mut list = Vec::new();
    for (last, value) in [(1, &[2, 1, 5][..]), (2, value), (3, &[2, 1, 6])] {
        let mut binding = Vec::new();
        put(
            &mut binding,
            OID,
            &oid("1.3.6.1").child(last).to_ber().unwrap(),
        );
        binding.extend_from_slice(value);
        put(&mut list, SEQUENCE, &binding);
    }
    let mut fields = vec![2, 1, 7, 2, 1, 0, 2, 1, 0];
    put(&mut fields, SEQUENCE, &list);
    let mut body = vec![2, 1, 1, 4, 0];
    put(&mut body, RESPONSE, &fields);
    let mut message = Vec::new();
    put(&mut message, SEQUENCE, &body);
    let found = parse(message.into()).unwrap().bindings.into_found();
    found
        .into_iter()
        .map(|found| (found.oid, found.value))
        .collect()
}

#[test]
fn what_cannot_be_decoded_is_named_and_what_is_next_to_it_is_read() {
    for (value, expected) in [
        (&[2, 0][..], Err(Flaw::Size(2, 0))),
        (&[0x42, 0], Err(Flaw::Size(0x42, 0))),
        (&[0x40, 0], Err(Flaw::Size(0x40, 0))),
        (&[0x40, 4, 10, 0, 0, 1], Ok(Value::IpAddress([10, 0, 0, 1]))),
        (&[6, 0], Err(Flaw::Oid)),
        (&[6, 6, 0x2b, 0x9f, 0xff, 0xff, 0xff, 0x7f], Err(Flaw::Oid)),
        (&[2, 8, 0, 0, 0, 0, 0, 0, 0, 0], Ok(Value::Integer(0))),
        (
            &[2, 5, 0xff, 0xff, 0xff, 0xff, 0xfe],
            Ok(Value::Integer(-2)),
        ),
        (&[2, 5, 1, 0x2a, 5, 0xf2, 0], Err(Flaw::Range(2))),
        (&[0x42, 6, 0, 0, 0, 0, 0, 7], Ok(Value::Gauge32(7))),
        (&[0x42, 5, 1, 0, 0, 0, 7], Err(Flaw::Range(0x42))),
        (
            &[0x46, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 77],
            Ok(Value::Counter64(77)),
        ),
        (&[0x47, 1, 0x2a], Ok(Value::Gauge32(42))),
        (&[5, 1, 0], Err(Flaw::Size(5, 1))),
        (&[0x4b, 2, 1, 2], Err(Flaw::Type(0x4b))),
        (&[1, 1, 0xff], Err(Flaw::Type(1))),
        (&[0x44, 4, 0x9f, 0x78, 4, 0x42], Err(Flaw::Length)),
        // A length that does not fit its container.
        (&[4, 5, b'e', b't', b'h', b'2'], Err(Flaw::Length)),
        (&[4, 2, b'e', b't', b'h', b'2'], Err(Flaw::Length)),
        (&[4], Err(Flaw::Length)),
        (&[], Err(Flaw::Length)),
    ] {
        let found = around(value);
        let values: Vec<_> = found.iter().map(|(_, value)| value.clone()).collect();
        let expected = vec![Ok(Value::Integer(5)), expected, Ok(Value::Integer(6))];
        assert_eq!(values, expected, "{value:02x?}");
        assert_eq!(found[1].0, oid("1.3.6.1.2"));
    }
}

proptest! {
    #[test]
    fn an_answer_is_read_as_the_library_reads_it(
        id in 1..i32::MAX,
        bindings in prop::collection::vec((any_oid(), value()), 0..30),
    ) {
        let bytes = answer(id, bindings.clone());
        let bindings: Vec<_> = bindings.into_iter().map(|(oid, value)| (oid, Some(value))).collect();
        prop_assert_eq!(shown(parse(bytes.into()).unwrap()), bindings);
    }

    /// However broken a message is, whatever is read from it agrees with the library, wherever the
    /// library reads anything.
    #[test]
    fn whatever_bytes_come_nothing_is_read_otherwise_than_the_library_reads_it(
        bindings in prop::collection::vec((any_oid(), value()), 1..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = answer(7, bindings);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let bytes = Bytes::from(bytes);
        let library = Message::decode(bytes.clone(), DecodeConfig::DEFAULT).ok();
        let library = library.and_then(|message| message.value.into_pdu());
        if let (Some(ours), Some(library)) = (parse(bytes), library) {
            let ours = shown(ours);
            // One without a name is skipped, and the library reads some that have none.
            let is_whole = ours.len() == library.varbinds().len();
            for (ours, library) in ours.into_iter().zip(library.varbinds()).filter(|_| is_whole) {
                prop_assert_eq!(&ours.0, &library.oid);
                if let Some(value) = ours.1 {
                    prop_assert_eq!(&value, &library.value);
                }
            }
        }
    }

    #[test]
    fn noise_is_no_answer(noise in any::<Vec<u8>>()) {
        prop_assert!(parse(noise.clone().into()).is_none() || noise.first() == Some(&0x30));
    }

    #[test]
    fn the_numbers_of_an_oid_come_back(arcs in prop::collection::vec(any::<u32>(), 0..20)) {
        let mut bytes = Vec::new();
        arcs.iter().for_each(|arc| put_arc(&mut bytes, *arc));
        let mut read = Vec::new();
        prop_assert!(ber::put_arcs(&bytes, &mut read).is_some());
        prop_assert_eq!(read, arcs);
    }
}
