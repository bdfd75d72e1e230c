use async_snmp::{GetBulkPdu, ResponsePdu, message::CommunityMessage};
use proptest::prelude::*;

use super::*;

fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

fn community(pdu: Pdu) -> Vec<u8> {
    let version = async_snmp::CommunityVersion::V2c;
    let message = CommunityMessage::new(version, "public", pdu).unwrap();
    message.encode().unwrap().to_vec()
}

fn shown(bindings: &Bindings) -> Vec<(Oid, Value)> {
    match bindings {
        Bindings::Decoded(bindings) => bindings
            .iter()
            .map(|binding| (binding.oid.clone(), binding.value.clone()))
            .collect(),
        Bindings::Raw(raw) => raw
            .iter()
            .map(|binding| (Oid::from_ber(binding.oid()).unwrap(), binding.value()))
            .collect(),
    }
}

/// Any value that an agent may answer.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::Integer),
        any::<u32>().prop_map(Value::Counter32),
        any::<u32>().prop_map(Value::Gauge32),
        any::<u32>().prop_map(Value::TimeTicks),
        any::<u64>().prop_map(Value::Counter64),
        any::<[u8; 4]>().prop_map(Value::IpAddress),
        any::<Vec<u8>>().prop_map(|bytes| Value::OctetString(bytes.into())),
        any::<Vec<u8>>().prop_map(|bytes| Value::Opaque(bytes.into())),
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
        let ours = get_bulk(id, b"public", &ours, singles as usize, rows as usize);
        assert_eq!(ours, theirs, "{names:?}");
    }
}

#[test]
fn an_answer_to_another_request_is_none() {
    let bytes = answer(7, vec![(oid("1.3.6"), Value::Null)]);
    assert!(parse(bytes.clone().into(), 8).is_none());
    assert!(parse(bytes.into(), 7).is_some());
}

#[test]
fn what_is_encoded_oddly_is_left_to_the_library() {
    // A Counter64 without any bytes: the library takes it for zero, as Net-SNMP does.
    let mut bytes = answer(7, vec![(oid("1.3.6"), Value::Counter64(5))]);
    let at = bytes.len() - 2;
    assert_eq!(bytes[at..], [1, 5]);
    bytes.truncate(at);
    bytes.push(0);
    for length in [1, 15, 28, 30] {
        if let Some(length) = bytes.get_mut(length) {
            *length = length.saturating_sub(1);
        }
    }
    let lenient = parse(bytes.into(), 7);
    assert!(!matches!(
        lenient.map(|answer| answer.bindings),
        Some(Bindings::Raw(_))
    ));
}

proptest! {
    #[test]
    fn an_answer_is_read_as_the_library_reads_it(
        id in 1..i32::MAX,
        bindings in prop::collection::vec((any_oid(), value()), 0..30),
    ) {
        let bytes = answer(id, bindings.clone());
        let answer = parse(bytes.into(), id).unwrap();
        prop_assert!(matches!(answer.bindings, Bindings::Raw(_)));
        prop_assert_eq!(shown(&answer.bindings), bindings);
    }

    #[test]
    fn whatever_bytes_come_are_read_as_the_library_reads_them(
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
        let library = decode(bytes.clone(), 7);
        if let Some((status, index, places)) = parse_raw(&bytes, 7) {
            let library = library.unwrap();
            let raw = Bindings::Raw(Raw { bytes, places });
            prop_assert_eq!((status, index), (library.status, library.index));
            prop_assert_eq!(shown(&raw), shown(&library.bindings));
        }
    }

    #[test]
    fn noise_is_no_answer(noise in any::<Vec<u8>>()) {
        prop_assert!(parse(noise.into(), 7).is_none());
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
