//! SNMP datagrams: the fields that identify an answer, its bindings, and their values.

use async_snmp::{CommunityVersion, Oid};
use bytes::Bytes;
use utakata_worker_snmp::{
    notification::{Engine, Opened, open},
    session::message::{self, Bindings, Names, PduKind, envelope, parse, parse_scoped},
};

/// Parses a datagram as a message with a community, and as a scoped PDU of SNMPv3.
pub fn snmp(data: &[u8]) {
    let _ = envelope(data);
    notification(data);
    for answer in [
        parse(Bytes::copy_from_slice(data)),
        parse_scoped(Bytes::copy_from_slice(data)),
    ] {
        let Some(answer) = answer else { continue };
        let bindings = answer.bindings;
        let names = names(&bindings);
        let count = names.len();
        asked_again(&names);
        let found = bindings.into_found();
        assert_eq!(found.len(), count, "a binding was lost");
        for (found, name) in found.iter().zip(&names) {
            assert_eq!(found.oid.to_ber().as_deref().ok(), Some(&**name));
        }
    }
}

/// Opens a datagram as a trap or an inform: whatever it is, its reply is one that can be sent.
fn notification(data: &[u8]) {
    let engine = Engine::of("wee-1", 1_800_000_000);
    let bytes = Bytes::copy_from_slice(data);
    if let Ok(Opened::Event { event, reply }) = open(&bytes, None, &engine, &Default::default()) {
        assert!(event.key.len() < 1_000 && event.values.len() <= 64);
        assert!(reply.is_none_or(|reply| reply.len() <= 65_535));
    }
}

/// The names of the bindings, each examined as in a walk.
fn names(bindings: &Bindings) -> Vec<Vec<u8>> {
    let Bindings::Raw(raw) = bindings else {
        return Vec::new();
    };
    let mut names = Vec::new();
    let mut arcs = Vec::new();
    for binding in raw.iter() {
        let oid = binding.oid();
        let (prefix, rest) = oid.split_at(oid.len() / 2);
        arcs.clear();
        if binding.index(prefix, &mut arcs).is_some() {
            let mut written = prefix.to_vec();
            arcs.iter()
                .for_each(|arc| message::put_arc(&mut written, *arc));
            assert_eq!(written, oid, "an index that is written otherwise");
            assert!(rest.len() >= arcs.len());
        }
        let absence = binding.absence();
        assert!(absence.is_none() || binding.value().is_ok());
        names.push(oid.to_vec());
    }
    names
}

/// Checks that received names can be requested.
fn asked_again(names: &[Vec<u8>]) {
    let oids: Vec<Oid> = names
        .iter()
        .filter_map(|oid| Oid::from_ber(oid).ok())
        .collect();
    assert_eq!(oids.len(), names.len(), "a name that is none");
    let asked = Names::of(&oids).expect("what was read can be asked for");
    assert_eq!(asked.oids(), oids);
    let operation = PduKind::Bulk {
        singles: 1,
        rows: 20,
    };
    // No more is requested at once than a datagram can hold.
    if names.iter().map(Vec::len).sum::<usize>() > 32 * 1024 {
        return;
    }
    let request = message::request(7, CommunityVersion::V2c, b"public", &operation, &asked);
    let request = request.expect("a request of names can be written");
    let found = envelope(&request).map(|envelope| (envelope.version, envelope.id));
    assert_eq!(found, Some((1, 7)));
}
