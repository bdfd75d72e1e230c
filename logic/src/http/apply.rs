//! `/v1/apply`, and single documents.

mod documents;
mod rights;

use axum::{Json, extract::Request};
use serde_json::Value;
use utakata_api::{
    apply::{Applied, Apply, Change, Difference, Document, Verdict},
    problem::Detail,
};
use utakata_model::Target;
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, Right, ToApply},
    body,
    route::{Answered::ByKeeper, BodySize::Many, Route, TimeLimit::Patient},
};
use crate::{
    code::Code,
    inventory::{self, parse_document},
};
use documents::Documents;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(ByKeeper, Many, Patient, routes!(post))]
}

const CURE: &str = "see /v1/openapi.json for the fields of this body";

/// Brings the site into the state that the documents describe, and deletes what is to be deleted:
/// completely or not at all.
#[utoipa::path(post, path = "/v1/apply", operation_id = "apply", tag = "inventory",
    request_body = Apply,
    responses((status = 200, description = "The changes made, or planned", body = Applied)))]
pub(super) async fn post(
    allowed: Allowed<ToApply>,
    request: Request,
) -> Result<Json<Applied>, Refused> {
    let api = &allowed.api;
    let bytes = body::read(request, api).await?;
    let read = body::off_thread(bytes, Documents::read).await?;
    let Documents {
        read,
        delete,
        problems,
        dry_run,
    } = read?;
    if !problems.is_empty() {
        return Err(inventory::Error::Documents { problems }.into());
    }
    rights::check(&allowed, &read, &delete)?;
    let applied = api.handle.apply(read, delete, dry_run).await?;
    match dry_run {
        true => allowed.changes.nothing(),
        false => allowed.changes.add(applied.changes.clone()),
    }
    Ok(Json(applied))
}

/// Applies documents that the caller may write.
pub(super) async fn documents<R: Right>(
    allowed: &Allowed<R>,
    documents: Vec<Document>,
) -> Result<Applied, Refused> {
    rights::check(allowed, &documents, &[])?;
    let applied = allowed
        .api
        .handle
        .inventory()
        .apply(documents, false)
        .await?;
    allowed.changes.add(applied.changes.clone());
    Ok(applied)
}

/// Returns the deletion of a target, with the address that it had.
pub(super) fn deleted(target: &Target) -> Change {
    let before = |field: &str, value: &str| Difference {
        field: field.to_owned(),
        before: Some(value.into()),
        after: None,
    };
    Change {
        subject: format!("target {}", target.name),
        verdict: Verdict::Deleted,
        differences: vec![
            before("kind", target.kind.as_str()),
            before("address", &target.address),
        ],
    }
}

/// Applies one document whose type and name are in the path.
pub(super) async fn one<R: Right>(
    allowed: &Allowed<R>,
    word: &str,
    name: &str,
    body: Value,
) -> Result<Json<Change>, Refused> {
    let Value::Object(mut fields) = body else {
        let detail = "the body is not an object with fields";
        return Err(Refused::new(Code::BodyInvalid, detail, CURE));
    };
    if fields.contains_key("type") {
        let detail = "the field \"type\" belongs into POST /v1/apply: here the path says it";
        return Err(Refused::new(Code::BodyInvalid, detail, "leave it out"));
    }
    fields.insert("type".into(), word.into());
    let wrong = |problem| inventory::Error::Documents {
        problems: vec![problem],
    };
    let document = parse_document(1, Value::Object(fields)).map_err(wrong)?;
    if name_of(&document) != name {
        let message = format!("the path names it \"{name}\"");
        let subject = document.subject();
        return Err(wrong(Detail { subject, message }).into());
    }
    let documents = vec![document];
    rights::check(allowed, &documents, &[])?;
    let inventory = allowed.api.handle.inventory();
    let applied = inventory.apply(documents, false).await?;
    allowed.changes.add(applied.changes.clone());
    let change = applied.changes.into_iter().next();
    let mistake = || Refused::new(Code::Internal, "nothing was applied", "report it");
    change.map(Json).ok_or_else(mistake)
}

fn name_of(document: &Document) -> &str {
    match document {
        Document::Target(target) => target.name.as_str(),
        Document::Schedule(schedule) => schedule.name.as_str(),
        Document::Credential(credential) => credential.name.as_str(),
        Document::Alarm(rule) => rule.name.as_str(),
        Document::Envelope(envelope) => envelope.name.as_str(),
        Document::Policy(policy) => policy.name.as_str(),
        Document::Floor(floor) => floor.name.as_str(),
        // It has no name that a path could say.
        Document::Relation(_) => "",
    }
}
