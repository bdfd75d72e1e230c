//! The promises of the runtime in a real cluster, if `UTAKATA_TEST_KUBERNETES` names a kubeconfig and
//! `UTAKATA_TEST_KUBERNETES_WORKERS` an image there, as `registry/name@sha256:...`, with what
//! `tests/kube/image.sh` puts into it. tests/kube/README.md explains how.

use std::{env, time::Duration};

use utakata_execution::{
    Artifact,
    artifact::{Image, Reference},
    config,
    runtime::{Spec, conformance, conformance::Subject},
};
use utakata_execution_kubernetes::Kubernetes;

use crate::runtime::spec;

/// The namespace, which must be there.
const NAMESPACE: &str = "utakata-conformance";

fn worker(folder: &tempfile::TempDir, image: &str, program: &str, arguments: &[&str]) -> Spec {
    let image = Artifact::Image(Image::Pinned(Reference::parse(image).unwrap()));
    let mut spec = spec(folder, image, arguments);
    spec.run.program = program.into();
    spec.door = Some(std::sync::Arc::new(utakata_execution::runtime::Door {
        endpoint: "https://127.0.0.1:1".into(),
        authority: String::new(),
    }));
    spec
}

#[tokio::test]
async fn pods_keep_all_promises_in_a_real_cluster() {
    let given = |name: &str| env::var(format!("UTAKATA_TEST_KUBERNETES{name}")).ok();
    let Some((kubeconfig, image)) = given("").zip(given("_WORKERS")) else {
        println!(
            "skipped: UTAKATA_TEST_KUBERNETES and UTAKATA_TEST_KUBERNETES_WORKERS are not set"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let runtime = Kubernetes::new(config::Kubernetes {
        kubeconfig: Some(kubeconfig.into()),
        namespace: given("_NAMESPACE").unwrap_or_else(|| NAMESPACE.into()),
        // Where nothing is said: the address from which the cluster is reached.
        address: given("_ADDRESS"),
        port: 0,
        pull_grace: Duration::from_secs(5),
        ..config::Kubernetes::default()
    });
    let worker = |program: &str, arguments: &[&str]| worker(&folder, &image, program, arguments);
    let mut impossible = worker("tool", &[]);
    impossible.door = None;
    let subject = Subject {
        runtime: &runtime,
        ends: worker("tool", &["end"]),
        lasts: worker("tool", &["last"]),
        greets: worker("utakata-worker-echo", &[]),
        impossible: Some(impossible),
        unobtainable: Some(worker("nowhere", &[])),
    };
    conformance::check(&subject).await.unwrap();
    let left = conformance::what_an_earlier_life_left_is_ended(&subject);
    left.await.unwrap();
}

/// Builds what the image has in it, and says where it is.
#[test]
fn the_programs_of_an_image_for_a_real_cluster_are_built() {
    let Some(folder) = env::var_os("UTAKATA_TEST_KUBERNETES_BUILD") else {
        println!("skipped: UTAKATA_TEST_KUBERNETES_BUILD names no folder");
        return;
    };
    let folder = std::path::Path::new(&folder);
    for (from, name) in [
        (crate::tool::build(), "tool"),
        (crate::tool::echo(), "utakata-worker-echo"),
    ] {
        std::fs::copy(from, folder.join(name)).unwrap();
    }
    let manifest = folder.join("worker.toml");
    std::fs::write(manifest, crate::docker::manifest()).unwrap();
}
