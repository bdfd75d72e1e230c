//! The hub's side of one subscription.

use tokio::sync::mpsc;

use super::{
    message::{Answer, one_message},
    replies::Replies,
};
use crate::{Event, Events, Interest, Subscription};

/// A request for events, with the id that its answer has.
#[derive(Debug)]
pub(super) struct Next(pub(super) u64);

/// One subscription of a client. Events the client has not asked for wait in the subscription,
/// which is bounded.
pub(super) struct Stream {
    subscription: Box<dyn Subscription>,
    /// The events that did not fit into the last message.
    rest: std::iter::Peekable<std::vec::IntoIter<Event>>,
    replies: Replies,
}

impl Stream {
    /// Opens the subscription, answers, and serves it until the client leaves it.
    pub(super) async fn run(
        id: u64,
        interest: Interest,
        events: &dyn Events,
        mut requests: mpsc::Receiver<Next>,
        replies: Replies,
    ) {
        let subscription = match events.subscribe(interest).await {
            Ok(subscription) => subscription,
            Err(error) => return replies.send(id, Answer::failed(&error)).await,
        };
        replies.send(id, Answer::Done).await;
        let mut stream = Self {
            subscription,
            rest: Vec::new().into_iter().peekable(),
            replies,
        };
        while let Some(Next(id)) = requests.recv().await {
            let answer = stream.next().await;
            stream.replies.send(id, answer).await;
        }
    }

    async fn next(&mut self) -> Answer {
        if self.rest.peek().is_none() {
            match self.subscription.next().await {
                Ok(events) => self.rest = events.into_iter().peekable(),
                Err(error) => return Answer::failed(&error),
            }
        }
        match one_message(&mut self.rest) {
            Ok(events) => Answer::Events {
                events,
                missed: self.subscription.missed(),
            },
            Err(error) => {
                tracing::error!(%error, "an event cannot be handed to a client");
                Answer::Failed(error.to_string())
            }
        }
    }
}
