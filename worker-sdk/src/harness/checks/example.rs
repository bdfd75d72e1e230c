//! Checks of a worker on a real target.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};
use utakata_model::{Action, Class, Reading, manifest::expected::Expected};
use utakata_protocol::{
    reading_from_wire,
    v1::{AttemptOutcome, Status},
};

use super::due;
use crate::harness::{
    Example, Report,
    not_passed::NotPassed,
    parameters::required,
    stage::{Guest, Order, Stage},
};

/// The interval at which a target is read back until it shows the effect.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Runs the permitted actions on the example target, one after the other: observe actions first.
pub async fn on_example(stage: &Stage, report: &mut Report) {
    let Some(example) = &stage.options.example else {
        let why = "no example target was given";
        return report.skip(std::iter::once("its actions succeed on a real target"), why);
    };
    let actions = &stage.release.manifest.actions;
    for class in [Class::Observe, Class::Control] {
        for action in actions.iter().filter(|action| action.class == class) {
            let name = format!("{} succeeds on {}", action.name, example.address);
            let parameters = stage.parameters(action);
            let done = report
                .add(name, succeeds(stage, example, action, parameters.clone()))
                .await;
            if let (true, Some(parameters)) = (done, parameters) {
                shows(stage, example, action, &parameters, report).await;
            }
        }
    }
}

async fn succeeds(
    stage: &Stage,
    example: &Example,
    action: &Action,
    parameters: Option<Value>,
) -> Result<(), NotPassed> {
    if action.class == Class::Control && !example.allowed_control.contains(&action.name) {
        return Err(NotPassed::Skipped(
            "it changes something, and was not allowed".into(),
        ));
    }
    let is_given = example.parameters.contains_key(&action.name);
    // Made-up parameters may mean nothing there, or the first outlet, because its number is the
    // smallest.
    let needs_some = required(&action.parameters).next().is_some();
    if needs_some && !is_given {
        return Err(NotPassed::Skipped("no parameters for it were given".into()));
    }
    let parameters =
        parameters.ok_or_else(|| NotPassed::Skipped("no parameters for it were given".into()))?;
    run(stage, example, action, &parameters).await.map(drop)
}

/// Reads the target back as its action declares.
async fn shows(
    stage: &Stage,
    example: &Example,
    action: &Action,
    parameters: &Value,
    report: &mut Report,
) {
    let Some(verify) = &action.verify else { return };
    let name = format!("{} has its effect on {}", action.name, example.address);
    let check = async {
        let unknown = |error: utakata_model::manifest::placeholder::Unknown| {
            NotPassed::Skipped(format!("it cannot be read back with these: {error}"))
        };
        let expected = Expected::new(verify, parameters).map_err(unknown)?;
        let by = stage.release.manifest.action(&expected.action);
        let by = by.ok_or_else(|| NotPassed::failed("what reads it back is no action"))?;
        let asked = Value::Object(expected.parameters.clone());
        let until = Instant::now() + stage.limit(verify.within);
        let mut has_passed = verify.through.is_none();
        loop {
            let readings = run(stage, example, by, &asked).await?;
            let seen = expected.seen(&readings);
            has_passed |= expected.is_passing(&readings);
            if has_passed && expected.is_shown(&readings) == Some(true) {
                return Ok(());
            }
            if Instant::now() >= until {
                let seen = seen.map_or_else(|| "nothing that counts".into(), ToString::to_string);
                let on_the_way = if has_passed {
                    ""
                } else {
                    ", and nothing else before"
                };
                let metric = &verify.metric;
                return Err(NotPassed::failed(format!(
                    "it was answered \"succeeded\", and {metric} shows {seen}{on_the_way}"
                )));
            }
            sleep(LOOK_AGAIN_AFTER).await;
        }
    };
    report.add(name, check).await;
}

/// Runs an action in a worker of its own, and returns the readings.
async fn run(
    stage: &Stage,
    example: &Example,
    action: &Action,
    parameters: &Value,
) -> Result<Vec<Reading>, NotPassed> {
    let mut guest = stage.enter().await?;
    let (key, task) = stage.task(&Order {
        action: action.name.as_str(),
        class: action.class,
        parameters,
        address: &example.address,
        timeout: action.timeout,
    });
    guest.give(vec![task]).await?;
    guest.wait_for(&[key], due(stage, action.timeout)).await?;
    match guest.answer(key) {
        Some(answer) => judge(&guest, answer),
        None => Err(NotPassed::failed("no answer")),
    }
}

fn judge(guest: &Guest, answer: &AttemptOutcome) -> Result<Vec<Reading>, NotPassed> {
    if answer.status() != Status::Succeeded {
        let problem = answer.problem.as_ref();
        let why = problem.map_or("it did not say why", |problem| problem.message.as_str());
        let word = answer.status().as_str_name().trim_start_matches("STATUS_");
        return Err(guest.lost(&format!("{}: {why}", word.to_lowercase())));
    }
    let readings = answer.readings.iter().cloned().map(reading_from_wire);
    let readings: Result<Vec<Reading>, _> = readings.collect();
    let readings = readings.map_err(|error| NotPassed::failed(error.to_string()))?;
    if !answer.result.is_empty() {
        serde_json::from_slice::<Value>(&answer.result)
            .map_err(|error| NotPassed::failed(format!("its result is not JSON: {error}")))?;
    }
    Ok(readings)
}
