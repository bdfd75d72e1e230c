//! The events that clients of the API follow, rendered once for all of them.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use serde::Serialize;
use utakata_interconnect::Event;
use utakata_invariant as invariant;
use utakata_model::{EnvironmentStatus, Notification, Outcome, Readings, TargetName};

/// A server-sent event for many clients.
#[derive(Debug)]
pub struct Item {
    event: Event,
    text: OnceLock<Bytes>,
}

/// `utakata_api::event::Event`, borrowed.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Borrowed<'a> {
    Readings(&'a Readings),
    Outcomes(Vec<&'a Outcome>),
    Environment(&'a EnvironmentStatus),
    Notification(&'a Notification),
    Alarms(&'a [serde_json::Value]),
    Missed(u64),
}

impl Item {
    pub(super) fn new(event: Event) -> Arc<Self> {
        Arc::new(Self {
            event,
            text: OnceLock::new(),
        })
    }

    pub fn event(&self) -> &Event {
        &self.event
    }

    /// Returns the whole event as a server-sent event; empty if it is not for clients.
    pub fn text(&self) -> Bytes {
        let all = |_: &TargetName| true;
        self.text
            .get_or_init(|| self.render(&all).unwrap_or_default())
            .clone()
    }

    /// Returns the part about certain targets as a server-sent event; `None` if there is none. The
    /// status of an environment concerns all.
    pub fn text_for(&self, is_meant: &dyn Fn(&TargetName) -> bool) -> Option<Bytes> {
        match &self.event {
            Event::Environment(_) => Some(self.text()),
            Event::Readings(readings) => is_meant(&readings.target).then(|| self.text()),
            Event::Alarms(news) => is_meant(&news.target)
                .then(|| self.render(is_meant))
                .flatten(),
            Event::Outcomes(_) => self.render(is_meant),
            Event::Notification(one) => {
                let is_meant = one.target.as_ref().is_some_and(is_meant);
                is_meant.then(|| self.text())
            }
            _ => None,
        }
    }

    fn render(&self, is_meant: &dyn Fn(&TargetName) -> bool) -> Option<Bytes> {
        match &self.event {
            Event::Readings(one) => Some(sse("readings", &Borrowed::Readings(one))),
            Event::Notification(one) => Some(sse("notification", &Borrowed::Notification(one))),
            Event::Alarms(news) => {
                (!news.changes.is_empty()).then(|| sse("alarms", &Borrowed::Alarms(&news.changes)))
            }
            Event::Environment(one) => Some(sse("environment", &Borrowed::Environment(one))),
            Event::Outcomes(batch) => {
                let meant = batch.outcomes.iter().filter(|one| is_meant(&one.target));
                let meant: Vec<&Outcome> = meant.collect();
                (!meant.is_empty()).then(|| sse("outcomes", &Borrowed::Outcomes(meant)))
            }
            _ => None,
        }
    }

    /// Returns the event that reports that many dropped events.
    pub fn missed(count: u64) -> Bytes {
        sse("missed", &Borrowed::Missed(count))
    }

    /// Returns readings as a server-sent event.
    pub fn readings(readings: &Readings) -> Bytes {
        sse("readings", &Borrowed::Readings(readings))
    }

    /// Returns the status of an environment as a server-sent event.
    pub fn environment(status: &EnvironmentStatus) -> Bytes {
        sse("environment", &Borrowed::Environment(status))
    }
}

fn sse(name: &str, event: &Borrowed<'_>) -> Bytes {
    let mut text = format!("event: {name}\ndata: ").into_bytes();
    // JSON by serde has no line break, which would end the field.
    if let Err(error) = serde_json::to_writer(&mut text, event) {
        invariant::broken("an event that is no JSON", &error);
        return Bytes::new();
    }
    text.extend_from_slice(b"\n\n");
    text.into()
}
