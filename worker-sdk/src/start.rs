//! The process of a worker, from its start to its exit code.

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use utakata_protocol::{
    AUTHORITY_VARIABLE, ENDPOINT_VARIABLE, LAST_WORDS_VARIABLE, RELEASE_VARIABLE,
    TOKEN_FILE_VARIABLE, TOKEN_VARIABLE,
};

use crate::{Release, ReleaseError, Worker, connection::Endpoint, session};

/// The environment variable, and the key under `[settings]` of the manifest, for the number of
/// threads of a worker. By default it has one, which is cheapest per task.
pub const THREADS_VARIABLE: &str = "UTAKATA_WORKER_THREADS";
const THREADS_SETTING: &str = "threads";

/// The exit code of a worker that was drained.
pub const EXIT_DRAINED: u8 = 0;
/// It was started by hand (`EX_USAGE` of sysexits.h).
pub const EXIT_USAGE: u8 = 64;
/// Its release cannot be read (`EX_DATAERR`).
pub const EXIT_RELEASE: u8 = 65;
/// The manager is not there, or went away (`EX_UNAVAILABLE`).
pub const EXIT_UNAVAILABLE: u8 = 69;
/// The worker could not be built (`EX_SOFTWARE`).
pub const EXIT_BUILD: u8 = 70;
/// The exit code of a worker that the manager refused (`EX_CONFIG`).
pub const EXIT_REFUSED: u8 = 78;

/// The longest time for saying goodbye to equipment.
const GOODBYE: Duration = Duration::from_secs(2);

/// The `main` of a worker: serves the manager that started the process until it is drained.
///
/// The exit codes: 0 drained, 64 started by hand, 65 no release, 69 no manager (any more), 70 the
/// worker could not be built, 78 refused by the manager.
pub fn main<W: Worker>() -> ExitCode {
    log();
    let Some(environment) = Environment::read() else {
        explain();
        return ExitCode::from(EXIT_USAGE);
    };
    match start::<W>(environment) {
        Ok(()) => ExitCode::from(EXIT_DRAINED),
        Err(error) => {
            let reason = utakata_model::chain(&error);
            eprintln!("{reason}");
            leave(&reason);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Leaves the reason of the end where whoever runs the worker looks for it: in a log its last line
/// need not be the last that it wrote.
fn leave(reason: &str) {
    let Some(file) = std::env::var_os(LAST_WORDS_VARIABLE) else {
        return;
    };
    let file = fs::OpenOptions::new().append(true).open(file);
    if let Err(error) = file.and_then(|mut file| writeln!(file, "{reason}")) {
        tracing::debug!(%error, "the reason of the end cannot be left");
    }
}

/// The information that a manager gives a worker at its start.
struct Environment {
    endpoint: Endpoint,
    token: Token,
    release: PathBuf,
}

/// The place of the token of the hello.
enum Token {
    Said(String),
    /// In this file, which whoever runs the worker may write anew.
    File(PathBuf),
}

impl Environment {
    fn read() -> Option<Self> {
        let token = std::env::var(TOKEN_VARIABLE).ok().map(Token::Said);
        let file = || std::env::var_os(TOKEN_FILE_VARIABLE).map(|file| Token::File(file.into()));
        Some(Self {
            endpoint: Endpoint {
                address: std::env::var(ENDPOINT_VARIABLE).ok()?,
                authority: std::env::var(AUTHORITY_VARIABLE).ok(),
            },
            token: token.or_else(file)?,
            release: std::env::var_os(RELEASE_VARIABLE)?.into(),
        })
    }
}

impl Token {
    fn read(self) -> Result<String, Error> {
        match self {
            Self::Said(token) => Ok(token),
            Self::File(file) => match fs::read_to_string(&file) {
                Ok(token) => Ok(token.trim().into()),
                Err(source) => Err(Error::Token { file, source }),
            },
        }
    }
}

/// The reason why a worker ended before it was drained.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read the release")]
    Release(#[source] ReleaseError),
    #[error("cannot read the token in {}", file.display())]
    Token {
        file: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot start the runtime")]
    Runtime(#[source] std::io::Error),
    #[error("the worker cannot start")]
    Build(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the worker ended before it was drained")]
    Session(#[source] session::Error),
}

impl Error {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Release(_) => EXIT_RELEASE,
            Self::Token { .. } => EXIT_UNAVAILABLE,
            Self::Runtime(_) | Self::Build(_) => EXIT_BUILD,
            Self::Session(session::Error::Refused { .. }) => EXIT_REFUSED,
            Self::Session(session::Error::Schema(_) | session::Error::Manifest(_)) => EXIT_RELEASE,
            Self::Session(_) => EXIT_UNAVAILABLE,
        }
    }
}

fn start<W: Worker>(environment: Environment) -> Result<(), Error> {
    let release = Release::read(&environment.release).map_err(Error::Release)?;
    let token = environment.token.read()?;
    let runtime = runtime(threads(&release)).map_err(Error::Runtime)?;
    let result = runtime.block_on(async {
        let worker = Arc::new(W::build(&release).map_err(Error::Build)?);
        let config = session::Config {
            endpoint: environment.endpoint,
            token,
            stop: stop_on_signal().map_err(Error::Runtime)?,
        };
        let session = session::run(Arc::clone(&worker), &release, config).await;
        let _ = tokio::time::timeout(GOODBYE, worker.close()).await;
        session.map_err(Error::Session)
    });
    // A thread that a worker left blocked must not keep the process alive.
    runtime.shutdown_background();
    result
}

/// Returns the number of threads: from the environment, otherwise the manifest, otherwise one.
fn threads(release: &Release) -> usize {
    let variable = std::env::var(THREADS_VARIABLE).ok();
    let variable = variable.and_then(|text| text.parse().ok());
    let setting = release.manifest.settings.get(THREADS_SETTING);
    let setting = setting.and_then(serde_json::Value::as_u64);
    let setting = setting.and_then(|count| usize::try_from(count).ok());
    variable.or(setting).unwrap_or(1)
}

fn runtime(threads: usize) -> std::io::Result<Runtime> {
    match threads {
        0 | 1 => Builder::new_current_thread().enable_all().build(),
        // The session itself runs on the thread that waits for it.
        more => Builder::new_multi_thread()
            .worker_threads(more - 1)
            .enable_all()
            .build(),
    }
}

/// Drains on the first termination signal; somebody at a terminal who interrupts it again ends the
/// process at once.
fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // Whoever runs it may say so again, when the time is shortened.
                _ = terminate.recv() => {}
                _ = interrupt.recv() => if told.is_cancelled() {
                    std::process::exit(i32::from(EXIT_UNAVAILABLE));
                },
            }
            told.cancel();
        }
    });
    Ok(stop)
}

/// The default filter of the log, without `RUST_LOG`. The SNMP library opens a span for each
/// request and logs each refusal as an error: both are part of the outcome, and cost time at every
/// poll.
const LOGGED: &str = "info,async_snmp::client=off";

/// Logs to stderr; `RUST_LOG` sets the level. Time and worker name are added by whoever reads the
/// log: a manager does so, and on a terminal nobody needs them.
fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time();
    if subscriber.try_init().is_err() {
        tracing::debug!("somebody else logs already");
    }
}

fn explain() {
    let program = std::env::args().next().unwrap_or_default();
    eprintln!("{program} is a worker of utakata: it is started by an environment, not by hand.");
    eprintln!("To try it, run: utakata worker test DIR (the folder with its worker.toml)");
}
