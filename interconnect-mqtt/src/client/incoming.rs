//! The decoding of messages into events. They may come from anybody: any that is not as it must be
//! is foreign.

use std::{fmt, sync::Arc};

use thiserror::Error;
use utakata_interconnect::{
    Event, Message, OutcomeBatch,
    clock::Clock,
    message::{
        self,
        alarm::AlarmNews,
        content::{ContentReply, FetchBatch},
        notification::{DatagramBatch, ReplyBatch},
        status,
        target::Deleted,
    },
    signatures::{Admitted, Distrust, Signatures},
    topic::{Topic, TopicError},
};
use utakata_model::{Desired, EnvironmentId, EnvironmentStatus, Notification, Readings};
use utakata_permit::message::{PermitBatch, RecordedBatch, StartBatch};

use super::session::MAX_MESSAGE;

/// The reason why a message is not one of ours.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Foreign {
    #[error(transparent)]
    Topic(#[from] TopicError),
    #[error(transparent)]
    Form(#[from] message::Error),
    #[error("its content is about {said}, and its topic about something else")]
    Topics { said: String },
    #[error("it is retained, and such messages never are")]
    Retained,
    #[error("it has {bytes} bytes, and a message may have {MAX_MESSAGE}")]
    Size { bytes: usize },
    #[error(transparent)]
    Distrusted(#[from] Distrust),
}

/// The parts of this process by which it reads messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'r> {
    pub(super) clock: &'r Clock,
    pub(super) signatures: Option<&'r dyn Signatures>,
}

/// A message as it arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming<'m> {
    pub(super) topic: &'m str,
    pub(super) payload: &'m [u8],
    /// True if it is from before the subscription.
    pub(super) is_retained: bool,
}

/// Returns the event in a message. None if it is of no interest to followers, such as readings from
/// before they subscribed.
pub(super) fn event(
    incoming: &Incoming<'_>,
    reader: &Reader<'_>,
) -> Result<Option<Event>, Foreign> {
    let Incoming {
        payload,
        is_retained,
        ..
    } = *incoming;
    let topic: Topic = incoming.topic.parse()?;
    if payload.len() > MAX_MESSAGE {
        return Err(Foreign::Size {
            bytes: payload.len(),
        });
    }
    match (is_retained, topic.is_retained()) {
        // Somebody has removed the retained message: an environment without a status is forgotten.
        (_, true) if payload.is_empty() => {
            return Ok(match topic {
                Topic::Environment(id) => Some(Event::Forgotten(id)),
                _ => None,
            });
        }
        (true, false) => return Err(Foreign::Retained),
        (true, true) if matches!(topic, Topic::Reading { .. }) => return Ok(None),
        _ => {}
    }
    let Some(signatures) = reader.signatures else {
        return decode(&topic, payload, is_retained, reader.clock);
    };
    let Admitted { message, sender } = signatures.admit_event(&topic, payload)?;
    let event = decode(&topic, &message, is_retained, reader.clock)?;
    if let Some(event) = &event {
        signatures.check_event(&sender, event)?;
    }
    Ok(event)
}

fn decode(
    topic: &Topic,
    payload: &[u8],
    is_retained: bool,
    clock: &Clock,
) -> Result<Option<Event>, Foreign> {
    let event = match topic {
        Topic::Reading { target, action } => {
            let readings = Readings::decode_stamped(payload, clock)?;
            same(&(target, action), &(&readings.target, &readings.action))?;
            Event::Readings(readings.into())
        }
        Topic::Outcome { zone, kind } => {
            let batch = OutcomeBatch::decode_stamped(payload, clock)?;
            same(&(zone, kind), &(&batch.zone, &batch.kind))?;
            Event::Outcomes(batch.into())
        }
        Topic::Environment(id) => {
            let status = match is_retained {
                true => status::decode_retained(payload, clock)?,
                false => EnvironmentStatus::decode_stamped(payload, clock)?,
            };
            same(id, &status.id)?;
            Event::Environment(status.into())
        }
        Topic::Notification { zone, subject } => {
            let one = Notification::decode(payload)?;
            same(&(zone, subject), &(&one.zone, &one.subject()))?;
            Event::Notification(one.into())
        }
        Topic::Deleted(target) => {
            let deleted = Deleted::decode(payload)?;
            same(target, &deleted.target)?;
            Event::Deleted(deleted.target)
        }
        Topic::Alarm { target, rule } => {
            let news = AlarmNews::decode(payload)?;
            same(&(target, rule), &(&news.target, &news.rule))?;
            Event::Alarms(news.into())
        }
        Topic::Desired(zone) => {
            let desired = Desired::decode(payload)?;
            same(zone, &desired.zone)?;
            Event::Desired(desired.into())
        }
        Topic::Start(environment) => {
            Event::Start(own(environment, payload, |batch: &StartBatch| {
                &batch.environment
            })?)
        }
        Topic::Permit(environment) => {
            Event::Permits(own(environment, payload, |batch: &PermitBatch| {
                &batch.environment
            })?)
        }
        Topic::Recorded(environment) => {
            let of: fn(&RecordedBatch) -> &EnvironmentId = |batch| &batch.environment;
            Event::Recorded(own(environment, payload, of)?)
        }
        Topic::Fetch(environment) => {
            let of: fn(&FetchBatch) -> &EnvironmentId = |batch| &batch.environment;
            Event::Fetch(own(environment, payload, of)?)
        }
        Topic::Content(environment) => {
            Event::Content(own(environment, payload, |got: &ContentReply| {
                &got.environment
            })?)
        }
        Topic::Datagram(environment) => {
            let of: fn(&DatagramBatch) -> &EnvironmentId = |batch| &batch.environment;
            Event::Datagrams(own(environment, payload, of)?)
        }
        Topic::Reply(environment) => {
            let of: fn(&ReplyBatch) -> &EnvironmentId = |batch| &batch.environment;
            Event::Replies(own(environment, payload, of)?)
        }
    };
    Ok(Some(event))
}

/// Decodes a message of or for an environment, which must be that of its topic.
fn own<M: Message>(
    environment: &EnvironmentId,
    payload: &[u8],
    of: fn(&M) -> &EnvironmentId,
) -> Result<Arc<M>, Foreign> {
    let message = M::decode(payload)?;
    same(environment, of(&message))?;
    Ok(message.into())
}

fn same<T: PartialEq + fmt::Debug>(topic: &T, said: &T) -> Result<(), Foreign> {
    if topic == said {
        return Ok(());
    }
    Err(Foreign::Topics {
        said: format!("{said:?}"),
    })
}

#[cfg(test)]
mod tests;
