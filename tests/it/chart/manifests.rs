//! The manifests for `kubectl apply -k`, and documents of the chart, unchanged.
//!
//! `UPDATE=1` rewrites the golden files; `deploy/kustomize/render.sh` the manifests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{case, parse, render, text, tool};
use utakata_tests::repository;

const BASES: [&str; 2] = ["pods", "process"];

fn kustomize() -> PathBuf {
    repository::root().join("deploy/kustomize")
}

#[test]
fn the_manifests_are_what_the_chart_renders() {
    let Some(helm) = tool("helm") else { return };
    let place = tempfile::tempdir().unwrap();
    let made = Command::new(kustomize().join("render.sh"))
        .arg("--into")
        .arg(place.path())
        .env("HELM", &helm)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made));
    for base in BASES {
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let made = read(&place.path().join(base).with_extension("yaml"));
        let here = read(&kustomize().join(base).join("utakata.yaml"));
        assert!(
            made == here,
            "{base} is not what the chart renders: deploy/kustomize/render.sh writes it anew\n{}",
            first_difference(&here, &made)
        );
    }
}

#[test]
fn kustomize_takes_the_manifests_as_they_are() {
    let Some(kubectl) = tool("kubectl") else {
        return;
    };
    for base in BASES {
        let folder = kustomize().join(base);
        let built = Command::new(&kubectl)
            .arg("kustomize")
            .arg(&folder)
            .output()
            .unwrap();
        assert!(built.status.success(), "{base}: {}", text(&built));
        let mut built = parse(&String::from_utf8(built.stdout).unwrap());
        let mut expect = Vec::new();
        for file in ["namespace.yaml", "utakata.yaml"] {
            expect.extend(parse(&fs::read_to_string(folder.join(file)).unwrap()));
        }
        for all in [&mut built, &mut expect] {
            all.sort_by_key(|one| (super::name(one), one["metadata"]["namespace"].to_string()));
        }
        assert_eq!(built, expect, "{base}");
    }
}

#[test]
fn the_documents_are_as_they_were() {
    let Some(helm) = tool("helm") else { return };
    for one in ["kubernetes", "process"] {
        let made = render(&helm, &[&case(one)], &[]).unwrap();
        let lines = made.lines().filter(|line| !line.trim().is_empty());
        let made: String = lines.map(|line| format!("{line}\n")).collect();
        let golden = repository::root().join("tests/it/chart/golden");
        let golden = golden.join(one).with_extension("yaml");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&golden, &made).unwrap();
        }
        let was = fs::read_to_string(&golden).unwrap_or_default();
        assert!(
            made == was,
            "the documents of {one} have changed: UPDATE=1 writes them anew\n{}",
            first_difference(&was, &made)
        );
    }
}

fn first_difference(was: &str, is: &str) -> String {
    let mut pairs = was.lines().zip(is.lines()).enumerate();
    let found = pairs.find(|(_, (was, is))| was != is);
    match found {
        Some((number, (was, is))) => format!("line {}:\n- {was}\n+ {is}", number + 1),
        None => "one of them is longer".into(),
    }
}
