//! The end of an attempt, and the outcome that is reported of it.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::{
    ActionName, Class, Cure, OutcomeStatus, Problem, Quality, Reading, ReadingValue, Recognition,
    TargetName, TaskKey, duration,
};
use utakata_protocol::{MESSAGE_MAX, v1};

use crate::{Answer, Failure, ReadingBuffer, Task, packed::Packed};

/// The size of the largest outcome, in bytes: a message has room for others beside it.
pub const OUTCOME_MAX: usize = MESSAGE_MAX / 2;

/// The size of the largest result that a manager accepts, in bytes of JSON.
pub const RESULT_MAX: usize = 1024 * 1024;
/// The length of the longest problem sentence that is sent, in bytes; a manager accepts twice that.
const SENTENCE_MAX: usize = 2048;

/// The end of an attempt.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is taken apart at once"
)]
pub enum Ending {
    /// The worker returned a result.
    Answered(Result<Answer, Failure>),
    /// The worker panicked.
    Panicked,
    /// The worker had not finished at the deadline.
    Deadline,
    /// It was cancelled while running, and gave no answer of its own.
    CancelledWhileRunning,
    /// It was cancelled before it began.
    CancelledBefore,
    /// It had not begun when its time was over.
    Expired,
    /// Its go arrived after its permit had ended.
    Late,
    /// The worker stood still for so long that others have taken over the tasks it had not begun.
    Away,
    /// The manager speaks a protocol version in which control begins without a go.
    NoGo,
    /// It arrived after the worker had stopped accepting tasks.
    Draining,
    /// It arrived when more tasks were waiting than the worker can hold.
    Flooded,
    /// It was still running at the end of the time for draining.
    GivenUp,
}

/// The attempt that an ending is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The fencing token.
    pub key: TaskKey,
    pub target: TargetName,
    pub action: ActionName,
    pub class: Class,
    /// True if it observes everything, and not what parameters name.
    pub is_whole: bool,
    /// The time that it may take.
    pub timeout: Duration,
    /// The time at which the worker received it.
    pub came: Instant,
}

/// The metric with the profiles by which a target is read.
const PROFILE: &str = "utakata.profile";

/// Tells the profiles as a reading, so that history shows since when a target is read as it is.
fn tell_profiles(recognition: &Recognition, buffer: &mut ReadingBuffer) {
    if recognition.profiles.is_empty() {
        return;
    }
    let profiles = ReadingValue::Text(recognition.profiles.join(", ").into());
    buffer.push(PROFILE, [].into_iter(), &profiles, "", Quality::Good);
}

fn has_parameters(task: &Task) -> bool {
    let parameters = task.parameters.as_object();
    parameters.is_some_and(|parameters| !parameters.is_empty())
}

impl Subject {
    /// Creates the subject of a task that arrived at this moment.
    pub fn build(task: &Task, came: Instant) -> Self {
        Self {
            key: task.key,
            target: task.target.clone(),
            action: task.action.clone(),
            class: task.class,
            is_whole: task.class == Class::Observe && !has_parameters(task),
            timeout: task.timeout,
            came,
        }
    }

    /// Returns the latest time at which the attempt ends.
    pub fn deadline(&self) -> Instant {
        // A timeout beyond the range of the clock becomes a year: nothing lasts longer.
        let year = Duration::from_secs(365 * 86_400);
        self.came + self.timeout.min(year)
    }

