//! Pages of the ledger in SQLite: one transaction each, of few statements with many rows.

use std::collections::HashSet;

use sqlx::{Connection, QueryBuilder, Sqlite as Db, SqliteConnection};
use utakata_model::{TaskId, TaskState};

use super::Sqlite;
use crate::store::{ControlTask, Error, OperationProgress, Page, TaskProgress};

/// SQLite takes 32,766 bound values in a statement.
const ROWS_AT_ONCE: usize = 1000;

/// A task that is new, as its row has it.
struct New<'p> {
    task: &'p ControlTask,
    body: String,
    stands: Stands,
}

/// Where a task stands, as its row has it.
struct Stands {
    id: TaskId,
    state: TaskState,
    progress: String,
    outcome: Option<String>,
}

impl Sqlite {
    pub(super) async fn write_page(&self, page: &Page) -> Result<(), Error> {
        let (new, changed) = self.task_rows(page)?;
        let mut writer = self.writer.lock().await;
        let written = async {
            let mut transaction = writer.begin().await?;
            self.write_operations(&mut transaction, page).await?;
            for rows in new.chunks(ROWS_AT_ONCE) {
                insert(&mut transaction, rows).await?;
            }
            for rows in changed.chunks(ROWS_AT_ONCE) {
                update(&mut transaction, rows).await?;
            }
            self.write_locks(&mut transaction, page).await?;
            if let Some(audit) = &page.audit {
                sqlx::query("INSERT INTO audit (page, hash, body) VALUES (?, ?, ?)")
                    .bind(i64::try_from(audit.page).unwrap_or(i64::MAX))
                    .bind(&audit.hash)
                    .bind(&audit.body)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        };
        written.await.map_err(|error| self.failed(error))
    }

    fn task_rows<'p>(&self, page: &'p Page) -> Result<(Vec<New<'p>>, Vec<Stands>), Error> {
        let mut new = Vec::with_capacity(page.tasks.len());
        for task in &page.tasks {
            let stands = match page.task_progress.get(&task.id) {
                Some(progress) => self.stands(task.id, progress)?,
                None => self.stands(task.id, &TaskProgress::default())?,
            };
            let body = self.json("task", task)?;
            new.push(New { task, body, stands });
        }
        let inserted: HashSet<TaskId> = page.tasks.iter().map(|task| task.id).collect();
        let changed = page.task_progress.iter();
        let changed = changed.filter(|(id, _)| !inserted.contains(*id));
        let changed = changed.map(|(id, progress)| self.stands(*id, progress));
        Ok((new, changed.collect::<Result<_, _>>()?))
    }

    fn stands(&self, id: TaskId, progress: &TaskProgress) -> Result<Stands, Error> {
        let outcome = progress.outcome.as_ref();
        let outcome = outcome.map(|outcome| self.json("outcome", outcome));
        Ok(Stands {
            id,
            state: progress.state,
            progress: self.json("progress of a task", progress)?,
            outcome: outcome.transpose()?,
        })
    }

    async fn write_operations(
        &self,
        to: &mut SqliteConnection,
        page: &Page,
    ) -> Result<(), sqlx::Error> {
        let json = |progress: &OperationProgress| {
            serde_json::to_string(progress).map_err(|error| sqlx::Error::Encode(error.into()))
        };
        for (operation, key) in &page.operations {
            let body = serde_json::to_string(operation)
                .map_err(|error| sqlx::Error::Encode(error.into()))?;
            sqlx::query("INSERT INTO operation (id, body, key, is_open) VALUES (?, ?, ?, 1)")
                .bind(operation.id.to_string())
                .bind(body)
                .bind(key.as_deref())
                .execute(&mut *to)
                .await?;
        }
        for (id, progress) in &page.operation_progress {
            sqlx::query("UPDATE operation SET progress = ?, is_open = ? WHERE id = ?")
                .bind(json(progress)?)
                .bind(!progress.is_over)
                .bind(id.to_string())
                .execute(&mut *to)
                .await?;
        }
        Ok(())
    }

    async fn write_locks(&self, to: &mut SqliteConnection, page: &Page) -> Result<(), sqlx::Error> {
        for (target, lock) in &page.locks {
            let query = match lock {
                Some(lock) => {
                    let body = serde_json::to_string(lock)
                        .map_err(|error| sqlx::Error::Encode(error.into()))?;
                    sqlx::query(
                        "INSERT INTO lock (target, body) VALUES (?, ?)
                         ON CONFLICT (target) DO UPDATE SET body = excluded.body",
                    )
                    .bind(target.as_str())
                    .bind(body)
                }
                None => sqlx::query("DELETE FROM lock WHERE target = ?").bind(target.as_str()),
            };
            query.execute(&mut *to).await?;
        }
        Ok(())
    }
}

async fn insert(to: &mut SqliteConnection, rows: &[New<'_>]) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Db>::new(
        "INSERT INTO task (id, operation, target, state, body, progress, outcome) ",
    );
    query.push_values(rows, |mut values, row| {
        values
            .push_bind(row.task.id.to_string())
            .push_bind(row.task.operation.to_string())
            .push_bind(row.task.target.as_str())
            .push_bind(row.stands.state.as_str())
            .push_bind(&row.body)
            .push_bind(&row.stands.progress)
            .push_bind(&row.stands.outcome);
    });
    query.build().execute(to).await.map(drop)
}

/// What was written of an outcome stays where nothing newer is known.
async fn update(to: &mut SqliteConnection, rows: &[Stands]) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Db>::new("WITH stands (id, state, progress, outcome) AS (");
    query.push_values(rows, |mut values, row| {
        values
            .push_bind(row.id.to_string())
            .push_bind(row.state.as_str())
            .push_bind(&row.progress)
            .push_bind(&row.outcome);
    });
    query.push(
        ") UPDATE task SET state = stands.state, progress = stands.progress,
             outcome = coalesce(stands.outcome, task.outcome)
         FROM stands WHERE task.id = stands.id",
    );
    query.build().execute(to).await.map(drop)
}
