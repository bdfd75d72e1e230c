//! A worker that this process started before it became another program: still its child.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    time::Duration,
};

use async_trait::async_trait;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, pidfd_open,
    waitid,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    net::unix::pipe,
    task::JoinHandle,
};
use utakata_model::WorkerId;

use super::{
    super::{Error, Exit, Running, Trace, log, memory},
    copy,
};

/// The time that the rest of what a worker has printed may take after its end.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(500);

/// A process that leads a group of its own.
#[derive(Debug)]
pub(super) struct Adopted {
    handle: AsyncFd<OwnedFd>,
    process: i32,
    /// The process group, as long as it may have members.
    group: Option<Pid>,
    exit: Option<Exit>,
    errors: Option<JoinHandle<Option<String>>>,
    last_words: Option<String>,
    pipes: [Option<OwnedFd>; 2],
}

impl Adopted {
    /// Watches it from now on. Errors: it is no process of ours.
    pub(super) fn build(worker: &WorkerId, trace: &Trace) -> Result<Self, Error> {
        let process = trace.process;
        let lost = |source| Error::Adopt { process, source };
        let group = Pid::from_raw(process);
        let pid = group.ok_or_else(|| lost(io::ErrorKind::InvalidInput.into()))?;
        let handle = pidfd_open(pid, PidfdFlags::NONBLOCK).map_err(|error| lost(error.into()))?;
        // The number of a process that has ended may be another's by now.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::PidFd(handle.as_fd()), look).map_err(|error| lost(error.into()))?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for files that others close: this one is owned"
        )]
        let handle = AsyncFd::with_interest(handle, Interest::READABLE).map_err(lost)?;
        let [output, errors] = trace.pipes.each_ref().map(|pipe| follow(pipe, worker));
        // It ends with the pipe, which ends with the process group.
        drop(output);
        Ok(Self {
            handle,
            process,
            group,
            exit: None,
            errors,
            last_words: None,
            pipes: trace.pipes.each_ref().map(|pipe| copy(pipe.as_ref()?)),
        })
    }

    async fn wait(&self) -> Exit {
        loop {
            let Ok(mut ready) = self.handle.readable().await else {
                return Exit::Unknown;
            };
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            let pid = self.handle.get_ref().as_fd();
            match waitid(WaitId::PidFd(pid), options) {
                Ok(Some(status)) => return exit(&status),
                Ok(None) => ready.clear_ready(),
                Err(_) => return Exit::Unknown,
            }
        }
    }
}

#[async_trait]
impl Running for Adopted {
    async fn ended(&mut self) -> Exit {
        let exit = match self.exit {
            Some(exit) => exit,
            None => self.wait().await,
        };
        self.exit = Some(exit);
        // What it has started and left behind goes with it.
        self.kill();
        self.group = None;
        if let Some(errors) = &mut self.errors {
            let last = tokio::time::timeout(LAST_WORDS_TIMEOUT, errors).await;
            self.last_words = last.ok().and_then(Result::ok).flatten();
            self.errors = None;
        }
        exit
    }

    fn kill(&mut self) {
        if let Some(group) = self.group {
            // An error means that nothing is left to kill.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    fn trace(&self) -> Option<Trace> {
        self.group?;
        Some(Trace {
            process: self.process,
            pipes: self.pipes.each_ref().map(|pipe| copy(pipe.as_ref()?)),
        })
    }

    async fn memory(&mut self) -> Option<u64> {
        self.group?;
        memory::of_tree(self.process)
    }

    fn last_words(&self) -> Option<String> {
        self.last_words.clone()
    }
}

impl Drop for Adopted {
    fn drop(&mut self) {
        self.kill();
    }
}

fn follow(pipe: &Option<OwnedFd>, worker: &WorkerId) -> Option<JoinHandle<Option<String>>> {
    let pipe = pipe::Receiver::from_owned_fd(copy(pipe.as_ref()?)?).ok()?;
    Some(tokio::spawn(log::follow(pipe, worker.clone())))
}

fn exit(status: &WaitIdStatus) -> Exit {
    let code = status.exit_status().map(Exit::Code);
    let signal = status.terminating_signal().map(Exit::Signal);
    code.or(signal).unwrap_or(Exit::Unknown)
}