    /// Returns the outcome of this attempt, to be sent.
    pub fn outcome(&self, ending: Ending, now: Instant) -> Packed {
        let (status, problem, answer) = match ending {
            Ending::Answered(Ok(answer)) => self.answered(answer),
            Ending::Answered(Err(failure)) => (
                self.failure_status(failure.status),
                Some(failure.problem),
                None,
            ),
            other => {
                let (status, problem) = self.not_answered(&other);
                (status, Some(problem), None)
            }
        };
        let ran = now.saturating_duration_since(self.came);
        let Answer {
            readings,
            buffer,
            result,
            missing,
            recognition,
        } = answer.unwrap_or_default();
        let mut buffer = buffer;
        if let Some(recognition) = recognition.as_ref().filter(|_| self.is_whole) {
            tell_profiles(recognition, &mut buffer);
        }
        let result = result.as_ref().map(|result| {
            serde_json::to_vec(result).unwrap_or_else(|error| {
                utakata_invariant::broken("a result that is no JSON", &error);
                Vec::new()
            })
        });
        let rest = v1::AttemptOutcome {
            id: self.key.task.as_bytes().to_vec(),
            attempt: self.key.attempt,
            status: v1::Status::from(status).into(),
            problem: problem.map(brief),
            readings: Vec::new(),
            result: result.unwrap_or_default(),
            ran_microseconds: u64::try_from(ran.as_micros()).unwrap_or(u64::MAX),
            missing: missing.into_entries().into_iter().map(Into::into).collect(),
            recognition: recognition.map(|recognition| recognition.bounded().into()),
        };
        bounded(self.class, rest, &readings, &buffer)
    }

    fn answered(&self, mut answer: Answer) -> (OutcomeStatus, Option<Problem>, Option<Answer>) {
        let Some(problem) = drop_impossible(&self.target, &mut answer) else {
            return (OutcomeStatus::Succeeded, None, Some(answer));
        };
        let no_readings = answer.readings.is_empty() && answer.buffer.is_empty();
        let nothing_left = no_readings && answer.result.is_none();
        let status = if nothing_left && self.class == Class::Observe {
            OutcomeStatus::Failed
        } else {
            OutcomeStatus::Succeeded
        };
        (status, Some(problem), Some(answer))
    }

    fn failure_status(&self, status: OutcomeStatus) -> OutcomeStatus {
        match status {
            OutcomeStatus::Succeeded => self.interrupted(),
            status => status,
        }
    }

    /// Returns the ending of an attempt that began and did not finish.
    fn interrupted(&self) -> OutcomeStatus {
        match self.class {
            Class::Observe => OutcomeStatus::Failed,
            Class::Control => OutcomeStatus::Unknown,
        }
    }

    fn withdrawn(&self) -> OutcomeStatus {
        match self.class {
            Class::Observe => OutcomeStatus::Cancelled,
            Class::Control => OutcomeStatus::Unknown,
        }
    }

    fn not_answered(&self, ending: &Ending) -> (OutcomeStatus, Problem) {
        let Self { target, action, .. } = self;
        let limit = duration::format(self.timeout);
        let (status, code, cure, message) = match ending {
            Ending::Answered(_) | Ending::Panicked => (
                self.interrupted(),
                "worker-panic",
                Cure::Bug,
                format!("the worker panicked during {action} on {target}: see its log"),
            ),
            Ending::Deadline => (
                self.interrupted(),
                "deadline",
                Cure::Retry,
                format!("{action} on {target} did not end within {limit}"),
            ),
            Ending::CancelledWhileRunning => (
                self.withdrawn(),
                "cancelled",
                Cure::Retry,
                format!("{action} on {target} was cancelled while it ran"),
            ),
            Ending::CancelledBefore => (
                OutcomeStatus::Cancelled,
                "cancelled",
                Cure::Retry,
                format!("{action} on {target} was cancelled before it began"),
            ),
            Ending::Expired => (
                OutcomeStatus::Expired,
                "expired",
                Cure::Retry,
                format!("{action} on {target} could not begin within {limit}"),
            ),
            Ending::Late => (
                OutcomeStatus::Expired,
                "go-late",
                Cure::Retry,
                format!("the go for {action} on {target} came too late: nothing was done"),
            ),
            Ending::Away => (
                OutcomeStatus::Expired,
                "away",
                Cure::Retry,
                format!("the worker stood still before {action} on {target}: nothing was done"),
            ),
            Ending::NoGo => (
                OutcomeStatus::Failed,
                "protocol",
                Cure::Operator,
                format!(
                    "this utakata begins control without a go, and {action} on {target} was not \
                     begun so: update utakata"
                ),
            ),
            Ending::Draining => (
                OutcomeStatus::Expired,
                "draining",
                Cure::Retry,
                format!("{action} on {target} came when the worker was draining"),
            ),
            Ending::Flooded => (
                OutcomeStatus::Expired,
                "over-capacity",
                Cure::Retry,
                format!("{action} on {target} came when too much was waiting in the worker"),
            ),
            Ending::GivenUp => (
                self.withdrawn(),
                "drain-limit",
                Cure::Retry,
                format!("{action} on {target} was still running when its worker had to end"),
            ),
        };
        (status, Problem::new(code, cure, message))
    }
}

