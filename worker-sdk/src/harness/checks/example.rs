//! A worker on a real target.

use utakata_model::{Action, Class};
use utakata_protocol::{
    reading_from_wire,
    v1::{AttemptOutcome, Status},
};

use super::due;
use crate::harness::{
    Example, Report,
    stage::{Guest, Order, Stage, Stop},
};

/// Runs the actions that may be run on the example target, one after the other.
pub async fn on_example(stage: &Stage, report: &mut Report) {
    let Some(example) = &stage.options.example else {
        let why = "no example target was given";
        return report.skip(std::iter::once("its actions succeed on a real target"), why);
    };
    for action in &stage.release.manifest.actions {
        let name = format!("{} succeeds on {}", action.name, example.address);
        report.add(name, succeeds(stage, example, action)).await;
    }
}

async fn succeeds(stage: &Stage, example: &Example, action: &Action) -> Result<(), Stop> {
    if action.class == Class::Control && !example.allowed_control.contains(&action.name) {
        return Err(Stop::Skipped(
            "it changes something, and was not allowed".into(),
        ));
    }
    let parameters = stage
        .parameters(action)
        .ok_or_else(|| Stop::Skipped("no parameters for it were given".into()))?;
    let mut guest = stage.enter().await?;
    let (key, task) = stage.task(&Order {
        action: action.name.as_str(),
        class: action.class,
        parameters: &parameters,
        address: &example.address,
        timeout: action.timeout,
    });
    guest.give(vec![task]).await?;
    guest.wait_for(&[key], due(stage, action.timeout)).await?;
    match guest.answer(key) {
        Some(answer) => judge(&guest, answer),
        None => Err(Stop::failed("no answer")),
    }
}

fn judge(guest: &Guest, answer: &AttemptOutcome) -> Result<(), Stop> {
    if answer.status() != Status::Succeeded {
        let problem = answer.problem.as_ref();
        let why = problem.map_or("it did not say why", |problem| problem.message.as_str());
        return Err(guest.lost(&format!("{}: {why}", answer.status().as_str_name())));
    }
    for reading in &answer.readings {
        reading_from_wire(reading.clone()).map_err(|error| Stop::failed(error.to_string()))?;
    }
    if !answer.result.is_empty() {
        serde_json::from_slice::<serde_json::Value>(&answer.result)
            .map_err(|error| Stop::failed(format!("its result is not JSON: {error}")))?;
    }
    Ok(())
}
