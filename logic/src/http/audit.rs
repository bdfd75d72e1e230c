//! `/v1/audit`: the audit trail, and its verification.

use axum::Json;
use serde::Deserialize;
use utakata_api::{
    audit::{AuditHead, AuditPageView, AuditReport, MAX_HEADS, PublishedHeads},
    page::Page,
};
use utakata_seal::SignedHead;
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToAudit},
    body, page,
    query::{Query, invalid, limit},
    route::{
        Answered::Anywhere,
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
};
use crate::{audit::verify::verify_published, code::Code};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(Anywhere, NoBody, Prompt, routes!(head)),
        Route::new(Anywhere, NoBody, Prompt, routes!(check)),
        Route::new(Anywhere, OneThing, Patient, routes!(check_published)),
    ]
}

/// A query for pages.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// The number of the first page.
    #[param(minimum = 1, default = 1)]
    from: Option<u64>,
    /// The largest number of items in the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(min_length = 1, max_length = 512)]
    cursor: Option<String>,
}

/// A query with a head that was kept elsewhere.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HeadQuery {
    /// The hash of a page that was kept elsewhere: some page must have it.
    #[param(min_length = 64, max_length = 64, pattern = "^[0-9a-fA-F]{64}$")]
    head: Option<String>,
}

/// Returns the audit trail, page by page, oldest first.
#[utoipa::path(get, path = "/v1/audit", operation_id = "list_audit", tag = "audit",
    params(AuditQuery),
    responses((status = 200, description = "Pages, oldest first", body = Page<AuditPageView>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToAudit>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditPageView>>, Refused> {
    let max = limit(query.limit)?;
    let cursor: Option<u64> = super::query::cursor(query.cursor.as_deref())?;
    let from = cursor.or(query.from).unwrap_or(1);
    if from == 0 || i64::try_from(from).is_err() {
        return Err(invalid(format!("a page {from} cannot exist")));
    }
    let mut builder = page::PageBuilder::new(max);
    let mut next = from;
    while let Some(wanted) = builder.wanted() {
        let pages = api.handle.store().audit(next, wanted).await?;
        next = pages.last().map_or(next, |last| last.page + 1);
        builder.add(pages.into_iter().map(AuditPageView::from));
    }
    Ok(Json(builder.page(|last| (last.page + 1).to_string())))
}

/// Returns the last page of the audit trail. Keep it elsewhere.
#[utoipa::path(get, path = "/v1/audit/head", operation_id = "get_audit_head", tag = "audit",
    responses((status = 200, description = "Its number and hash", body = AuditHead)))]
pub(super) async fn head(
    Allowed { api, .. }: Allowed<ToAudit>,
) -> Result<Json<AuditHead>, Refused> {
    let head = api.handle.store().audit_head().await?;
    let head = head.map_or((0, String::new()), |head| (head.page, head.hash));
    let (page, hash) = head;
    let secrets = api.handle.inventory().secrets();
    let signed = match page {
        0 => None,
        page => secrets.sign_head(page, &hash).map(|head| head.to_string()),
    };
    Ok(Json(AuditHead { page, hash, signed }))
}

/// Verifies that the audit trail is complete, agrees with the ledger, and has every page whose head
/// the logic environment that answers has seen.
///
/// All of it is read. If it is long, use `utakata audit verify --store FILE`.
#[utoipa::path(get, path = "/v1/audit/verify", operation_id = "verify_audit", tag = "audit",
    params(HeadQuery),
    responses((status = 200, description = "The findings", body = AuditReport)))]
pub(super) async fn check(
    Allowed { api, .. }: Allowed<ToAudit>,
    Query(query): Query<HeadQuery>,
) -> Result<Json<AuditReport>, Refused> {
    let is_hash = |head: &str| head.len() == 64 && head.bytes().all(|b| b.is_ascii_hexdigit());
    if query.head.as_deref().is_some_and(|head| !is_hash(head)) {
        return Err(invalid(
            "the head is not a hash: it has 64 hexadecimal digits",
        ));
    }
    let mut snapshot = api.handle.store().snapshot().await?;
    let seen = api.handle.seen_heads();
    let report = verify_published(snapshot.as_mut(), query.head.as_deref(), &seen).await?;
    Ok(Json(report))
}

/// Verifies that the audit trail is complete, agrees with the ledger, and has every page whose head
/// was published.
#[utoipa::path(post, path = "/v1/audit/verify", operation_id = "verify_audit_published",
    tag = "audit", request_body = PublishedHeads,
    responses((status = 200, description = "The findings", body = AuditReport)))]
pub(super) async fn check_published(
    Allowed { api, .. }: Allowed<ToAudit>,
    body::Json(published): body::Json<PublishedHeads>,
) -> Result<Json<AuditReport>, Refused> {
    if published.heads.len() > MAX_HEADS {
        return Err(invalid_body(format!(
            "at most {MAX_HEADS} heads are compared at a time"
        )));
    }
    let heads = published.heads.iter().enumerate().map(|(at, text)| {
        let head = text.parse::<SignedHead>();
        head.map_err(|error| invalid_body(format!("heads[{at}]: {error}")))
    });
    let mut heads = heads.collect::<Result<Vec<_>, _>>()?;
    heads.extend(api.handle.seen_heads());
    let mut snapshot = api.handle.store().snapshot().await?;
    let report = verify_published(snapshot.as_mut(), None, &heads).await?;
    Ok(Json(report))
}

fn invalid_body(detail: String) -> Refused {
    let cure = "send heads as they were published: utakata-head-1:PAGE:HASH:KEY:SIGNATURE";
    Refused::new(Code::BodyInvalid, detail, cure)
}
