//! One process of a drill: started, killed, started again.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    process::{Child, Command},
    time::{Instant, timeout},
};

/// The wait before one that ended by itself is started again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The age before which one may not yet listen to signals.
const REPLACED_AFTER: Duration = Duration::from_secs(2);
/// The time for ending on request.
const END_TIMEOUT: Duration = Duration::from_secs(15);

/// The way in which a process learns to end with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A flag of our own program: it ends when its standard input does.
    Flag,
    /// A variable, as scripts of servers require it; the script has others under it, and all are
    /// killed together.
    Variable,
}

/// A clock that is wrong, by means of libfaketime.
#[derive(Debug, Clone)]
pub struct Clock {
    library: PathBuf,
    /// The number of seconds by which it is ahead.
    ahead: i64,
}

impl Clock {
    /// Returns the path at which Debian has the library, if it is installed.
    pub fn library() -> Option<PathBuf> {
        let triples = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
        let mut found = triples.map(|triple| triple.path().join("faketime/libfaketimeMT.so.1"));
        found.find(|library| library.exists())
    }

    /// Creates a clock that is ahead by that many seconds.
    pub fn ahead(library: &Path, ahead: i64) -> Self {
        Self {
            library: library.to_owned(),
            ahead,
        }
    }
}

/// The program and the arguments of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub program: PathBuf,
    /// Its arguments, except for the one by which it is held.
    pub arguments: Vec<String>,
}

/// A process: of our own programs, or a server.
#[derive(Debug)]
pub struct Member {
    pub name: String,
    start: Start,
    log: PathBuf,
    hold: Hold,
    /// A clock other than that of this machine.
    clock: Option<Clock>,
    child: Option<Child>,
    since: Instant,
    /// The time of its next start.
    back: Option<Instant>,
}

impl Member {
    /// Creates a process that does not run yet.
    pub fn new(name: &str, start: Start, log: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            start,
            log,
            hold: Hold::Flag,
            clock: None,
            child: None,
            since: Instant::now(),
            back: None,
        }
    }

    /// Sets the way in which it learns to end with us.
    pub fn held_by(self, hold: Hold) -> Self {
        Self { hold, ..self }
    }

    /// Sets its clock from its next start on.
    pub fn go_by(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// Sets its program and arguments from its next start on.
    pub fn start_by(&mut self, start: Start) {
        self.start = start;
    }

    pub fn start(&mut self) -> io::Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.start.program);
        // The user's settings are not for these processes.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("UTAKATA_") {
                command.env_remove(name);
            }
        }
        match self.hold {
            Hold::Flag => command.args(&self.start.arguments).arg("--exit-with-stdin"),
            Hold::Variable => command
                .args(&self.start.arguments)
                .env("UTAKATA_SERVER_HOLD", "1"),
        };
        if let Some(clock) = &self.clock {
            command
                .env("LD_PRELOAD", &clock.library)
                .env("FAKETIME", format!("{:+}s", clock.ahead))
                // The monotonic clock stays as it is.
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            // Ctrl-C is for us.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        self.child = Some(child);
        self.since = Instant::now();
        self.back = None;
        Ok(())
    }

    /// Returns true if it runs, as far as is known.
    pub fn is_up(&self) -> bool {
        self.child.is_some()
    }

    /// Returns the process identifier, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Kills it with `kill -9`; it returns by itself after a while.
    pub fn kill(&mut self, down: Duration) {
        if let Some(mut child) = self.child.take() {
            // An error means that it has just ended: it returns all the same.
            match (self.hold, child.id().and_then(pid)) {
                (Hold::Variable, Some(group)) => {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                _ => {
                    let _ = child.start_kill();
                }
            }
            self.back = Some(Instant::now() + down);
        }
    }

    /// Asks it to continue as the program that is now installed in place of its own. Returns true
    /// if it was asked.
    pub fn replace(&self) -> bool {
        let is_listening = self.since.elapsed() >= REPLACED_AFTER;
        let process = self.process().filter(|_| is_listening).and_then(pid);
        process.is_some_and(|process| kill_process(process, Signal::HUP).is_ok())
    }

    /// Starts it when its time has come; returns how it ended, if it did so by itself.
    pub fn keep(&mut self) -> io::Result<Option<ExitStatus>> {
        let ended = match &mut self.child {
            Some(child) => child.try_wait()?,
            None => None,
        };
        if ended.is_some() {
            self.child = None;
            self.back = Some(Instant::now() + RETRY_AFTER);
        }
        if self.back.is_some_and(|back| back <= Instant::now()) {
            self.start()?;
        }
        Ok(ended)
    }

    /// Returns the processes that it has started.
    pub fn children(&self) -> Vec<Pid> {
        let id = self.child.as_ref().and_then(Child::id);
        id.map(children_of).unwrap_or_default()
    }

    /// Ends it by closing its standard input. One that does not end is killed.
    pub async fn end(&mut self) {
        self.back = None;
        let Some(mut child) = self.child.take() else {
            return;
        };
        drop(child.stdin.take());
        if timeout(END_TIMEOUT, child.wait()).await.is_err() {
            eprintln!("{} did not end in time, and is killed", self.name);
            let _ = child.kill().await;
        }
    }
}

/// Returns the identifier of a process, as the operating system takes it.
pub fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// Kills a process that is not our child with `kill -9`.
pub fn kill(process: Pid) {
    // An error means that it has just ended.
    let _ = kill_process(process, Signal::KILL);
}

/// Returns the identifiers of the processes that a process has started, in order.
pub fn children_of(parent: u32) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut found: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| {
            let id: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            (parent_in(&stat)? == parent).then_some(id)
        })
        .collect();
    found.sort_unstable();
    found.into_iter().filter_map(Pid::from_raw).collect()
}

/// Returns the parent in a line of `/proc/PID/stat`: `PID (NAME) STATE PARENT ...`, where the name
/// may have any characters.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_in("12 (a) b)) S 7 12 12 0"), Some(7));
        assert_eq!(parent_in("12 a S 7"), None);
    }
}
