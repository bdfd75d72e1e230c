//! The encoding of events into messages.

use bytes::Bytes;
use utakata_interconnect::{
    Event, Message as _, OutcomeBatch, Signatures,
    clock::Clock,
    message::{self, target::Deleted},
    topic::{self, Topic},
};
use utakata_model::TargetName;
use utakata_permit::message::{PermitBatch, RecordedBatch, StartBatch};

use super::session::{MAX_MESSAGE, Message};

/// The largest number of outcomes, asks or answers in a message.
const MAX_ITEMS: usize = 1_000;

/// The messages of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outgoing {
    Messages {
        messages: Vec<Message>,
        /// For each message, the number of expendable items; absent if it is kept.
        expendable: Option<usize>,
    },
    /// The removal of the retained messages of a target, of which everybody is informed.
    Delete(TargetName),
}

/// The reason why an event can never be sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsendable {
    #[error(transparent)]
    Form(#[from] message::Error),
    #[error("it has {bytes} bytes, and a message may have {MAX_MESSAGE}")]
    Size { bytes: usize },
}

/// The parts of this process by which it writes messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'w> {
    /// The size of a message beyond which it is split, in bytes.
    pub(super) max_bytes: usize,
    pub(super) clock: &'w Clock,
    pub(super) signatures: Option<&'w dyn Signatures>,
}

impl Writer<'_> {
    /// Signs a message, where this process signs.
    pub(super) fn sign(&self, topic: &str, message: Vec<u8>) -> Vec<u8> {
        match self.signatures {
            Some(signatures) => signatures.sign(topic, message),
            None => message,
        }
    }
}

/// Returns the messages of an event.
pub(super) fn outgoing(event: &Event, writer: &Writer<'_>) -> Result<Outgoing, Unsendable> {
    let Writer {
        max_bytes, clock, ..
    } = *writer;
    let (topic, payloads) = match event {
        Event::Deleted(target) => return Ok(Outgoing::Delete(target.clone())),
        // A message without a payload removes the retained one.
        Event::Forgotten(id) => (topic::environment(id), vec![Vec::new()]),
        Event::Alarms(news) => {
            // When no alarm is left, that is published, and then the retained message is removed.
            let rest = news.alarms.is_empty().then(Vec::new);
            let payloads = std::iter::once(news.encode()?).chain(rest);
            (topic::alarm(&news.target, &news.rule), payloads.collect())
        }
        Event::Readings(readings) => (
            topic::reading(&readings.target, &readings.action),
            vec![readings.encode_stamped(clock)?],
        ),
        Event::Notification(one) => (
            topic::notification(&one.zone, &one.subject()),
            vec![one.encode()?],
        ),
        Event::Environment(status) => (
            topic::environment(&status.id),
            vec![status.encode_stamped(clock)?],
        ),
        Event::Desired(desired) => (topic::desired(&desired.zone), vec![desired.encode()?]),
        Event::Outcomes(batch) => (
            topic::outcome(&batch.zone, &batch.kind),
            outcomes(batch, max_bytes, clock)?,
        ),
        Event::Fetch(batch) => whole(&Topic::Fetch(batch.environment.clone()), &**batch)?,
        Event::Content(got) => whole(&Topic::Content(got.environment.clone()), &**got)?,
        Event::Datagrams(batch) => whole(&Topic::Datagram(batch.environment.clone()), &**batch)?,
        Event::Replies(batch) => whole(&Topic::Reply(batch.environment.clone()), &**batch)?,
        Event::Start(batch) => (
            Topic::Start(batch.environment.clone()).to_string(),
            starts(batch, max_bytes)?,
        ),
        Event::Permits(batch) => (
            Topic::Permit(batch.environment.clone()).to_string(),
            permits(batch, max_bytes)?,
        ),
        Event::Recorded(batch) => (
            Topic::Recorded(batch.environment.clone()).to_string(),
            recorded(batch, max_bytes)?,
        ),
    };
    let is_retained = matches!(
        event,
        Event::Readings(_)
            | Event::Environment(_)
            | Event::Forgotten(_)
            | Event::Desired(_)
            | Event::Alarms(_)
    );
    let payloads = match is_signed(event) {
        true => payloads
            .into_iter()
            .map(|payload| writer.sign(&topic, payload))
            .collect(),
        false => payloads,
    };
    messages(event, &topic, payloads, is_retained)
}

