//! A Kubernetes cluster of the drill's own, in which the drilled workers are pods: their
//! processes are killed, they are evicted, nodes are drained, and the API server is away.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::process::Pid;
use tokio::time::{Instant, sleep};
use utakata_kube_for_tests::{Cluster, Image, Options};
use utakata_model::FileDigest;
use utakata_up::programs;

use crate::disaster::Victim;

/// The namespace of the workers.
const NAMESPACE: &str = "drill";
const NODES: usize = 3;
const WORKER: &str = "utakata-worker-snmp";
const MANIFEST: &str = "worker.toml";
/// The API server is away for so long, and longer by so many times the absence of a victim.
const AWAY: Duration = Duration::from_secs(20);
const AWAY_LONGER: u32 = 20;
/// A node takes no pods for so many times as long.
const CORDONED: u32 = 5;
/// The time within which no pod is left after the end of its environment.
const GONE_TIMEOUT: Duration = Duration::from_secs(30);
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// A cluster, and what is wrong with it.
pub struct Pods {
    cluster: Arc<Cluster>,
    is_back_at: Option<Instant>,
    cordoned: Option<(String, Instant)>,
}

/// Its registry.
#[derive(Clone)]
pub struct Images {
    cluster: Arc<Cluster>,
    folder: PathBuf,
}

impl std::fmt::Debug for Pods {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Pods")
    }
}

impl std::fmt::Debug for Images {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Images")
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
        let cluster = Cluster::start_with(options).context("the cluster cannot be started")?;
        let restricted = ("pod-security.kubernetes.io/enforce", "restricted");
        cluster.namespace(NAMESPACE, &[restricted])?;
        Ok(Self {
            cluster: Arc::new(cluster),
            is_back_at: None,
            cordoned: None,
        })
    }

    /// Its registry, with a folder for the files of images.
    pub fn images(&self, folder: PathBuf) -> Images {
        Images {
            cluster: Arc::clone(&self.cluster),
            folder,
        }
    }

    /// The settings of an environment whose workers are its pods, in its table `execution`.
    pub fn settings(&self) -> String {
        format!(
            "runtime = \"kubernetes\"\nkubernetes.kubeconfig = {:?}\n\
             kubernetes.namespace = {NAMESPACE:?}\nkubernetes.address = \"127.0.0.1\"\n\
             kubernetes.port = 0\n",
            self.cluster.kubeconfig(),
        )
    }

    /// The first process of each pod.
    pub fn processes(&self) -> Vec<Pid> {
        let mut all = self.cluster.processes();
        all.sort_unstable();
        all.into_iter().filter_map(Pid::from_raw).collect()
    }

    /// Strikes; returns whether there was anything to strike.
    pub fn strike(&mut self, victim: Victim, which: usize, down: Duration) -> bool {
        match victim {
            Victim::Eviction => self.evict(which),
            Victim::Node => self.drain(which, down),
            Victim::Cluster => self.close(down),
            _ => false,
        }
    }

    fn evict(&self, which: usize) -> bool {
        let pods = self.cluster.objects("pods", NAMESPACE);
        let running: Vec<&str> = pods
            .iter()
            .filter(|pod| pod["status"]["phase"] == "Running")
            .filter_map(|pod| pod["metadata"]["name"].as_str())
            .collect();
        let name = running.get(which % running.len().max(1));
        name.is_some_and(|name| self.cluster.evict(NAMESPACE, name).is_ok())
    }

    fn drain(&mut self, which: usize, down: Duration) -> bool {
        if self.cordoned.is_some() {
            return false;
        }
        let node = format!("node-{}", which % NODES + 1);
        let is_drained = self.cluster.drain_node(&node).is_ok();
        self.cordoned = Some((node, Instant::now() + down * CORDONED));
        is_drained
    }

    fn close(&mut self, down: Duration) -> bool {
        if self.is_back_at.is_some() {
            return false;
        }
        self.cluster.close();
        self.is_back_at = Some(Instant::now() + AWAY + down * AWAY_LONGER);
        true
    }

    /// Ends what has lasted long enough.
    pub fn keep(&mut self) {
        let now = Instant::now();
        if self.is_back_at.is_some_and(|at| at <= now) {
            self.open();
        }
        if self.cordoned.as_ref().is_some_and(|(_, at)| *at <= now) {
            self.uncordon();
        }
    }

    /// All is well with it from now on.
    pub fn calm(&mut self) {
        self.open();
        self.uncordon();
    }

    fn open(&mut self) {
        if self.is_back_at.take().is_some() {
            self.cluster.open();
        }
    }

    fn uncordon(&mut self) {
        if let Some((node, _)) = self.cordoned.take() {
            // It fails where there is no such node.
            let _ = self.cluster.uncordon_node(&node);
        }
    }

    /// Waits until no pod is left, and says how many are.
    pub async fn left(&self) -> u64 {
        let until = Instant::now() + GONE_TIMEOUT;
        loop {
            let pods = self.cluster.objects("pods", NAMESPACE).len();
            let left = pods.max(self.cluster.processes().len());
            if left == 0 || Instant::now() > until {
                return left as u64;
            }
            sleep(RETRY_AFTER).await;
        }
    }
}

impl Images {
    /// Makes a release folder one whose workers are pods.
    ///
    /// # Errors
    /// A program is missing, or a folder cannot be written.
    pub fn put_into(&self, release: &Path) -> Result<()> {
        let manifest = fs::read_to_string(release.join(MANIFEST))?;
        let digest = FileDigest::of(manifest.as_bytes());
        let root = self.folder.join(digest.as_str());
        let worker = programs::find(WORKER)
            .with_context(|| format!("the program {WORKER} must lie beside utakata"))?;
        if !root.exists() {
            fs::create_dir_all(root.join("profiles"))?;
            symlink(worker, root.join(WORKER))?;
            fs::write(root.join(MANIFEST), manifest)?;
            for profile in fs::read_dir(release.join("profiles"))? {
                let profile = profile?;
                let to = root.join("profiles").join(profile.file_name());
                fs::copy(profile.path(), to)?;
            }
        }
        let reference = format!("registry.example/drill@sha256:{}", digest.as_str());
        self.cluster.register(&reference, Image::folder(root));
        let text = format!("image = {reference:?}\n");
        Ok(fs::write(release.join("image.toml"), text)?)
    }
}
