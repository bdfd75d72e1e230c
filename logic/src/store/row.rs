//! Rows of the ledger as values, the same for every database.

use serde_json::json;
use utakata_api::operation::Counts;
use utakata_model::{EnvironmentId, Operation, Order, Scope, TaskState, Zone};

use super::{
    AuditPage, Error, KeyRow, KindRow, OperationProgress, OrderRow, Place, TaskProgress, TaskRow,
    number::from_column, packed,
};

pub(super) struct TaskColumns<'r> {
    pub state: &'r str,
    pub body: &'r str,
    pub progress: Option<&'r str>,
    pub outcome: Option<&'r str>,
}

/// Reads a task with its progress.
pub(super) fn task(place: &Place, row: &TaskColumns<'_>) -> Result<TaskRow, Error> {
    let outcome = row.outcome.map(|text| place.parse("outcome", text));
    let progress = row
        .progress
        .map(|text| place.parse::<TaskProgress>("progress of a task", text));
    Ok(TaskRow {
        task: place.parse("task", row.body)?,
        progress: TaskProgress {
            state: state(place, row.state)?,
            outcome: outcome.transpose()?,
            ..progress.transpose()?.unwrap_or_default()
        },
    })
}

/// The state of a task.
pub(super) fn state(place: &Place, text: &str) -> Result<TaskState, Error> {
    place.parse("state", &format!("\"{text}\""))
}

/// Reads an operation with its progress.
pub(super) fn operation(
    place: &Place,
    body: &str,
    progress: Option<&str>,
) -> Result<(Operation, OperationProgress), Error> {
    let progress = progress.map(|text| place.parse("progress of an operation", text));
    // Operations from before progress was recorded have ended.
    let progress = progress.transpose()?;
    let progress = progress.unwrap_or_else(OperationProgress::done);
    Ok((place.parse("operation", body)?, progress))
}

/// Reads a page of the audit trail.
pub(super) fn audit(
    page: i64,
    hash: String,
    body: String,
    packed: &[u8],
) -> Result<AuditPage, sqlx::Error> {
    let body = match packed.is_empty() {
        true => body,
        false => packed::unpack(packed).map_err(|source| sqlx::Error::ColumnDecode {
            index: format!("packed of the audit trail's page {page}"),
            source: source.into(),
        })?,
    };
    let page = u64::try_from(page).map_err(|source| sqlx::Error::ColumnDecode {
        index: "page of the audit trail".into(),
        source: source.into(),
    })?;
    Ok(AuditPage { page, hash, body })
}

/// Reads the orders for an environment.
pub(super) fn order(
    place: &Place,
    environment: &str,
    zone: &str,
    body: &str,
) -> Result<OrderRow, Error> {
    let body: serde_json::Value = place.parse("order", body)?;
    let fields = json!({ "environment": environment, "zone": zone, "orders": body });
    serde_json::from_value(fields).map_err(|source| place.wrong("order", source))
}

/// Reads an order for a zone, a kind or a release.
pub(super) fn standing(place: &Place, scope: &str, body: &str) -> Result<(Scope, Order), Error> {
    Ok((place.parse("order", scope)?, place.parse("order", body)?))
}

/// Reads the desired state of a kind.
pub(super) fn kind_desired(place: &Place, kind: &str, body: &str) -> Result<KindRow, Error> {
    Ok(KindRow {
        kind: place.parse("kind", &json!(kind).to_string())?,
        requested: place.parse("kind", body)?,
    })
}

/// Adds this many tasks in a state.
pub(super) fn count(counts: &mut Counts, state: TaskState, tasks: i64) {
    let of_state = match state {
        TaskState::Planned => &mut counts.planned,
        TaskState::Queued => &mut counts.queued,
        TaskState::Permitted => &mut counts.permitted,
        TaskState::Verifying => &mut counts.verifying,
        TaskState::Unsettled => &mut counts.unsettled,
        TaskState::Succeeded => &mut counts.succeeded,
        TaskState::Failed => &mut counts.failed,
        TaskState::Unknown => &mut counts.unknown,
        TaskState::Expired => &mut counts.expired,
        TaskState::Cancelled => &mut counts.cancelled,
    };
    *of_state += from_column(tasks);
}

/// Reads the zone of an environment.
pub(super) fn zone(
    place: &Place,
    environment: &str,
    zone: &str,
) -> Result<(EnvironmentId, Zone), Error> {
    let wrong = |source| place.wrong("zone of an environment", source);
    let row = serde_json::from_value(json!([environment, zone]));
    row.map_err(wrong)
}

/// Reads the key of an environment.
pub(super) fn key(
    place: &Place,
    environment: &str,
    zone: &str,
    body: &str,
) -> Result<KeyRow, Error> {
    let (environment, zone) = self::zone(place, environment, zone)?;
    Ok(KeyRow {
        environment,
        zone,
        trust: place.parse("key of an environment", body)?,
    })
}
