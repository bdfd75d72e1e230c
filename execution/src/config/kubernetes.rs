//! The settings of the pods of an environment.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::{
    duration,
    manifest::limits::{Cpus, Memory},
    setting,
};
use utakata_settings::Settings;

/// The runtime of images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Containers {
    /// In a Docker engine of this machine.
    #[default]
    Docker,
    /// As pods of a Kubernetes cluster.
    Kubernetes,
}

setting!(Containers: "docker or kubernetes");

/// Pods, for releases that are images, where execution.runtime is kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Kubernetes {
    /// The kubeconfig that names the cluster. When not set: the cluster that this runs in;
    /// outside of one what KUBECONFIG names, or ~/.kube/config.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "file")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; its current one when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The namespace of the workers, with nothing else in it.
    pub namespace: String,
    /// The address of this machine, or of this pod, at which pods find their environment. When
    /// not set: POD_IP, or the address from which the cluster is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The port at which pods find their environment; 0: any that is free.
    #[setting(or_zero)]
    pub port: u16,
    /// The secrets of the namespace with which images are pulled.
    #[setting(form = "list of names")]
    pub pull_secrets: Vec<String>,
    /// The service account of the workers. It needs no rights.
    pub service_account: String,
    /// The most pods that are being started at a time.
    #[setting(max = 1000)]
    pub max_starts: u32,
    /// The time that the start of a pod may take: a node is found or made, its image is pulled.
    #[serde(with = "duration")]
    pub starts_within: Duration,
    /// The time for which an image that cannot be pulled is tried before that is said.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub pull_grace: Duration,
    /// The time for which a pod stays on a node that cannot be reached.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub leaves_node_after: Duration,
    /// The most memory of a pod whose manifest does not say (run.memory).
    pub memory: Memory,
    /// The processors of a pod whose manifest does not say (run.cpus).
    pub cpus: Cpus,
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            namespace: "utakata-workers".into(),
            address: None,
            port: 7733,
            pull_secrets: Vec::new(),
            service_account: "default".into(),
            max_starts: 8,
            starts_within: Duration::from_secs(300),
            pull_grace: Duration::from_secs(30),
            leaves_node_after: Duration::from_secs(30),
            memory: Memory::mebibytes(256),
            cpus: Cpus::ONE,
        }
    }
}
