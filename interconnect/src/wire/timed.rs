//! Messages between hosts whose clocks differ: each is stamped, a deadline goes as what is left
//! of it and a time as how long ago it was, beside what the clock of the sender shows.
//!
//! Who gets it reckons both from its arrival, by its own clock. What an earlier build has sent
//! has neither, and is taken as it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utakata_model::{
    ActionName, Class, EnvironmentStatus, Kind, Outcome, Readings, TargetName, Task, TaskKey, Zone,
};

use super::{Error, HEAD, StatusRef, TasksRef, decode, encode, outcome};
use crate::{
    OutcomeBatch,
    clock::{Clock, Sent, Transit},
};

/// Clocks that differ by less are as good as the same.
const SAME: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

/// What stands between the version and the fields of a message.
#[derive(Serialize)]
struct Timing<T> {
    sent: Sent,
    #[serde(flatten)]
    times: T,
}

/// What is left of the deadline of each task, in milliseconds.
#[derive(Serialize)]
struct Left {
    left: Vec<i64>,
}

/// How long ago it was, in milliseconds.
#[derive(Serialize)]
struct Age {
    age: u64,
}

/// How long ago each was, in milliseconds.
#[derive(Serialize)]
struct Ages {
    ages: Vec<u64>,
}

#[derive(Deserialize)]
struct TimedTasks {
    #[serde(default)]
    sent: Option<Sent>,
    #[serde(default)]
    left: Vec<i64>,
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct TimedReadings {
    #[serde(default)]
    sent: Option<Sent>,
    #[serde(default)]
    age: u64,
    target: TargetName,
    action: ActionName,
    seen_by: TaskKey,
    time: jiff::Timestamp,
    readings: Vec<utakata_model::Reading>,
}

#[derive(Deserialize)]
struct TimedOutcomes {
    #[serde(default)]
    sent: Option<Sent>,
    #[serde(default)]
    ages: Vec<u64>,
    zone: Zone,
    kind: Kind,
    #[serde(default)]
    from: Option<crate::events::Sender>,
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct TimedStatus {
    #[serde(default)]
    sent: Option<Sent>,
    #[serde(default)]
    age: u64,
    status: EnvironmentStatus,
}

/// Tasks as the payload of one message.
pub fn encode_tasks(tasks: &[Task], clock: &Clock) -> Result<Vec<u8>, Error> {
    let left = |task: &Task| clock.left(task.expires).as_millis();
    let left = tasks
        .iter()
        .map(|task| i64::try_from(left(task)).unwrap_or(i64::MAX))
        .collect();
    stamped("batch of tasks", clock, Left { left }, &TasksRef { tasks })
}

/// Tasks from the payload of one message: their deadlines are by our clock.
pub fn decode_tasks(payload: &[u8], clock: &Clock) -> Result<Vec<Task>, Error> {
    let TimedTasks {
        sent,
        left,
        mut tasks,
    } = decode("batch of tasks", payload)?;
    let Some(sent) = sent.filter(|_| left.len() == tasks.len()) else {
        return Ok(tasks);
    };
    let waited = waited(&sent, &tasks, &left, clock);
    let now = clock.now();
    for (task, left) in tasks.iter_mut().zip(left) {
        let left = match task.class {
            Class::Observe => left.saturating_sub(waited),
            // How long it lay is reckoned, not known; the ledger says whether it may begin.
            Class::Control => left,
        };
        let expires = now.checked_add(jiff::SignedDuration::from_millis(left));
        task.expires = expires.unwrap_or(task.expires);
    }
    Ok(tasks)
}

/// How long reads lay in a queue, in milliseconds. No queue hands out a message of reads when all
/// of them have expired: if they seem to have, it is the clocks that are wrong.
fn waited(sent: &Sent, tasks: &[Task], left: &[i64], clock: &Clock) -> i64 {
    let waited = i64::try_from(clock.hear(sent).waited.as_millis()).unwrap_or(i64::MAX);
    let reads = tasks.iter().zip(left);
    let reads = reads.filter(|(task, _)| task.class == Class::Observe);
    match reads.map(|(_, left)| *left).max() {
        Some(most) if most > 0 && waited >= most => {
            clock.doubt(sent);
            clock.hear(sent);
            0
        }
        _ => waited,
    }
}

/// What one attempt saw as the payload of one message.
pub fn encode_readings(readings: &Readings, clock: &Clock) -> Result<Vec<u8>, Error> {
    let age = milliseconds(clock.age(readings.time));
    stamped("message of readings", clock, Age { age }, readings)
}

/// What one attempt saw from the payload of one message: when, is by our clock.
pub fn decode_readings(payload: &[u8], clock: &Clock) -> Result<Readings, Error> {
    let timed: TimedReadings = decode("message of readings", payload)?;
    Ok(Readings {
        target: timed.target,
        action: timed.action,
        seen_by: timed.seen_by,
        time: anchored(timed.time, timed.sent.as_ref(), timed.age, clock).0,
        readings: timed.readings,
    })
}

/// Outcomes as the payload of one message.
pub fn encode_outcomes(batch: &OutcomeBatch, clock: &Clock) -> Result<Vec<u8>, Error> {
    let outcomes: Vec<&Outcome> = batch.outcomes.iter().collect();
    let ended = outcomes.iter().map(|outcome| outcome.timings.ended);
    let ages = ended.map(|time| milliseconds(clock.age(time))).collect();
    let batch = outcome::BatchRef {
        zone: &batch.zone,
        kind: &batch.kind,
        from: batch.from.as_ref(),
        outcomes: &outcomes,
    };
    stamped("batch of outcomes", clock, Ages { ages }, &batch)
}

/// Outcomes from the payload of one message: when they ended, is by our clock.
pub fn decode_outcomes(payload: &[u8], clock: &Clock) -> Result<OutcomeBatch, Error> {
    let mut timed: TimedOutcomes = decode("batch of outcomes", payload)?;
    let is_whole = timed.ages.len() == timed.outcomes.len();
    let transit = timed
        .sent
        .filter(|_| is_whole)
        .map(|sent| clock.hear(&sent));
    for (at, outcome) in timed.outcomes.iter_mut().enumerate() {
        let ended = &mut outcome.timings.ended;
        *ended = match (transit, timed.ages.get(at)) {
            (Some(transit), Some(age)) => {
                clock.before(Duration::from_millis(*age) + transit.waited)
            }
            _ => (*ended).min(clock.now()),
        };
    }
    Ok(OutcomeBatch {
        zone: timed.zone,
        kind: timed.kind,
        from: timed.from,
        outcomes: timed.outcomes,
    })
}

/// How an environment is, as the payload of one message.
pub fn encode_environment(status: &EnvironmentStatus, clock: &Clock) -> Result<Vec<u8>, Error> {
    let age = milliseconds(clock.age(status.time));
    let times = Age { age };
    stamped(
        "status of an environment",
        clock,
        times,
        &StatusRef { status },
    )
}

/// How an environment is, from the payload of one message: when it said so is by our clock, and
/// it says by how much its own differs. What a broker has kept (`is_retained`) was sent at any
/// time, and tells nothing of that.
pub fn decode_environment(
    payload: &[u8],
    clock: &Clock,
    is_retained: bool,
) -> Result<EnvironmentStatus, Error> {
    let timed: TimedStatus = decode("status of an environment", payload)?;
    let mut status = timed.status;
    if is_retained {
        let ahead = timed.sent.and_then(|sent| clock.ahead(&sent));
        let ahead = ahead.unwrap_or_default();
        let time = status.time.checked_sub(ahead);
        status.time = time.unwrap_or(status.time).min(clock.now());
        shift(&mut status, ahead);
        return Ok(status);
    }
    let (time, transit) = anchored(status.time, timed.sent.as_ref(), timed.age, clock);
    status.time = time;
    if let Some(transit) = transit {
        // What passes through another process of ours adds what that one has seen.
        let before = status.clock_ahead_ms.unwrap_or(0);
        let ahead = i64::try_from(transit.ahead.as_millis()).unwrap_or(i64::MAX);
        status.clock_ahead_ms = Some(before.saturating_add(ahead));
        shift(&mut status, transit.ahead);
    }
    Ok(status)
}

/// Moments that a status tells of, by our clock. Where clocks are as good as the same, what it
/// tells stays as it is told: it would be another one with each message.
fn shift(status: &mut EnvironmentStatus, ahead: jiff::SignedDuration) {
    if ahead.abs() >= SAME {
        status.shift(-ahead);
    }
}

/// A time that somebody says, by our clock.
fn anchored(
    said: jiff::Timestamp,
    sent: Option<&Sent>,
    age: u64,
    clock: &Clock,
) -> (jiff::Timestamp, Option<Transit>) {
    match sent {
        // Nothing was seen later than now.
        None => (said.min(clock.now()), None),
        Some(sent) => {
            let transit = clock.hear(sent);
            let age = Duration::from_millis(age) + transit.waited;
            (clock.before(age), Some(transit))
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Writes a message with its stamp and times before its own fields.
fn stamped<T: Serialize>(
    what: &'static str,
    clock: &Clock,
    times: impl Serialize,
    message: &T,
) -> Result<Vec<u8>, Error> {
    let sent = clock.stamp();
    let mut payload = encode(what, &Timing { sent, times })?;
    // The closing brace becomes the comma before the message's own fields.
    payload.pop();
    let rest = encode(what, message)?;
    payload.extend_from_slice(rest.get(HEAD.len()..).unwrap_or_default());
    Ok(payload)
}

#[cfg(test)]
mod tests;
