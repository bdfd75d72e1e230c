//! One server in the foreground of one script, in its own process group.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::port::{Port, Transport};
use crate::{repository, wait::PATIENCE};

/// The time after which a server asked to end is killed.
const END_WITHIN: Duration = Duration::from_secs(10);

/// A running server. Dropping it ends the whole process group, and waits until it has gone.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Lines of standard output; disconnected when the last process of the group has closed it.
    lines: Receiver<String>,
    script: String,
    arguments: Vec<OsString>,
    /// The environment variables of the script.
    variables: Vec<(OsString, OsString)>,
    port: u16,
    /// Reserves the port while it exists.
    claim: Option<Port>,
    state: Arc<TempDir>,
}

impl Server {
    /// Runs `tests/servers/<script> STATE PORT <arguments>` and waits for its line `ready ...`. The
    /// port is reserved.
    ///
    /// # Errors
    /// The script's output, if it ends or stays silent.
    pub fn start<A: AsRef<OsStr>>(
        script: &str,
        transport: Transport,
        arguments: &[A],
    ) -> Result<Self> {
        Self::start_in(new_state()?, script, &Port::claim(transport)?, arguments)
    }

    /// The same with variables in the script's environment.
    ///
    /// # Errors
    /// The script's output, if it ends or stays silent.
    pub fn start_with<A: AsRef<OsStr>>(
        script: &str,
        transport: Transport,
        arguments: &[A],
        variables: &[(&str, &Path)],
    ) -> Result<Self> {
        let port = Port::claim(transport)?;
        let own = |(name, value): &(&str, &Path)| ((*name).into(), (*value).into());
        let variables = variables.iter().map(own).collect();
        let mut server = Self::start_at(new_state()?, script, port.number(), arguments, variables)?;
        server.claim = Some(port);
        Ok(server)
    }

    /// The same with a number of the caller's choice as the port.
    ///
    /// # Errors
    /// The script's output, if it ends or stays silent.
    pub fn start_on<A: AsRef<OsStr>>(script: &str, port: u16, arguments: &[A]) -> Result<Self> {
        Self::start_at(new_state()?, script, port, arguments, Vec::new())
    }

    /// The same on a port, and in a state folder, possibly those of an earlier server.
    pub(super) fn start_in<A: AsRef<OsStr>>(
        state: Arc<TempDir>,
        script: &str,
        port: &Port,
        arguments: &[A],
    ) -> Result<Self> {
        let mut server = Self::start_at(state, script, port.number(), arguments, Vec::new())?;
        server.claim = Some(port.clone());
        Ok(server)
    }

    fn start_at<A: AsRef<OsStr>>(
        state: Arc<TempDir>,
        script: &str,
        port: u16,
        arguments: &[A],
        variables: Vec<(OsString, OsString)>,
    ) -> Result<Self> {
        let arguments: Vec<OsString> = arguments.iter().map(|one| one.into()).collect();
        let (child, lines) = launch(script, state.path(), port, &arguments, &variables)?;
        let server = Self {
            child,
            lines,
            script: script.to_owned(),
            arguments,
            variables,
            port,
            claim: None,
            state,
        };
        server.wait_for_ready()?;
        Ok(server)
    }

    /// Kills every process of its group, as if the power had failed.
    ///
    /// # Errors
    /// Something of it is left after a long time.
    pub fn kill(&mut self) -> Result<()> {
        // The group may have gone already.
        let _ = self.signal(Signal::KILL);
        let is_gone = self.is_gone_within(PATIENCE);
        self.child.wait().context("waiting for the script")?;
        if !is_gone {
            bail!("something is left of tests/servers/{}", self.script);
        }
        Ok(())
    }

    /// Starts a killed or ended server again, with its state and port.
    ///
    /// # Errors
    /// The script's output, if it ends or stays silent.
    pub fn start_again(&mut self) -> Result<()> {
        let state = self.state.path();
        (self.child, self.lines) = launch(
            &self.script,
            state,
            self.port,
            &self.arguments,
            &self.variables,
        )?;
        self.wait_for_ready()
    }

    /// Returns true if its script has ended.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn has_ended(&mut self) -> Result<bool> {
        let ended = self.child.try_wait().context("looking at the script")?;
        Ok(ended.is_some())
    }

    /// Its port, whichever loopback addresses it uses.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The claim of that port, to start another server on it: absent if the caller chose the port.
    pub(super) fn claim(&self) -> Option<&Port> {
        self.claim.as_ref()
    }

    /// Returns the address on which it listens, unless it was given others.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The folder in which the script keeps the server's configuration and state.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.state.path().join("state")
    }

    /// Returns the standard error of the script and its server so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log(self.state.path())).unwrap_or_default()
    }

    /// Stops every process of the server: it keeps its port and is silent.
    ///
    /// # Errors
    /// The process group is gone.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP).context("pausing the server")
    }

    /// Resumes a paused server. It answers what was sent to it meanwhile.
    ///
    /// # Errors
    /// The process group is gone.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT).context("resuming the server")
    }

    fn wait_for_ready(&self) -> Result<()> {
        self.wait_for_line()
            .with_context(|| format!("starting tests/servers/{}", self.script))
    }

    fn wait_for_line(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.starts_with("ready") => return Ok(()),
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("it ended: {}", self.log().trim()),
                Err(RecvTimeoutError::Timeout) => bail!("it stays silent: {}", self.log().trim()),
            }
        }
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let group = group.context("the script has no process id")?;
        Ok(kill_process_group(group, signal)?)
    }

    /// Returns true if every process that has our end of the pipe is gone in time.
    fn is_gone_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The group may have gone already: then there is nothing to do, and nothing to report.
        let _ = self.signal(Signal::TERM);
        let _ = self.signal(Signal::CONT);
        if !self.is_gone_within(END_WITHIN) {
            let _ = self.signal(Signal::KILL);
            self.is_gone_within(PATIENCE);
        }
        let _ = self.child.wait();
    }
}

/// Runs the script, and returns its lines.
fn launch(
    script: &str,
    state: &Path,
    port: u16,
    arguments: &[OsString],
    variables: &[(OsString, OsString)],
) -> Result<(Child, Receiver<String>)> {
    let errors = File::options().create(true).append(true).open(log(state));
    let mut child = Command::new(repository::root().join("tests/servers").join(script))
        .arg(state.join("state"))
        .arg(port.to_string())
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .env("UTAKATA_SERVER_HOLD", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors.context("making the server's log")?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting tests/servers/{script}"))?;
    let stdout = child
        .stdout
        .take()
        .context("the script has no standard output")?;
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody listens after the first line; reading on keeps the pipe from filling.
            let _ = sender.send(line);
        }
    });
    Ok((child, lines))
}

/// Creates a folder for the state of a server.
pub(super) fn new_state() -> Result<Arc<TempDir>> {
    let state = TempDir::with_prefix("utakata-server-").context("making a state folder")?;
    // A server with its own user needs to pass through it to its state.
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o711))
        .context("opening the state folder")?;
    Ok(Arc::new(state))
}

fn log(state: &Path) -> PathBuf {
    state.join("stderr.log")
}
