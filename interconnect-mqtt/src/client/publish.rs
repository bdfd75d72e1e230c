//! Publishing.

use bytes::Bytes;
use tokio::{sync::oneshot, time::timeout};
use utakata_interconnect::{Error, Event, topic};
use utakata_model::TargetName;

use super::{
    filters::Filter,
    outbox::{Connection, Item},
    outgoing::{self, Outgoing},
    session::{Message, Request},
    shared::{Shared, away},
    tickets::{Answer, Ticket},
};

/// Publishes in this order; returns when the broker has everything that is not expendable.
pub(super) async fn publish(shared: &Shared, events: Vec<Event>) -> Result<(), Error> {
    shared.statuses.note(&events);
    let connection = shared.connection().inspect_err(|_| {
        shared.dropped(events.iter().filter(|event| event.is_expendable()).count());
    })?;
    let mut sending = Sending {
        shared,
        connection,
        answers: Vec::new(),
    };
    let mut events = events.iter().peekable();
    while let Some(event) = events.next() {
        match outgoing::outgoing(event, &shared.writer()) {
            Ok(Outgoing::Messages {
                messages,
                expendable,
            }) => sending.send_all(messages, expendable).await?,
            Ok(Outgoing::Delete(target)) => {
                let more = std::iter::from_fn(|| match events.peek() {
                    Some(Event::Deleted(target)) => {
                        events.next();
                        Some(target.clone())
                    }
                    _ => None,
                });
                let targets: Vec<TargetName> = std::iter::once(target).chain(more).collect();
                sending.delete(&targets).await?;
            }
            // Trying again would not help: the following ones continue.
            Err(error) => tracing::error!(%error, "an event cannot be published and is lost"),
        }
    }
    shared.health.waiting(shared.outbox.len());
    let acknowledged = sending.acknowledged().await;
    shared.health.waiting(shared.outbox.len());
    acknowledged
}

struct Sending<'s> {
    shared: &'s Shared,
    connection: Connection,
    /// The topics that were sent to, and the answers that will arrive.
    answers: Vec<(String, oneshot::Receiver<Answer>)>,
}

impl Sending<'_> {
    async fn send_all(
        &mut self,
        messages: Vec<Message>,
        expendable: Option<usize>,
    ) -> Result<(), Error> {
        for message in messages {
            match expendable {
                Some(weight) => self.send_expendable(message, weight)?,
                None => self.send(message).await?,
            }
        }
        Ok(())
    }

    fn send_expendable(&self, message: Message, weight: usize) -> Result<(), Error> {
        let (shared, request) = (self.shared, Request::Publish(message));
        let put = shared
            .outbox
            .put_expendable(self.connection, request, weight);
        let dropped = put.map_err(|_| {
            shared.dropped(1);
            shared.lost()
        })?;
        shared.dropped(dropped);
        Ok(())
    }

    /// Sends a message that is kept, once there is a place for it.
    async fn send(&mut self, message: Message) -> Result<(), Error> {
        let shared = self.shared;
        let place = shared.places.clone().acquire_owned();
        let place = timeout(shared.config.ack_timeout, place)
            .await
            .map_err(|_| silent())?;
        // It is never closed.
        let (ticket, answer) = Ticket::new(place.ok());
        let topic = message.topic.clone();
        let item = Item {
            request: Request::Publish(message),
            ticket: Some(ticket),
        };
        let put = shared.outbox.put(self.connection, item);
        put.map_err(|_| shared.lost())?;
        self.answers.push((topic, answer));
        Ok(())
    }

    /// Waits until the broker has acknowledged everything that was sent.
    async fn acknowledged(&mut self) -> Result<(), Error> {
        for (topic, answer) in std::mem::take(&mut self.answers) {
            settled(self.shared, answer, &topic).await?;
        }
        Ok(())
    }

    /// Asks the broker what it retains of targets, removes that, and informs everybody.
    async fn delete(&mut self, targets: &[TargetName]) -> Result<(), Error> {
        let shared = self.shared;
        let deletion = Deletion::begin(shared, targets);
        self.retained(targets).await?;
        for topic in deletion.found() {
            self.send(outgoing::forget(topic)).await?;
        }
        for target in targets {
            match outgoing::deleted(target) {
                Ok(message) => self.send(message).await?,
                Err(error) => tracing::error!(%error, "a deletion cannot be published"),
            }
        }
        Ok(())
    }

    /// Waits for the retained messages of these targets.
    async fn retained(&mut self, targets: &[TargetName]) -> Result<(), Error> {
        let shared = self.shared;
        let path = |target: &TargetName| topic::readings_of(target);
        let mut answers = Vec::with_capacity(targets.len());
        for target in targets {
            let filter = Filter {
                path: path(target),
                retained: true,
            };
            let asked = shared.ask(self.connection, Request::Subscribe(vec![filter]));
            answers.push(asked.map_err(|_| shared.lost())?);
        }
        for (target, answer) in targets.iter().zip(answers) {
            settled(shared, answer, &path(target)).await?;
        }
        pass_mark(shared, self.connection).await?;
        for target in targets {
            let left = shared.tell(self.connection, Request::Unsubscribe(path(target)));
            left.map_err(|_| shared.lost())?;
        }
        Ok(())
    }
}

/// Listens for the retained messages of targets, as long as it lives.
struct Deletion<'s> {
    shared: &'s Shared,
    targets: &'s [TargetName],
}

impl<'s> Deletion<'s> {
    fn begin(shared: &'s Shared, targets: &'s [TargetName]) -> Self {
        let mut deleting = shared.deleting.lock();
        for target in targets {
            deleting.entry(target.clone()).or_default();
        }
        Self { shared, targets }
    }

    /// Returns the topics that arrived.
    fn found(self) -> Vec<String> {
        let mut deleting = self.shared.deleting.lock();
        let all = self.targets.iter().filter_map(|one| deleting.remove(one));
        all.flatten().collect()
    }
}

impl Drop for Deletion<'_> {
    fn drop(&mut self) {
        let mut deleting = self.shared.deleting.lock();
        for target in self.targets {
            deleting.remove(target);
        }
    }
}

/// Waits for an answer of the broker, but not for ever.
pub(super) async fn settled(
    shared: &Shared,
    answer: oneshot::Receiver<Answer>,
    topic: &str,
) -> Result<(), Error> {
    match timeout(shared.config.ack_timeout, answer).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(refused))) => Err(away(&format!("{topic}: {refused}"))),
        Ok(Err(_)) => Err(shared.lost()),
        Err(_) => Err(silent()),
    }
}

/// Sends a mark to ourselves, and waits until it arrives: then everything that the broker had for
/// us before has arrived, too.
pub(super) async fn pass_mark(shared: &Shared, connection: Connection) -> Result<(), Error> {
    let (mark, came) = shared.marks.make();
    let topic = shared.marks.topic();
    let message = Message {
        topic: topic.clone(),
        payload: Bytes::from(mark),
        is_kept: true,
        is_retained: false,
    };
    let sent = shared.ask(connection, Request::Publish(message));
    let sent = sent.map_err(|_| shared.lost())?;
    settled(shared, sent, &topic).await?;
    if timeout(shared.config.ack_timeout, came).await.is_err() {
        shared.health.notice(format!(
            "a message to ourselves does not come: we must be allowed to read and write {topic}"
        ));
    }
    Ok(())
}

fn silent() -> Error {
    away("the broker does not acknowledge in time")
}
