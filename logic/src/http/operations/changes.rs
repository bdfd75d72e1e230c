//! The verbs of existing operations: approve, pause, resume, cancel.

use utakata_api::{ledger::Reason, operation::OperationView};
use utakata_model::{OperationId, PersonName, TargetName};

use super::{approval, find};
use crate::{
    http::{
        Api, Refused,
        allowed::{Allowed, Right},
        path::Path,
        reason::statement,
        verb::verbs,
    },
    ledger::OperationVerb,
    store::TaskFilter,
};

/// The number of tasks that are read at once.
const AT_ONCE: u32 = 1000;

verbs! {
    tag = "control", done by change(Path<OperationId>, Reason) -> OperationView,
    params(("id" = OperationId, Path, description = "The operation's id")),
    answer = "The task afterwards";

    /// Approves an operation, as somebody other than its requester.
    approve(OperationVerb::Approve) needs ToApprove: "/v1/operations/{id}/approve", "approve_operation",
        409 "Its state does not allow it, or this person may not do it";
    /// Pauses an operation: no further task begins, and running ones end as usual.
    pause(OperationVerb::Pause) needs ToControl: "/v1/operations/{id}/pause", "pause_operation",
        409 "Its state does not allow it, or this person may not do it";
    /// Resumes an operation that was paused, or that has stopped after failures.
    resume(OperationVerb::Resume) needs ToControl: "/v1/operations/{id}/resume", "resume_operation",
        409 "Its state does not allow it, or this person may not do it";
    /// Cancels the tasks of an operation that have not begun; running ones end as usual.
    cancel(OperationVerb::Cancel) needs ToControl: "/v1/operations/{id}/cancel", "cancel_operation",
        409 "Its state does not allow it, or this person may not do it";
}

async fn change<R: Right>(
    allowed: &Allowed<R>,
    Path(id): Path<OperationId>,
    verb: OperationVerb,
    by: PersonName,
    reason: Reason,
) -> Result<OperationView, Refused> {
    let api = &allowed.api;
    // An operation that does not exist is not over.
    let found = find(api, id).await?;
    // Somebody who stops a large operation on everything does not wait for its tasks.
    let targets = match allowed.scope.is_everything() && verb != OperationVerb::Approve {
        true => Vec::new(),
        false => targets(api, id).await?,
    };
    allowed.check(&targets)?;
    if verb == OperationVerb::Approve {
        approval::check(&allowed.caller, api, &found.operation, &targets)?;
    }
    let statement = statement(&by, &reason)?;
    api.handle.ledger().change(id, verb, statement).await??;
    find(api, id).await
}

/// Returns the targets of an operation.
async fn targets(api: &Api, id: OperationId) -> Result<Vec<TargetName>, Refused> {
    let mut filter = TaskFilter {
        operation: Some(id),
        state: None,
        target: None,
        before: None,
    };
    let mut targets = Vec::new();
    loop {
        let rows = api.handle.store().tasks(&filter, AT_ONCE).await?;
        let is_end = rows.len() < AT_ONCE as usize;
        filter.before = rows.last().map(|row| row.task.id);
        targets.extend(rows.into_iter().map(|row| row.task.target));
        if is_end {
            return Ok(targets);
        }
    }
}
