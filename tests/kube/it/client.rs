//! What the tests share: a cluster, a client, a pod.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use utakata_kube_for_tests::{Cluster, Image};

pub const SLEEPER: &str = "registry.example/sleeper@sha256:aaaa";
pub const SHELL: &str = "registry.example/shell@sha256:bbbb";

/// A cluster with images that sleep and that run a shell.
pub fn cluster() -> Cluster {
    let cluster = Cluster::start().unwrap();
    furnish(&cluster);
    cluster
}

pub fn furnish(cluster: &Cluster) {
    cluster.register(
        SLEEPER,
        Image::program("/bin/sleep").entrypoint(["/bin/sleep", "1000"]),
    );
    cluster.register(SHELL, Image::program("/bin/sh"));
}

/// The administrator's client.
pub async fn client(cluster: &Cluster) -> Client {
    client_of(&cluster.kubeconfig_of(cluster.token(), "default")).await
}

pub async fn client_of(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

/// A pod of one container, which is never started again.
pub fn pod(name: &str, image: &str, arguments: &[&str]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 5,
            "containers": [{
                "name": "worker", "image": image, "args": arguments,
                "terminationMessagePolicy": "FallbackToLogsOnError",
            }],
        },
    })
}

/// A value as its type.
pub fn typed<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
