//! The clusters against which the contract is checked: ours, and a real one if
//! `UTAKATA_TEST_KUBERNETES` names a kubeconfig. There, `UTAKATA_TEST_KUBERNETES_IMAGE` is an image
//! with `/bin/sh`.

use std::env;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utakata_kube_for_tests::{Cluster, Image};
use utakata_tests::wait::until;

const SHELL: &str = "registry.example/shell@sha256:aaaa";

/// A namespace of one's own in a cluster.
pub struct Site {
    /// `ours` or `real`: where the two differ, the failure says which it is.
    pub name: &'static str,
    pub client: Client,
    pub namespace: String,
    /// An image with a shell.
    pub shell: String,
    /// The cluster, if it is ours.
    pub cluster: Option<Cluster>,
}

/// A cluster with a shell.
pub fn cluster() -> Cluster {
    let cluster = Cluster::start().unwrap();
    furnish(&cluster);
    cluster
}

pub fn furnish(cluster: &Cluster) {
    cluster.register(SHELL, Image::program("/bin/sh"));
}

/// Our cluster alone.
pub async fn ours() -> Site {
    ours_of(cluster()).await
}

pub async fn ours_of(cluster: Cluster) -> Site {
    let client = client_of(&cluster.kubeconfig_of(cluster.token(), "default")).await;
    Site::new("ours", client, SHELL.into(), Some(cluster)).await
}

/// All clusters that there are.
pub async fn sites() -> Vec<Site> {
    let mut all = vec![ours().await];
    if let Ok(path) = env::var("UTAKATA_TEST_KUBERNETES") {
        let text = std::fs::read_to_string(&path).unwrap();
        let image = env::var("UTAKATA_TEST_KUBERNETES_IMAGE");
        let image = image.expect("UTAKATA_TEST_KUBERNETES_IMAGE names an image with /bin/sh");
        all.push(Site::new("real", client_of(&text).await, image, None).await);
    }
    all
}

pub async fn client_of(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    // What is refused for now is refused.
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

impl Site {
    async fn new(
        name: &'static str,
        client: Client,
        shell: String,
        cluster: Option<Cluster>,
    ) -> Self {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let object = typed(json!({"metadata": {"generateName": "contract-"}}));
        let made = namespaces
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
        let site = Self {
            name,
            client,
            namespace: made.metadata.name.unwrap(),
            shell,
            cluster,
        };
        let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> = site.api();
        until("the default account", async || {
            accounts.get_opt("default").await.unwrap().is_some()
        })
        .await;
        site
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn pods(&self) -> Api<Pod> {
        self.api()
    }

    /// Labels of the namespace.
    pub async fn label(&self, name: &str, value: &str) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let patch = kube::api::Patch::Merge(json!({"metadata": {"labels": {name: value}}}));
        namespaces
            .patch(&self.namespace, &kube::api::PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// A pod that runs a script of the shell, and is never started again.
    pub fn script(&self, name: &str, script: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 5,
                "containers": [{
                    "name": "worker", "image": self.shell, "command": ["/bin/sh", "-c", script],
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                }],
            },
        })
    }

    /// A pod that runs until it is told to end, and ends with 0.
    pub fn sleeper(&self, name: &str) -> Value {
        self.script(name, "trap 'exit 0' TERM; while :; do sleep 0.05; done")
    }

    pub async fn make<K>(&self, object: Value) -> kube::Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope>
            + DeserializeOwned
            + Serialize
            + Clone
            + std::fmt::Debug,
        K::DynamicType: Default,
    {
        self.api::<K>()
            .create(&PostParams::default(), &typed(object))
            .await
    }

    /// A pod as it is, as JSON.
    pub async fn look(&self, name: &str) -> Value {
        let pod = self.pods().get_opt(name).await.unwrap();
        pod.map(|pod| serde_json::to_value(pod).unwrap())
            .unwrap_or_default()
    }

    pub async fn until_phase(&self, name: &str, phase: &str) -> Value {
        until(format!("{} {phase} ({})", name, self.name), async || {
            self.look(name).await["status"]["phase"] == phase
        })
        .await;
        self.look(name).await
    }

    pub async fn until_gone(&self, name: &str) {
        until(format!("{name} is gone ({})", self.name), async || {
            self.look(name).await.is_null()
        })
        .await;
    }

    pub async fn until_running(&self, name: &str) -> Value {
        self.until_phase(name, "Running").await
    }

    /// Nothing of it is left in a cluster that is not ours.
    pub async fn leave(self) {
        if self.cluster.is_none() {
            let namespaces: Api<Namespace> = Api::all(self.client.clone());
            namespaces
                .delete(&self.namespace, &DeleteParams::default())
                .await
                .unwrap();
        }
    }
}

/// A value as its type.
pub fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Code, reason and message of a refusal.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(result: kube::Result<T>) -> (u16, String, String) {
    match result {
        Err(kube::Error::Api(status)) => {
            (status.code, status.reason.clone(), status.message.clone())
        }
        other => panic!("not refused: {other:?}"),
    }
}
