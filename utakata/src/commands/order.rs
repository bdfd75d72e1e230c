//! The parts of a site that are stopped: one command for a zone, a kind, an environment or a
//! release.

use anyhow::Result;
use utakata_api::{
    client::EnvironmentVerb as Verb,
    environment::{NewSuspension, Suspension, SuspensionView},
};
use utakata_model::{EnvironmentId, Order, Scope, Stop};

use super::Context;
use crate::exit::Exit;

/// Sends the order, and describes its effect.
pub async fn run(
    verb: Verb,
    scope: Scope,
    why: Option<String>,
    context: &Context<'_>,
) -> Result<Exit> {
    let order = NewSuspension { scope, why };
    let view = context.client()?.order(verb, &order).await?;
    context.output.one(&view, || description(verb, &view))?;
    Ok(Exit::Done)
}

fn description(verb: Verb, view: &SuspensionView) -> String {
    let scope = &view.scope;
    let then = match verb {
        Verb::Pause => "begins nothing more, and finishes what it has begun",
        Verb::Drain => "begins nothing more, finishes what it has begun, and stops its workers",
        Verb::Resume => "goes on",
    };
    let names: Vec<&str> = view
        .environments
        .iter()
        .map(EnvironmentId::as_str)
        .collect();
    let mut text = match (scope, names.is_empty()) {
        (Scope::Environment(_) | Scope::KindInEnvironment(..), false) => {
            format!("{scope} {then}\n")
        }
        (Scope::Environment(_) | Scope::KindInEnvironment(..), true) => {
            format!("{scope} {then} when it connects: it is away now\n")
        }
        (_, false) => format!(
            "{scope} {then}, in {} and any that joins\n",
            names.join(", ")
        ),
        (_, true) => format!("{scope} {then} wherever it appears: it is nowhere now\n"),
    };
    match verb {
        Verb::Pause | Verb::Drain => {
            text.push_str("see its progress: `utakata environment list`\n");
        }
        Verb::Resume => {
            for one in &view.others {
                text.push_str(&line(&one.scope, &one.order));
                text.push('\n');
            }
        }
    }
    text
}

/// Returns the stopped parts, one line each.
pub fn lines(orders: &[Suspension]) -> impl Iterator<Item = String> {
    orders.iter().map(|one| line(&one.scope, &one.order))
}

/// Describes an order: the person, the time, the reason, and the command that lifts it.
fn line(scope: &Scope, order: &Order) -> String {
    let stop = match order.stop {
        Stop::Pause => "paused",
        Stop::Drain => "drained",
    };
    let why = order.why.as_ref();
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    format!(
        "{scope} is {stop} by {} since {:.0}{why}: `{}`",
        order.by,
        order.since,
        scope.lift()
    )
}
