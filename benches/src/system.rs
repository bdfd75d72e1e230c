//! A complete utakata of the release profile, started for measuring and ended on drop.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// A running `utakata up` with its own data directory.
pub struct System {
    process: Child,
    data: TempDir,
    /// The URL of its API: `http://127.0.0.1:port`.
    pub url: String,
    /// The bearer token of the API.
    pub token: String,
    /// The time from the start of the process until it reported ready.
    pub ready_after: Duration,
}

/// Returns the folder of the programs to measure: `UTAKATA_PROGRAMS`, or the one of this program.
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

/// Returns the root folder of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Creates a data directory with these release folders.
///
/// # Errors
/// They cannot be copied.
pub fn data(releases: &[&Path]) -> Result<TempDir> {
    let data = tempfile::tempdir()?;
    for release in releases {
        let name = release.file_name().context("a release is a folder")?;
        copy_folder(release, &data.path().join("releases").join(name))?;
    }
    Ok(data)
}

/// Starts our own program in a role, with a data directory and these settings.
///
/// # Errors
/// It is not built, or does not start.
pub fn spawn(role: &[&str], data: &Path, settings: &[(&str, String)]) -> Result<Child> {
    let program = programs()?.join("utakata");
    ensure!(
        program.exists(),
        "{} is missing: cargo build --release",
        program.display()
    );
    let mut command = Command::new(program);
    command.args(role).arg("--data").arg(data);
    command.envs(settings.iter().map(|(name, value)| (*name, value)));
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok(quiet.spawn()?)
}

/// Asks a process to end, and kills it if it does not.
pub fn end(process: &mut Child) {
    // With the system's own tool: the standard library has no SIGTERM.
    let asked = Command::new("kill").arg(process.id().to_string()).status();
    let begun = Instant::now();
    while asked.is_ok() && begun.elapsed() < Duration::from_secs(10) {
        if matches!(process.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = process.kill();
    let _ = process.wait();
}

impl System {
    /// Starts `utakata up` with the bundled kinds and these further release folders.
    pub fn start(releases: &[&Path]) -> Result<Self> {
        let role = ["up", "--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"];
        Self::start_as(&role, data(releases)?, &[])
    }

    /// The same with its own settings.
    ///
    /// # Errors
    /// As for [`Self::start_as`].
    pub fn start_with(releases: &[&Path], settings: &str) -> Result<Self> {
        let data = data(releases)?;
        fs::write(data.path().join("utakata.toml"), settings)?;
        let role = ["up", "--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"];
        Self::start_as(&role, data, &[])
    }

    /// Starts our own program in a role with an API.
    ///
    /// # Errors
    /// It does not start, or is not ready after 20 s.
    pub fn start_as(role: &[&str], data: TempDir, settings: &[(&str, String)]) -> Result<Self> {
        let begun = Instant::now();
        let process = spawn(role, data.path(), settings)?;
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

    /// Pushes a release as its author would.
    ///
    /// # Errors
    /// It was refused.
    pub async fn push(&self, release: &Path) -> Result<()> {
        let mut push = Command::new(programs()?.join("utakata"));
        push.args(["worker", "push"]).arg(release);
        push.env("UTAKATA_URL", &self.url)
            .env("UTAKATA_TOKEN", &self.token);
        let pushed = tokio::task::spawn_blocking(move || push.output()).await??;
        ensure!(
            pushed.status.success(),
            "it was not pushed: {}",
            String::from_utf8_lossy(&pushed.stderr)
        );
        Ok(())
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        end(&mut self.process);
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
