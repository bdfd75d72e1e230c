//! The tasks of targets, in two tables: new ones in a small table, in which a batch writes few
//! pages, and all others in a large one, into which many are moved at a time.

use sqlx::SqliteConnection;

use super::writer::Writer;

/// The number of recent tasks at which they are moved to the large table.
pub(super) const MANY: usize = 16_384;

/// Selects the tasks of the target named in a parameter.
pub(super) fn of_target(parameter: usize) -> String {
    format!(
        "target = ${parameter} AND id IN (
             SELECT id FROM target_task WHERE target = ${parameter}
             UNION ALL SELECT id FROM recent_target_task WHERE target = ${parameter})"
    )
}

/// Moves the recent tasks to the large table. Nothing depends on it: if it cannot be written, they
/// stay where they are, and are found there.
pub(super) async fn gather(writer: &Writer) {
    let mut to = match writer.begin().await {
        Ok(to) => to,
        Err(error) => return tracing::debug!(%error, "recent tasks are not gathered now"),
    };
    let gathered = match take_in(&mut to).await {
        Ok(()) => to.commit(None).await,
        Err(error) => Err(to.fail(error).await),
    };
    if let Err(error) = gathered {
        tracing::debug!(%error, "recent tasks are not gathered now");
    }
}

async fn take_in(to: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for sql in [
        "INSERT OR IGNORE INTO target_task (target, id)
         SELECT target, id FROM recent_target_task ORDER BY target, id",
        "DELETE FROM recent_target_task",
    ] {
        sqlx::query(sql).execute(&mut *to).await?;
    }
    Ok(())
}
