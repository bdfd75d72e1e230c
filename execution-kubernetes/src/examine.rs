//! A look at a cluster before an environment needs it: does it let workers run?

use k8s_openapi::{api::coordination::v1::Lease, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use utakata_execution::config;

use crate::{
    cluster::{Cluster, Right},
    error::Error,
    labels,
};

/// The rights that an environment needs in the namespace of its workers.
const RIGHTS: [Right; 12] = [
    right("", "pods", "create"),
    right("", "pods", "get"),
    right("", "pods", "list"),
    right("", "pods", "watch"),
    right("", "pods", "delete"),
    right("coordination.k8s.io", "leases", "create"),
    right("coordination.k8s.io", "leases", "get"),
    right("coordination.k8s.io", "leases", "update"),
    right("networking.k8s.io", "networkpolicies", "create"),
    right("networking.k8s.io", "networkpolicies", "list"),
    right("networking.k8s.io", "networkpolicies", "update"),
    right("networking.k8s.io", "networkpolicies", "delete"),
];
/// Needed only where an environment writes them (`network_policies`).
const POLICIES: &str = "networkpolicies";

const fn right(group: &'static str, resource: &'static str, verb: &'static str) -> Right {
    Right {
        group,
        resource,
        verb,
    }
}

/// One finding about a cluster.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The subject.
    pub what: &'static str,
    /// The mistake, if there is one.
    pub found: Result<String, Error>,
}

/// Looks at the cluster that the settings name: whether it answers, knows the issuer of tokens,
/// and gives every right that is needed.
pub async fn examine(config: &config::Kubernetes) -> Vec<Finding> {
    let cluster = Cluster::new(config.clone());
    let reached = cluster.keys().await.map(|_| "it answers".to_owned());
    let is_reached = reached.is_ok();
    let mut findings = vec![Finding {
        what: "cluster",
        found: reached,
    }];
    if !is_reached {
        return findings;
    }
    findings.push(Finding {
        what: "rights",
        found: rights(&cluster, config).await,
    });
    findings.push(Finding {
        what: "namespace",
        found: there(&cluster).await,
    });
    findings.push(Finding {
        what: "network",
        found: Ok(network(config).into()),
    });
    findings
}

async fn rights(cluster: &Cluster, config: &config::Kubernetes) -> Result<String, Error> {
    let mut missing = Vec::new();
    let is_needed = |right: &&Right| config.network_policies || right.resource != POLICIES;
    for right in RIGHTS.iter().filter(is_needed) {
        if !cluster.has(*right).await? {
            missing.push(format!("{} {}", right.verb, right.resource));
        }
    }
    if missing.is_empty() {
        return Ok("all that are needed".into());
    }
    Err(Error::Forbidden {
        step: "do everything that it must",
        namespace: config.namespace.clone(),
        message: format!("missing: {}", missing.join(", ")),
    })
}

/// Returns what limits the network of workers, as far as that can be seen from here.
fn network(config: &config::Kubernetes) -> &'static str {
    match config.network_policies {
        true => {
            "a NetworkPolicy for each kind; whether the network plugin enforces them cannot be seen \
             from here (docs/guide/kubernetes.md tells how to try it)"
        }
        false => {
            "workers of all kinds reach what the namespace lets through \
             (execution.kubernetes.network_policies is off)"
        }
    }
}

/// Returns the namespace with what is in it. Errors: it is not there, or does not take a Lease.
async fn there(cluster: &Cluster) -> Result<String, Error> {
    let lease = Lease {
        metadata: ObjectMeta {
            generate_name: Some("utakata-doctor-".into()),
            ..ObjectMeta::default()
        },
        spec: None,
    };
    cluster.try_lease(&lease).await?;
    let pods = cluster.list(labels::ENVIRONMENT).await?;
    let namespace = cluster.namespace();
    Ok(format!("{namespace}, with {} pods of workers", pods.len()))
}
