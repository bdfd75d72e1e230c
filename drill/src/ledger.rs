//! The ledger at the end, through the API.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;
use utakata_api::{Client, client::TaskQuery, task::TaskView};
use utakata_model::{Class, Origin};

use crate::{count::Task, order::Act, report::Audit, server::Server};

const TRIES: u32 = 50;
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Returns every control task.
///
/// # Errors
/// The logic environment does not answer.
pub async fn tasks(server: &Server) -> Result<Vec<Task>> {
    let views = views(server).await?;
    Ok(views.iter().filter_map(task).collect())
}

/// Returns every control task as the API shows it.
///
/// # Errors
/// The logic environment does not answer.
pub async fn views(server: &Server) -> Result<Vec<TaskView>> {
    let query = TaskQuery {
        class: Some(Class::Control),
        ..TaskQuery::default()
    };
    let client = client(server).await?;
    let views = client.all_tasks(&query).await;
    views.context("the ledger cannot be read")
}

/// Returns the result of verifying the audit trail.
pub async fn audit(server: &Server) -> Audit {
    let report = match client(server).await {
        Ok(client) => client.verify_audit(None).await,
        Err(error) => return Audit::Failed(error.to_string()),
    };
    match report {
        Ok(report) => Audit::Checked(report),
        Err(error) => Audit::Failed(error.to_string()),
    }
}

async fn client(server: &Server) -> Result<Client> {
    for _ in 0..TRIES {
        if let Some(client) = server.client() {
            return Ok(client);
        }
        sleep(RETRY_AFTER).await;
    }
    anyhow::bail!("the logic environment has gone")
}

/// Returns a task for the comparison; nothing if it is not ours.
fn task(view: &TaskView) -> Option<Task> {
    let Origin::Operation(operation) = &view.origin else {
        return None;
    };
    Some(Task {
        id: view.id,
        operation: *operation,
        act: Act::of(view.action.as_str())?,
        token: view.parameters["token"].as_str()?.to_owned(),
        device: view.target.to_string(),
        state: view.state,
        attempts: view.attempts.iter().map(|attempt| attempt.status).collect(),
    })
}
