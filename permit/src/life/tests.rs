//! Every event in every stage, and any order of events.

mod asks;
mod late;
mod orders;
mod outcomes;
mod over;
mod restored;
mod turned;

use std::{sync::LazyLock, time::Duration};

use tokio::time::Instant;
use utakata_model::{
    Incarnation, OutcomeStatus,
    manifest::{Proves, Repeat},
};

use super::*;
use crate::message::{Refused, Verdict};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the moment that many seconds after the start.
fn at(seconds: u64) -> Instant {
    *START + Duration::from_secs(seconds)
}

fn rule(repeat: Repeat, proves: Option<Proves>) -> Rule {
    let seconds = Duration::from_secs;
    Rule {
        repeat,
        read_back: proves.map(|proves| ReadBack {
            proves,
            within: seconds(4),
            grace: seconds(6),
            is_through: false,
        }),
        window: seconds(2),
        acts_for: seconds(10),
        settling: seconds(3),
        read_back_within: seconds(20),
        late_within: seconds(1000),
        late_every: seconds(50),
        publish_again: seconds(30),
        max_attempts: 3,
    }
}

fn once(proves: Option<Proves>) -> Rule {
    rule(Repeat::Once, proves)
}

/// A rule whose effect counts only after another state.
fn through() -> Rule {
    let mut rule = once(Some(Proves::Nothing));
    rule.read_back.as_mut().unwrap().is_through = true;
    rule
}

fn repeatable() -> Rule {
    rule(Repeat::Repeatable, None)
}

fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

fn holder() -> Holder {
    Holder {
        environment: "east".parse().unwrap(),
        incarnation: incarnation(1),
        ask: 7,
    }
}

/// Holders that are not the holder: another environment, another incarnation, another ask.
fn others() -> [Holder; 3] {
    let environment = "west".parse().unwrap();
    let is = holder();
    [
        Holder {
            environment,
            ..is.clone()
        },
        Holder {
            incarnation: incarnation(2),
            ..is.clone()
        },
        Holder { ask: 8, ..is },
    ]
}

/// A life in its first attempt; [`in_doubt`] is one in its second.
fn life(stage: Stage) -> Life {
    Life {
        stage,
        ..Life::new(at(100))
    }
}

fn in_doubt(stage: Stage) -> Life {
    Life {
        attempt: 2,
        is_in_doubt: true,
        ..life(stage)
    }
}

/// A life in which it is proven that nobody acts on the attempt any more.
fn over(life: Life) -> Life {
    Life {
        is_over: true,
        ..life
    }
}

fn cancelled(life: Life) -> Life {
    Life {
        is_cancelled: true,
        ..life
    }
}

fn queued() -> Stage {
    Stage::Queued {
        again: at(30),
        times: 1,
    }
}

/// Permitted at second 0.
fn permitted() -> Stage {
    Stage::Permitted {
        holder: holder(),
        acts_until: at(10),
    }
}

/// Fenced, after a permit at second 0.
fn fenced() -> Stage {
    Stage::Fenced {
        holder: holder(),
        until: at(13),
    }
}

fn reading_back(since: u64) -> Stage {
    Stage::ReadingBack {
        holder: holder(),
        since: at(since),
        until: at(since + 20),
    }
}

fn verifying(since: u64) -> Stage {
    Stage::Verifying {
        holder: holder(),
        since: at(since),
        shows_from: at(since + 10),
        until: at(since + 30),
        shown: Evidence::None,
        passed: None,
    }
}

/// Verifying, after the target has shown `shows`.
fn looked_at(since: u64, shows: Evidence, passed_at: Option<u64>) -> Stage {
    let mut stage = verifying(since);
    if let Stage::Verifying { shown, passed, .. } = &mut stage {
        (*shown, *passed) = (shows, passed_at.map(at));
    }
    stage
}

fn unsettled() -> Stage {
    Stage::Unsettled {
        holder: Some(holder()),
        late: None,
    }
}

/// Left to a person at that second, because the target did not answer.
fn unanswered(at_second: u64, is_reported: bool) -> Stage {
    Stage::Unsettled {
        holder: Some(holder()),
        late: Some(Late {
            since: at(at_second),
            again: at(at_second + 50),
            until: at(at_second + 1000),
            is_reported,
        }),
    }
}

fn is(how: How, by: By) -> Stage {
    ended(how, by)
}

/// One example of each stage.
fn all_stages() -> [Stage; 9] {
    [
        Stage::Planned,
        queued(),
        permitted(),
        verifying(5),
        fenced(),
        reading_back(13),
        unsettled(),
        unanswered(33, false),
        is(How::Succeeded, By::Outcome),
    ]
}

fn ask(attempt: u32, holder: Holder) -> Event {
    Event::Ask { attempt, holder }
}

fn outcome(status: OutcomeStatus) -> Event {
    Event::Outcome {
        attempt: 1,
        holder: Some(holder()),
        status,
        is_over: false,
    }
}

/// An unknown outcome whose worker has said that it ended, or is gone.
fn unknown_and_over() -> Event {
    Event::Outcome {
        attempt: 1,
        holder: Some(holder()),
        status: OutcomeStatus::Unknown,
        is_over: true,
    }
}

fn not_begun(status: OutcomeStatus) -> Event {
    Event::Outcome {
        attempt: 1,
        holder: None,
        status,
        is_over: false,
    }
}

fn seen(requested: u64, evidence: Evidence) -> Event {
    Event::Observed(Observation {
        requested: at(requested),
        answered: at(requested + 1),
        evidence,
    })
}

/// Checks the life and the actions that an event leads to.
#[track_caller]
fn check(rule: &Rule, before: &Life, now: u64, event: &Event, after: &Life, actions: &[Action]) {
    let (is, does) = before.clone().on(event, rule, at(now));
    assert_eq!(&is, after, "{event:?} in {before:?}");
    assert_eq!(does, actions, "{event:?} in {before:?}");
}

#[track_caller]
fn check_unchanged(rule: &Rule, life: &Life, now: u64, event: &Event) {
    check(rule, life, now, event, life, &[]);
}

/// The life in which the next attempt waits.
fn next(life: &Life) -> Life {
    Life {
        attempt: life.attempt + 1,
        is_over: false,
        stage: Stage::Planned,
        ..life.clone()
    }
}

const STATUSES: [OutcomeStatus; 5] = [
    OutcomeStatus::Succeeded,
    OutcomeStatus::Failed,
    OutcomeStatus::Unknown,
    OutcomeStatus::Expired,
    OutcomeStatus::Cancelled,
];
