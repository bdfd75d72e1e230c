//! `/v1/errors`: what each code means and what to do, one page each.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utakata_api::page::Page as ListPage;
use utakata_model::{TargetName, suggest};
use utoipa::ToSchema;

use super::{
    Api, Refused,
    page::{self, PageQuery},
    path::Path,
    query::Query,
};

/// A page of `docs/errors`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Page {
    /// The code.
    pub code: &'static str,
    /// The HTTP status that comes with it; absent where it only stands in outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What it means and what to do, as Markdown.
    pub text: &'static str,
}

macro_rules! pages {
    ($($code:literal $($status:literal)?),* $(,)?) => {
        &[$(Page {
            code: $code,
            status: pages!(@status $($status)?),
            text: include_str!(concat!("../../../docs/errors/", $code, ".md")),
        }),*]
    };
    (@status) => { None };
    (@status $status:literal) => { Some($status) };
}

const PAGES: &[Page] = pages![
    "answer-lost" 502,
    "answer-too-large",
    "approve-own" 409,
    "away",
    "bad-address",
    "bad-credential",
    "bad-parameters",
    "bad-reading",
    "bad-target",
    "body-invalid" 422,
    "body-too-large" 413,
    "breaker-open",
    "cancelled",
    "cannot-be-done" 422,
    "capacity",
    "credential-in-use" 409,
    "deadline",
    "device-garbage",
    "device-refused",
    "disk-error" 503,
    "disk-full" 507,
    "docker-away",
    "docker-refused",
    "documents-invalid" 422,
    "drain-limit",
    "draining",
    "ending" 503,
    "environment-short",
    "environment-there" 409,
    "environment-twice",
    "expired",
    "go-late",
    "image-missing",
    "image-unfit",
    "incomplete",
    "interconnect-away",
    "internal" 500,
    "json-invalid" 400,
    "key-taken" 409,
    "kind-not-served",
    "lease-lost" 503,
    "ledger-elsewhere" 503,
    "ledger-waits" 503,
    "lock-invalid" 422,
    "malformed",
    "manifest",
    "many-targets" 422,
    "media-type" 415,
    "method-not-allowed" 405,
    "name-invalid" 400,
    "no-answer",
    "no-release",
    "no-such-action",
    "no-such-path" 404,
    "not-an-observe-action",
    "not-done",
    "not-found" 404,
    "not-understood",
    "nothing-to-undo" 422,
    "operation-over" 409,
    "operation-state" 409,
    "order-elsewhere" 409,
    "other-targets" 422,
    "over-capacity",
    "permit-late",
    "person-admin" 409,
    "plan-changed" 409,
    "profile-refused",
    "profile-unserved",
    "protocol",
    "query-invalid" 400,
    "queue-full",
    "release-ambiguous" 409,
    "release-changing",
    "release-content",
    "release-contradicts",
    "release-disk-full",
    "release-fetching",
    "release-file-wrong" 422,
    "release-files-missing" 409,
    "release-image",
    "release-invalid" 422,
    "release-large",
    "release-manifest",
    "release-missing",
    "release-no-place",
    "release-preparing",
    "release-program",
    "release-serves" 409,
    "release-signature",
    "release-twice",
    "release-unknown",
    "release-unreadable",
    "release-unsigned",
    "release-unwritable",
    "release-version-taken" 409,
    "release-wanted" 409,
    "restarted",
    "rollout-breaks" 409,
    "rollout-dies",
    "rollout-differs",
    "rollout-fails",
    "rollout-gone",
    "rollout-leaks",
    "rollout-lies",
    "rollout-no-release",
    "rollout-no-start",
    "rollout-open" 409,
    "rollout-ordered-back",
    "rollout-slow",
    "rollout-state" 409,
    "rollout-stopped",
    "schedule-impossible",
    "selector-empty" 422,
    "selects-nothing" 422,
    "settled",
    "store-away" 503,
    "store-damaged" 500,
    "store-failed" 503,
    "store-in-doubt" 503,
    "store-lost" 503,
    "store-newer" 500,
    "store-other-writer" 503,
    "store-refused" 503,
    "store-replaced" 503,
    "store-unwritable" 500,
    "superseded",
    "target-changed",
    "task-ended" 409,
    "task-known" 409,
    "task-may-act" 409,
    "timed-out" 504,
    "token",
    "tokens-differ" 502,
    "too-busy" 503,
    "unauthorized" 401,
    "unreachable",
    "unsettled",
    "unverified",
    "wait-too-long" 422,
    "worker-crashed",
    "worker-flood",
    "worker-hung",
    "worker-lost",
    "worker-malformed",
    "worker-no-hello",
    "worker-not-started",
    "worker-panic",
    "workers-most",
    "wrong-class",
    "wrong-kind",
    "zone-not-its-own",
];

impl Page {
    /// Its first heading.
    pub fn title(&self) -> &'static str {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start_matches(['#', ' '])
    }
}

/// All pages, by code.
pub fn pages() -> &'static [Page] {
    PAGES
}

/// The page of a code.
pub fn find(code: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code == code)
}

/// A code and what it is called.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErrorView {
    /// The code.
    code: &'static str,
    /// What it means, in a line.
    title: &'static str,
    /// The HTTP status that comes with it; absent where it only stands in outcomes and in the
    /// status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// All codes of problems.
#[utoipa::path(get, path = "/v1/errors", operation_id = "list_errors", tag = "system",
    params(PageQuery),
    responses((status = 200, description = "Codes, by name", body = ListPage<ErrorView>)))]
pub(super) async fn list(
    State(_): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<Json<ListPage<ErrorView>>, Refused> {
    let view = |page: &Page| ErrorView {
        code: page.code,
        title: page.title(),
        status: page.status,
    };
    page::of(PAGES.iter().map(view), &query, |one| one.code).map(Json)
}

/// What a code means, and what to do: a page in Markdown.
#[utoipa::path(get, path = "/v1/errors/{code}", operation_id = "get_error", tag = "system",
    params(("code" = TargetName, Path, description = "The code")),
    responses((status = 200, description = "The page", body = String,
        content_type = "text/markdown")))]
pub(super) async fn get(
    State(_): State<Api>,
    Path(code): Path<TargetName>,
) -> Result<Response, Refused> {
    let Some(page) = find(code.as_str()) else {
        let hint = suggest::nearest(code.as_str(), PAGES.iter().map(|page| page.code));
        let cure = match hint {
            Some(near) => format!("did you mean \"{near}\"? All are listed by `utakata error` (GET /v1/errors)"),
            None => "all are listed by `utakata error` (GET /v1/errors); workers may have codes of their own".into(),
        };
        let detail = format!("there is no page for the code \"{code}\"");
        return Err(Refused::new("not-found", detail, cure));
    };
    let markdown = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
    Ok((markdown, page.text).into_response())
}
