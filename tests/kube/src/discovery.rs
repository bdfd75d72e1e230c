//! The discovery of the server by clients: groups, resources, versions.

use serde_json::{Value, json};

use crate::resource::{RESOURCES, Resource};

const JSON: &str = "application/json";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// `/version`.
pub fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.2+for-tests",
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "", "compiler": "", "platform": "linux/amd64",
        "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
    })
}

/// A document of discovery and its content type.
pub fn at(path: &str, accept: &str) -> Option<(&'static str, Value)> {
    let is_aggregated = accept.contains("g=apidiscovery.k8s.io;v=v2;");
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let found = match parts.as_slice() {
        ["api"] if is_aggregated => return Some((AGGREGATED, aggregated(true))),
        ["apis"] if is_aggregated => return Some((AGGREGATED, aggregated(false))),
        ["api"] => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        ["apis"] => {
            let groups: Vec<Value> = groups().into_iter().map(group).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["apis", name] => {
            let name = groups().into_iter().find(|group| group == name)?;
            let mut found = group(name);
            found["kind"] = json!("APIGroup");
            found["apiVersion"] = json!("v1");
            found
        }
        ["api", "v1"] => resources("")?,
        ["apis", group, "v1"] => resources(group)?,
        ["openapi", "v3"] => openapi_index(),
        ["openapi", "v3", "api", "v1"] => openapi(""),
        ["openapi", "v3", "apis", group, "v1"] => openapi(group),
        _ => return None,
    };
    Some((JSON, found))
}

fn groups() -> Vec<&'static str> {
    let mut groups: Vec<_> = RESOURCES.iter().map(|one| one.group).collect();
    groups.dedup();
    groups.retain(|group| !group.is_empty());
    groups
}

fn of_group(group: &str) -> impl Iterator<Item = &'static Resource> {
    RESOURCES.iter().filter(move |one| one.group == group)
}

fn group(name: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

/// (path, kind with its group and version, verbs)
type Below = (&'static str, [&'static str; 3], &'static [&'static str]);

fn below(resource: &Resource) -> Vec<Below> {
    let status: Below = ("status", ["", "", ""], &["get", "patch", "update"]);
    match resource.plural {
        "pods" => vec![
            ("eviction", ["policy", "v1", "Eviction"], &["create"]),
            ("log", ["", "", ""], &["get"]),
            ("resize", ["", "", ""], &["get", "patch", "update"]),
            status,
        ],
        "serviceaccounts" => vec![(
            "token",
            ["authentication.k8s.io", "v1", "TokenRequest"],
            &["create"],
        )],
        "namespaces" | "nodes" | "poddisruptionbudgets" | "resourcequotas" => vec![status],
        _ => Vec::new(),
    }
}

fn resources(group: &str) -> Option<Value> {
    let mut list = Vec::new();
    let mut api_version = String::new();
    for resource in of_group(group) {
        api_version = resource.api_version();
        let Resource {
            plural,
            kind,
            is_namespaced,
            short,
            ..
        } = resource;
        list.push(json!({
            "name": plural, "singularName": kind.to_lowercase(), "namespaced": is_namespaced,
            "kind": kind, "verbs": VERBS, "shortNames": short, "storageVersionHash": "",
        }));
        for (path, [group, version, named], verbs) in below(resource) {
            let mut one = json!({
                "name": format!("{plural}/{path}"), "singularName": "",
                "namespaced": is_namespaced, "kind": if named.is_empty() { kind } else { named },
                "verbs": verbs,
            });
            if !named.is_empty() {
                one["group"] = json!(group);
                one["version"] = json!(version);
            }
            list.push(one);
        }
    }
    (!list.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": api_version, "resources": list,
        })
    })
}

fn aggregated(is_core: bool) -> Value {
    let names = if is_core { vec![""] } else { groups() };
    let items: Vec<Value> = names
        .into_iter()
        .map(|name| {
            let all: Vec<Value> = of_group(name).map(aggregated_resource).collect();
            json!({
                "metadata": {"name": name, "creationTimestamp": null},
                "versions": [{"version": "v1", "resources": all, "freshness": "Current"}],
            })
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {}, "items": items,
    })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let scope = if resource.is_namespaced {
        "Namespaced"
    } else {
        "Cluster"
    };
    let own = json!({"group": resource.group, "version": "v1", "kind": resource.kind});
    let below: Vec<Value> = below(resource)
        .into_iter()
        .map(|(path, [group, version, kind], verbs)| {
            let named = json!({"group": group, "version": version, "kind": kind});
            let kind = if kind.is_empty() { own.clone() } else { named };
            json!({"subresource": path, "responseKind": kind, "verbs": verbs})
        })
        .collect();
    let mut one = json!({
        "resource": resource.plural, "responseKind": own, "scope": scope,
        "singularResource": resource.kind.to_lowercase(), "verbs": VERBS,
        "shortNames": resource.short,
    });
    if !below.is_empty() {
        one["subresources"] = json!(below);
    }
    one
}

fn openapi_index() -> Value {
    let mut paths = json!({"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=1"}});
    for group in groups() {
        let path = format!("apis/{group}/v1");
        let url = format!("/openapi/v3/{path}?hash=1");
        paths[path] = json!({"serverRelativeURL": url});
    }
    json!({"paths": paths})
}

/// No schemas: only that the server checks fields itself.
fn openapi(group: &str) -> Value {
    let mut paths = json!({});
    for resource in of_group(group) {
        let Resource {
            plural,
            kind,
            version,
            ..
        } = resource;
        let root = if group.is_empty() {
            "/api/v1".into()
        } else {
            format!("/apis/{group}/v1")
        };
        let scope = if resource.is_namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let parameters = ["dryRun", "fieldManager", "fieldValidation"].map(|name| {
            json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}})
        });
        let of_kind = json!({"group": group, "version": version, "kind": kind});
        let operation = |action: &str| {
            json!({
                "parameters": parameters, "responses": {},
                "x-kubernetes-action": action, "x-kubernetes-group-version-kind": of_kind,
            })
        };
        paths[format!("{root}{scope}/{plural}/{{name}}")] = json!({
            "patch": operation("patch"), "put": operation("put"),
        });
        paths[format!("{root}{scope}/{plural}")] = json!({"post": operation("post")});
    }
    json!({
        "openapi": "3.0.0", "info": {"title": "for tests", "version": "v1.36.2"},
        "paths": paths, "components": {"schemas": {}},
    })
}
