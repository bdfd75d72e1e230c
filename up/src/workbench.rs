//! The workbench, a program next to this one with the tools for profiles: it knows SNMP and MIBs,
//! so that this program need not.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};
use utakata_model::workbench::{Answer, Refusal, Request, WalkSummary};

use crate::{Usage, programs};

pub const PROGRAM: &str = "utakata-workbench";
/// A walk of a whole chassis takes a few seconds to read; MIBs take one.
const TIMEOUT: Duration = Duration::from_secs(180);

/// A walk served over SNMP until this is dropped.
#[derive(Debug)]
pub struct Serving {
    pub address: String,
    pub community: String,
    pub walk: WalkSummary,
    _child: Child,
    /// Closing it ends the program.
    _stdin: ChildStdin,
}

/// Sends a request to the workbench.
///
/// # Errors
/// It is not installed, or it failed.
pub async fn ask(request: &Request) -> Result<Answer> {
    let asked = async {
        let (mut child, stdin, mut stdout) = start(request).await?;
        drop(stdin);
        let answer = answer(&mut child, &mut stdout).await;
        drop(child.wait().await);
        answer
    };
    let late = || format!("{PROGRAM} did not answer within {} s", TIMEOUT.as_secs());
    tokio::time::timeout(TIMEOUT, asked)
        .await
        .with_context(late)?
}

/// Serves a walk over SNMP.
///
/// # Errors
/// The workbench is not installed, or the file is not a walk.
pub async fn serve(walk: &Path) -> Result<Serving> {
    let request = Request::Serve { walk: walk.into() };
    let (mut child, stdin, mut stdout) = start(&request).await?;
    match answer(&mut child, &mut stdout).await? {
        Answer::Serving {
            address,
            community,
            walk,
        } => Ok(Serving {
            address,
            community,
            walk,
            _child: child,
            _stdin: stdin,
        }),
        Answer::Refused { problems } => Err(refused(&problems)),
        _ => bail!("{PROGRAM} gave an unexpected answer: is it another version?"),
    }
}

/// An error with one line for each refusal. Wrong usage is distinguished from a wrong file.
pub fn refused(problems: &[Refusal]) -> anyhow::Error {
    let lines: Vec<&str> = problems.iter().map(|one| one.problem.as_str()).collect();
    let lines = lines.join("\n");
    match problems.iter().any(|one| one.is_usage) {
        true => Usage(lines).into(),
        false => anyhow::Error::msg(lines),
    }
}

async fn start(request: &Request) -> Result<(Child, ChildStdin, BufReader<ChildStdout>)> {
    let program = find()?;
    let cannot = || format!("{} cannot be started", program.display());
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .with_context(cannot)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        bail!("{} has no standard input and output", program.display());
    };
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stdin.write_all(&line).await.with_context(cannot)?;
    Ok((child, stdin, BufReader::new(stdout)))
}

fn find() -> Result<PathBuf> {
    let absent = "the program utakata-workbench must be next to utakata: `cargo build` builds both";
    programs::find(PROGRAM).context(absent)
}

async fn answer(child: &mut Child, stdout: &mut BufReader<ChildStdout>) -> Result<Answer> {
    let mut line = String::new();
    stdout.read_line(&mut line).await?;
    if line.is_empty() {
        let status = child.wait().await?;
        bail!("{PROGRAM} has ended without an answer: {status}");
    }
    serde_json::from_str(&line)
        .with_context(|| format!("{PROGRAM} cannot be understood: is it another version?"))
}
