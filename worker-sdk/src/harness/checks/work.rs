//! The work of a worker.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::{Class, TaskKey};
use utakata_protocol::v1::{Cancel, Drain, Status, to_worker};

use super::{begin_slow, due, silence};
use crate::harness::{
    not_passed::NotPassed,
    stage::{GRACE, Guest, Order, Stage},
};

/// The timeout of an attempt that is to run into it.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The timeout of an attempt that is cancelled long before.
const LONG: Duration = Duration::from_secs(60);

pub async fn deadline(stage: &Stage) -> Result<(), NotPassed> {
    let silent = silence(1)?;
    let timeout = stage.limit(TIMEOUT);
    let mut guest = stage.enter().await?;
    let key = begin_slow(stage, &guest, &silent[0].address(), timeout).await?;
    guest.wait_for(&[key], due(stage, timeout)).await?;
    observed(&guest, key)
}

/// Checks that an observe attempt is never answered `unknown`, and that a failed one gives a
/// reason.
fn observed(guest: &Guest, key: TaskKey) -> Result<(), NotPassed> {
    let Some(answer) = guest.answer(key) else {
        return Err(NotPassed::failed("no answer"));
    };
    match answer.status() {
        Status::Succeeded => Ok(()),
        Status::Unknown | Status::Unspecified => Err(NotPassed::failed(format!(
            "what only looks was answered {}",
            answer.status().as_str_name()
        ))),
        _ if answer.problem.is_none() => Err(NotPassed::failed("it failed and did not say why")),
        _ => Ok(()),
    }
}

pub async fn cancel(stage: &Stage) -> Result<(), NotPassed> {
    let silent = silence(1)?;
    let mut guest = stage.enter().await?;
    let key = begin_slow(stage, &guest, &silent[0].address(), LONG).await?;
    let cancel = Cancel {
        tasks: vec![key.into()],
    };
    guest.tell(to_worker::Message::Cancel(cancel)).await?;
    let until = Instant::now() + stage.limit(GRACE);
    guest.wait_for(&[key], until).await?;
    observed(&guest, key)
}

pub async fn many_targets(stage: &Stage) -> Result<(), NotPassed> {
    let silent = silence(stage.options.targets)?;
    let timeout = stage.limit(TIMEOUT * 2);
    let (action, parameters) = stage.slow()?;
    let mut guest = stage.enter().await?;
    let capacity = usize::try_from(guest.hello.capacity).unwrap_or(usize::MAX);
    let addresses = silent
        .iter()
        .take(capacity)
        .map(|silence| silence.address());
    let (keys, tasks): (Vec<_>, Vec<_>) = addresses
        .map(|address| {
            stage.task(&Order {
                action: action.name.as_str(),
                class: Class::Observe,
                parameters: &parameters,
                address: &address,
                timeout,
            })
        })
        .unzip();
    guest.give(tasks).await?;
    guest.wait_for(&keys, due(stage, timeout)).await?;
    keys.iter().try_for_each(|key| observed(&guest, *key))?;
    let expired = |key: &&TaskKey| {
        let answer = guest.answer(**key);
        answer.is_some_and(|answer| answer.status() == Status::Expired)
    };
    match keys.iter().filter(expired).count() {
        0 => Ok(()),
        late => Err(NotPassed::failed(format!(
            "{late} of {} tasks, within the capacity that it told, were not begun",
            keys.len()
        ))),
    }
}

pub async fn twice(stage: &Stage) -> Result<(), NotPassed> {
    let silent = silence(1)?;
    let (action, parameters) = stage.slow()?;
    let timeout = stage.limit(TIMEOUT);
    let (key, task) = stage.task(&Order {
        action: action.name.as_str(),
        class: Class::Observe,
        parameters: &parameters,
        address: &silent[0].address(),
        timeout,
    });
    let mut guest = stage.enter().await?;
    guest.give(vec![task.clone(), task.clone()]).await?;
    guest.give(vec![task.clone()]).await?;
    guest.wait_for(&[key], due(stage, timeout)).await?;
    guest.give(vec![task]).await?;
    // Every message of the worker is read before the end of the stream.
    let drain = Drain {
        within_milliseconds: 0,
    };
    guest.tell(to_worker::Message::Drain(drain)).await?;
    guest.hear_to_the_end(due(stage, timeout)).await;
    match guest.outcomes.get(&key).map_or(0, Vec::len) {
        1 => Ok(()),
        answers => Err(NotPassed::failed(format!(
            "it was answered {answers} times"
        ))),
    }
}
