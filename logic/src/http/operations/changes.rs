//! The verbs of existing operations: approve, pause, resume, cancel.

use utakata_api::{ledger::Reason, operation::OperationView};
use utakata_model::{OperationId, PersonName};

use super::find;
use crate::{
    http::{Api, Refused, path::Path, reason::statement, verb::verbs},
    ledger::OperationVerb,
};

verbs! {
    tag = "control", done by change(Path<OperationId>, Reason) -> OperationView,
    params(("id" = OperationId, Path, description = "The operation's id")),
    answer = "The task afterwards";

    /// Approves an operation, as somebody other than its requester.
    approve(OperationVerb::Approve): "/v1/operations/{id}/approve", "approve_operation",
        409 "Its state does not allow it, or this person may not do it";
    /// Pauses an operation: no further task begins, and running ones end as usual.
    pause(OperationVerb::Pause): "/v1/operations/{id}/pause", "pause_operation",
        409 "Its state does not allow it, or this person may not do it";
    /// Resumes an operation that was paused, or that has stopped after failures.
    resume(OperationVerb::Resume): "/v1/operations/{id}/resume", "resume_operation",
        409 "Its state does not allow it, or this person may not do it";
    /// Cancels the tasks of an operation that have not begun; running ones end as usual.
    cancel(OperationVerb::Cancel): "/v1/operations/{id}/cancel", "cancel_operation",
        409 "Its state does not allow it, or this person may not do it";
}

async fn change(
    api: &Api,
    Path(id): Path<OperationId>,
    verb: OperationVerb,
    by: PersonName,
    reason: Reason,
) -> Result<OperationView, Refused> {
    // An operation that does not exist is not over.
    find(api, id).await?;
    let statement = statement(&by, &reason)?;
    api.handle.ledger().change(id, verb, statement).await??;
    find(api, id).await
}
