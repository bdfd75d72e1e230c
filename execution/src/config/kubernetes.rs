//! The settings of the pods of an environment.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utakata_model::{
    duration,
    manifest::limits::{Cpus, Memory},
    setting,
};
use utakata_settings::Settings;

/// The longest name of an object, in bytes (RFC 1123).
const MAX_NAME: usize = 253;

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
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; its current one when not set.
    #[serde(
        deserialize_with = "some_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub context: Option<String>,
    /// The namespace of the workers, with nothing else in it.
    #[serde(deserialize_with = "name")]
    #[setting(form = "name")]
    pub namespace: String,
    /// The address of this machine, or of this pod, at which pods find their environment. When
    /// not set: POD_IP, or the address from which the cluster is reached.
    #[serde(
        deserialize_with = "some_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub address: Option<String>,
    /// The port at which pods find their environment; 0: any that is free.
    #[setting(or_zero)]
    pub port: u16,
    /// The secrets of the namespace with which images are pulled.
    #[serde(deserialize_with = "names")]
    #[setting(form = "list of names")]
    pub pull_secrets: Vec<String>,
    /// The service account of the workers. It needs no rights.
    #[serde(deserialize_with = "name")]
    #[setting(form = "name")]
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
    /// Limit what the workers of a kind reach to the addresses of its targets, by a NetworkPolicy
    /// for each kind. The environment needs the right to write them.
    pub network_policies: bool,
    /// The most memory of a pod whose manifest does not say (run.memory).
    pub memory: Memory,
    /// The processors of a pod whose manifest does not say (run.cpus).
    pub cpus: Cpus,
}

/// Reads the name of an object, as RFC 1123 has it for subdomains.
fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    named(String::deserialize(from)?)
}

fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    names.into_iter().map(named).collect()
}

fn named<E: serde::de::Error>(text: String) -> Result<String, E> {
    let is_inner = |letter: u8| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    let is_edge = |letter: Option<&u8>| letter.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let is_name = bytes.iter().copied().all(is_inner)
        && is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes.len() <= MAX_NAME;
    match is_name {
        true => Ok(text),
        false => Err(E::custom(format_args!(
            "\"{text}\" is not a name in Kubernetes: lower-case letters, digits, - and . between them"
        ))),
    }
}

fn some_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    match text.as_deref().map(str::trim) {
        Some("") => Err(D::Error::custom("must not be empty: leave the key out")),
        _ => Ok(text),
    }
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
            network_policies: false,
            memory: Memory::mebibytes(256),
            cpus: Cpus::ONE,
        }
    }
}
