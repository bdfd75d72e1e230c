//! A worker in Python as a pod: it finds its manager over TLS and shows the token in its file.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use utakata_kube_for_tests::Image;
use utakata_model::OutcomeStatus;
use utakata_tests::repository;

use super::{
    Quay,
    quay::{self, NAMESPACE, reference},
};
use crate::{
    player::until,
    site::{add_image, assert_ended, echo},
};

const MANIFEST: &str = "kind = \"echo\"\nversion = \"1.0.0\"\nprotocol = 2\n\
                        [run]\nprogram = \"worker.py\"\n\
                        [[action]]\nname = \"echo\"\nclass = \"observe\"\n\
                        [action.parameters]\ntype = \"object\"\n";
const WORKER: &str = "\
#!/usr/bin/python3
import sys
sys.path.insert(0, 'SDK')
from utakata_worker import Answer, Worker
worker = Worker()
@worker.action('echo')
async def echo(task):
    return Answer(result={'payload': task.parameters['payload']})
worker.main()
";

fn has_python() -> bool {
    let tried = Command::new("/usr/bin/python3")
        .args(["-c", "import grpc, google.protobuf, tomllib"])
        .output();
    tried.is_ok_and(|tried| tried.status.success())
}

#[tokio::test]
async fn a_worker_in_python_serves_as_a_pod_and_ends_what_it_has_when_it_is_evicted() {
    if !has_python() {
        println!("skipped: there is no python3-grpcio, for a Python of at least 3.11");
        return;
    }
    let quay = Quay::open();
    let root = tempfile::tempdir().unwrap();
    let sdk = repository::root().join("sdk/python");
    let program = root.path().join("worker.py");
    fs::write(&program, WORKER.replace("SDK", sdk.to_str().unwrap())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.path().join("worker.toml"), MANIFEST).unwrap();
    let image = reference().replace("aa", "99");
    quay.cluster.register(&image, Image::folder(root.path()));
    let folder = tempfile::tempdir().unwrap();
    let text = format!("image = \"{image}\"");
    add_image(&folder.path().join("releases"), "echo", MANIFEST, &text);
    let mut site = quay::start(folder, quay.config(), |_| {}).await;
    let read = site.ask(echo("a", "from Python")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    assert!(read.result.unwrap().get().contains("from Python"));
    let first = quay.one().await;
    quay.cluster.evict(NAMESPACE, &first).unwrap();
    while quay.cluster.object("pods", NAMESPACE, &first).is_some() {
        let read = site.ask(echo("a", "x")).await;
        assert_ended(&read, OutcomeStatus::Succeeded, "");
    }
    let memory = || site.handle.status().pools[0].memory;
    until(|| memory().is_some_and(|bytes| bytes > 1_000_000)).await;
    assert_eq!(site.handle.status().pools[0].lost, 0);
    site.end().await;
    quay.assert_empty().await;
}
