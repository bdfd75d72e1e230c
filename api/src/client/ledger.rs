//! What people do with operations, tasks and targets that are under way.

use reqwest::Method;
use serde::Serialize;
use utakata_model::{OperationId, TargetName, TaskId};

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::{
    audit::{AuditHead, AuditPageView, AuditReport},
    inventory::LaneView,
    ledger::{Explanation, LockView, NewLock, Reason, Settle},
    operation::{OperationView, Undo, UndoAnswer},
    page::Page,
    task::TaskView,
};

/// The number of pages of the audit trail that are fetched at once.
const AUDIT_PAGES: u32 = 100;

#[derive(Serialize)]
struct HeadQuery<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<&'a str>,
}

/// A verb of a person about an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Says that it may be done, as somebody else than who asked for it.
    Approve,
    /// Lets no further task begin.
    Pause,
    /// Lets it go on.
    Resume,
    /// Takes back what has not begun.
    Cancel,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }
}

impl Client {
    /// Does something with an operation; gives how it stands then.
    ///
    /// # Errors
    /// There is none of this id, or it cannot be done with it now, or not by this person.
    pub async fn change(
        &self,
        id: OperationId,
        verb: Verb,
        reason: &Reason,
    ) -> Result<OperationView, Error> {
        let path = format!("/v1/operations/{id}/{}", verb.as_str());
        self.post(&path, reason, ANSWER_TIMEOUT).await
    }

    /// Takes back what an operation has done, or tells what would be done.
    ///
    /// # Errors
    /// There is none of this id, or nothing of it can be taken back.
    pub async fn undo(&self, id: OperationId, undo: &Undo) -> Result<UndoAnswer, Error> {
        let path = format!("/v1/operations/{id}/undo");
        self.post(&path, undo, ANSWER_TIMEOUT).await
    }

    /// Returns what an operation waits for.
    ///
    /// # Errors
    /// There is none of this id.
    pub async fn explain_operation(&self, id: OperationId) -> Result<Explanation, Error> {
        self.get(&format!("/v1/operations/{id}/explain"), &()).await
    }

    /// Returns what a task waits for.
    ///
    /// # Errors
    /// There is none of this id.
    pub async fn explain_task(&self, id: TaskId) -> Result<Explanation, Error> {
        self.get(&format!("/v1/tasks/{id}/explain"), &()).await
    }

    /// Says what became of a task.
    ///
    /// # Errors
    /// There is none of this id, or nobody has to say, or not yet.
    pub async fn settle(&self, id: TaskId, settle: &Settle) -> Result<TaskView, Error> {
        let path = format!("/v1/tasks/{id}/settle");
        self.post(&path, settle, ANSWER_TIMEOUT).await
    }

    /// Takes a task back: it is not begun any more.
    ///
    /// # Errors
    /// There is none of this id, or it has ended.
    pub async fn cancel_task(&self, id: TaskId, reason: &Reason) -> Result<TaskView, Error> {
        let path = format!("/v1/tasks/{id}/cancel");
        self.post(&path, reason, ANSWER_TIMEOUT).await
    }

    /// Pages of the audit trail from a number on, and the number to go on from.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn audit(&self, from: u64) -> Result<Page<AuditPageView>, Error> {
        let cursor = from.max(1).to_string();
        self.page("/v1/audit", &(), AUDIT_PAGES, Some(&cursor))
            .await
    }

    /// The last page of the audit trail.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn audit_head(&self) -> Result<AuditHead, Error> {
        self.get("/v1/audit/head", &()).await
    }

    /// Returns whether the audit trail is whole; some page must have the head, if one is given.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn verify_audit(&self, head: Option<&str>) -> Result<AuditReport, Error> {
        self.get("/v1/audit/verify", &HeadQuery { head }).await
    }

    /// The targets that are locked, by name.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn locks(&self) -> Result<Vec<LockView>, Error> {
        self.all("/v1/locks", &()).await
    }

    /// Takes a target for oneself.
    ///
    /// # Errors
    /// There is none of this name, or it is not said why, or how long.
    pub async fn lock(&self, name: &TargetName, lock: &NewLock) -> Result<LaneView, Error> {
        let path = format!("/v1/targets/{name}/lock");
        let request = self.request(Method::PUT, &path).json(lock);
        self.json(&path, request.timeout(ANSWER_TIMEOUT)).await
    }

    /// Lets a target go.
    ///
    /// # Errors
    /// There is none of this name, or it is not locked.
    pub async fn unlock(&self, name: &TargetName, reason: &Reason) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &format!("/v1/targets/{name}/lock"));
        let request = request.query(reason).timeout(ANSWER_TIMEOUT);
        self.send(request).await.map(drop)
    }
}
