//! Processes that stand still for a while, and continue: as those of a virtual machine do during a
//! snapshot, a migration, or a hanging storage.

use std::{
    io,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::time::Instant;

/// A script that makes them continue as soon as nobody holds its standard input: also when the
/// drill is killed, of which they could not hear themselves.
const HOLDER: &str = "read -r _; kill -s CONT -- \"$@\" 2>/dev/null";

/// Processes that stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Still {
    /// A single process.
    Process(Pid),
    /// A process and those that it has started in its group.
    Group(Pid),
}

/// Processes that stand still until this is dropped.
#[derive(Debug)]
pub struct Stall {
    holder: Child,
    until: Instant,
}

impl Stall {
    /// Stops them, in this order.
    ///
    /// # Errors
    /// The process that makes them continue cannot be started.
    pub fn begin(still: &[Still], until: Instant) -> io::Result<Self> {
        let holder = Command::new("sh")
            .args(["-c", HOLDER, "sh"])
            .args(still.iter().map(Still::argument))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        for one in still {
            // An error means that it has just ended.
            let _ = match *one {
                Still::Process(process) => kill_process(process, Signal::STOP),
                Still::Group(group) => kill_process_group(group, Signal::STOP),
            };
        }
        Ok(Self { holder, until })
    }

    /// Returns true if it is time to continue.
    pub fn is_over(&self) -> bool {
        self.until <= Instant::now()
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        if let Err(error) = self.holder.wait() {
            eprintln!("processes may still be frozen: {error}");
        }
    }
}

impl Still {
    fn argument(&self) -> String {
        match self {
            Self::Process(process) => process.as_raw_nonzero().to_string(),
            Self::Group(group) => format!("-{}", group.as_raw_nonzero()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::process::CommandExt as _};

    use utakata_tests::wait::eventually;

    use super::*;

    fn state(process: &Child) -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        rest.split_whitespace().next().map(str::to_owned)
    }

    fn until_it_is(process: &Child, wanted: impl Fn(&str) -> bool) {
        eventually("it is in that state", || {
            state(process).filter(|state| wanted(state))
        });
    }

    #[test]
    fn who_freezes_continues_when_it_is_over() {
        let mut sleep = Command::new("sleep");
        let mut sleep = sleep.arg("1000").process_group(0).spawn().unwrap();
        let process = Pid::from_child(&sleep);
        for still in [Still::Process(process), Still::Group(process)] {
            let stall = Stall::begin(&[still], Instant::now()).unwrap();
            until_it_is(&sleep, |state| state == "T");
            assert!(stall.is_over());
            drop(stall);
            until_it_is(&sleep, |state| state != "T");
        }
        sleep.kill().unwrap();
        sleep.wait().unwrap();
    }
}
