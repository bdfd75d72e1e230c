//! Workers as processes of this machine: no container engine, one process group for each.

mod adopted;

use std::{
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    path::Path,
    process::Stdio,
    time::Duration,
};

use async_trait::async_trait;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use tokio::{
    process::{Child, Command},
    task::JoinHandle,
};

use super::{Error, Exit, Running, Runtime, Spec, Trace, log, memory};
use utakata_model::WorkerId;
use utakata_protocol::NO_BYTECODE;

use crate::{Artifact, Release};
use adopted::Adopted;

/// The time that the rest of what a worker has printed may take after its end.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(500);

/// Open files of a worker: a device at a time, thousands of devices at once.
const OPEN_FILES: u64 = 16_384;

/// Runs workers as processes. Each has a process group of its own, sees only the variables it
/// is given, and has what it prints logged under its name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Process;

#[derive(Debug)]
struct Group {
    child: Child,
    /// The process group, as long as it may have members.
    group: Option<Pid>,
    exit: Option<Exit>,
    /// Ends with the last line on standard error.
    errors: Option<JoinHandle<Option<String>>>,
    last_words: Option<String>,
    /// The pipes that are left to another program of this process.
    pipes: [Option<OwnedFd>; 2],
}

#[async_trait]
impl Runtime for Process {
    async fn prepare(&self, release: &Release) -> Result<(), Error> {
        program(&release.artifact).map(drop)
    }

    async fn start(&self, spec: Spec) -> Result<Box<dyn Running>, Error> {
        let program = program(&spec.artifact)?;
        // It runs in its folder: anything relative would mean something else there.
        debug_assert!(
            [program, &spec.folder, &spec.socket]
                .iter()
                .all(|path| path.is_absolute()),
            "a worker is started by absolute paths: {}",
            spec.folder.display()
        );
        let mut child = Command::new(program)
            .args(&spec.run.arguments)
            .env_clear()
            .env(NO_BYTECODE.0, NO_BYTECODE.1)
            .envs(spec.all_variables(&spec.socket, &spec.folder))
            .current_dir(&spec.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| Error::Start {
                program: program.into(),
                source,
            })?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(process) = group {
            bound_open_files(process);
        }
        let pipes = [
            child.stdout.as_ref().and_then(copy),
            child.stderr.as_ref().and_then(copy),
        ];
        // These tasks end with the pipes, which end with the process group.
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(log::follow(stdout, spec.worker.clone()));
        }
        let errors = child.stderr.take();
        let errors = errors.map(|stderr| tokio::spawn(log::follow(stderr, spec.worker)));
        Ok(Box::new(Group {
            child,
            group,
            exit: None,
            errors,
            last_words: None,
            pipes,
        }))
    }

    fn adopt(&self, worker: WorkerId, trace: &Trace) -> Result<Box<dyn Running>, Error> {
        Ok(Box::new(Adopted::build(&worker, trace)?))
    }
}

#[async_trait]
impl Running for Group {
    async fn ended(&mut self) -> Exit {
        let exit = match self.exit {
            Some(exit) => exit,
            None => self.child.wait().await.map_or(Exit::Unknown, exit),
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

    async fn memory(&mut self) -> Option<u64> {
        let process = self.group?.as_raw_nonzero().get();
        memory::of_tree(process)
    }

    fn trace(&self) -> Option<Trace> {
        let process = self.group?.as_raw_nonzero().get();
        let copies = self.pipes.each_ref().map(|pipe| copy(pipe.as_ref()?));
        Some(Trace {
            process,
            pipes: copies,
        })
    }

    fn last_words(&self) -> Option<String> {
        self.last_words.clone()
    }

    fn kill(&mut self) {
        if let Some(group) = self.group {
            // An error means that nothing is left to kill.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns the same pipe once more; not for programs that are started.
fn copy(pipe: impl AsFd) -> Option<OwnedFd> {
    let copied = pipe.as_fd().try_clone_to_owned();
    copied
        .inspect_err(|error| tracing::warn!(%error, "a worker cannot be left to another program"))
        .ok()
}

/// Gives a worker a limit of open files that programs can live with: this process has raised its
/// own, and some count up to it. A worker may raise its own again.
fn bound_open_files(process: Pid) {
    let own = getrlimit(Resource::Nofile);
    if own.current.is_some_and(|current| current <= OPEN_FILES) {
        return;
    }
    let bounded = Rlimit {
        current: Some(OPEN_FILES),
        maximum: own.maximum,
    };
    // It may have ended already.
    if let Err(error) = prlimit(Some(process), Resource::Nofile, bounded) {
        tracing::debug!(%error, "the open files of a worker are not bounded");
    }
}

fn program(artifact: &Artifact) -> Result<&Path, Error> {
    let what = "an image";
    artifact.program().ok_or(Error::Misplaced { what })
}

fn exit(status: std::process::ExitStatus) -> Exit {
    let signal = status.signal().map(Exit::Signal);
    let code = status.code().map(Exit::Code);
    code.or(signal).unwrap_or(Exit::Unknown)
}
