//! The process group of a worker, and what it prints.

use std::{
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::task::JoinHandle;

use super::super::{Exit, Trace, memory};

/// The time that the rest of what a worker has printed may take after its end.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(500);

/// The process group of a worker. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Group {
    /// The process that leads it, as long as it may have members.
    leader: Option<Pid>,
    exit: Option<Exit>,
    /// Ends with the last line on standard error.
    errors: Option<JoinHandle<Option<String>>>,
    last_words: Option<String>,
    /// The pipes that are left to another program of this process.
    pipes: [Option<OwnedFd>; 2],
}

impl Group {
    pub(super) fn new(
        leader: Option<Pid>,
        errors: Option<JoinHandle<Option<String>>>,
        pipes: [Option<OwnedFd>; 2],
    ) -> Self {
        Self {
            leader,
            exit: None,
            errors,
            last_words: None,
            pipes,
        }
    }

    /// Returns the exit of its leader, once it has ended.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Ends what the leader has started and left behind, and waits for the rest of what was
    /// printed. Cancel safe.
    pub(super) async fn end(&mut self, exit: Exit) -> Exit {
        self.exit = Some(exit);
        self.kill();
        self.leader = None;
        if let Some(errors) = &mut self.errors {
            let last = tokio::time::timeout(LAST_WORDS_TIMEOUT, errors).await;
            self.last_words = last.ok().and_then(Result::ok).flatten();
            self.errors = None;
        }
        exit
    }

    pub(super) fn kill(&self) {
        if let Some(leader) = self.leader {
            // An error means that nothing is left to kill.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }

    pub(super) fn trace(&self) -> Option<Trace> {
        Some(Trace {
            process: self.leader?.as_raw_nonzero().get(),
            pipes: self.pipes.each_ref().map(|pipe| copy(pipe.as_ref()?)),
        })
    }

    pub(super) fn memory(&self) -> Option<u64> {
        memory::of_tree(self.leader?.as_raw_nonzero().get())
    }

    pub(super) fn last_words(&self) -> Option<String> {
        self.last_words.clone()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns the same pipe once more; not for programs that are started.
pub(super) fn copy(pipe: impl AsFd) -> Option<OwnedFd> {
    let copied = pipe.as_fd().try_clone_to_owned();
    copied
        .inspect_err(|error| tracing::warn!(%error, "a worker cannot be left to another program"))
        .ok()
}