/// Returns the outcome of a task that cannot be read, or does not fit the manifest.
pub fn refused(id: Vec<u8>, attempt: u32, problem: Problem) -> Packed {
    let outcome = v1::AttemptOutcome {
        id,
        attempt,
        status: v1::Status::Failed.into(),
        problem: Some(brief(problem)),
        ..v1::AttemptOutcome::default()
    };
    Packed::build(&outcome, &[], &[])
}

/// Removes readings that are not finite numbers, and returns the problem that reports them.
fn drop_impossible(target: &TargetName, answer: &mut Answer) -> Option<Problem> {
    let possible = |reading: &Reading| match reading.value {
        ReadingValue::Number(number) => number.is_finite(),
        ReadingValue::Text(_) => true,
    };
    let wrong = answer.readings.iter().filter(|reading| !possible(reading));
    let mut metrics: Vec<_> = wrong.map(|reading| reading.metric.to_string()).collect();
    metrics.extend(answer.buffer.take_impossible());
    if metrics.is_empty() {
        return None;
    }
    metrics.dedup();
    answer.readings.retain(possible);
    let message = format!(
        "{target} gave no finite number for {}: the readings are left out",
        metrics.join(", ")
    );
    tracing::warn!(%target, metrics = metrics.join(", "), "readings that are no finite number");
    Some(Problem::new("bad-reading", Cure::Bug, message))
}

/// Returns a problem as a message, with its sentence shortened if too long: it may quote the
/// request.
fn brief(problem: Problem) -> v1::Problem {
    let mut problem = v1::Problem::from(problem);
    if problem.message.len() > SENTENCE_MAX {
        let end = problem.message.floor_char_boundary(SENTENCE_MAX);
        problem.message.truncate(end);
        problem.message.push('…');
    }
    problem
}

/// Returns an outcome that fits into a message; one that does not is replaced by an error.
fn bounded(
    class: Class,
    rest: v1::AttemptOutcome,
    readings: &[Reading],
    buffer: &ReadingBuffer,
) -> Packed {
    let packed = Packed::build(&rest, readings, buffer.as_bytes());
    let (length, result) = (packed.len(), rest.result.len());
    if length <= OUTCOME_MAX && result <= RESULT_MAX {
        return packed;
    }
    let message = format!(
        "the answer has {length} bytes; at most {OUTCOME_MAX}, and {RESULT_MAX} besides \
         readings, can be sent: ask for less"
    );
    let problem = Problem::new("answer-too-large", Cure::Operator, message);
    let done = rest.status() == v1::Status::Succeeded && class == Class::Control;
    let status = match (done, rest.status()) {
        (true, _) => v1::Status::Succeeded,
        (false, v1::Status::Succeeded) => v1::Status::Failed,
        (false, status) => status,
    };
    let instead = v1::AttemptOutcome {
        status: status.into(),
        problem: Some(brief(problem)),
        result: Vec::new(),
        missing: Vec::new(),
        ..rest
    };
    Packed::build(&instead, &[], &[])
}

#[cfg(test)]
mod tests;
