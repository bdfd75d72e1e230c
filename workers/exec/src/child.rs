//! A process of the program: started without secrets in its environment, read line by line, killed
//! with its descendants.

use std::{fs, io, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child as Process, ChildStdin, ChildStdout},
};
use utakata_worker_sdk::{ENDPOINT_VARIABLE, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, Task};

use crate::{line::LINE_MAX, settings::Command, trouble::Trouble};

/// The advice for a program that may not be executed.
const CONFINED: &str = "; a worker executes programs of the system and of its release, and where \
    execution.confinement.execute of its environment lets it";

/// A process of the program. Dropping it kills it with everything it started.
///
/// It stays in the process group of the worker, so whoever ends that group ends it too.
#[derive(Debug)]
pub struct Child {
    process: Process,
}

/// The lines written by a process.
#[derive(Debug)]
pub struct Lines {
    out: BufReader<ChildStdout>,
    /// The beginning of a line whose end has not arrived.
    line: Vec<u8>,
}

impl Child {
    /// Starts the program; for a single task, with the task in its environment, except for secrets.
    pub fn start(
        command: &Command,
        task: Option<&Task>,
    ) -> Result<(Self, ChildStdin, Lines), Trouble> {
        let failed = |error: &io::Error| {
            let hint = match error.kind() {
                io::ErrorKind::PermissionDenied => CONFINED,
                _ => "",
            };
            Trouble::NotStarted(format!("{}: {error}{hint}", command.program.display()))
        };
        let mut process = tokio::process::Command::new(&command.program)
            .args(&command.arguments)
            .current_dir(&command.folder)
            // The token makes a process a worker, which this one is not.
            .env_remove(TOKEN_VARIABLE)
            .env_remove(TOKEN_FILE_VARIABLE)
            .env_remove(ENDPOINT_VARIABLE)
            .envs(task.into_iter().flat_map(variables))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&error))?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (stdin, stdout) = pipes.ok_or_else(|| failed(&io::ErrorKind::BrokenPipe.into()))?;
        let lines = Lines {
            out: BufReader::new(stdout),
            line: Vec::new(),
        };
        Ok((Self { process }, stdin, lines))
    }

    /// Waits until it has ended. Cancel safe.
    pub async fn ended(&mut self) -> io::Result<std::process::ExitStatus> {
        self.process.wait().await
    }

    /// Kills it and what it started. Processes orphaned earlier end with the worker.
    pub fn kill(&mut self) {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok());
        if let Some(process) = id.and_then(Pid::from_raw) {
            kill_tree(process);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Lines {
    /// The next line without its end; `None` at the end of output. Cancel safe.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        loop {
            let broken = |error: io::Error| Trouble::Garbage(error.to_string());
            let read = self.out.fill_buf().await.map_err(broken)?;
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = end.unwrap_or(read.len());
            if self.line.len() + part > LINE_MAX {
                return Err(Trouble::TooLong);
            }
            let is_over = read.is_empty();
            self.line.extend_from_slice(&read[..part]);
            self.out.consume(end.map_or(part, |end| end + 1));
            if end.is_some() || (is_over && !self.line.is_empty()) {
                return Ok(Some(std::mem::take(&mut self.line)));
            }
            if is_over {
                return Ok(None);
            }
        }
    }
}

/// Kills a process after all its descendants, as far as the system reveals them. It is stopped
/// first, so that it starts no more meanwhile.
fn kill_tree(process: Pid) {
    // An error means that it has gone.
    let _ = kill_process(process, Signal::STOP);
    let id = process.as_raw_nonzero();
    let told = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let children = told.unwrap_or_default();
    for child in children.split_whitespace() {
        if let Some(child) = child.parse().ok().and_then(Pid::from_raw) {
            kill_tree(child);
        }
    }
    let _ = kill_process(process, Signal::KILL);
}

/// Returns the environment variables of a process for one task, for programs that cannot parse
/// JSON.
fn variables(task: &Task) -> Vec<(String, String)> {
    let mut variables = vec![
        ("UTAKATA_TARGET".to_owned(), task.target.to_string()),
        ("UTAKATA_ADDRESS".to_owned(), task.address.clone()),
        ("UTAKATA_ACTION".to_owned(), task.action.to_string()),
        ("UTAKATA_CLASS".to_owned(), task.class.as_str().to_owned()),
    ];
    let parameters = task.parameters.as_object().into_iter().flatten();
    variables.extend(parameters.map(|(name, value)| {
        let word = |c: char| match c.is_ascii_alphanumeric() {
            true => c.to_ascii_uppercase(),
            false => '_',
        };
        let name: String = name.chars().map(word).collect();
        let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
        (format!("UTAKATA_PARAMETER_{name}"), text)
    }));
    variables
}
