//! The stream of live events.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use futures::Stream;
use reqwest::Method;
use serde::Serialize;
use utakata_model::Selector;

use super::{Client, Error, sse::Parser};
use crate::event::Event;

type Chunks = Pin<Box<dyn Stream<Item = Result<Vec<u8>, reqwest::Error>> + Send>>;

/// Events as they arrive. The stream ends when the server closes it; an error is its last item.
pub struct EventStream {
    client: Client,
    chunks: Option<Chunks>,
    parser: Parser,
    ready: VecDeque<Result<Event, Error>>,
}

/// A kind of event, as named by `GET /v1/events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// The readings of attempts.
    Readings,
    /// The outcomes of attempts.
    Outcomes,
    /// The statuses of environments.
    Environment,
    /// Notifications of devices.
    Notifications,
    /// The changes of alarms.
    Alarms,
}

#[derive(Serialize)]
struct Query<'a> {
    selector: &'a Selector,
    types: String,
}

impl Followed {
    fn as_str(self) -> &'static str {
        match self {
            Self::Readings => "readings",
            Self::Outcomes => "outcomes",
            Self::Environment => "environment",
            Self::Notifications => "notifications",
            Self::Alarms => "alarms",
        }
    }
}

impl Client {
    /// Follows the events of the selected targets from now on.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn events(
        &self,
        selector: &Selector,
        followed: &[Followed],
    ) -> Result<EventStream, Error> {
        let types: Vec<&str> = followed.iter().map(|one| one.as_str()).collect();
        let types = types.join(",");
        let request = self
            .request(Method::GET, "/v1/events")
            .query(&Query { selector, types });
        let response = self.send(request).await?;
        let chunks = futures::StreamExt::map(response.bytes_stream(), |chunk| {
            chunk.map(|bytes| bytes.to_vec())
        });
        Ok(EventStream {
            client: self.clone(),
            chunks: Some(Box::pin(chunks)),
            parser: Parser::default(),
            ready: VecDeque::new(),
        })
    }
}

impl EventStream {
    fn take_in(&mut self, bytes: &[u8]) {
        for frame in self.parser.push(bytes) {
            let event = serde_json::from_slice(&frame.data)
                .map_err(|source| self.client.strange("/v1/events", source));
            self.ready.push_back(event);
        }
    }
}

impl Stream for EventStream {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(event));
            }
            let Some(chunks) = self.chunks.as_mut() else {
                return Poll::Ready(None);
            };
            match chunks.as_mut().poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(bytes))) => self.take_in(&bytes),
                Poll::Ready(Some(Err(source))) => {
                    self.chunks = None;
                    return Poll::Ready(Some(Err(self.client.away(source))));
                }
                Poll::Ready(None) => self.chunks = None,
            }
        }
    }
}
