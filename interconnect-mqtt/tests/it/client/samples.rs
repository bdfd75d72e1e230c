//! Messages between environments and the logic environment.

use std::{sync::Arc, time::Duration};

use utakata_interconnect::{Event, Interest, OutcomeBatch, Subscription};
use utakata_model::{Class, EnvironmentState, EnvironmentStatus, TaskId, TaskKey};
use utakata_permit::message::{
    Answer, Ask, PermitBatch, Recorded, RecordedBatch, StartBatch, Verdict,
};

use super::world::soon;
use crate::broker;

pub fn answers(environment: &str) -> Interest {
    Interest {
        answers: Some(environment.parse().unwrap()),
        ..Interest::NONE
    }
}

/// The interest of the logic environment.
pub fn ledger() -> Interest {
    Interest {
        starts: true,
        ..Interest::ALL
    }
}

pub fn readings(target: &str, value: f64) -> Event {
    broker::readings(target, "read", value)
}

pub fn status(id: &str, state: EnvironmentState) -> EnvironmentStatus {
    match broker::environment(id, state) {
        Event::Environment(status) => (*status).clone(),
        other => unreachable!("{other:?}"),
    }
}

pub fn running(id: &str) -> Event {
    broker::environment(id, EnvironmentState::Running)
}

/// Returns the outcome of one attempt at control.
pub fn outcome(zone: &str, attempt: u32) -> Event {
    let Event::Outcomes(batch) = broker::outcomes(zone, "snmp", 1) else {
        unreachable!()
    };
    let mut batch: OutcomeBatch = (*batch).clone();
    for one in &mut batch.outcomes {
        one.class = Class::Control;
        one.attempt = attempt;
    }
    Event::Outcomes(Arc::new(batch))
}

fn ask(number: u64) -> Ask {
    Ask {
        key: key(1),
        ask: number,
    }
}

fn key(attempt: u32) -> TaskKey {
    TaskKey {
        task: TaskId::generate(),
        attempt,
    }
}

pub fn start(environment: &str, number: u64) -> Event {
    let asker = status(environment, EnvironmentState::Running);
    Event::Start(Arc::new(StartBatch {
        environment: asker.id,
        incarnation: asker.incarnation,
        kind: "snmp".parse().unwrap(),
        asks: vec![ask(number)],
    }))
}

pub fn permit(environment: &str, number: u64) -> Event {
    let asker = status(environment, EnvironmentState::Running);
    Event::Permits(Arc::new(PermitBatch {
        environment: asker.id,
        incarnation: asker.incarnation,
        kind: "snmp".parse().unwrap(),
        answers: vec![Answer {
            ask: ask(number),
            verdict: Verdict::Permitted(Duration::from_secs(5)),
        }],
    }))
}

pub fn recorded(environment: &str, attempt: u32) -> Event {
    let asker = status(environment, EnvironmentState::Running);
    Event::Recorded(Arc::new(RecordedBatch {
        environment: asker.id,
        incarnation: asker.incarnation,
        kind: "snmp".parse().unwrap(),
        attempts: vec![Recorded {
            key: key(attempt),
            ask: None,
        }],
    }))
}

/// Returns a text by which events are distinguished.
pub fn mark(event: &Event) -> String {
    match event {
        Event::Readings(seen) => format!("reading {} {}", seen.target, seen.readings[0].value),
        Event::Outcomes(batch) => {
            format!("outcome {} {}", batch.zone, batch.outcomes[0].attempt)
        }
        Event::Environment(status) => format!("{} {:?}", status.id, status.state),
        Event::Desired(desired) => format!("desired {} {}", desired.zone, desired.revision),
        Event::Deleted(target) => format!("deleted {target}"),
        Event::Alarms(news) => format!("alarms {} {}", news.target, news.number),
        Event::Forgotten(id) => format!("forgotten {id}"),
        Event::Start(batch) => format!("start {} {}", batch.environment, batch.asks[0].ask),
        Event::Permits(batch) => {
            format!("permit {} {}", batch.environment, batch.answers[0].ask.ask)
        }
        Event::Fetch(batch) => format!("fetch {}", batch.environment),
        Event::Content(got) => format!("content {}", got.environment),
        Event::Datagrams(batch) => format!("datagrams {}", batch.environment),
        Event::Replies(batch) => format!("replies {}", batch.environment),
        Event::Notification(one) => format!("notification {}", one.source),
        Event::Recorded(batch) => {
            format!(
                "recorded {} {}",
                batch.environment, batch.attempts[0].key.attempt
            )
        }
    }
}

/// Waits until this has arrived; returns what arrived before it, too.
pub async fn wait_for(subscription: &mut dyn Subscription, what: &str) -> Vec<String> {
    let mut came = Vec::new();
    while came.last().is_none_or(|last| last != what) {
        for event in soon(subscription.next()).await.unwrap() {
            came.push(mark(&event));
            if came.last().is_some_and(|last| last == what) {
                break;
            }
        }
    }
    came
}