/// Returns true if an event counts only with a signature. Alarms are for followers alone.
fn is_signed(event: &Event) -> bool {
    match event {
        Event::Readings(_) | Event::Alarms(_) | Event::Deleted(_) | Event::Forgotten(_) => false,
        Event::Outcomes(_) | Event::Environment(_) | Event::Desired(_) => true,
        Event::Start(_) | Event::Permits(_) | Event::Recorded(_) => true,
        Event::Fetch(_) | Event::Content(_) | Event::Notification(_) => true,
        Event::Datagrams(_) | Event::Replies(_) => true,
    }
}

/// Returns a message that is never split, with its topic.
fn whole(
    topic: &Topic,
    message: &impl message::Message,
) -> Result<(String, Vec<Vec<u8>>), message::Error> {
    Ok((topic.to_string(), vec![message.encode()?]))
}

fn starts(batch: &StartBatch, max_bytes: usize) -> Result<Vec<Vec<u8>>, message::Error> {
    split(&batch.asks, max_bytes, &|part| {
        (StartBatch {
            asks: part.to_vec(),
            environment: batch.environment.clone(),
            incarnation: batch.incarnation,
            kind: batch.kind.clone(),
        })
        .encode()
    })
}

fn permits(batch: &PermitBatch, max_bytes: usize) -> Result<Vec<Vec<u8>>, message::Error> {
    split(&batch.answers, max_bytes, &|part| {
        (PermitBatch {
            answers: part.to_vec(),
            environment: batch.environment.clone(),
            incarnation: batch.incarnation,
            kind: batch.kind.clone(),
        })
        .encode()
    })
}

fn recorded(batch: &RecordedBatch, max_bytes: usize) -> Result<Vec<Vec<u8>>, message::Error> {
    split(&batch.attempts, max_bytes, &|part| {
        (RecordedBatch {
            attempts: part.to_vec(),
            environment: batch.environment.clone(),
            incarnation: batch.incarnation,
            kind: batch.kind.clone(),
        })
        .encode()
    })
}

fn outcomes(
    batch: &OutcomeBatch,
    max_bytes: usize,
    clock: &Clock,
) -> Result<Vec<Vec<u8>>, message::Error> {
    split(&batch.outcomes, max_bytes, &|part| {
        let part = OutcomeBatch {
            outcomes: part.to_vec(),
            zone: batch.zone.clone(),
            kind: batch.kind.clone(),
            from: batch.from.clone(),
        };
        part.encode_stamped(clock)
    })
}

fn messages(
    event: &Event,
    topic: &str,
    payloads: Vec<Vec<u8>>,
    is_retained: bool,
) -> Result<Outgoing, Unsendable> {
    if let Some(bytes) = payloads.iter().map(Vec::len).find(|len| *len > MAX_MESSAGE) {
        return Err(Unsendable::Size { bytes });
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

/// Returns the message that a target was deleted, for followers.
pub(super) fn deleted(target: &TargetName) -> Result<Message, Unsendable> {
    Ok(Message {
        topic: Topic::Deleted(target.clone()).to_string(),
        payload: Deleted {
            target: target.clone(),
        }
        .encode()?
        .into(),
        is_kept: true,
        is_retained: false,
    })
}

/// Returns the message that removes the retained one of a topic.
pub(super) fn forget(topic: String) -> Message {
    Message {
        topic,
        payload: Bytes::new(),
        is_kept: true,
        is_retained: true,
    }
}

/// Encodes as many items as fit into each payload. An item that is too large by itself goes alone.
fn split<T>(
    items: &[T],
    max_bytes: usize,
    encode: &impl Fn(&[T]) -> Result<Vec<u8>, message::Error>,
) -> Result<Vec<Vec<u8>>, message::Error> {
    if items.is_empty() {
        return Ok(vec![encode(items)?]);
    }
    let mut payloads = Vec::new();
    // A stack: the next part is at the end.
    let mut parts: Vec<&[T]> = items.chunks(MAX_ITEMS).rev().collect();
    while let Some(part) = parts.pop() {
        let payload = encode(part)?;
        if payload.len() <= max_bytes || part.len() == 1 {
            payloads.push(payload);
            continue;
        }
        let (first, second) = part.split_at(part.len() / 2);
        parts.extend([second, first]);
    }
    Ok(payloads)
}

#[cfg(test)]
impl<'w> Writer<'w> {
    /// Returns one that does not sign.
    pub(super) fn new(clock: &'w Clock) -> Self {
        Self {
            max_bytes: 256 * 1024,
            clock,
            signatures: None,
        }
    }
}

#[cfg(test)]
mod tests;
