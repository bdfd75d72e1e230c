//! The audit trail against the ledger: any edit in the file is detected.

use std::{path::Path, sync::Arc};

use axum::http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;
use utakata_api::audit::{AuditFinding, AuditReport};
use utakata_logic::{
    audit::verify::{verify, verify_published},
    store::sqlite,
};
use utakata_model::OutcomeStatus;
use utakata_seal::SignedHead;

use crate::{
    control::{hasty, off},
    room::{Room, config},
};

/// A store with a history: tasks that succeeded, failed and wait, and locks.
async fn eventful() -> (TempDir, String) {
    let mut room = Room::empty(hasty()).await;
    room.furnish(3).await;
    room.serve(
        "pdu",
        Arc::new(|task| match task.target.name.as_str() {
            "pdu-0" => Some((OutcomeStatus::Succeeded, None)),
            "pdu-1" => Some((OutcomeStatus::Failed, None)),
            _ => None,
        }),
    )
    .await;
    let wait = json!({ "wait": "20s", "why": "maintenance" });
    room.post("/v1/operations", off(wait)).await;
    for (target, lasts) in [("pdu-0", "2h"), ("pdu-1", "1h")] {
        let lock = json!({ "why": "a fan", "for": lasts });
        let path = format!("/v1/targets/{target}/lock");
        let (status, _) = room.send("PUT", &path, Some(lock)).await;
        assert_eq!(status, StatusCode::OK);
    }
    room.send("DELETE", "/v1/targets/pdu-1/lock", None).await;
    let (_, answer) = room.post("/v1/operations", off(json!({}))).await;
    let id = answer["operation"]["id"].as_str().unwrap();
    let path = format!("/v1/operations/{id}/pause");
    room.post(&path, json!({ "why": "lunch" })).await;
    let (_, head) = room.get("/v1/audit/head").await;
    let (status, report) = room.get("/v1/audit/verify").await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert_eq!(report["whole"], true, "{report:#}");
    assert_eq!(report["tasks"], 6, "{report}");
    // Additions at the end are not in the head noted before.
    let head = head["hash"].as_str().unwrap().to_owned();
    (room.end().await, head)
}

