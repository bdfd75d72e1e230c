//! The audit trail of the API: the one place that records who changed what, and who was refused.
//!
//! Control, locks and acts on alarms are recorded by the ledger, with the change itself. Everything
//! else that is changed through the API is recorded here, whichever route it takes: after the
//! change, and before the answer.

mod refusals;

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utakata_api::apply::{Change, Verdict};

pub(super) use self::refusals::Refusals;
use super::{Api, Refused, caller::Caller};
use crate::{
    audit::{RefusedRequest, SiteChange, SiteNote},
    code::Code,
    people::Identity,
};

/// The paths whose changes the ledger records.
const BY_THE_LEDGER: [&str; 9] = [
    "/v1/operations",
    "/v1/tasks",
    "/v1/alarms/",
    "/v1/targets/{name}/lock",
    "/v1/policies/{name}/arm",
    "/v1/policies/{name}/off",
    "/v1/policies/{name}/shadow",
    "/v1/smart-control/stop",
    "/v1/smart-control/resume",
];
/// The paths that change nothing: a file of a release does nothing until a release with it is
/// pushed, a read only reads, what is tested is not done, and a session does what its token does.
/// Logins are recorded where they are made.
const NO_CHANGE: [&str; 8] = [
    "/v1/alarm-rules/test",
    "/v1/audit/verify",
    "/v1/login/device",
    "/v1/login/device/token",
    "/v1/policies/{name}/test",
    "/v1/reads",
    "/v1/release-files/{sha256}",
    "/v1/session",
];
/// The largest body that is recorded in full, in bytes.
const MAX_BODY: usize = 4 * 1024;
/// The largest number of things that a line lists.
const MAX_CHANGES: usize = 1000;

/// The record of what a request changes. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Changes(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    body: Option<Value>,
    changes: Vec<Change>,
    more: u64,
    is_nothing: bool,
}

/// A request, as far as the trail has it.
pub(super) struct Asked {
    method: Method,
    path: String,
    template: String,
    caller: Option<Arc<Identity>>,
    changes: Changes,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Notes the body of a request; it has no secrets.
    pub(super) fn body(&self, bytes: &[u8]) {
        let body = match bytes.len() <= MAX_BODY {
            true => serde_json::from_slice(bytes).ok(),
            false => None,
        };
        let digest = || {
            let hash = Sha256::digest(bytes);
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "bytes": bytes.len(), "sha256": hash })
        };
        self.0.lock().body = Some(body.unwrap_or_else(digest));
    }

    /// Notes changes; secrets in them are hidden already.
    pub(super) fn add(&self, changes: impl IntoIterator<Item = Change>) {
        let mut record = self.0.lock();
        for change in changes {
            if change.verdict == Verdict::Unchanged {
                continue;
            }
            match record.changes.len() < MAX_CHANGES {
                true => record.changes.push(change),
                false => record.more += 1,
            }
        }
    }

    /// Notes that the request changes nothing, such as a dry run.
    pub(super) fn nothing(&self) {
        self.0.lock().is_nothing = true;
    }
}

impl Asked {
    /// Begins the record of a request.
    pub(super) fn begin(request: &mut Request) -> Self {
        let changes = Changes::new();
        request.extensions_mut().insert(changes.clone());
        let extensions = request.extensions();
        let template = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
        let path = request.uri().path().to_owned();
        Self {
            method: request.method().clone(),
            template: template.map_or_else(|| path.clone(), str::to_owned),
            caller: extensions
                .get::<Caller>()
                .map(|Caller(one)| Arc::clone(one)),
            changes,
            path,
        }
    }

    /// Records what became of it; returns the answer to give.
    pub(super) async fn end(self, api: &Api, response: Response) -> Response {
        let Some(caller) = &self.caller else {
            return response;
        };
        if response.status().is_success() {
            return self.changed(api, caller, response).await;
        }
        let code = response.extensions().get::<Code>().copied();
        if is_refusal(response.status(), code) {
            self.refused(api, caller, code).await;
        }
        response
    }

    async fn changed(&self, api: &Api, caller: &Identity, response: Response) -> Response {
        let record = std::mem::take(&mut *self.changes.0.lock());
        if record.is_nothing || !changes_something(&self.method, &self.template) {
            return response;
        }
        let note = SiteNote::Changed(SiteChange {
            by: caller.name.clone(),
            token: caller.token.as_ref().map(|token| token.name.clone()),
            request: format!("{} {}", self.method, self.path),
            body: record.body,
            changes: record.changes,
            more: record.more,
        });
        match api.handle.ledger().note(note).await {
            Ok(()) => response,
            Err(error) => {
                tracing::error!(%error, request = self.path, "a change is not in the audit trail");
                let detail = format!(
                    "{} {} was done, and could not be recorded in the audit trail: {error}",
                    self.method, self.path
                );
                let cure = "look at what has changed before asking again";
                Refused::new(Code::StoreInDoubt, detail, cure).into_response()
            }
        }
    }

    async fn refused(&self, api: &Api, caller: &Identity, code: Option<Code>) {
        let request = format!("{} {}", self.method, self.template);
        let code = code.map_or("", Code::as_str);
        tracing::info!(by = %caller.name, request, code, "a request was refused");
        let now = crate::clock::now();
        for (key, times) in api.refusals.note((caller.name.clone(), request), now) {
            let (by, request) = key;
            let note = SiteNote::Refused(RefusedRequest {
                by,
                request,
                code: code.to_owned(),
                times,
            });
            // Where the ledger is not kept, the log has it.
            if let Err(error) = api.handle.ledger().note(note).await {
                tracing::debug!(%error, "a refusal is not in the audit trail");
            }
        }
    }
}

/// Returns true if successful requests of a route are recorded here.
pub(super) fn changes_something(method: &Method, template: &str) -> bool {
    !method.is_safe()
        && !NO_CHANGE.contains(&template)
        && !BY_THE_LEDGER.iter().any(|path| template.starts_with(path))
}

fn is_refusal(status: StatusCode, code: Option<Code>) -> bool {
    let by_people = [Code::ApproveOwn, Code::ApproveGiven, Code::OwnRights];
    status == StatusCode::FORBIDDEN || code.is_some_and(|code| by_people.contains(&code))
}
