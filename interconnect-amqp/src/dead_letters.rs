//! Dead letters: foreign messages, and tasks that returned too often.

use std::{collections::BTreeMap, sync::Arc};

use futures::StreamExt;
use lapin::{
    Acker, Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use utakata_interconnect::{Error, Message as _, message};
use utakata_model::{FileDigest, Task};

use super::{declare, link::Link, topology};

const DOING: &str = "to read dead letters";
const AHEAD: u16 = 16;

/// A reader of undeliverable messages, oldest first. Those not [handled](Self::handled) when it is
/// dropped arrive again.
pub struct DeadLetters {
    link: Arc<Link>,
    reading: Option<(Channel, lapin::Consumer)>,
}

/// A message that could not be delivered.
#[derive(Debug)]
pub struct DeadLetter {
    /// The tasks in it, or the reason why it cannot be read.
    pub tasks: Result<Vec<Task>, String>,
    /// The queue in which it was.
    pub queue: String,
    /// The reason why it is here.
    pub reason: Reason,
    /// The size of the message, in bytes.
    pub bytes: usize,
    /// The digest of its content, by which people recognize what they have sent. The content is
    /// not shown: what is not ours may have anybody's secrets.
    pub sha256: FileDigest,
    acker: Acker,
}

/// The reason why a message could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// An environment could not read it, or it was not meant for that environment.
    Rejected,
    /// It returned to its queue too often: environments end, or lose their connections, while they
    /// have it.
    DeliveryLimit,
    /// It was in its queue for too long: somebody gave the queue a limit of its own.
    Expired,
    /// Its queue was too full: somebody gave the queue a limit of its own.
    Full,
    /// Another reason, as the broker names it.
    Other(String),
}

impl DeadLetters {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            reading: None,
        }
    }

    /// Waits for the next dead letter. Cancel safe.
    ///
    /// # Errors
    /// [`Error::Away`] while there is no connection: try again with back-off. Letters that were not
    /// handled then arrive again.
    pub async fn next(&mut self) -> Result<DeadLetter, Error> {
        let session = self.link.session()?;
        if self.reading.is_none() {
            let begin = async {
                let channel = declare::dead(&session, session.channel().await?).await?;
                channel.basic_qos(AHEAD, BasicQosOptions::default()).await?;
                let (queue, options) = (topology::DEAD.into(), BasicConsumeOptions::default());
                let consumed =
                    channel.basic_consume(queue, "".into(), options, FieldTable::default());
                let consumer = consumed.await?;
                Ok((channel, consumer))
            };
            self.reading = Some(self.link.ask(DOING, begin).await?);
            self.link.works();
        }
        let Some((_, consumer)) = &mut self.reading else {
            return Err(Error::Closed);
        };
        match consumer.next().await {
            Some(Ok(delivery)) => Ok(DeadLetter::from(delivery)),
            Some(Err(error)) => {
                self.reading = None;
                Err(self.link.refused(&error, DOING))
            }
            None => {
                self.reading = None;
                let reason = "the queue of dead letters was deleted".into();
                Err(Error::Away { reason })
            }
        }
    }

    /// Marks a letter as handled, so that it does not arrive again.
    ///
    /// # Errors
    /// [`Error::Away`] if the connection was lost meanwhile; then it arrives again.
    pub async fn handled(&mut self, letter: DeadLetter) -> Result<(), Error> {
        let acknowledged = letter.acker.ack(BasicAckOptions::default());
        if self.link.ask(DOING, acknowledged).await? {
            return Ok(());
        }
        self.reading = None;
        let reason = "the connection was lost: the dead letter will be delivered again".into();
        Err(Error::Away { reason })
    }
}

impl From<Delivery> for DeadLetter {
    fn from(delivery: Delivery) -> Self {
        let tasks = Vec::<Task>::decode(&delivery.data);
        let headers = delivery
            .properties
            .headers()
            .as_ref()
            .map(FieldTable::inner);
        let text = |key: &str| headers.and_then(|headers| text_of(headers, key));
        Self {
            queue: text("x-first-death-queue").unwrap_or_default(),
            reason: text("x-first-death-reason").map_or_else(
                || Reason::Other("it does not say".into()),
                |reason| Reason::from(reason.as_str()),
            ),
            bytes: delivery.data.len(),
            sha256: FileDigest::of(&delivery.data),
            tasks: tasks.map_err(|error| problem(&error)),
            acker: delivery.acker,
        }
    }
}

/// Returns what is wrong with a message, without a word of it: parsers quote what they read.
fn problem(error: &message::Error) -> String {
    match error {
        message::Error::Version { .. } => error.to_string(),
        message::Error::NoVersion { what, .. } => {
            format!("the received {what} has no \"version\" and is not ours")
        }
        message::Error::Form { what, .. } | message::Error::Write { what, .. } => {
            format!("the received {what} cannot be read")
        }
    }
}

impl From<&str> for Reason {
    fn from(reason: &str) -> Self {
        match reason {
            "rejected" => Self::Rejected,
            "delivery_limit" => Self::DeliveryLimit,
            "expired" => Self::Expired,
            "maxlen" => Self::Full,
            other => Self::Other(other.into()),
        }
    }
}

fn text_of(headers: &BTreeMap<ShortString, AMQPValue>, key: &str) -> Option<String> {
    match headers.get(key)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}
