//! A cluster with images of the echo worker and of the tool.

use std::{fs, os::unix::fs::symlink, path::Path, sync::Arc, time::Duration};

use tempfile::TempDir;
use utakata_execution::{
    Artifact, Config,
    artifact::{Image as Pinned, Reference},
    config::{self, Containers},
    runtime::Placed,
};
use utakata_execution_kubernetes::Kubernetes;
use utakata_kube_for_tests::{Cluster, Image, Options};

use crate::{
    docker::manifest,
    player::until,
    site::{self, Site, add_image},
    tool,
};

/// The namespace of the workers.
pub const NAMESPACE: &str = "workers";
/// The images, each with everything that workers are tried with.
const DIGEST: &str = "sha256:00000000000000000000000000000000000000000000000000000000000000aa";

/// A cluster with images.
pub struct Quay {
    pub cluster: Cluster,
    images: TempDir,
}

impl Quay {
    pub fn open() -> Self {
        Self::open_with(Options::default())
    }

    pub fn open_with(options: Options) -> Self {
        let cluster = Cluster::start_with(options).unwrap();
        let restricted = ("pod-security.kubernetes.io/enforce", "restricted");
        cluster.namespace(NAMESPACE, &[restricted]).unwrap();
        let images = tempfile::tempdir().unwrap();
        let root = images.path();
        let echo = site::programs().join("utakata-worker-echo");
        for (from, name) in [(tool::build(), "tool"), (echo, "utakata-worker-echo")] {
            symlink(from, root.join(name)).unwrap();
        }
        fs::write(root.join("worker.toml"), manifest()).unwrap();
        cluster.register(&reference(), Image::folder(root));
        Self { cluster, images }
    }

    /// The files of the images.
    pub fn images(&self) -> &Path {
        self.images.path()
    }

    pub fn config(&self) -> config::Kubernetes {
        config::Kubernetes {
            kubeconfig: Some(self.cluster.kubeconfig()),
            namespace: NAMESPACE.into(),
            address: Some("127.0.0.1".into()),
            port: 0,
            starts_within: Duration::from_secs(60),
            pull_grace: Duration::from_millis(500),
            ..config::Kubernetes::default()
        }
    }

    pub fn runtime(&self) -> Kubernetes {
        Kubernetes::new(self.config())
    }

    /// The image of the tool, and of the echo worker.
    pub fn tool(&self) -> Artifact {
        let reference = Reference::parse(&reference()).unwrap();
        Artifact::Image(Pinned::Pinned(reference))
    }

    /// An environment with the echo release as an image.
    pub async fn site(&self, change: impl FnOnce(&mut Config)) -> Site {
        self.site_with(&reference(), self.config(), change).await
    }

    /// An environment with the echo release as an image of this name, in a cluster that is
    /// reached so.
    pub async fn site_with(
        &self,
        image: &str,
        pods: config::Kubernetes,
        change: impl FnOnce(&mut Config),
    ) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let image = format!("image = \"{image}\"");
        add_image(&folder.path().join("releases"), "echo", &manifest(), &image);
        start(folder, pods, change).await
    }

    /// The names of the pods that have not ended.
    pub fn pods(&self) -> Vec<String> {
        let all = self.cluster.objects("pods", NAMESPACE).into_iter();
        let running = all.filter(|pod| pod["status"]["phase"] == "Running");
        let name = |pod: serde_json::Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
        running.map(name).collect()
    }

    /// Waits for the one pod that runs.
    pub async fn one(&self) -> String {
        until(|| self.pods().len() == 1).await;
        self.pods().remove(0)
    }

    /// Waits until no pod is left, running or not.
    pub async fn assert_empty(&self) {
        until(|| self.cluster.objects("pods", NAMESPACE).is_empty()).await;
        until(|| self.cluster.processes().is_empty()).await;
    }
}

/// An environment with what lies in a folder.
pub async fn start(
    folder: TempDir,
    pods: config::Kubernetes,
    change: impl FnOnce(&mut Config),
) -> Site {
    let runtime = Arc::new(Placed::new(Arc::new(Kubernetes::new(pods.clone()))));
    let set = |config: &mut Config| {
        config.runtime = Containers::Kubernetes;
        config.kubernetes = pods;
        change(config);
    };
    Site::start_with(folder, set, runtime).await
}

/// The name of the image.
pub fn reference() -> String {
    format!("registry.example/utakata/workers@{DIGEST}")
}
