use std::collections::BTreeMap;

use utoipa::openapi::path::Operation;

use super::{
    Answered::{Anywhere, ByKeeper, ByKeeperIfAny},
    BodySize, Needs, TimeLimit,
};

/// Every method of every path, and what its requests need.
fn table() -> BTreeMap<(&'static str, String), (Needs, Operation)> {
    let mut table = BTreeMap::new();
    for route in super::super::routes() {
        let (_, paths, _) = route.handler;
        for (path, item) in paths.paths {
            let methods = [
                ("GET", item.get),
                ("PUT", item.put),
                ("POST", item.post),
                ("DELETE", item.delete),
            ];
            for (method, operation) in methods {
                let Some(operation) = operation else { continue };
                let before = table.insert((method, path.clone()), (route.needs, operation));
                assert!(before.is_none(), "{method} {path} is there twice");
            }
        }
    }
    table
}

#[test]
fn requests_that_only_the_keeper_can_answer_are_forwarded_and_no_others() {
    let table = table();
    for (method, path, expect) in [
        ("POST", "/v1/operations", ByKeeper),
        ("POST", "/v1/apply", ByKeeper),
        ("PUT", "/v1/targets/{name}", ByKeeper),
        ("DELETE", "/v1/targets/{name}/lock", ByKeeper),
        ("POST", "/v1/tasks/{id}/settle", ByKeeper),
        ("GET", "/v1/tasks/{id}/explain", ByKeeper),
        ("GET", "/v1/operations/{id}/explain", ByKeeper),
        ("GET", "/v1/targets/{name}", ByKeeper),
        ("GET", "/v1/locks", ByKeeper),
        ("GET", "/v1/me", ByKeeper),
        ("GET", "/v1/overview", ByKeeperIfAny),
        ("GET", "/v1/targets", Anywhere),
        ("POST", "/v1/reads", Anywhere),
        ("POST", "/v1/releases", ByKeeper),
        ("DELETE", "/v1/releases/{release}", ByKeeper),
        ("PUT", "/v1/release-files/{sha256}", Anywhere),
        ("GET", "/v1/operations/{id}", Anywhere),
        ("GET", "/v1/tasks", Anywhere),
        ("GET", "/v1/events", Anywhere),
        ("GET", "/v1/view", Anywhere),
        ("GET", "/v1/view/past", Anywhere),
        ("POST", "/v1/session", Anywhere),
        ("GET", "/v1/status", Anywhere),
    ] {
        let (needs, _) = &table[&(method, path.to_owned())];
        assert_eq!(needs.answered, expect, "{method} {path}");
    }
}

#[test]
fn changes_are_answered_by_the_keeper_except_reads_and_files() {
    for ((method, path), (needs, _)) in table() {
        let anywhere = [
            "/v1/reads",
            "/v1/session",
            "/v1/login/device",
            "/v1/alarm-rules/test",
            "/v1/audit/verify",
        ];
        let is_anywhere =
            anywhere.contains(&path.as_str()) || path.starts_with("/v1/release-files");
        if method != "GET" && !is_anywhere {
            assert_eq!(needs.answered, ByKeeper, "{method} {path}");
        }
    }
}

#[test]
fn a_route_declares_a_body_where_its_description_has_one() {
    for ((method, path), (needs, operation)) in table() {
        let has_body = needs.body != BodySize::NoBody;
        assert_eq!(
            has_body,
            operation.request_body.is_some(),
            "{method} {path}"
        );
    }
}

#[test]
fn only_what_is_posted_or_uploaded_takes_longer_than_configured() {
    for ((method, path), (needs, _)) in table() {
        let expect = match (method, needs.body) {
            (_, BodySize::File) => TimeLimit::Upload,
            ("POST", _) => TimeLimit::Patient,
            // It may compute hours of history.
            ("GET", _) if path.ends_with("/policies/{name}/explain") => TimeLimit::Patient,
            ("GET", _) if path == "/v1/view/past" => TimeLimit::Patient,
            _ => TimeLimit::Prompt,
        };
        assert_eq!(needs.time, expect, "{method} {path}");
    }
}
