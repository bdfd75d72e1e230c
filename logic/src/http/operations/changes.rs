//! Verbs of operations that are there: approve, pause, resume, cancel.

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
    answer = "How it stands then";

    /// Says that an operation may be done, as somebody else than who asked for it.
    approve(OperationVerb::Approve): "/v1/operations/{id}/approve", "approve_operation",
        409 "Not in its state, or not by this person";
    /// Lets no further task of an operation begin; what has begun ends as it ends.
    pause(OperationVerb::Pause): "/v1/operations/{id}/pause", "pause_operation",
        409 "Not in its state, or not by this person";
    /// Lets an operation go on that was paused, or that has stopped after failures.
    resume(OperationVerb::Resume): "/v1/operations/{id}/resume", "resume_operation",
        409 "Not in its state, or not by this person";
    /// Takes back what has not begun of an operation; what has begun ends as it ends.
    cancel(OperationVerb::Cancel): "/v1/operations/{id}/cancel", "cancel_operation",
        409 "Not in its state, or not by this person";
}

async fn change(
    api: &Api,
    Path(id): Path<OperationId>,
    verb: OperationVerb,
    by: PersonName,
    reason: Reason,
) -> Result<OperationView, Refused> {
    // An operation that is not there is not over.
    find(api, id).await?;
    let statement = statement(&by, &reason)?;
    api.handle.ledger().change(id, verb, statement).await??;
    find(api, id).await
}
