//! `utakata up` whose workers are pods, in a cluster of the test's own.

use std::{fs, os::unix::fs::symlink, path::Path};

use tempfile::TempDir;
use utakata_kube_for_tests::{Cluster, Image};
use utakata_tests::repository::root;

use crate::program::{Place, UTAKATA, wait_for};

const NAMESPACE: &str = "workers";
const IMAGE: &str = "registry.example/echo@sha256:\
                     00000000000000000000000000000000000000000000000000000000000000aa";
const TARGETS: &str = "type: target\nname: one\nkind: echo\naddress: x\n";

/// A cluster with the image of the echo worker, and a place that is set to use it.
struct Quay {
    cluster: Cluster,
    place: Place,
    _image: TempDir,
}

impl Quay {
    fn open() -> Self {
        let cluster = Cluster::start().unwrap();
        let restricted = ("pod-security.kubernetes.io/enforce", "restricted");
        cluster.namespace(NAMESPACE, &[restricted]).unwrap();
        let image = tempfile::tempdir().unwrap();
        let program = Path::new(UTAKATA).with_file_name("utakata-worker-echo");
        symlink(program, image.path().join("utakata-worker-echo")).unwrap();
        let manifest = root().join("workers/echo/releases/echo/worker.toml");
        fs::copy(&manifest, image.path().join("worker.toml")).unwrap();
        cluster.register(IMAGE, Image::folder(image.path()));
        let place = Place::new();
        let release = place.data().join("releases/echo");
        fs::create_dir_all(&release).unwrap();
        fs::copy(manifest, release.join("worker.toml")).unwrap();
        fs::write(release.join("image.toml"), format!("image = \"{IMAGE}\"\n")).unwrap();
        let kubeconfig = cluster.kubeconfig();
        let settings = format!(
            "[execution]\nid = \"lab\"\nruntime = \"kubernetes\"\n[execution.kubernetes]\n\
             kubeconfig = \"{}\"\nnamespace = \"{NAMESPACE}\"\naddress = \"127.0.0.1\"\nport = 0\n",
            kubeconfig.display()
        );
        fs::write(place.data().join("utakata.toml"), settings).unwrap();
        Self {
            cluster,
            place,
            _image: image,
        }
    }

    fn pods(&self) -> Vec<String> {
        let all = self.cluster.objects("pods", NAMESPACE).into_iter();
        let name = |pod: serde_json::Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
        all.map(name).collect()
    }

    #[track_caller]
    fn expect_no_pods(&self) {
        let is_empty = wait_for(|| self.pods().is_empty().then_some(()));
        assert!(
            is_empty.is_some(),
            "{:?}: {}",
            self.pods(),
            self.place.told()
        );
    }
}

/// Applies the target, reads it, and controls it.
fn use_it(place: &Place) {
    place.until_served("echo");
    let applied = place.run_with(&["apply", "-f", "-"], TARGETS);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let read = place.run(&["read", "one"]);
    assert_eq!(read.code, 0, "{}{}\n{}", read.out, read.err, place.told());
    let set = place.run(&["control", "one", "set", "--yes"]);
    assert_eq!(set.code, 0, "{}{}\n{}", set.out, set.err, place.told());
}

#[test]
fn a_control_room_observes_and_controls_through_pods_and_leaves_none() {
    let quay = Quay::open();
    let up = quay.place.up();
    use_it(&quay.place);
    let pods = quay.pods();
    assert!(
        pods.iter().any(|pod| pod.starts_with("lab-echo-")),
        "{pods:?}"
    );
    let looked = quay.place.run(&["doctor"]);
    assert!(looked.out.contains("kubernetes: rights"), "{}", looked.out);
    assert_eq!(up.stop(), 0, "{}", quay.place.told());
    quay.expect_no_pods();
}

#[test]
fn what_a_killed_control_room_leaves_is_ended_by_its_next_life() {
    let quay = Quay::open();
    let up = quay.place.up();
    use_it(&quay.place);
    let left = quay.pods();
    up.kill();
    let up = quay.place.up();
    use_it(&quay.place);
    let is_gone = || left.iter().all(|pod| !quay.pods().contains(pod));
    let is_ended = wait_for(|| is_gone().then_some(()));
    assert!(is_ended.is_some(), "{left:?} {:?}", quay.pods());
    assert_eq!(up.stop(), 0, "{}", quay.place.told());
    quay.expect_no_pods();
}
