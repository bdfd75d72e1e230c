//! `/v1/apply`, and single documents.

mod documents;

use axum::{
    Json,
    extract::{Request, State},
};
use serde_json::Value;
use utakata_api::{
    apply::{Applied, Apply, Change, Document},
    problem::Detail,
};
use utoipa_axum::routes;

use super::{
    Api, Refused, body,
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
    State(api): State<Api>,
    request: Request,
) -> Result<Json<Applied>, Refused> {
    let bytes = body::read(request, &api).await?;
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
    Ok(Json(api.handle.apply(read, delete, dry_run).await?))
}

/// Applies one document whose type and name are in the path.
pub(super) async fn one(
    api: &Api,
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
    let applied = api.handle.inventory().apply(vec![document], false).await?;
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
        // It has no name that a path could say.
        Document::Relation(_) => "",
    }
}
