//! From events to messages.

use bytes::Bytes;
use utakata_model::TargetName;
use utakata_permit::message::{PermitBatch, RecordedBatch, StartBatch};

use super::line::{MESSAGE_MOST, Message};
use crate::{
    Event, OutcomeBatch,
    clock::Clock,
    wire::{self, Topic},
};

/// The most outcomes, asks or answers in a message.
const ITEMS_MOST: usize = 1_000;

/// What an event is for the broker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outgoing {
    Messages {
        messages: Vec<Message>,
        /// Of each message, where what is expendable is counted; nothing: it is kept.
        expendable: Option<usize>,
    },
    /// What is retained of it goes, and everybody hears so.
    Delete(TargetName),
}

/// Why an event cannot be sent, ever.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsayable {
    #[error(transparent)]
    Form(#[from] wire::Error),
    #[error("it has {bytes} bytes, and a message may have {MESSAGE_MOST}")]
    Size { bytes: usize },
}

/// What is sent for an event, with about so many bytes in a message at the most.
pub(super) fn outgoing(
    event: &Event,
    bytes_most: usize,
    clock: &Clock,
) -> Result<Outgoing, Unsayable> {
    let (topic, payloads) = match event {
        Event::Deleted(target) => return Ok(Outgoing::Delete(target.clone())),
        // A message without a payload takes away what is retained.
        Event::Forgotten(id) => (wire::topic::environment(id), vec![Vec::new()]),
        Event::Readings(readings) => (
            wire::topic::reading(&readings.target, &readings.action),
            vec![wire::timed::encode_readings(readings, clock)?],
        ),
        Event::Fetch(batch) => (
            Topic::Fetch(batch.environment.clone()).to_string(),
            vec![wire::encode_fetch(batch)?],
        ),
        Event::Content(got) => (
            Topic::Content(got.environment.clone()).to_string(),
            vec![wire::encode_content(got)?],
        ),
        Event::Environment(status) => (
            wire::topic::environment(&status.id),
            vec![wire::timed::encode_environment(status, clock)?],
        ),
        Event::Desired(desired) => (
            wire::topic::desired(&desired.zone),
            vec![wire::encode_desired(desired)?],
        ),
        Event::Outcomes(batch) => (
            wire::topic::outcome(&batch.zone, &batch.kind),
            outcomes(batch, bytes_most, clock)?,
        ),
        Event::Start(batch) => (
            Topic::Start(batch.environment.clone()).to_string(),
            split(&batch.asks, bytes_most, &|part| {
                wire::encode_start(&StartBatch {
                    asks: part.to_vec(),
                    environment: batch.environment.clone(),
                    incarnation: batch.incarnation,
                    kind: batch.kind.clone(),
                })
            })?,
        ),
        Event::Permits(batch) => (
            Topic::Permit(batch.environment.clone()).to_string(),
            split(&batch.answers, bytes_most, &|part| {
                wire::encode_permits(&PermitBatch {
                    answers: part.to_vec(),
                    environment: batch.environment.clone(),
                    incarnation: batch.incarnation,
                    kind: batch.kind.clone(),
                })
            })?,
        ),
        Event::Recorded(batch) => (
            Topic::Recorded(batch.environment.clone()).to_string(),
            split(&batch.attempts, bytes_most, &|part| {
                wire::encode_recorded(&RecordedBatch {
                    attempts: part.to_vec(),
                    environment: batch.environment.clone(),
                    incarnation: batch.incarnation,
                    kind: batch.kind.clone(),
                })
            })?,
        ),
    };
    let is_retained = matches!(
        event,
        Event::Readings(_) | Event::Environment(_) | Event::Forgotten(_) | Event::Desired(_)
    );
    messages(event, &topic, payloads, is_retained)
}

fn outcomes(
    batch: &OutcomeBatch,
    bytes_most: usize,
    clock: &Clock,
) -> Result<Vec<Vec<u8>>, wire::Error> {
    split(&batch.outcomes, bytes_most, &|part| {
        let part = OutcomeBatch {
            outcomes: part.to_vec(),
            zone: batch.zone.clone(),
            kind: batch.kind.clone(),
            from: batch.from.clone(),
        };
        wire::timed::encode_outcomes(&part, clock)
    })
}

fn messages(
    event: &Event,
    topic: &str,
    payloads: Vec<Vec<u8>>,
    is_retained: bool,
) -> Result<Outgoing, Unsayable> {
    if let Some(bytes) = payloads
        .iter()
        .map(Vec::len)
        .find(|len| *len > MESSAGE_MOST)
    {
        return Err(Unsayable::Size { bytes });
    }
    let is_expendable = event.is_expendable();
    let expendable = is_expendable.then(|| event.weight().div_ceil(payloads.len().max(1)));
    let message = |payload: Vec<u8>| Message {
        topic: topic.into(),
        payload: payload.into(),
        is_kept: !is_expendable,
        is_retained,
    };
    Ok(Outgoing::Messages {
        messages: payloads.into_iter().map(message).collect(),
        expendable,
    })
}

/// That a target is no more, for those who follow.
pub(super) fn deleted(target: &TargetName) -> Result<Message, Unsayable> {
    Ok(Message {
        topic: Topic::Deleted(target.clone()).to_string(),
        payload: wire::encode_deleted(target)?.into(),
        is_kept: true,
        is_retained: false,
    })
}

/// Takes what is retained under a topic away.
pub(super) fn forget(topic: String) -> Message {
    Message {
        topic,
        payload: Bytes::new(),
        is_kept: true,
        is_retained: true,
    }
}

/// Payloads of as many items as fit; one that fits nowhere goes alone.
fn split<T>(
    items: &[T],
    bytes_most: usize,
    encode: &impl Fn(&[T]) -> Result<Vec<u8>, wire::Error>,
) -> Result<Vec<Vec<u8>>, wire::Error> {
    if items.is_empty() {
        return Ok(vec![encode(items)?]);
    }
    let mut payloads = Vec::new();
    // The next part stands last.
    let mut parts: Vec<&[T]> = items.chunks(ITEMS_MOST).rev().collect();
    while let Some(part) = parts.pop() {
        let payload = encode(part)?;
        if payload.len() <= bytes_most || part.len() == 1 {
            payloads.push(payload);
            continue;
        }
        let (first, second) = part.split_at(part.len() / 2);
        parts.extend([second, first]);
    }
    Ok(payloads)
}

#[cfg(test)]
mod tests;
