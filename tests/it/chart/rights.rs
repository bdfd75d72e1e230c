//! The permissions of an environment in the cluster: those that its runtime uses, and no others.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::{case, list, of_kind, parse, render, rendered, tool};
use utakata_tests::repository;

/// Verbs by resource.
type Rights = BTreeMap<String, Vec<String>>;

fn rights(role: &Value) -> Rights {
    let mut rights = Rights::new();
    for rule in list(&role["rules"]) {
        let words = |key: &str| {
            let words = list(&rule[key]).iter();
            words.filter_map(|word| word.as_str().map(str::to_owned))
        };
        for resource in words("resources") {
            rights.entry(resource).or_default().extend(words("verbs"));
        }
    }
    rights
}

#[track_caller]
fn check(expect: &[(&str, &[&str])]) {
    let Some(helm) = tool("helm") else { return };
    let text = render(&helm, &[&case("kubernetes")], &[]).unwrap();
    let documents = parse(&text);
    let roles = of_kind(&documents, "Role");
    assert_eq!(roles.len(), 1, "one Role");
    assert_eq!(roles[0]["metadata"]["namespace"], "site-workers");
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        assert!(of_kind(&documents, kind).is_empty(), "a {kind}");
    }
    let expect = expect.iter().map(|(resource, verbs)| {
        let verbs = verbs.iter().map(|verb| (*verb).to_owned());
        ((*resource).to_owned(), verbs.collect())
    });
    assert_eq!(rights(roles[0]), expect.collect::<Rights>());
}

#[test]
fn an_environment_may_do_what_its_runtime_does_and_nothing_else() {
    let pods: (&str, &[&str]) = ("pods", &["create", "get", "list", "watch", "delete"]);
    let leases: (&str, &[&str]) = ("leases", &["create", "get", "update"]);
    let policies: (&str, &[&str]) = ("networkpolicies", &["create", "list", "update", "delete"]);
    check(&[pods, leases, policies]);
}

/// The source file in which the runtime lists the permissions that it checks.
const EXAMINED: &str = "execution-kubernetes/src/examine.rs";

#[test]
fn the_rights_are_those_that_doctor_looks_for() {
    let Some(helm) = tool("helm") else { return };
    let Ok(source) = fs::read_to_string(repository::root().join(EXAMINED)) else {
        eprintln!("left out: there is no {EXAMINED}");
        return;
    };
    let mut examined = Rights::new();
    let lines = source.lines().map(str::trim);
    for line in lines.filter(|line| line.starts_with("right(\"")) {
        let words: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        let [_, resource, verb] = words[..] else {
            panic!("{line}");
        };
        let verbs = examined.entry(resource.to_owned()).or_default();
        verbs.push(verb.to_owned());
    }
    assert!(examined.len() >= 2, "{examined:?}");
    let documents = rendered(&helm, "kubernetes");
    assert_eq!(rights(of_kind(&documents, "Role")[0]), examined);
}

#[test]
fn workers_in_processes_need_no_rights_at_all() {
    let Some(helm) = tool("helm") else { return };
    let documents = rendered(&helm, "process");
    for kind in [
        "Role",
        "RoleBinding",
        "ServiceAccount",
        "ValidatingAdmissionPolicy",
        "Namespace",
    ] {
        assert!(of_kind(&documents, kind).is_empty(), "a {kind}");
    }
}

#[test]
fn the_quota_is_the_twin_of_the_limit_of_workers() {
    let Some(helm) = tool("helm") else { return };
    let documents = rendered(&helm, "kubernetes");
    let quota = of_kind(&documents, "ResourceQuota");
    // Five environments, each with eight workers and one on trial.
    assert_eq!(quota[0]["spec"]["hard"]["pods"], "45");
    let maps = of_kind(&documents, "ConfigMap");
    let limited = maps.iter().filter(|map| {
        let toml = map["data"]["utakata.toml"].as_str().unwrap_or_default();
        toml.contains("execution.max_workers = 8\n")
    });
    assert_eq!(limited.count(), 2);
}

#[test]
fn the_account_of_workers_has_no_rights_and_no_token() {
    let Some(helm) = tool("helm") else { return };
    let documents = rendered(&helm, "kubernetes");
    let bindings = of_kind(&documents, "RoleBinding");
    assert_eq!(bindings.len(), 1);
    let subjects = list(&bindings[0]["subjects"]);
    assert_eq!(subjects.len(), 1);
    assert_eq!(subjects[0]["name"], "utakata-environment");
    assert_eq!(subjects[0]["namespace"], "site");
    for account in of_kind(&documents, "ServiceAccount") {
        assert_eq!(account["automountServiceAccountToken"], false);
    }
    let mounts = |pod: &str| {
        let pods = super::pods(&documents);
        let pod = pods.iter().find(|(name, _)| name == pod);
        pod.unwrap().1["automountServiceAccountToken"].clone()
    };
    assert_eq!(mounts("StatefulSet utakata-logic"), false);
    assert_eq!(mounts("StatefulSet utakata-hall-1"), true);
}
