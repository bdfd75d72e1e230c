//! Releases as images in a Kubernetes cluster of the benchmark's own, whose pods are processes of
//! this machine: what the cluster itself costs is not in the figures.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use utakata_kube_for_tests::{Cluster, Image, Options};
use utakata_model::FileDigest;

use crate::system;

const NAMESPACE: &str = "workers";
const NODES: usize = 3;
/// The time between two faults of the cluster.
const FAULT_INTERVAL: Duration = Duration::from_secs(2);
/// The requests that change something in a cluster.
const WRITES: [&str; 4] = ["create", "update", "patch", "delete"];

/// A cluster with a registry. Dropping this ends all of its pods.
pub struct Pods {
    cluster: Arc<Cluster>,
    images: TempDir,
}

/// Nodes that are drained, and pods that are evicted, until this is dropped.
#[derive(Debug)]
pub struct Faults(JoinHandle<()>);

/// Requests to the API server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    pub writes: u64,
    pub others: u64,
}

impl std::fmt::Debug for Pods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pods")
    }
}

impl Pods {
    /// Starts a cluster.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start() -> Result<Self> {
        let options = Options {
            nodes: NODES,
            ..Options::default()
        };
        let cluster = Cluster::start_with(options)?;
        let restricted = ("pod-security.kubernetes.io/enforce", "restricted");
        cluster.namespace(NAMESPACE, &[restricted])?;
        Ok(Self {
            cluster: Arc::new(cluster),
            images: tempfile::tempdir()?,
        })
    }

    /// Makes an image of a release folder, and writes its digest into the folder.
    ///
    /// # Errors
    /// The worker is not built, or a folder cannot be written.
    pub fn publish(&self, release: &Path) -> Result<()> {
        let manifest = fs::read_to_string(release.join("worker.toml"))?;
        let digest = FileDigest::of(manifest.as_bytes());
        let root: PathBuf = self.images.path().join(digest.as_str());
        let worker = system::programs()?.join("utakata-worker-echo");
        ensure!(
            worker.exists(),
            "{} is missing: cargo build --release",
            worker.display()
        );
        fs::create_dir_all(&root)?;
        symlink(&worker, root.join("utakata-worker-echo")).context("linking the worker")?;
        fs::write(root.join("worker.toml"), manifest)?;
        let reference = format!("registry.example/bench@sha256:{}", digest.as_str());
        self.cluster.register(&reference, Image::folder(root));
        let text = format!("image = {reference:?}\n");
        Ok(fs::write(release.join("image.toml"), text)?)
    }

    /// The configuration with which an environment finds the cluster.
    pub fn settings(&self) -> String {
        format!(
            "[execution]\nruntime = \"kubernetes\"\n[execution.kubernetes]\nkubeconfig = {:?}\n\
             namespace = {NAMESPACE:?}\naddress = \"127.0.0.1\"\nport = 0\n",
            self.cluster.kubeconfig(),
        )
    }

    /// Returns the number of requests so far.
    pub fn requests(&self) -> Requests {
        let all: BTreeMap<(String, String), u64> = self.cluster.requests();
        let is_write = |verb: &str| WRITES.contains(&verb);
        let count = |writes: bool| {
            let of = all.iter().filter(|((verb, _), _)| is_write(verb) == writes);
            of.map(|(_, count)| count).sum()
        };
        Requests {
            writes: count(true),
            others: count(false),
        }
    }

    /// Drains one node after the other, and evicts a pod in between. Must be called within a tokio
    /// runtime.
    pub fn disturb(&self) -> Faults {
        let cluster = Arc::clone(&self.cluster);
        Faults(tokio::spawn(async move {
            for round in 0.. {
                tokio::time::sleep(FAULT_INTERVAL).await;
                if let Some(pod) = first(&cluster) {
                    // It may have gone meanwhile.
                    let _ = cluster.evict(NAMESPACE, &pod);
                }
                tokio::time::sleep(FAULT_INTERVAL).await;
                let node = format!("node-{}", round % NODES + 1);
                if cluster.drain_node(&node).is_ok() {
                    tokio::time::sleep(FAULT_INTERVAL).await;
                    let _ = cluster.uncordon_node(&node);
                }
            }
        }))
    }
}

fn first(cluster: &Cluster) -> Option<String> {
    let pods = cluster.objects("pods", NAMESPACE);
    let mut running = pods
        .iter()
        .filter(|pod| pod["status"]["phase"] == "Running");
    Some(running.next()?["metadata"]["name"].as_str()?.to_owned())
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl std::ops::Sub for Requests {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            writes: self.writes - before.writes,
            others: self.others - before.others,
        }
    }
}
