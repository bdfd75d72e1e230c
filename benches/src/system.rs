//! A whole utakata of the release profile, started for measuring and ended with the value.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// A running `utakata up` with a data directory of its own.
pub struct System {
    process: Child,
    data: TempDir,
    /// Where its API is: `http://127.0.0.1:port`.
    pub url: String,
    /// The bearer token.
    pub token: String,
    /// From the start of the process until it said that it is ready.
    pub ready_after: Duration,
}

/// The folder of the programs that are measured: `UTAKATA_PROGRAMS`, or where this one lies.
pub fn programs() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("UTAKATA_PROGRAMS") {
        return Ok(folder.into());
    }
    let this = env::current_exe()?;
    Ok(this
        .parent()
        .context("a program lies in a folder")?
        .to_owned())
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

impl System {
    /// Starts `utakata up` with the bundled kinds and these further release folders.
    pub fn start(releases: &[&Path]) -> Result<Self> {
        let data = tempfile::tempdir()?;
        for release in releases {
            let name = release.file_name().context("a release is a folder")?;
            copy_folder(release, &data.path().join("releases").join(name))?;
        }
        let program = programs()?.join("utakata");
        ensure!(
            program.exists(),
            "{} is missing: cargo build --release",
            program.display()
        );
        let begun = Instant::now();
        let process = Command::new(program)
            .args([
                "up",
                "--listen",
                "127.0.0.1:0",
                "--mqtt",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut system = Self {
            process,
            data,
            url: String::new(),
            token: String::new(),
            ready_after: Duration::ZERO,
        };
        system.wait_until_ready(begun)?;
        Ok(system)
    }

    fn wait_until_ready(&mut self, begun: Instant) -> Result<()> {
        let endpoint = self.data.path().join("endpoint.json");
        while begun.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.process.try_wait()? {
                bail!("utakata ended at its start: {status}");
            }
            if let Ok(text) = fs::read(&endpoint)
                && let Ok(endpoint) = serde_json::from_slice::<serde_json::Value>(&text)
                && let Some(url) = endpoint["url"].as_str()
            {
                self.ready_after = begun.elapsed();
                self.url = url.to_owned();
                self.token = fs::read_to_string(self.data.path().join("token"))?
                    .trim()
                    .to_owned();
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        bail!("utakata was not ready after 20 s")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // By name of the system's own tool: the standard library has no SIGTERM.
        let asked = Command::new("kill").arg(self.pid().to_string()).status();
        let begun = Instant::now();
        while asked.is_ok() && begun.elapsed() < Duration::from_secs(10) {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