async fn edit(file: &Path, sql: &str) {
    let url = format!("sqlite://{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let off = "PRAGMA foreign_keys = OFF";
    sqlx::raw_sql(off).execute(&mut connection).await.unwrap();
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
    done.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn found(file: &Path, head: Option<&str>) -> AuditReport {
    let mut snapshot = sqlite::read_only(file).await.unwrap();
    verify(snapshot.as_mut(), head).await.unwrap()
}

#[tokio::test]
async fn every_edit_of_the_file_is_found() {
    let (folder, head) = eventful().await;
    let file = folder.path().join("store.sqlite3");
    let whole = found(&file, Some(&head)).await;
    assert!(whole.whole, "{whole:#?}");
    assert!(whole.pages >= 6 && whole.lines > whole.pages, "{whole:?}");
    let copy = folder.path().join("copy.sqlite3");
    for (sql, expect) in [
        (
            "UPDATE audit SET body = replace(body, 'maintenance', 'maintenancf')",
            "its hash",
        ),
        ("DELETE FROM audit WHERE page = 2", "page 2 is missing"),
        (
            "UPDATE audit SET page = -page WHERE page IN (2, 3);
             UPDATE audit SET page = 5 + page WHERE page < 0",
            "its hash",
        ),
        (
            "UPDATE audit SET page = page + 1000 WHERE page >= 3;
             UPDATE audit SET page = page - 999 WHERE page > 1000;
             INSERT INTO audit SELECT 3, hash, body, packed FROM audit WHERE page = 2",
            "its hash",
        ),
        (
            "INSERT INTO audit SELECT MAX(page) + 1, hash, body, packed FROM audit",
            "its hash",
        ),
        (
            "UPDATE audit SET hash = upper(hash) WHERE page = 2",
            "its hash",
        ),
        (
            "UPDATE task SET state = 'succeeded' WHERE state = 'failed'",
            "the trail says \"failed\"",
        ),
        (
            "UPDATE task SET progress = replace(progress, 'failed', 'succeeded')
             WHERE state = 'failed'",
            "where it stands in the ledger",
        ),
        (
            "UPDATE task SET progress = NULL WHERE state = 'failed'",
            "does not state its progress",
        ),
        (
            "UPDATE task SET body = replace(body, 'outlet-off', 'outlet-up') WHERE state = 'failed'",
            "not what the trail says that it was made as",
        ),
        (
            "UPDATE task SET target = 'pdu-9' WHERE state = 'failed'",
            "columns",
        ),
        (
            "DELETE FROM task WHERE state = 'failed'",
            "in the trail and not in the ledger",
        ),
        (
            "INSERT INTO task (id, operation, target, state, body, progress)
             SELECT '0192f0c1-7b1e-7000-8000-000000000000', operation, target, state,
                 replace(body, id, '0192f0c1-7b1e-7000-8000-000000000000'), progress
             FROM task WHERE state = 'failed' LIMIT 1",
            "creation is not in the trail",
        ),
        (
            "UPDATE operation SET body = replace(body, 'maintenance', 'maintenancf')",
            "differs from the request in the trail",
        ),
        (
            "UPDATE operation SET progress = replace(progress, 'paused', 'running')",
            "the trail does not say so",
        ),
        (
            "DELETE FROM operation WHERE body LIKE '%maintenance%'",
            "in the trail and not in the ledger",
        ),
        ("DELETE FROM lock", "but not in the ledger"),
        (
            "UPDATE lock SET body = replace(body, 'a fan', 'a fun')",
            "differs from the one in the trail",
        ),
        (
            "INSERT INTO lock SELECT 'pdu-1', body FROM lock",
            "the trail does not say so",
        ),
        ("DELETE FROM audit", "creation is not in the trail"),
        // Only the end: its content is in the ledger as well.
        (
            "DELETE FROM audit WHERE page > (SELECT MAX(page) FROM audit WHERE body LIKE '%lunch%') - 1",
            "the trail does not say so",
        ),
        (
            "UPDATE task SET body = 'x' WHERE state = 'failed'",
            "cannot be read",
        ),
    ] {
        std::fs::copy(&file, &copy).unwrap();
        edit(&copy, sql).await;
        let report = found(&copy, None).await;
        assert!(!report.whole, "{sql}");
        let told = report
            .findings
            .iter()
            .any(|one| one.message.contains(expect));
        assert!(told, "{sql}: {report:#?}");
    }
    // The end may say nothing that is in the ledger: the noted head shows its loss.
    std::fs::copy(&file, &copy).unwrap();
    edit(&copy, "DELETE FROM audit WHERE page > 3").await;
    let report = found(&copy, Some(&head)).await;
    assert!(report.findings.iter().any(|one| one.subject == "head"));
}

#[tokio::test]
async fn a_trail_that_was_rewritten_or_emptied_does_not_fit_the_heads_that_were_published() {
    let (folder, _) = eventful().await;
    let room = Room::at(folder, config()).await;
    let mut heads = Vec::new();
    for target in ["pdu-1", "pdu-2"] {
        let (_, head) = room.get("/v1/audit/head").await;
        heads.push(head["signed"].as_str().unwrap().to_owned());
        let lock = json!({ "why": "later", "for": "1h" });
        let path = format!("/v1/targets/{target}/lock");
        assert_eq!(room.send("PUT", &path, Some(lock)).await.0, StatusCode::OK);
    }
    let verify = async |heads: &[String]| {
        let body = json!({ "heads": heads });
        room.post("/v1/audit/verify", body).await
    };
    let (status, report) = verify(&heads).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert_eq!(report["whole"], true, "{report}");
    let mut forged = heads.clone();
    forged[1] = forged[1].replacen("utakata-head-1:", "utakata-head-1:9", 1);
    let (status, problem) = verify(&forged).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let told = problem["detail"].as_str().unwrap();
    assert!(told.contains("heads[1]: its signature is wrong"), "{told}");
    let folder = room.end().await;

    let file = folder.path().join("store.sqlite3");
    let copy = folder.path().join("copy.sqlite3");
    let heads: Vec<SignedHead> = heads.iter().map(|head| head.parse().unwrap()).collect();
    let found = async || {
        let mut snapshot = sqlite::read_only(&copy).await.unwrap();
        verify_published(snapshot.as_mut(), None, &heads)
            .await
            .unwrap()
    };
    std::fs::copy(&file, &copy).unwrap();
    let whole = found().await;
    assert!(whole.whole, "{whole:#?}");

    // Without a head such a copy is whole: the hashes have no key.
    rewrite(&copy).await;
    assert!(self::found(&copy, None).await.whole);
    let told = found().await;
    let page = format!("page {}", heads[0].page);
    let is_told = |one: &AuditFinding| one.subject == page && one.message.contains("rewritten");
    assert!(told.findings.iter().any(is_told), "{told:#?}");

    for table in ["audit", "task", "operation", "lock"] {
        edit(&copy, &format!("DELETE FROM {table}")).await;
    }
    assert!(self::found(&copy, None).await.whole, "it is empty");
    let told = found().await;
    assert_eq!(told.found, 2, "{told:#?}");
    assert!(told.findings[0].message.contains("emptied"), "{told:#?}");
}

/// Changes a word in trail and ledger alike, and makes all hashes right again.
async fn rewrite(file: &Path) {
    for column in ["operation.body", "audit.body"] {
        let (table, column) = column.split_once('.').unwrap();
        let sql = format!(
            "UPDATE {table} SET {column} = replace({column}, 'maintenance', 'maintenancf')"
        );
        edit(file, &sql).await;
    }
    let url = format!("sqlite://{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let pages = sqlx::query("SELECT page, body FROM audit ORDER BY page");
    let pages = pages.fetch_all(&mut connection).await.unwrap();
    let mut last = String::new();
    for row in pages {
        let (page, body): (i64, String) = (row.get("page"), row.get("body"));
        let digest = Sha256::digest(format!("{last}\n{page}\n{body}"));
        last = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        sqlx::query("UPDATE audit SET hash = ? WHERE page = ?")
            .bind(&last)
            .bind(page)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn the_trail_is_shown_byte_for_byte() {
    let (folder, _) = eventful().await;
    let room = Room::at(folder, config()).await;
    let (_, all) = room.get("/v1/audit?limit=1000").await;
    let pages = all["items"].as_array().unwrap();
    assert_eq!(pages[0]["page"], 1, "{all}");
    let mut lines = pages
        .iter()
        .flat_map(|page| page["lines"].as_array().unwrap());
    let first = lines.next().unwrap();
    assert_eq!(first["what"], "site.changed", "{first}");
    let requested = lines.find(|line| line["what"] == "operation.requested");
    assert_eq!(requested.unwrap()["operation"]["by"], "admin");
    let (_, one) = room.get("/v1/audit?from=2&limit=1").await;
    assert_eq!(one["items"], json!([pages[1]]));
    assert_eq!(one["next"], "3");
    let (_, next) = room.get("/v1/audit?cursor=3&limit=1").await;
    assert_eq!(next["items"], json!([pages[2]]));
    let (_, none) = room.get("/v1/audit?from=100000").await;
    assert_eq!(none, json!({ "items": Value::Array(Vec::new()) }));
    for (query, says) in [("head=abc", "64"), ("hed=1", "did you mean")] {
        let (status, problem) = room.get(&format!("/v1/audit/verify?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(problem.to_string().contains(says), "{problem}");
    }
    room.end().await;
}

#[tokio::test]
async fn a_trail_that_grows_meanwhile_is_whole() {
    let mut room = Room::empty(config()).await;
    room.furnish(40).await;
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    for _ in 0..20 {
        let (status, _) = room.post("/v1/operations", off(json!({}))).await;
        assert_eq!(status, StatusCode::OK);
        let (_, report) = room.get("/v1/audit/verify").await;
        assert_eq!(report["whole"], true, "{report:#}");
    }
    room.end().await;
}
