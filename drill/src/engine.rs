//! A Docker engine of the drill's own, for workers in containers: killed, and started again with
//! its data.
//!
//! It is started by a script that is called with a folder for its state and a port, puts its socket
//! into that folder as `docker.sock`, runs in the foreground and lasts until its standard input
//! closes; called with the folder and `clean`, it ends what a killed one has left. The script in
//! `tests/servers` does this.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Pid;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

use crate::{
    member::{self, Hold, Member, Start},
    place::Place,
};

const NAME: &str = "dockerd";
/// The port of an engine that listens only on a socket; all scripts take a port.
const NO_PORT: &str = "0";
/// The option used with every other seed: containers continue when the engine ends, and the next
/// one finds them.
const LIVE: &str = "--live-restore";
/// The time within which no container is left after the end of its environment.
const GONE_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// A container engine of the drill's own.
#[derive(Debug)]
pub struct Engine {
    pub member: Member,
    script: PathBuf,
    state: PathBuf,
}

impl Engine {
    /// Prepares an engine that does not run yet.
    ///
    /// # Errors
    /// The script is missing.
    pub fn prepare(scripts: &Path, place: &Place, seed: u64) -> Result<Self> {
        let script = scripts.join(NAME).with_extension("sh");
        if !script.is_file() {
            bail!(
                "there is no {}: --docker names a folder with dockerd.sh, as tests/servers of a \
                 checkout",
                script.display()
            );
        }
        let state = place.engine();
        let mut arguments = vec![state.display().to_string(), NO_PORT.to_owned()];
        if seed.is_multiple_of(2) {
            arguments.push(LIVE.to_owned());
        }
        let start = Start {
            program: script.clone(),
            arguments,
        };
        let member = Member::new(NAME, start, place.log(NAME));
        Ok(Self {
            member: member.held_by(Hold::Variable),
            script,
            state,
        })
    }

    /// Returns the first process of each of its containers, which exist without the engine, too.
    pub fn containers(&self) -> Vec<Pid> {
        let address = self.state.join("exec/containerd/containerd.sock");
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        let mut shims: Vec<u32> = entries
            .flatten()
            .filter_map(|entry| {
                let id = entry.file_name().to_str()?.parse().ok()?;
                let line = fs::read(entry.path().join("cmdline")).ok()?;
                is_shim(&line, &address).then_some(id)
            })
            .collect();
        shims.sort_unstable();
        shims.into_iter().flat_map(member::children_of).collect()
    }

    /// Waits until no container is left, and returns the number of those that are.
    ///
    /// # Errors
    /// The engine does not tell.
    pub async fn left(&self) -> Result<u64> {
        let until = Instant::now() + GONE_TIMEOUT;
        loop {
            match self.listed().await {
                Ok(0) => return Ok(0),
                told if Instant::now() > until => return told,
                _ => sleep(RETRY_AFTER).await,
            }
        }
    }

    async fn listed(&self) -> Result<u64> {
        let socket = self.state.join("docker.sock");
        let told = Command::new("docker")
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .args(["ps", "--all", "--quiet"])
            .output()
            .await
            .context("docker cannot be run")?;
        let words = String::from_utf8_lossy(&told.stderr);
        ensure!(told.status.success(), "the engine does not answer: {words}");
        let lines = String::from_utf8_lossy(&told.stdout).lines().count();
        Ok(lines as u64)
    }

    /// Ends it, and everything left of those that were killed.
    pub async fn end(&mut self) {
        self.member.end().await;
        let cleaned = Command::new(&self.script)
            .arg(&self.state)
            .arg("clean")
            .status()
            .await;
        if !cleaned.is_ok_and(|status| status.success()) {
            eprintln!("something of the engine may be left: see {NAME}.log");
        }
    }
}

/// Returns true if a line of `/proc/PID/cmdline` is of a process with a container of this engine.
fn is_shim(line: &[u8], address: &Path) -> bool {
    let mut words = line.split(|byte| *byte == 0);
    let is_named = words
        .next()
        .is_some_and(|program| program.ends_with(b"containerd-shim-runc-v2"));
    let mut words = words.skip_while(|word| *word != b"-address");
    words.next();
    is_named && words.next() == Some(address.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_found_below_the_shims_of_this_engine_alone() {
        let address = Path::new("/d/exec/containerd/containerd.sock");
        for (line, expect) in [
            (
                "/usr/bin/containerd-shim-runc-v2 -namespace moby -id 12 -address \
                 /d/exec/containerd/containerd.sock",
                true,
            ),
            (
                "/usr/bin/containerd-shim-runc-v2 -namespace moby -id 12 -address \
                 /run/containerd/containerd.sock",
                false,
            ),
            (
                "pgrep -f -- -address /d/exec/containerd/containerd.sock",
                false,
            ),
            ("containerd-shim-runc-v2 -address", false),
            ("", false),
        ] {
            let words: Vec<&str> = line.split_whitespace().collect();
            let line = format!("{}\0", words.join("\0"));
            assert_eq!(is_shim(line.as_bytes(), address), expect, "{line:?}");
        }
    }
}
