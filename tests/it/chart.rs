//! Tests of the chart in `deploy/helm` and of the manifests made from it: Kubernetes accepts them,
//! utakata accepts their configuration, and they request no more permissions than needed.
//!
//! Where helm is not installed (`tests/servers/install.sh kubernetes`), these tests say so and are
//! skipped.

mod admission;
mod configuration;
mod documents;
mod foreign;
mod manifests;
mod rights;
mod start;
mod values;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use utakata_tests::repository;

const CHART: &str = "deploy/helm/utakata";
/// Values of the chart for its tests, in its folder `ci`.
const CASES: [&str; 5] = ["hpa", "kubernetes", "process", "single", "try"];
/// Kinds that are not built into Kubernetes.
const FOREIGN: [&str; 3] = ["ServiceMonitor", "ScaledObject", "TriggerAuthentication"];

/// The path of a test tool; `None` if it is not installed.
fn tool(name: &str) -> Option<PathBuf> {
    let path = repository::tool("kubernetes", name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("left out: {name} is not here: tests/servers/install.sh kubernetes");
    None
}

fn chart() -> PathBuf {
    repository::root().join(CHART)
}

fn case(name: &str) -> PathBuf {
    chart().join("ci").join(name).with_extension("yaml")
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

/// Renders the chart for a release `utakata` in the namespace `site`.
fn render(helm: &Path, values: &[&Path], more: &[&str]) -> Result<String, String> {
    let mut command = Command::new(helm);
    command.args(["template", "utakata"]).arg(chart());
    command.args(["--namespace", "site"]);
    for file in values {
        command.arg("--values").arg(file);
    }
    let output = command.args(more).output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(text(&output)),
    }
}

/// Renders a case.
fn rendered(helm: &Path, name: &str) -> Vec<Value> {
    let text = render(helm, &[&case(name)], &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
    parse(&text)
}

fn parse(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    documents.into_iter().filter(Value::is_object).collect()
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let all = documents.iter();
    all.filter(|document| document["kind"] == kind).collect()
}

fn name(document: &Value) -> String {
    let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!(
        "{} {}",
        part(&document["kind"]),
        part(&document["metadata"]["name"])
    )
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The specifications of all pods created by documents, with the name of each.
fn pods(documents: &[Value]) -> Vec<(String, &Value)> {
    let templates = documents.iter().filter_map(|document| {
        let spec = &document["spec"];
        let pod = match document["kind"].as_str()? {
            "StatefulSet" | "Deployment" | "Job" => &spec["template"]["spec"],
            "CronJob" => &spec["jobTemplate"]["spec"]["template"]["spec"],
            _ => return None,
        };
        Some((name(document), pod))
    });
    templates.collect()
}
