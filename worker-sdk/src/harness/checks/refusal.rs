//! Things that a worker must not do.

use std::time::Duration;

use serde_json::json;
use utakata_model::Class;
use utakata_protocol::v1::Status;

use super::{due, expect, silence};
use crate::harness::{
    not_passed::NotPassed,
    parameters,
    stage::{Order, Stage},
};

/// The timeout of a task that is refused at once.
const TIMEOUT: Duration = Duration::from_secs(5);

pub async fn unknown_action(stage: &Stage) -> Result<(), NotPassed> {
    let mut guest = stage.enter().await?;
    let order = Order {
        action: "utakata-no-such-action",
        class: Class::Observe,
        parameters: &json!({}),
        address: "127.0.0.1",
        timeout: stage.limit(TIMEOUT),
    };
    let (key, task) = stage.task(&order);
    guest.give(vec![task]).await?;
    guest.wait_for(&[key], due(stage, order.timeout)).await?;
    let answer = guest.answer(key);
    expect(
        "an unknown action",
        answer,
        Status::Failed,
        "no-such-action",
    )
}

pub async fn bad_parameters(stage: &Stage) -> Result<(), NotPassed> {
    let silent = silence(1)?;
    let address = silent[0].address();
    let mut guest = stage.enter().await?;
    let (mut tasks, mut asked) = (Vec::new(), Vec::new());
    for action in &stage.release.manifest.actions {
        for bad in parameters::bad(&action.parameters) {
            let (key, task) = stage.task(&Order {
                action: action.name.as_str(),
                class: action.class,
                parameters: &bad.parameters,
                address: &address,
                timeout: stage.limit(TIMEOUT),
            });
            asked.push((key, format!("{} with {}", action.name, bad.what)));
            tasks.push(task);
        }
    }
    // One after the other, within the capacity of the worker.
    let capacity = usize::try_from(guest.hello.capacity)
        .unwrap_or(usize::MAX)
        .max(1);
    let mut tasks = tasks.into_iter();
    for keys in asked.chunks(capacity) {
        guest
            .give(tasks.by_ref().take(keys.len()).collect())
            .await?;
        let keys: Vec<_> = keys.iter().map(|(key, _)| *key).collect();
        guest
            .wait_for(&keys, due(stage, stage.limit(TIMEOUT)))
            .await?;
    }
    for (key, what) in &asked {
        expect(what, guest.answer(*key), Status::Failed, "bad-parameters")?;
    }
    if silent[0].was_touched() {
        return Err(NotPassed::failed("it talked to the target all the same"));
    }
    Ok(())
}
