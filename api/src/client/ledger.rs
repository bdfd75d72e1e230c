//! Calls by which people act on operations, tasks and targets.

use reqwest::Method;
use serde::Serialize;
use utakata_model::{OperationId, TargetName, TaskId};

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::{
    audit::{AuditHead, AuditPageView, AuditReport, PublishedHeads},
    inventory::LaneView,
    ledger::{Explanation, LockView, NewLock, Reason, Settle},
    operation::{OperationView, Undo, UndoAnswer},
    page::Page,
    task::TaskView,
};

/// The number of pages of the audit trail fetched per request.
const AUDIT_PAGES: u32 = 100;

#[derive(Serialize)]
struct HeadQuery<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<&'a str>,
}

/// The verb by which a person acts on an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Approve it, as somebody other than the requester.
    Approve,
    /// Begin no further tasks.
    Pause,
    /// Resume a paused operation.
    Resume,
    /// Cancel the tasks that have not begun.
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
    /// Acts on an operation and returns its new state.
    ///
    /// # Errors
    /// There is no operation with this identifier, or its state or the person's rights do not allow
    /// this.
    pub async fn change(
        &self,
        id: OperationId,
        verb: Verb,
        reason: &Reason,
    ) -> Result<OperationView, Error> {
        let path = format!("/v1/operations/{id}/{}", verb.as_str());
        self.post(&path, reason, ANSWER_TIMEOUT).await
    }

    /// Undoes an operation, or returns the plan of what would be done.
    ///
    /// # Errors
    /// There is no operation with this identifier, or nothing of it can be undone.
    pub async fn undo(&self, id: OperationId, undo: &Undo) -> Result<UndoAnswer, Error> {
        let path = format!("/v1/operations/{id}/undo");
        self.post(&path, undo, ANSWER_TIMEOUT).await
    }

    /// Explains what an operation is waiting for.
    ///
    /// # Errors
    /// There is no operation with this identifier.
    pub async fn explain_operation(&self, id: OperationId) -> Result<Explanation, Error> {
        self.get(&format!("/v1/operations/{id}/explain"), &()).await
    }

    /// Explains what a task is waiting for.
    ///
    /// # Errors
    /// There is no task with this identifier.
    pub async fn explain_task(&self, id: TaskId) -> Result<Explanation, Error> {
        self.get(&format!("/v1/tasks/{id}/explain"), &()).await
    }

    /// Settles a task by stating its outcome.
    ///
    /// # Errors
    /// There is no task with this identifier, or it does not need settling, or not yet.
    pub async fn settle(&self, id: TaskId, settle: &Settle) -> Result<TaskView, Error> {
        let path = format!("/v1/tasks/{id}/settle");
        self.post(&path, settle, ANSWER_TIMEOUT).await
    }

    /// Cancels a task, so that no further attempt begins.
    ///
    /// # Errors
    /// There is no task with this identifier, or it has ended.
    pub async fn cancel_task(&self, id: TaskId, reason: &Reason) -> Result<TaskView, Error> {
        let path = format!("/v1/tasks/{id}/cancel");
        self.post(&path, reason, ANSWER_TIMEOUT).await
    }

    /// Returns pages of the audit trail from a number on, and the number at which to continue.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn audit(&self, from: u64) -> Result<Page<AuditPageView>, Error> {
        let cursor = from.max(1).to_string();
        self.page("/v1/audit", &(), AUDIT_PAGES, Some(&cursor))
            .await
    }

    /// Returns the last page of the audit trail.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn audit_head(&self) -> Result<AuditHead, Error> {
        self.get("/v1/audit/head", &()).await
    }

    /// Verifies the audit trail. If a head is given, some page must have that hash.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn verify_audit(&self, head: Option<&str>) -> Result<AuditReport, Error> {
        self.get("/v1/audit/verify", &HeadQuery { head }).await
    }

    /// Verifies the audit trail, and that it has every page whose head was published.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn verify_audit_published(
        &self,
        published: &PublishedHeads,
    ) -> Result<AuditReport, Error> {
        self.post("/v1/audit/verify", published, ANSWER_TIMEOUT)
            .await
    }

    /// Returns the locked targets, by name.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn locks(&self) -> Result<Vec<LockView>, Error> {
        self.all("/v1/locks", &()).await
    }

    /// Locks a target for the caller.
    ///
    /// # Errors
    /// There is no target of this name, or the reason or duration is missing.
    pub async fn lock(&self, name: &TargetName, lock: &NewLock) -> Result<LaneView, Error> {
        let path = format!("/v1/targets/{name}/lock");
        let request = self.request(Method::PUT, &path).json(lock);
        self.json(&path, request.timeout(ANSWER_TIMEOUT)).await
    }

    /// Unlocks a target.
    ///
    /// # Errors
    /// There is no target of this name, or it is not locked.
    pub async fn unlock(&self, name: &TargetName, reason: &Reason) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &format!("/v1/targets/{name}/lock"));
        let request = request.query(reason).timeout(ANSWER_TIMEOUT);
        self.send(request).await.map(drop)
    }
}
