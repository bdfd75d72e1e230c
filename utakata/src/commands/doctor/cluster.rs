//! The cluster in which workers run, where they do.

use utakata_execution::config::Containers;
use utakata_up::{cluster, config};

use super::Finding;
use crate::{connection, global::Global};

/// Returns the findings about the cluster; none where workers do not run in one.
pub async fn look(global: &Global) -> Vec<Finding> {
    let folder = connection::candidates(global).into_iter().next();
    let file = config::file(None, folder.as_ref().map(|folder| folder.path()));
    let overrides = config::from_environment(std::env::vars());
    // What is wrong with the settings is said where they are looked at.
    let Ok(loaded) = config::load(file.as_deref(), &overrides) else {
        return Vec::new();
    };
    if loaded.execution.runtime != Containers::Kubernetes {
        return Vec::new();
    }
    let findings = cluster::examine(&loaded.execution.kubernetes).await;
    let finding = |finding: cluster::Finding| {
        let check = format!("kubernetes: {}", finding.what);
        match finding.found {
            Ok(seen) => Finding::right(&check, seen),
            Err(error) => {
                let code = error.problem().code;
                Finding::wrong(&check, error.to_string(), format!("utakata error {code}"))
            }
        }
    };
    findings.into_iter().map(finding).collect()
}
