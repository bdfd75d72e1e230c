//! A Docker engine with images of the echo worker and of the tool.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use tempfile::TempDir;
use utakata_execution::{Config, config, runtime::Placed};
use utakata_execution_docker::Docker;
use utakata_tests::servers::Dockerd;

use crate::{
    player::until,
    site::{Site, add_image},
    tool,
};

/// The label with the text of `worker.toml`.
pub const LABEL: &str = "org.utakata.manifest";

/// A Docker engine with images.
pub struct Port {
    pub engine: Dockerd,
    folder: TempDir,
}

impl Port {
    pub fn open() -> Self {
        Self::open_with(&[])
    }

    pub fn open_with(options: &[&str]) -> Self {
        let engine = Dockerd::start_with(options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { engine, folder }
    }

    pub fn runtime(&self) -> Docker {
        Docker::new(self.config())
    }

    pub fn config(&self) -> config::Docker {
        config::Docker {
            socket: self.engine.socket(),
            ..config::Docker::default()
        }
    }

    /// Builds an image with a program and the manifest of the echo worker in it, and labels.
    pub fn image(&self, name: &str, program: &Path, labels: &[(&str, &str)]) {
        self.image_of(name, program, &manifest(), labels);
    }

    /// Builds an image with another manifest.
    pub fn image_of(&self, name: &str, program: &Path, text: &str, labels: &[(&str, &str)]) {
        let labels = labels.iter().map(|(label, text)| format!("{label}={text}"));
        let options: Vec<String> = labels
            .flat_map(|label| ["--label".to_owned(), label])
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let file = program.file_name().unwrap();
        fs::copy(program, folder.path().join(file)).unwrap();
        fs::write(folder.path().join("worker.toml"), text).unwrap();
        let file = file.to_str().unwrap();
        let text = format!("FROM scratch\nCOPY {file} worker.toml /\n");
        fs::write(folder.path().join("Dockerfile"), text).unwrap();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        self.engine.build(name, folder.path(), &options).unwrap();
    }

    /// The image of the echo worker, by name.
    pub fn echo(&self) -> &'static str {
        let text = manifest();
        self.image("echo:test", &tool::echo(), &[(LABEL, &text)]);
        "echo:test"
    }

    /// An image of the engine as an archive.
    pub fn archive(&self, image: &str) -> PathBuf {
        let name = image.replace([':', '/'], "-");
        let path = self.folder.path().join(name).with_extension("tar");
        let to = path.to_str().unwrap();
        self.engine
            .docker(&["save", "--output", to, image])
            .unwrap();
        path
    }

    /// An archive of an image of the tool.
    pub fn tool(&self) -> PathBuf {
        self.image("tool:test", &tool::build(), &[]);
        self.archive("tool:test")
    }

    /// An environment with the echo release as an image from an archive.
    pub async fn site(&self, change: impl FnOnce(&mut Config)) -> Site {
        let archive = self.archive(self.echo());
        let folder = tempfile::tempdir().unwrap();
        let release = add_image(
            &folder.path().join("releases"),
            "echo",
            &manifest(),
            "archive = \"image.tar\"",
        );
        fs::rename(&archive, release.join("image.tar"))
            .or_else(|_| fs::copy(&archive, release.join("image.tar")).map(drop))
            .unwrap();
        self.start(folder, change).await
    }

    /// An environment with the echo release as an image with this name.
    pub async fn site_with(&self, image: &str, change: impl FnOnce(&mut Config)) -> Site {
        let folder = tempfile::tempdir().unwrap();
        add_image(&folder.path().join("releases"), "echo", &manifest(), image);
        self.start(folder, change).await
    }

    /// An environment with the releases in a folder.
    pub async fn start(&self, folder: TempDir, change: impl FnOnce(&mut Config)) -> Site {
        let runtime = Arc::new(Placed::new(Arc::new(self.runtime())));
        Site::start_with(folder, change, runtime).await
    }

    /// Waits for the only running container. A worker may say hello before its engine reports it.
    pub async fn one(&self) -> String {
        until(|| self.engine.running().unwrap().len() == 1).await;
        self.engine.running().unwrap().remove(0)
    }

    /// Waits until no container is left, running or not.
    pub async fn assert_empty(&self) {
        until(|| self.engine.containers().unwrap().is_empty()).await;
    }

    /// Kills everything in a running container.
    pub fn kill_container(&self, id: &str) {
        self.engine.docker(&["kill", id]).unwrap();
    }
}

/// The manifest of the echo worker.
pub fn manifest() -> String {
    let release = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workers/echo/releases/echo");
    fs::read_to_string(release.join("worker.toml")).unwrap()
}

/// Starts this test program again, for one of its tests.
pub fn this_again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]);
    command
}
