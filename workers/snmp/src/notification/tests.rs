use async_snmp::{Oid, Value, VarBind, pdu::NotificationPdu};

use super::*;
use crate::profile::Library;

fn names() -> Names {
    Names::of(&Library::shipped().unwrap())
}

fn message(is_inform: bool, bindings: Vec<VarBind>) -> Bytes {
    let oid = Oid::parse("1.3.6.1.6.3.1.1.5.3").unwrap();
    let pdu = match is_inform {
        true => NotificationPdu::inform(Version::V2c, 7, 100, &oid, bindings),
        false => NotificationPdu::trap_v2(Version::V2c, 7, 100, &oid, bindings),
    };
    let message = CommunityMessage::v2c("public", pdu.unwrap().into_raw()).unwrap();
    message.encode().unwrap()
}

fn binding(oid: &str, value: i32) -> VarBind {
    VarBind::new(Oid::parse(oid).unwrap(), Value::Integer(value))
}

#[test]
fn a_trap_is_named_and_an_inform_is_answered_with_its_bindings() {
    let engine = Engine::of("wee-1", 1_000);
    let bindings = vec![
        binding("1.3.6.1.2.1.2.2.1.1.3", 3),
        binding("1.3.6.1.4.1.9.9.1.0", 5),
    ];
    for is_inform in [false, true] {
        let bytes = message(is_inform, bindings.clone());
        let opened = open(&bytes, None, &engine, &names()).unwrap();
        let Opened::Event { event, reply } = opened else {
            panic!("{opened:?}");
        };
        assert_eq!(
            (&*event.name, &*event.key),
            ("linkDown", "linkDown ifIndex.3")
        );
        let values: Vec<_> = event
            .values
            .iter()
            .map(|one| (&*one.name, &*one.value))
            .collect();
        assert_eq!(values, [("ifIndex.3", "3"), ("1.3.6.1.4.1.9.9.1.0", "5")]);
        assert_eq!(event.number, is_inform.then_some(7));
        let reply = reply.map(|reply| {
            let reply = CommunityMessage::decode(reply.into(), async_snmp::DecodeConfig::DEFAULT);
            let pdu = reply.unwrap().value.into_pdu().unwrap();
            (pdu.pdu_type(), pdu.varbinds().len())
        });
        assert_eq!(reply, is_inform.then_some((PduType::Response, 4)));
    }
}

#[test]
fn what_is_cut_or_changed_anywhere_is_refused_or_understood_and_never_panics() {
    let engine = Engine::of("wee-1", 1_000);
    let (whole, names) = (
        message(true, vec![binding("1.3.6.1.2.1.2.2.1.1.3", 3)]),
        names(),
    );
    for at in 0..whole.len() {
        let _ = open(&whole.slice(..at), None, &engine, &names);
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = whole.to_vec();
            changed[at] ^= flip;
            let _ = open(&changed.into(), None, &engine, &names);
        }
    }
    assert!(open(&Bytes::new(), None, &engine, &names).is_err());
    assert!(open(&whole.slice(..whole.len() - 1), None, &engine, &names).is_err());
}

#[test]
fn an_object_is_named_by_its_profile_with_its_index() {
    let names = names();
    for (oid, expect) in [
        ("1.3.6.1.2.1.2.2.1.8.12", "ifOperStatus.12"),
        ("1.3.6.1.2.1.1.5.0", "sysName"),
        ("1.3.6.1.4.1.99999.1.2", "1.3.6.1.4.1.99999.1.2"),
        ("1.3.6.1.2.1.33.1.2.3.0", "upsEstimatedMinutesRemaining"),
    ] {
        assert_eq!(&*names.instance(&Oid::parse(oid).unwrap()), expect, "{oid}");
    }
    for (oid, expect) in [
        ("1.3.6.1.2.1.33.2.1", "upsTrapOnBattery"),
        // As SNMPv1 says it.
        ("1.3.6.1.2.1.33.2.0.1", "upsTrapOnBattery"),
        ("1.3.6.1.4.1.99999.0.1", "1.3.6.1.4.1.99999.0.1"),
    ] {
        let found = names.notification(&Oid::parse(oid).unwrap());
        assert_eq!(&*found, expect, "{oid}");
    }
}
