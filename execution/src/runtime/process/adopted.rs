//! A worker that this process started before it became another program: still its child.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
};

use async_trait::async_trait;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, waitid};
use tokio::{
    io::{Interest, unix::AsyncFd},
    net::unix::pipe,
    task::JoinHandle,
};
use utakata_model::WorkerId;

use super::{
    super::{Error, Exit, Running, Trace, log},
    group::{Group, copy},
};

/// A process that leads a group of its own.
#[derive(Debug)]
pub(super) struct Adopted {
    // Dropped first: the number of the group is its own as long as the handle is there.
    group: Group,
    handle: AsyncFd<OwnedFd>,
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
        let pipes = trace.pipes.each_ref().map(|pipe| copy(pipe.as_ref()?));
        Ok(Self {
            group: Group::new(group, errors, pipes),
            handle,
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
        let exit = match self.group.exit() {
            Some(exit) => exit,
            None => self.wait().await,
        };
        self.group.end(exit).await
    }

    fn kill(&mut self) {
        self.group.kill();
    }

    fn trace(&self) -> Option<Trace> {
        self.group.trace()
    }

    async fn memory(&mut self) -> Option<u64> {
        self.group.memory()
    }

    fn last_words(&self) -> Option<String> {
        self.group.last_words()
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
