//! Releases as images, in a Docker engine and a registry of the benchmark's own.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use utakata_tests::servers::{Dockerd, Registry};

use crate::system;

/// The base of all images: it has the echo worker and the tools below.
pub const BASE: &str = "base:bench";
/// Containers that are not ours.
const TOOLS: [&str; 2] = ["/bin/echo", "/bin/sleep"];
const MANIFEST_LABEL: &str = "org.utakata.manifest";

/// An engine and a registry. Dropping this removes everything in them.
#[derive(Debug)]
pub struct Containers {
    engine: Dockerd,
    registry: Registry,
}

impl Containers {
    /// Starts engine and registry, and builds the base image.
    ///
    /// # Errors
    /// Docker is not installed or cannot run here, or the worker is not built.
    pub fn start() -> Result<Self> {
        let engine = Dockerd::start()?;
        let registry = Registry::start()?;
        let folder = tempfile::tempdir()?;
        let worker = system::programs()?.join("utakata-worker-echo");
        let programs = TOOLS.iter().map(Path::new).chain([worker.as_path()]);
        lay_out(&folder.path().join("root"), programs)?;
        let file = folder.path().join("Dockerfile");
        fs::write(file, "FROM scratch\nCOPY root /\n")?;
        engine.build(BASE, folder.path(), &[])?;
        Ok(Self { engine, registry })
    }

    /// Builds an image from a release folder, publishes it, and writes its digest into the folder.
    ///
    /// # Errors
    /// Docker's error.
    pub fn publish(&self, release: &Path) -> Result<()> {
        let name = release.file_name().context("a release is a folder")?;
        let name = name.to_string_lossy();
        let text = fs::read_to_string(release.join("worker.toml"))?;
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("worker.toml"), &text)?;
        let label = format!("{MANIFEST_LABEL}={text}");
        let file = folder.path().join("Dockerfile");
        fs::write(file, format!("FROM {BASE}\nCOPY worker.toml /\n"))?;
        let options = ["--label", &label];
        self.engine.build(&name, folder.path(), &options)?;
        let reference = self.registry.push(&self.engine, &name, &name)?;
        let text = format!("image = \"{reference}\"\n");
        Ok(fs::write(release.join("image.toml"), text)?)
    }

    /// The configuration with which an environment finds the engine.
    pub fn settings(&self) -> String {
        let socket = self.engine.socket();
        format!("[execution.docker]\nsocket = {socket:?}\n")
    }

    /// Docker's own tool, for this engine.
    pub fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        let socket = self.engine.socket();
        command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        command.args(arguments);
        command
    }
}

/// Copies programs to the root of a folder, and the libraries they are linked with to where they
/// look for them.
fn lay_out<'a>(root: &Path, programs: impl Iterator<Item = &'a Path>) -> Result<()> {
    fs::create_dir_all(root)?;
    let mut libraries = BTreeSet::new();
    for program in programs {
        let name = program.file_name().context("a program has a name")?;
        fs::copy(program, root.join(name))
            .with_context(|| format!("{} is missing: cargo build --release", program.display()))?;
        libraries.extend(linked(program)?);
    }
    for library in libraries {
        let to = root.join(library.strip_prefix("/").unwrap_or(&library));
        fs::create_dir_all(to.parent().context("a library lies in a folder")?)?;
        fs::copy(&library, to)?;
    }
    Ok(())
}

/// The libraries of a program, as listed by ldd.
fn linked(program: &Path) -> Result<Vec<PathBuf>> {
    let told = Command::new("ldd").arg(program).output()?;
    ensure!(
        told.status.success(),
        "ldd cannot read {}",
        program.display()
    );
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let paths = told.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(paths.map(PathBuf::from).collect())
}
