//! The program: one request as JSON on standard input, one answer as JSON on standard output.

use std::{
    io::{self, BufRead, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use tokio::runtime::{Builder, Runtime};
use utakata_worker_sdk::model::workbench::{Answer, Request};

use crate::{
    agent::{COMMUNITY, Replay},
    draft,
    files::{self, Profiles},
    trial,
};

/// The request was answered, successfully or not.
const EXIT_ANSWERED: u8 = 0;
/// It was started by hand (`EX_USAGE` of sysexits.h).
const EXIT_USAGE: u8 = 64;
/// The exit code if it could not answer (`EX_SOFTWARE`).
const EXIT_BROKEN: u8 = 70;

/// Runs the program.
pub fn main() -> ExitCode {
    if io::stdin().is_terminal() {
        eprintln!("utakata-workbench is used by `utakata profile`: see utakata profile --help");
        return ExitCode::from(EXIT_USAGE);
    }
    match answer() {
        Ok(()) => ExitCode::from(EXIT_ANSWERED),
        Err(error) => {
            eprintln!("utakata-workbench: {error:#}");
            ExitCode::from(EXIT_BROKEN)
        }
    }
}

fn answer() -> anyhow::Result<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    let answered = match request {
        Request::Try { files, walk } => attempt(&files, &walk)?,
        Request::Draft {
            mibs,
            folders,
            walk,
        } => draft(&mibs, &folders, &walk),
        Request::Check { files } => match Profiles::read(&files) {
            Ok(_) => Answer::Right,
            Err(problems) => Answer::Refused { problems },
        },
        Request::Serve { walk } => return serve(&walk),
    };
    say(&answered)
}

fn attempt(profiles: &[PathBuf], walk: &Path) -> anyhow::Result<Answer> {
    // Both at once: the user wants to see all mistakes.
    match (Profiles::read(profiles), files::walk(walk)) {
        (Ok(profiles), Ok(walk)) => {
            let trial = runtime()?.block_on(trial::run(&profiles, walk))?;
            Ok(Answer::Trial(trial))
        }
        (profiles, walk) => Ok(Answer::Refused {
            problems: [
                profiles.err().unwrap_or_default(),
                walk.err().into_iter().collect(),
            ]
            .concat(),
        }),
    }
}

fn draft(mibs: &[PathBuf], folders: &[PathBuf], walk: &Path) -> Answer {
    let walk = match files::walk(walk) {
        Ok(walk) => walk,
        Err(problem) => {
            return Answer::Refused {
                problems: vec![problem],
            };
        }
    };
    match draft::draft(mibs, folders, &walk) {
        Ok(draft) => Answer::Draft(draft),
        Err(problems) => Answer::Refused { problems },
    }
}

/// Serves SNMP until its input closes.
fn serve(walk: &Path) -> anyhow::Result<()> {
    let walk = match files::walk(walk) {
        Ok(walk) => Arc::new(walk),
        Err(problem) => {
            let problems = vec![problem];
            return say(&Answer::Refused { problems });
        }
    };
    runtime()?.block_on(async {
        let replay = Replay::start(Arc::clone(&walk)).await?;
        say(&Answer::Serving {
            address: replay.address().to_string(),
            community: COMMUNITY.into(),
            walk: files::summary(&walk),
        })?;
        // When the parent ends, however it does, this input ends.
        let ended = tokio::task::spawn_blocking(|| io::stdin().lock().read_to_end(&mut Vec::new()));
        drop(ended.await);
        Ok(())
    })
}

fn say(answer: &Answer) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

fn runtime() -> io::Result<Runtime> {
    // The agent and the worker that queries it need not wait for each other.
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}
