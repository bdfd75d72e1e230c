//! Workers as processes of this machine: no container engine, one process group for each.

mod adopted;
mod confinement;
mod group;

use std::{os::unix::process::ExitStatusExt, path::Path, process::Stdio};

use async_trait::async_trait;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tokio::process::{Child, Command};

use super::{Error, Exit, Running, Runtime, Spec, Trace, log};
use utakata_model::WorkerId;
use utakata_protocol::{ENDPOINT_VARIABLE, NO_BYTECODE};

use crate::{Artifact, Release};
pub use confinement::Confined;

use adopted::Adopted;
use group::{Group, copy};

/// Open files of a worker: a device at a time, thousands of devices at once.
const OPEN_FILES: u64 = 16_384;

/// Runs workers as processes. Each has a process group of its own, sees only the variables it
/// is given, and has what it prints logged under its name. By default it reaches all that this
/// process reaches.
#[derive(Debug, Clone, Default)]
pub struct Process {
    confined: Option<Confined>,
}

impl Process {
    /// Runs workers that reach only what they need.
    pub fn confined(confined: Option<Confined>) -> Self {
        Self { confined }
    }
}

#[derive(Debug)]
struct Started {
    // Dropped first: the number of the group is its own as long as the child is there.
    group: Group,
    child: Child,
}

#[async_trait]
impl Runtime for Process {
    fn wants_loopback(&self) -> bool {
        self.confined.is_some()
    }

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
        let mut command = match &self.confined {
            None => Command::new(program),
            Some(confined) => {
                executable(program)?;
                let (launcher, arguments) = confined.start(program, &spec);
                let mut command = Command::new(launcher);
                command.args(arguments).arg(program);
                command
            }
        };
        command
            .args(&spec.run.arguments)
            .env_clear()
            .env(NO_BYTECODE.0, NO_BYTECODE.1)
            .envs(spec.all_variables(&spec.socket, &spec.folder));
        if let (Some(_), Some(address)) = (&self.confined, spec.loopback) {
            // It may not make the socket that it would need for the other one.
            command.env(ENDPOINT_VARIABLE, format!("http://{address}"));
        }
        let mut child = command
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
        Ok(Box::new(Started {
            group: Group::new(group, errors, pipes),
            child,
        }))
    }

    fn adopt(&self, worker: WorkerId, trace: &Trace) -> Result<Box<dyn Running>, Error> {
        Ok(Box::new(Adopted::build(&worker, trace)?))
    }
}

#[async_trait]
impl Running for Started {
    async fn ended(&mut self) -> Exit {
        let exit = match self.group.exit() {
            Some(exit) => exit,
            None => self.child.wait().await.map_or(Exit::Unknown, exit),
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

/// Checks that a program can be executed before another one is asked to become it, so that what is
/// missing is told as where that other one is not needed.
fn executable(program: &Path) -> Result<(), Error> {
    rustix::fs::access(program, rustix::fs::Access::EXEC_OK).map_err(|error| Error::Start {
        program: program.into(),
        source: error.into(),
    })
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
