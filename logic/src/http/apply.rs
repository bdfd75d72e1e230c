//! `/v1/apply`, and documents one by one.

use axum::{Json, extract::State};
use serde_json::{Map, Value};
use utakata_api::{
    apply::{Applied, Apply, Change, Document, Named},
    problem::Detail,
};
use utakata_model::suggest;

use super::{Api, Refused, body::AnyJson};
use crate::{
    explain,
    inventory::{self, parse_document},
};

const FIELDS: [&str; 3] = ["documents", "delete", "dry_run"];
const CURE: &str = "see /v1/openapi.json for the fields of this body";

/// Makes what is as the documents say, and lets go what is to go: all of it or nothing.
#[utoipa::path(post, path = "/v1/apply", operation_id = "apply", tag = "inventory",
    request_body = Apply,
    responses((status = 200, description = "What changed, or would", body = Applied)))]
pub(super) async fn post(
    State(api): State<Api>,
    AnyJson(body): AnyJson,
) -> Result<Json<Applied>, Refused> {
    let Split {
        documents,
        delete,
        dry_run,
    } = split(body)?;
    let mut read = Vec::with_capacity(documents.len());
    let mut problems = Vec::new();
    for (at, document) in documents.into_iter().enumerate() {
        match parse_document(at + 1, document) {
            Ok(document) => read.push(document),
            Err(problem) => problems.push(problem),
        }
    }
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
        return Err(Refused::new("body-invalid", detail, CURE));
    };
    if fields.contains_key("type") {
        let detail = "the field \"type\" belongs into POST /v1/apply: here the path says it";
        return Err(Refused::new("body-invalid", detail, "leave it out"));
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
    let mistake = || Refused::new("internal", "nothing was applied", "report it");
    change.map(Json).ok_or_else(mistake)
}

fn name_of(document: &Document) -> &str {
    match document {
        Document::Target(target) => target.name.as_str(),
        Document::Schedule(schedule) => schedule.name.as_str(),
        Document::Credential(credential) => credential.name.as_str(),
    }
}

/// A body, taken apart.
struct Split {
    documents: Vec<Value>,
    delete: Vec<Named>,
    dry_run: bool,
}

fn split(body: Value) -> Result<Split, Refused> {
    let invalid = |detail: String| Refused::new("body-invalid", detail, CURE);
    let Value::Object(mut fields) = body else {
        return Err(invalid("the body is not an object with fields".into()));
    };
    let documents = match fields.remove("documents") {
        Some(Value::Array(documents)) => documents,
        Some(_) => return Err(invalid("the field \"documents\" is not a list".into())),
        None => return Err(invalid("the field \"documents\" is missing".into())),
    };
    let delete = match fields.remove("delete") {
        Some(delete) => serde_json::from_value(delete).map_err(|error| {
            invalid(format!(
                "the field \"delete\" is wrong: {}",
                explain::json(&error)
            ))
        })?,
        None => Vec::new(),
    };
    let dry_run = match fields.remove("dry_run") {
        Some(Value::Bool(dry_run)) => dry_run,
        None => false,
        Some(_) => return Err(invalid("the field \"dry_run\" is not true or false".into())),
    };
    match unknown(&fields) {
        Some(message) => Err(invalid(message)),
        None => Ok(Split {
            documents,
            delete,
            dry_run,
        }),
    }
}

fn unknown(fields: &Map<String, Value>) -> Option<String> {
    let field = fields.keys().next()?;
    let hint = suggest::hint(field, FIELDS);
    Some(format!("unknown field \"{field}\": {hint}"))
}
