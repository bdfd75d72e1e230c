//! Bad input: every refusal is a problem with a code and a cure, and nothing is lost.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use utakata_logic::store::{Error, sqlite::Sqlite};

use crate::room::{Room, TOKEN, config};

#[tokio::test]
async fn every_refusal_is_a_problem_with_a_code_and_a_cure() {
    let mut config = config();
    config.http.body_limit = 2000;
    let room = Room::empty(config).await;
    let json = Some("application/json");
    let right = Some(format!("Bearer {TOKEN}"));
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(3000));
    for (method, path, token, content, body, code) in [
        ("GET", "/v1/status", None, None, "", "unauthorized"),
        (
            "GET",
            "/v1/status",
            Some("Bearer wrong".into()),
            None,
            "",
            "unauthorized",
        ),
        (
            "GET",
            "/v1/openapi.json",
            Some("Basic x".into()),
            None,
            "",
            "unauthorized",
        ),
        ("GET", "/nowhere", None, None, "", "unauthorized"),
        ("GET", "/v1/target", right.clone(), None, "", "no-such-path"),
        (
            "PATCH",
            "/v1/targets",
            right.clone(),
            None,
            "",
            "method-not-allowed",
        ),
        (
            "GET",
            "/v1/targets?selctor=x",
            right.clone(),
            None,
            "",
            "query-invalid",
        ),
        (
            "GET",
            "/v1/targets?selector=x%3D",
            right.clone(),
            None,
            "",
            "query-invalid",
        ),
        (
            "GET",
            "/v1/targets?limit=0",
            right.clone(),
            None,
            "",
            "query-invalid",
        ),
        (
            "GET",
            "/v1/targets?limit=many",
            right.clone(),
            None,
            "",
            "query-invalid",
        ),
        (
            "GET",
            "/v1/readings?cursor=x",
            right.clone(),
            None,
            "",
            "query-invalid",
        ),
        (
            "GET",
            "/v1/events?types=reading",
            right.clone(),
            None,
            "",
            "query-invalid",
        ),
        (
            "GET",
            "/v1/tasks/x",
            right.clone(),
            None,
            "",
            "name-invalid",
        ),
        (
            "GET",
            "/v1/targets/%20",
            right.clone(),
            None,
            "",
            "name-invalid",
        ),
        (
            "GET",
            "/v1/targets/%FF",
            right.clone(),
            None,
            "",
            "name-invalid",
        ),
        ("GET", "/v1/targets/x", right.clone(), None, "", "not-found"),
        ("GET", "/v1/errors/x", right.clone(), None, "", "not-found"),
        ("POST", "/v1/apply", right.clone(), None, "{}", "media-type"),
        (
            "POST",
            "/v1/apply",
            right.clone(),
            Some("text/yaml"),
            "{}",
            "media-type",
        ),
        (
            "POST",
            "/v1/apply",
            right.clone(),
            json,
            "{",
            "json-invalid",
        ),
        (
            "POST",
            "/v1/apply",
            right.clone(),
            json,
            "{}",
            "body-invalid",
        ),
        (
            "POST",
            "/v1/apply",
            right.clone(),
            json,
            "[]",
            "body-invalid",
        ),
        (
            "POST",
            "/v1/apply",
            right.clone(),
            json,
            &large,
            "body-too-large",
        ),
        (
            "POST",
            "/v1/reads",
            right.clone(),
            json,
            r#"{"selector":"","wiat":"1s"}"#,
            "body-invalid",
        ),
        (
            "POST",
            "/v1/reads",
            right.clone(),
            json,
            r#"{"selector":"","wait":"61s"}"#,
            "wait-too-long",
        ),
        (
            "POST",
            "/v1/reads",
            right.clone(),
            json,
            r#"{"selector":"a=b"}"#,
            "selects-nothing",
        ),
        (
            "PUT",
            "/v1/targets/x",
            right.clone(),
            json,
            r#"{"name":"y","kind":"k","address":"a"}"#,
            "documents-invalid",
        ),
    ] {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        if let Some(content) = content {
            request = request.header("content-type", content);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (status, problem) = room.answer(request).await;
        let case = format!("{method} {path} {body:.60}: {status} {problem}");
        assert_eq!(problem["code"], code, "{case}");
        assert_eq!(problem["status"], status.as_u16(), "{case}");
        assert_eq!(problem["type"], format!("/v1/errors/{code}"), "{case}");
        for field in ["title", "detail", "cure"] {
            assert!(
                problem[field].as_str().is_some_and(|text| !text.is_empty()),
                "{case}"
            );
        }
    }
    room.end().await;
}

#[tokio::test]
async fn a_wrong_name_is_answered_with_the_nearest_one() {
    let room = Room::empty(config()).await;
    for (path, says) in [
        ("/v1/targts", "did you mean /v1/targets?"),
        ("/v1/errors/unautorized", "did you mean \"unauthorized\"?"),
    ] {
        let (_, problem) = room.get(path).await;
        assert!(
            problem["cure"].as_str().unwrap().contains(says),
            "{problem}"
        );
    }
    let (_, problem) = room.get("/v1/events?types=reading").await;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("did you mean \"readings\"?")
    );
    let (_, problem) = room
        .post("/v1/reads", json!({ "selector": "", "wiat": "1s" }))
        .await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("unknown field \"wiat\": did you mean \"wait\"?"),
        "{detail}"
    );
    room.end().await;
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_reported_with_its_file_and_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let check = async |path: &Path, code: &str, says: &str| {
        let error = Sqlite::open(path).await.err().unwrap();
        let text = format!("{error}: {}", error.cure());
        assert_eq!(error.code().as_str(), code, "{text}");
        assert!(text.contains(path.to_str().unwrap()), "{text}");
        assert!(text.contains(says), "{text}");
    };
    let torn = folder.path().join("torn");
    fs::write(
        &torn,
        "not a database, but long enough to look at ".repeat(100),
    )
    .unwrap();
    check(&torn, "store-damaged", "backup").await;

    let in_place = folder.path().join("folder");
    fs::create_dir(&in_place).unwrap();
    check(&in_place, "store-unwritable", "--data").await;

    let nowhere = folder.path().join("nowhere").join("store");
    check(&nowhere, "store-unwritable", "--data").await;

    let cut = folder.path().join("cut");
    let store = Sqlite::open(&cut).await.unwrap();
    utakata_logic::store::Store::close(&store).await;
    drop(store);
    let whole = fs::read(&cut).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    check(&cut, "store-damaged", "backup").await;
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    drop(Sqlite::open(&path).await.unwrap());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "secrets are in it");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations
        (version, description, success, checksum, execution_time) VALUES (9999, 'x', TRUE, x'00', 0)";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let error = Sqlite::open(&path).await.err().unwrap();
    assert!(
        matches!(error, Error::Newer { theirs: 9999, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[tokio::test]
async fn an_unknown_value_for_a_document_list_says_so() {
    let room = Room::empty(config()).await;
    for (body, says) in [
        (json!({ "documents": 7 }), "is not a list"),
        (
            json!({ "documents": [], "dry_run": "yes" }),
            "true or false",
        ),
        (
            json!({ "documents": [], "dryrun": true }),
            "did you mean \"dry_run\"?",
        ),
    ] {
        let (_, problem): (_, Value) = room.post("/v1/apply", body).await;
        assert!(
            problem["detail"].as_str().unwrap().contains(says),
            "{problem}"
        );
    }
    room.end().await;
}
