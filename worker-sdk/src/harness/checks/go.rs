//! Checks that control begins on a go, and never on an old one.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};
use utakata_model::{Action, Class, TaskKey};
use utakata_protocol::v1::{Cancel, Status, to_worker};

use super::{due, silence};
use crate::harness::{
    not_passed::NotPassed,
    silence::Silence,
    stage::{GRACE, Guest, Heard, Order, Stage},
};

/// The timeout of the attempt: longer than any check waits.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The time for which nothing may be touched.
const WAITS: Duration = Duration::from_millis(300);
/// The age that a go may have here, and by which it is exceeded.
const WINDOW: Duration = Duration::from_millis(100);

pub async fn waits_for_go(stage: &Stage) -> Result<(), NotPassed> {
    let (mut guest, key, silent) = ready(stage).await?;
    let until = Instant::now() + stage.limit(WAITS);
    while guest.answer(key).is_none() {
        if matches!(guest.hear(until).await, Heard::Late) {
            break;
        }
    }
    if silent.was_touched() {
        return Err(NotPassed::failed("it talked to the target before its go"));
    }
    if guest.answer(key).is_some() {
        return Err(NotPassed::failed("it answered before its go"));
    }
    // An attempt that never gets its go is cancelled.
    let tasks = vec![key.into()];
    guest
        .tell(to_worker::Message::Cancel(Cancel { tasks }))
        .await?;
    let until = Instant::now() + stage.limit(GRACE);
    guest.wait_for(&[key], until).await?;
    match guest.answer(key).map(|answer| answer.status()) {
        Some(Status::Cancelled | Status::Expired) if !silent.was_touched() => Ok(()),
        _ => Err(NotPassed::failed(
            "taken back before its go, it was not answered cancelled",
        )),
    }
}

pub async fn old_go(stage: &Stage) -> Result<(), NotPassed> {
    let (mut guest, key, silent) = ready(stage).await?;
    sleep(WINDOW * 2).await;
    guest.go(&guest.ready, WINDOW).await?;
    guest.wait_for(&[key], due(stage, Duration::ZERO)).await?;
    if silent.was_touched() {
        return Err(NotPassed::failed("it talked to the target after an old go"));
    }
    match guest.answer(key).map(|answer| answer.status()) {
        Some(Status::Expired) => Ok(()),
        _ => Err(NotPassed::failed("an old go was not answered expired")),
    }
}

/// Returns a worker with an attempt at control that it has reported ready.
async fn ready(stage: &Stage) -> Result<(Guest, TaskKey, Silence), NotPassed> {
    let (action, parameters) = control(stage)?;
    let silent = silence(1)?.pop();
    let silent = silent.ok_or_else(|| NotPassed::Skipped("no silent address".into()))?;
    let mut guest = stage.enter().await?;
    guest.gives_go = false;
    let (key, task) = stage.task(&Order {
        action: action.name.as_str(),
        class: Class::Control,
        parameters: &parameters,
        address: &silent.address(),
        timeout: stage.limit(TIMEOUT),
    });
    guest.give(vec![task]).await?;
    let until = Instant::now() + stage.limit(GRACE);
    while guest.ready.is_empty() && guest.answer(key).is_none() {
        match guest.hear(until).await {
            Heard::Message(_) => {}
            Heard::End => return Err(guest.lost("it ended the stream")),
            Heard::Late => {
                return Err(guest.lost("it did not say that control is ready"));
            }
        }
    }
    if guest.ready.is_empty() {
        return Err(NotPassed::failed(
            "it answered control and did not wait for a go",
        ));
    }
    Ok((guest, key, silent))
}

/// Returns a control action whose parameters can be made up.
fn control(stage: &Stage) -> Result<(&Action, Value), NotPassed> {
    let actions = stage.release.manifest.actions.iter();
    let control = actions.filter(|action| action.class == Class::Control);
    let mut able = control.filter_map(|action| Some((action, stage.parameters(action)?)));
    let none = "it has no control action whose parameters can be made up";
    able.next().ok_or_else(|| NotPassed::Skipped(none.into()))
}
