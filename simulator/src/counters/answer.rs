//! Turns a request into its answer: SNMPv1 (RFC 1157) and SNMPv2c (RFC 3416).

use std::time::Duration;

use async_snmp::message::CommunityMessage;
use async_snmp::pdu::{
    ErrorIndex, OutboundErrorStatus, Pdu, PduBody, ResponsePdu, StandardPduType,
};
use async_snmp::{Community, DecodeConfig, Value, VarBind, Version};

use super::counter::Counter;
use super::objects::{self, Change, Sight};
use crate::device::{READ_COMMUNITY, WRITE_COMMUNITY};
use crate::mib::Refusal;

/// A GETBULK answer stops growing here, well within a datagram (RFC 3416, section 4.2.3 allows it).
const LONGEST: usize = 16_000;

/// The answer to a request, and its effects.
pub struct Answer {
    /// The answer, if there is one.
    pub message: Option<Vec<u8>>,
    /// The delayed changes, and the delay.
    pub late: Option<(Duration, Vec<Change>)>,
}

/// The permissions of a manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Read,
    Write,
}

/// The answer: values, or the refused variable and the reason.
type Verdict = Result<Vec<VarBind>, (usize, OutboundErrorStatus)>;

/// Carries out `request` on `device`; `None` if it is not a request, or comes from an unknown
/// community.
pub fn answer(device: &Counter, request: &[u8]) -> Option<Answer> {
    let message =
        CommunityMessage::decode(request.to_vec().into(), DecodeConfig::default()).ok()?;
    let version = message.value.version();
    let community = message.value.community().clone();
    let right = right(&community)?;
    let (id, body, asked) = message.value.into_pdu()?.into_raw_parts();
    let (mut is_answered, mut late) = (true, None);
    let verdict = match body {
        PduBody::GetBulk {
            non_repeaters,
            max_repetitions,
        } => Ok(device.show(|sight| bulk(&sight, &asked, (non_repeaters, max_repetitions)))),
        PduBody::Standard { pdu_type, .. } => match pdu_type {
            StandardPduType::GetRequest => device.show(|sight| get(&sight, version, &asked)),
            StandardPduType::GetNextRequest => device.show(|sight| next(&sight, version, &asked)),
            StandardPduType::SetRequest => changes(right, version, &asked).map(|changes| {
                let course = device.obey(&changes);
                is_answered = course.is_answered;
                late = course.late.map(|after| (after, changes));
                asked.clone()
            }),
            _ => return None,
        },
    };
    let message = match is_answered {
        true => Some(encode(version, community, id, verdict, asked)?),
        false => None,
    };
    Some(Answer { message, late })
}

fn right(community: &Community) -> Option<Right> {
    if community.matches(WRITE_COMMUNITY) {
        return Some(Right::Write);
    }
    community.matches(READ_COMMUNITY).then_some(Right::Read)
}

fn get(sight: &Sight<'_>, version: Version, asked: &[VarBind]) -> Verdict {
    let values = asked.iter().enumerate().map(|(at, varbind)| {
        let value = sight.get(&varbind.oid);
        // v1 has no exceptions: one missing object fails the whole request (RFC 1157, section
        // 4.1.2).
        if version == Version::V1 && value.is_exception() {
            return Err((at, OutboundErrorStatus::NoSuchName));
        }
        Ok(VarBind::new(varbind.oid.clone(), value))
    });
    values.collect()
}

fn next(sight: &Sight<'_>, version: Version, asked: &[VarBind]) -> Verdict {
    let values = asked.iter().enumerate().map(|(at, varbind)| {
        let next = sight.next(&varbind.oid);
        match (next, version) {
            (Some(next), _) => Ok(next),
            (None, Version::V1) => Err((at, OutboundErrorStatus::NoSuchName)),
            (None, _) => Ok(end(varbind)),
        }
    });
    values.collect()
}

fn bulk(
    sight: &Sight<'_>,
    asked: &[VarBind],
    (non_repeaters, repetitions): (u32, u32),
) -> Vec<VarBind> {
    let follow = |varbind: &VarBind| sight.next(&varbind.oid).unwrap_or_else(|| end(varbind));
    let non_repeaters = usize::try_from(non_repeaters).unwrap_or(usize::MAX);
    let (once, repeated) = asked.split_at(non_repeaters.min(asked.len()));
    let mut found: Vec<VarBind> = once.iter().map(follow).collect();
    let mut row = repeated.to_vec();
    let mut length: usize = found.iter().map(VarBind::encoded_size).sum();
    for _ in 0..repetitions {
        row = row.iter().map(follow).collect();
        length += row.iter().map(VarBind::encoded_size).sum::<usize>();
        if row.is_empty() || length > LONGEST {
            break;
        }
        found.extend_from_slice(&row);
        if row.iter().all(|varbind| varbind.value.is_exception()) {
            break;
        }
    }
    found
}

fn end(varbind: &VarBind) -> VarBind {
    VarBind::new(varbind.oid.clone(), Value::EndOfMibView)
}

/// Returns the changes of a SET: either all of them or none are made.
fn changes(
    right: Right,
    version: Version,
    asked: &[VarBind],
) -> Result<Vec<Change>, (usize, OutboundErrorStatus)> {
    let changes = asked.iter().enumerate().map(|(at, varbind)| {
        let refused = |status| (at, status);
        if right == Right::Read {
            return Err(refused(match version {
                Version::V1 => OutboundErrorStatus::NoSuchName,
                _ => OutboundErrorStatus::NoAccess,
            }));
        }
        objects::write(&varbind.oid, &varbind.value)
            .map_err(|refusal| refused(status(refusal, version)))
    });
    changes.collect()
}

/// Returns the status of a refusal; v1 has fewer of them (RFC 3584, section 4.4).
fn status(refusal: Refusal, version: Version) -> OutboundErrorStatus {
    match (refusal, version) {
        (Refusal::NotWritable | Refusal::NoCreation, Version::V1) => {
            OutboundErrorStatus::NoSuchName
        }
        (_, Version::V1) => OutboundErrorStatus::BadValue,
        (Refusal::NotWritable, _) => OutboundErrorStatus::NotWritable,
        (Refusal::NoCreation, _) => OutboundErrorStatus::NoCreation,
        (Refusal::WrongType, _) => OutboundErrorStatus::WrongType,
        (Refusal::WrongLength, _) => OutboundErrorStatus::WrongLength,
        (Refusal::WrongValue, _) => OutboundErrorStatus::WrongValue,
    }
}

fn encode(
    version: Version,
    community: Community,
    id: i32,
    verdict: Verdict,
    asked: Vec<VarBind>,
) -> Option<Vec<u8>> {
    let response = match verdict {
        Ok(values) => ResponsePdu::success(version, id, values),
        Err((at, status)) => {
            let index = ErrorIndex::new(u32::try_from(at).ok()? + 1, asked.len()).ok()?;
            ResponsePdu::new(version, id, status, Some(index), asked)
        }
    };
    let response = Pdu::from(response.ok()?);
    let message = match version {
        Version::V1 => CommunityMessage::v1(community, response),
        _ => CommunityMessage::v2c(community, response),
    };
    Some(message.ok()?.encode().ok()?.to_vec())
}
