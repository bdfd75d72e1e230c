//! The description of the API is committed, and complete enough to test against.

use std::{fs, path::Path};

use serde_json::Value;
use utakata_logic::http;

use crate::room::Room;

#[test]
fn the_committed_description_is_that_of_the_server() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.json");
    let mut now = serde_json::to_string_pretty(&http::document()).unwrap();
    now.push('\n');
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == now,
        "openapi.json is not what the server says: run the tests with UPDATE=1 and look at the \
         difference"
    );
}

#[test]
fn every_response_has_a_description_and_every_reference_leads_somewhere() {
    let document = http::document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let refusal = &document["components"]["schemas"]["HttpProblem"]["properties"];
    assert!(
        refusal["detail"].is_object(),
        "two types of one name hide each other"
    );
    let mut wrong = Vec::new();
    walk(&document, &document, "", &mut wrong);
    assert_eq!(wrong, Vec::<String>::new());
}

fn walk(document: &Value, at: &Value, path: &str, wrong: &mut Vec<String>) {
    match at {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer = reference.trim_start_matches('#');
                if document.pointer(pointer).is_none() {
                    wrong.push(format!("{path}: {reference}"));
                }
            }
            for (key, value) in fields {
                if key == "responses" && !path.ends_with("components") {
                    for (status, response) in value.as_object().unwrap() {
                        let described = response.get("description").and_then(Value::as_str);
                        if described.unwrap_or("ref").is_empty() {
                            wrong.push(format!("{path}/{status}: no description"));
                        }
                    }
                }
                walk(document, value, &format!("{path}/{key}"), wrong);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| walk(document, item, path, wrong)),
        _ => {}
    }
}

#[tokio::test]
async fn every_code_has_a_page_that_says_what_to_do() {
    let room = Room::served().await;
    let (_, list) = room.get("/v1/errors?limit=1000").await;
    let codes = list["items"].as_array().unwrap();
    assert!(codes.len() > 30);
    for code in codes {
        let code = code["code"].as_str().unwrap();
        let (status, page) = room.get(&format!("/v1/errors/{code}")).await;
        assert_eq!(status, 200);
        let page = page.as_str().unwrap();
        assert!(page.contains(&format!("Code: `{code}`")), "{code}");
        assert!(page.contains("## What to do"), "{code}");
    }
    room.end().await;
}
