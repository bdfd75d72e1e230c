//! The event in a notification.

use std::{net::IpAddr, sync::Arc};

use async_snmp::{Oid, Pdu, PduType, TrapV1Pdu, Value, VarBind};
use utakata_worker_sdk::model::NotificationValue;

use super::Names;
use crate::value;

/// The prefixes of objects that are part of every notification: sysUpTime, and snmpTrap, which has
/// the notification itself, the address of a proxied agent, and its community, a secret.
const UPTIME: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 3];
const TRAP_OID: &[u32] = &[1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];
const TRAP: &[u32] = &[1, 3, 6, 1, 6, 3, 1, 1, 4];
const TRAP_ADDRESS: &[u32] = &[1, 3, 6, 1, 6, 3, 18, 1, 3, 0];
const COMMUNITY: &[u32] = &[1, 3, 6, 1, 6, 3, 18];
/// The number of values, and the length of each, that are passed on.
const MAX_VALUES: usize = 64;
const MAX_TEXT: usize = 1_000;
/// The length of a key.
const MAX_KEY: usize = 200;

/// The event in a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub name: Arc<str>,
    /// The key by which it is folded: its name, and the first object that it is about.
    pub key: Arc<str>,
    pub values: Vec<NotificationValue>,
    /// The device that it is about, if it says so.
    pub agent: Option<IpAddr>,
    /// True if the sender has proved who it is.
    pub proven: bool,
    /// The sender's number for the message; none for traps, which are not repeated.
    pub number: Option<u64>,
}

impl Event {
    /// Reads a trap of SNMPv1. Errors: it has no name.
    pub fn of_v1(trap: &TrapV1Pdu, names: &Names) -> Result<Self, String> {
        let oid = trap.v2_trap_oid().map_err(|error| error.to_string())?;
        let agent = Some(IpAddr::from(trap.agent_addr())).filter(|agent| !agent.is_unspecified());
        Ok(Self::build(&oid, trap.varbinds(), agent, names))
    }

    /// Reads a notification of SNMPv2. Errors: it is something else, or has no name.
    pub fn of(pdu: &Pdu, names: &Names) -> Result<Self, String> {
        let kind = pdu.pdu_type();
        if !matches!(kind, PduType::TrapV2 | PduType::InformRequest) {
            return Err(format!("it is no notification: {kind:?}"));
        }
        let bindings = pdu.varbinds();
        let named = bindings.iter().find_map(|one| match &one.value {
            Value::ObjectIdentifier(oid) if one.oid.arcs() == TRAP_OID => Some(oid),
            _ => None,
        });
        let oid = named.ok_or("it does not say what happened: it has no snmpTrapOID.0")?;
        let agent = bindings.iter().find_map(|one| match &one.value {
            Value::IpAddress(octets) if one.oid.arcs() == TRAP_ADDRESS => {
                Some(IpAddr::from(*octets))
            }
            _ => None,
        });
        let (id, ..) = pdu.clone().into_raw_parts();
        let is_inform = kind == PduType::InformRequest;
        Ok(Self {
            number: is_inform.then(|| u64::from(id.cast_unsigned())),
            ..Self::build(oid, bindings, agent, names)
        })
    }

    fn build(oid: &Oid, bindings: &[VarBind], agent: Option<IpAddr>, names: &Names) -> Self {
        let is_own = |one: &&VarBind| {
            let arcs = one.oid.arcs();
            let prefixes = [UPTIME, TRAP, COMMUNITY];
            !prefixes.iter().any(|prefix| arcs.starts_with(prefix))
        };
        let own = || bindings.iter().filter(is_own);
        let name = names.notification(oid);
        let key = match own().next() {
            Some(first) => format!("{name} {}", names.instance(&first.oid)),
            None => name.to_string(),
        };
        let values = own().take(MAX_VALUES).map(|one| NotificationValue {
            name: names.instance(&one.oid),
            value: cut(&value::as_text(&one.value).unwrap_or_default(), MAX_TEXT).into(),
        });
        Self {
            key: cut(&key, MAX_KEY).into(),
            values: values.collect(),
            name,
            agent,
            proven: false,
            number: None,
        }
    }
}

/// Cuts a text at a character.
fn cut(text: &str, max: usize) -> &str {
    match text.char_indices().nth(max) {
        Some((at, _)) => &text[..at],
        None => text,
    }
}
