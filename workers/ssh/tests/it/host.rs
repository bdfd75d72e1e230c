//! A host, and the worker of a release with it as its target.

use std::{fs, path::Path};

use tempfile::TempDir;
use utakata_tests::servers::Sshd;
use utakata_worker_sdk::harness::alone::Alone;
use utakata_worker_ssh::SshWorker;

pub type Target = Alone<SshWorker>;

/// The worker of the shipped release.
pub fn shipped(sshd: &Sshd, credential: &[(&str, &str)]) -> Target {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/ssh");
    Alone::build(&folder, sshd.address(), credential).unwrap()
}

/// The credential by which the host lets its user in.
pub fn right(sshd: &Sshd) -> Vec<(String, String)> {
    let pair = |key: &str, value: String| (key.to_owned(), value);
    vec![
        pair("user", sshd.user().unwrap()),
        pair("private_key", sshd.private_key().unwrap()),
        pair("host_key", sshd.fingerprint().unwrap()),
    ]
}

pub fn borrowed(credential: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = credential.iter();
    pairs
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

/// A release with commands of its own.
pub struct Own {
    pub folder: TempDir,
}

impl Own {
    pub fn new(actions: &str, profile: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifest = format!(
            "kind = \"own\"\nversion = \"1.0.0\"\nprotocol = 2\n[run]\nprogram = \
             \"utakata-worker-ssh\"\n[settings]\nprofiles = [\"own\"]\n[[action]]\nname = \
             \"read\"\nclass = \"observe\"\ntimeout = \"10s\"\n{actions}"
        );
        fs::write(folder.path().join("worker.toml"), manifest).unwrap();
        fs::create_dir(folder.path().join("profiles")).unwrap();
        fs::write(folder.path().join("profiles/own.toml"), profile).unwrap();
        Self { folder }
    }

    pub fn target(&self, sshd: &Sshd) -> Target {
        let credential = right(sshd);
        Alone::build(self.folder.path(), sshd.address(), &borrowed(&credential)).unwrap()
    }
}
