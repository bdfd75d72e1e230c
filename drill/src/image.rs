//! The drilled worker as an image: the program that lies beside ours, what it is linked with, and
//! its profiles in one layer; the manifest of a release in another, and in a label.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use utakata_model::FileDigest;
use utakata_up::programs;

use crate::cluster;

const WORKER: &str = "utakata-worker-snmp";
const PROGRAM: &str = "program = \"utakata-worker-snmp\"";
/// The devices are on this machine.
const NETWORK: &str = "network = \"host\"";
const LAYER: &str = "layer.tar";
const MANIFEST: &str = "worker.toml";
const MANIFEST_LAYER: &str = "manifest.tar";
const ARCHIVE: &str = "image.tar";

/// An image without a manifest yet.
#[derive(Debug, Clone)]
pub struct Image {
    folder: PathBuf,
    digest: FileDigest,
}

/// The drilled worker as an image, for where it runs.
#[derive(Debug, Clone)]
pub enum Images {
    /// An archive beside the manifest.
    Archive(Image),
    /// In the registry of a cluster.
    Registry(cluster::Images),
}

impl Images {
    /// Makes a release folder one whose workers are of an image.
    ///
    /// # Errors
    /// The folder has no manifest, or cannot be written.
    pub fn put_into(&self, release: &Path) -> Result<()> {
        match self {
            Self::Archive(image) => image.put_into(release),
            Self::Registry(images) => images.put_into(release),
        }
    }
}

impl Image {
    /// Packs the worker, and the profiles of a release folder.
    ///
    /// # Errors
    /// A program is missing, or the folder cannot be written.
    pub fn pack(folder: &Path, release: &Path) -> Result<Self> {
        let root = folder.join("root");
        let to = root.join(WORKER);
        let worker = programs::find(WORKER)
            .with_context(|| format!("the program {WORKER} must be next to utakata"))?;
        fs::create_dir_all(&root)?;
        fs::copy(&worker, &to)?;
        // A smaller file, and nothing else: one that cannot be stripped will do.
        let _ = Command::new("strip").arg(&to).output();
        for library in linked(&worker) {
            copy(&library, &root.join(library.strip_prefix("/")?))?;
        }
        for profile in fs::read_dir(release.join("profiles"))? {
            let profile = profile?;
            let to = root.join("profiles").join(profile.file_name());
            copy(&profile.path(), &to)?;
        }
        pack(&folder.join(LAYER), &root, &["."])?;
        fs::remove_dir_all(&root)?;
        let digest = FileDigest::of(&fs::read(folder.join(LAYER))?);
        Ok(Self {
            folder: folder.to_owned(),
            digest,
        })
    }

    /// Turns a release folder into one whose workers are containers.
    ///
    /// # Errors
    /// The folder has no manifest, or cannot be written.
    pub fn put_into(&self, release: &Path) -> Result<()> {
        let manifest = release.join(MANIFEST);
        let text = fs::read_to_string(&manifest)?;
        let text = text.replace(PROGRAM, &format!("{PROGRAM}\n{NETWORK}"));
        fs::write(&manifest, &text)?;
        let layer = self.folder.join(MANIFEST_LAYER);
        pack(&layer, release, &[MANIFEST])?;
        let layers = [self.digest.clone(), FileDigest::of(&fs::read(layer)?)];
        let configuration = configuration(&layers, &text).to_string();
        fs::write(self.folder.join("config.json"), configuration)?;
        let layers = [LAYER, MANIFEST_LAYER];
        let contents = json!([{
            "Config": "config.json", "RepoTags": ["utakata-drill:latest"], "Layers": layers,
        }]);
        fs::write(self.folder.join("manifest.json"), contents.to_string())?;
        let archive = release.join(ARCHIVE);
        let names = ["manifest.json", "config.json", LAYER, MANIFEST_LAYER];
        pack(&archive, &self.folder, &names)?;
        let text = format!("archive = \"{ARCHIVE}\"\n");
        Ok(fs::write(release.join("image.toml"), text)?)
    }
}

fn configuration(layers: &[FileDigest], manifest: &str) -> serde_json::Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let layers: Vec<String> = layers
        .iter()
        .map(|layer| format!("sha256:{}", layer.as_str()))
        .collect();
    json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Labels": { "org.utakata.manifest": manifest } },
        "rootfs": { "type": "layers", "diff_ids": layers },
    })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("it lies in a folder")?;
    fs::create_dir_all(folder)?;
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    Ok(())
}

/// Returns the libraries that a program is linked with, according to ldd; none if it is linked
/// statically.
fn linked(program: &Path) -> BTreeSet<PathBuf> {
    let Ok(told) = Command::new("ldd").arg(program).output() else {
        return BTreeSet::new();
    };
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let paths = told.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(PathBuf::from).collect()
}

fn pack(archive: &Path, folder: &Path, names: &[&str]) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--owner=0",
        "--group=0",
        "--mode=a+rX",
        "--file",
    ]);
    tar.arg(archive).arg("--directory").arg(folder).args(names);
    let told = tar.output().context("tar cannot be run")?;
    let words = String::from_utf8_lossy(&told.stderr);
    ensure!(told.status.success(), "tar: {words}");
    Ok(())
}
