//! The beginning of a task on a server, and its failures: what happened, to which target, and the
//! remedy.

use std::error::Error as _;

use tokio::time::Instant;
use utakata_worker_sdk::{
    Failure, Task,
    model::{Cure, Problem},
};

use crate::{
    device::{Credential, Devices, Error, NoTurn, Turn},
    place::{self, Place, Usual},
};

/// Waits for the turn of a task on the server that its address names.
///
/// # Errors
/// The address or the credential is none, or the server was busy all the time.
pub async fn begin(
    devices: &Devices,
    task: &Task,
    usual: Usual,
    deadline: Instant,
) -> Result<(Place, Turn), Failure> {
    let bad = |code, text: String| {
        let message = format!("{}: {text}", task.target);
        Failure::failed(Problem::new(code, Cure::Operator, message))
    };
    let place = place::parse(&task.address, usual)
        .map_err(|error| bad("bad-address", error.to_string()))?;
    let credential =
        Credential::parse(&task.credential).map_err(|text| bad("bad-credential", text))?;
    match devices.enter(&place, credential, deadline).await {
        Ok(turn) => Ok((place, turn)),
        Err(NoTurn::Credential(text)) => Err(bad("bad-credential", text)),
        Err(NoTurn::Busy) => Err(Failure::failed(busy(task, &place.server.to_string()))),
    }
}

/// Reports an error before anything was sent that changes something.
pub fn problem(task: &Task, place: &Place, error: &Error) -> Problem {
    let (code, cure, advice) = error.advice();
    let cause = error.source().map(|cause| format!(": {cause}"));
    let cause = cause.unwrap_or_default();
    let (target, server) = (&task.target, &place.server);
    let message = format!("{target} at {server}: {error}{cause}: {advice}");
    Problem::new(code, cure, message)
}

fn busy(task: &Task, server: &str) -> Problem {
    let target = &task.target;
    let message = format!("{target}: {server} was busy with other tasks all the time");
    Problem::new("unreachable", Cure::Retry, message)
}
