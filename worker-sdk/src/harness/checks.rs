//! The requirements that a worker must meet, one situation each.

mod example;
mod go;
mod life;
mod refusal;
mod work;

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::{Class, Manifest, TaskKey};
use utakata_protocol::{
    WITH_GO, negotiate,
    v1::{AttemptOutcome, Status},
};

use super::{
    not_passed::NotPassed,
    stage::{GRACE, Guest, Order, Stage},
};

pub use self::example::on_example;

/// A requirement on a worker that has said hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It ends when it is refused.
    EndsWhenRefused,
    /// It sends heartbeats.
    Heartbeats,
    /// It answers a task with an unknown action.
    UnknownAction,
    /// It answers a task with invalid parameters.
    BadParameters,
    /// It keeps deadlines.
    Deadline,
    /// It can be cancelled.
    Cancel,
    /// It does not make targets wait for each other.
    ManyTargets,
    /// It does a repeated task once.
    Twice,
    /// It begins control only on a go.
    WaitsForGo,
    /// It begins nothing on an old go.
    OldGo,
    /// It can be drained.
    Drain,
    /// It does not outlive its manager.
    Disconnected,
}

/// All checks, in the order in which they are made.
pub const ALL: [Check; 12] = [
    Check::EndsWhenRefused,
    Check::Heartbeats,
    Check::UnknownAction,
    Check::BadParameters,
    Check::Deadline,
    Check::Cancel,
    Check::ManyTargets,
    Check::Twice,
    Check::WaitsForGo,
    Check::OldGo,
    Check::Drain,
    Check::Disconnected,
];

impl Check {
    /// Returns the requirement, in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::EndsWhenRefused => "it ends when it is refused",
            Self::Heartbeats => "it is heard of as often as asked",
            Self::UnknownAction => "an unknown action is answered failed",
            Self::BadParameters => {
                "parameters that do not fit are answered failed, and nothing is touched"
            }
            Self::Deadline => "observation ends by its timeout",
            Self::Cancel => "a cancelled task is answered soon",
            Self::ManyTargets => "many targets are served at once, and all end in time",
            Self::Twice => "a task that arrives twice is answered once",
            Self::WaitsForGo => "control is prepared, and nothing is touched before its go",
            Self::OldGo => "a go that arrives too late begins nothing, and is answered expired",
            Self::Drain => "drained, it finishes its tasks, accepts none and exits with 0",
            Self::Disconnected => "it ends when its manager has gone",
        }
    }

    /// Makes the check.
    ///
    /// # Errors
    /// The failure, or the reason why it cannot be made.
    pub async fn run(self, stage: &Stage) -> Result<(), NotPassed> {
        match self {
            Self::EndsWhenRefused => life::ends_when_refused(stage).await,
            Self::Heartbeats => life::heartbeats(stage).await,
            Self::UnknownAction => refusal::unknown_action(stage).await,
            Self::BadParameters => refusal::bad_parameters(stage).await,
            Self::Deadline => work::deadline(stage).await,
            Self::Cancel => work::cancel(stage).await,
            Self::ManyTargets => work::many_targets(stage).await,
            Self::Twice => work::twice(stage).await,
            Self::WaitsForGo => go::waits_for_go(stage).await,
            Self::OldGo => go::old_go(stage).await,
            Self::Drain => life::drain(stage).await,
            Self::Disconnected => life::disconnected(stage).await,
        }
    }
}

/// Checks that it says hello truthfully.
pub async fn hello(stage: &Stage) -> Result<(), NotPassed> {
    let guest = stage.start().await?;
    let hello = &guest.hello;
    if hello.token != super::stage::TOKEN {
        return Err(NotPassed::failed(
            "its hello does not have the token that it was given",
        ));
    }
    let declared = stage.release.manifest.protocol;
    negotiate(&hello.protocol_versions).map_err(|error| NotPassed::failed(error.to_string()))?;
    if !hello.protocol_versions.contains(&declared) {
        let why = format!("its manifest says protocol {declared}, and its hello does not");
        return Err(NotPassed::failed(why));
    }
    let newest = hello.protocol_versions.iter().max();
    if stage.release.manifest.has_control() && newest < Some(&WITH_GO) {
        let why = format!(
            "it has control, which needs version {WITH_GO} of the protocol, and its hello does \
             not say it"
        );
        return Err(NotPassed::failed(why));
    }
    let manifest: Manifest = serde_json::from_str(&hello.manifest).map_err(|error| {
        NotPassed::failed(format!("the manifest in its hello is invalid: {error}"))
    })?;
    if manifest != stage.release.manifest {
        return Err(NotPassed::failed(
            "the manifest in its hello is not that of its release",
        ));
    }
    if hello.capacity == 0 {
        return Err(NotPassed::failed(
            "it announces that it takes no tasks (capacity 0)",
        ));
    }
    Ok(())
}

/// Begins the slow action on this address.
async fn begin_slow(
    stage: &Stage,
    guest: &Guest,
    address: &str,
    timeout: Duration,
) -> Result<TaskKey, NotPassed> {
    let (action, parameters) = stage.slow()?;
    let order = Order {
        action: action.name.as_str(),
        class: Class::Observe,
        parameters: &parameters,
        address,
        timeout,
    };
    let (key, task) = stage.task(&order);
    guest.give(vec![task]).await?;
    Ok(key)
}

/// Returns the time by which an attempt with this timeout must be answered.
fn due(stage: &Stage, timeout: Duration) -> Instant {
    Instant::now() + timeout + stage.limit(GRACE)
}

fn silence(count: usize) -> Result<Vec<super::silence::Silence>, NotPassed> {
    super::silence::Silence::many(count).map_err(|error| {
        NotPassed::Skipped(format!("no silent addresses can be made here: {error}"))
    })
}

/// Checks the status of an answer and, if given, its code.
fn expect(
    what: &str,
    answer: Option<&AttemptOutcome>,
    status: Status,
    code: &str,
) -> Result<(), NotPassed> {
    let Some(answer) = answer else {
        return Err(NotPassed::failed(format!("{what}: no answer")));
    };
    let problem = answer.problem.as_ref();
    let found = problem.map_or("", |problem| problem.code.as_str());
    if answer.status() != status || found != code {
        let said = answer.status().as_str_name();
        let why = format!(
            "{what}: answered {said} with the code \"{found}\" instead of {} with \"{code}\"",
            status.as_str_name()
        );
        return Err(NotPassed::failed(why));
    }
    Ok(())
}
