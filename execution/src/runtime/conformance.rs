//! The promises of every runtime, each as a function that checks whether it is kept.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use tokio::{
    io::AsyncReadExt,
    net::{UnixListener, UnixStream},
};
use utakata_model::Incarnation;

use super::{Error, Exit, Life, Running, Runtime, Spec};

/// The longest time that anything may take here.
const PATIENCE: Duration = Duration::from_secs(120);

/// The words that a worker may print at its end.
pub const LAST_WORDS: &str = "this is the end";

/// A runtime, and what it can be tried with.
pub struct Subject<'a> {
    pub runtime: &'a dyn Runtime,
    /// A worker that ends by itself, with exit code 3; if it says anything on its standard
    /// error, then [`LAST_WORDS`] at the end.
    pub ends: Spec,
    /// A worker that goes on for ever.
    pub lasts: Spec,
    /// A worker that connects to its manager, says its token somewhere in what it says, and
    /// goes on for ever. The folder of its socket is there and empty.
    pub greets: Spec,
    /// A worker that cannot be started.
    pub impossible: Spec,
}

/// A promise that was not kept.
#[derive(Debug, thiserror::Error)]
pub enum Violation {
    /// A worker that should start did not.
    #[error("a worker was not started")]
    NotStarted(#[source] Error),
    /// Something took too long.
    #[error("{what} took longer than {} s", PATIENCE.as_secs())]
    TooLong { what: &'static str },
    /// There is no place for the worker to connect to.
    #[error("the manager cannot listen")]
    Listen(#[from] std::io::Error),
    /// Something else happened.
    #[error("{promise}, but {seen}")]
    Broken { promise: &'static str, seen: String },
}

/// All promises, one after the other.
pub async fn check(subject: &Subject<'_>) -> Result<(), Violation> {
    how_a_worker_ended_is_told_and_told_again(subject).await?;
    waiting_for_the_end_can_be_given_up(subject).await?;
    memory_is_that_of_a_worker_that_runs(subject).await?;
    a_worker_that_is_killed_ends(subject).await?;
    killing_what_has_ended_does_nothing(subject).await?;
    a_worker_reaches_its_manager_with_its_token(subject).await?;
    a_worker_whose_handle_is_dropped_ends(subject).await?;
    what_cannot_start_is_an_error(subject).await
}

/// Checks that the exit code of a worker is known, as often as it is asked for.
pub async fn how_a_worker_ended_is_told_and_told_again(
    subject: &Subject<'_>,
) -> Result<(), Violation> {
    let mut worker = start(subject, &subject.ends).await?;
    for _ in 0..2 {
        let exit = end(&mut *worker).await?;
        expect(
            "a worker that ends with code 3 says so",
            exit,
            Exit::Code(3),
        )?;
    }
    match worker.last_words() {
        Some(words) if words != LAST_WORDS => {
            broken("what was said last is known", format!("it was \"{words}\""))
        }
        _ => Ok(()),
    }
}

/// Whoever waits for the end may stop waiting, and wait again.
pub async fn waiting_for_the_end_can_be_given_up(subject: &Subject<'_>) -> Result<(), Violation> {
    let mut worker = start(subject, &subject.lasts).await?;
    for _ in 0..3 {
        let short = Duration::from_millis(10);
        if let Ok(exit) = tokio::time::timeout(short, worker.ended()).await {
            return broken("a worker that goes on does not end", format!("it {exit}"));
        }
    }
    worker.kill();
    end(&mut *worker).await.map(drop)
}

/// Checks that a worker that runs has memory, where that is known, and one that has ended has none.
pub async fn memory_is_that_of_a_worker_that_runs(subject: &Subject<'_>) -> Result<(), Violation> {
    let promise = "a worker has memory while it runs";
    let mut worker = start(subject, &subject.lasts).await?;
    if worker.memory().await == Some(0) {
        return broken(promise, "it had none".into());
    }
    worker.kill();
    end(&mut *worker).await?;
    match worker.memory().await {
        None => Ok(()),
        Some(bytes) => broken(promise, format!("it had {bytes} bytes after its end")),
    }
}

/// Checks that a worker that is killed ends, and not as if by itself.
pub async fn a_worker_that_is_killed_ends(subject: &Subject<'_>) -> Result<(), Violation> {
    let mut worker = start(subject, &subject.lasts).await?;
    worker.kill();
    worker.kill();
    match end(&mut *worker).await? {
        Exit::Code(0) => broken("a killed worker has not ended well", "it did".into()),
        _ => Ok(()),
    }
}

/// A worker that has ended can be killed, to no effect.
pub async fn killing_what_has_ended_does_nothing(subject: &Subject<'_>) -> Result<(), Violation> {
    let mut worker = start(subject, &subject.ends).await?;
    let first = end(&mut *worker).await?;
    worker.kill();
    let second = end(&mut *worker).await?;
    expect("an end stays as it was", second, first)
}

/// A worker finds its manager and has the token that it was given.
pub async fn a_worker_reaches_its_manager_with_its_token(
    subject: &Subject<'_>,
) -> Result<(), Violation> {
    let manager = listen(&subject.greets)?;
    let mut worker = start(subject, &subject.greets).await?;
    greeting(&manager, &subject.greets).await?;
    worker.kill();
    end(&mut *worker).await.map(drop)
}

/// Nothing is left of a worker that nobody has in hand.
pub async fn a_worker_whose_handle_is_dropped_ends(subject: &Subject<'_>) -> Result<(), Violation> {
    let manager = listen(&subject.greets)?;
    let worker = start(subject, &subject.greets).await?;
    let stream = greeting(&manager, &subject.greets).await?;
    drop(worker);
    hung_up(stream).await
}

/// Checks that a later life of an environment ends what an earlier one has left behind. For
/// runtimes whose workers can outlive their environment.
pub async fn what_an_earlier_life_left_is_ended(subject: &Subject<'_>) -> Result<(), Violation> {
    let manager = listen(&subject.greets)?;
    let worker = start(subject, &subject.greets).await?;
    let stream = greeting(&manager, &subject.greets).await?;
    // As if the environment had been killed: its handles are gone, and have done nothing.
    std::mem::forget(worker);
    let later = Life {
        environment: subject.greets.life.environment.clone(),
        incarnation: Incarnation::generate(),
    };
    tokio::select! {
        ended = hung_up(stream) => ended,
        () = subject.runtime.tend(&later) => Ok(()),
    }
}

/// A manager that lets everybody connect.
fn listen(spec: &Spec) -> Result<UnixListener, Violation> {
    // That of an earlier promise, if there was one.
    let _ = fs::remove_file(&spec.socket);
    let manager = UnixListener::bind(&spec.socket)?;
    fs::set_permissions(&spec.socket, fs::Permissions::from_mode(0o666))?;
    Ok(manager)
}

/// Waits until somebody has said the token; gives the connection.
async fn greeting(manager: &UnixListener, spec: &Spec) -> Result<UnixStream, Violation> {
    let token = spec.token.as_bytes();
    let greeted = async {
        let (mut stream, _) = manager.accept().await?;
        let mut received = Vec::new();
        while !received.windows(token.len()).any(|part| part == token) {
            if stream.read_buf(&mut received).await? == 0 {
                let seen = String::from_utf8_lossy(&received).into_owned();
                return broken("a worker says its token", format!("it said \"{seen}\""))
                    .map(|()| stream);
            }
        }
        Ok(stream)
    };
    let greeted = tokio::time::timeout(PATIENCE, greeted).await;
    greeted.map_err(|_| Violation::TooLong { what: "a greeting" })?
}

/// Waits until the other end is gone.
async fn hung_up(mut stream: UnixStream) -> Result<(), Violation> {
    let mut rest = Vec::new();
    let gone = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    // A connection that breaks has ended as well.
    let gone = gone.map(drop);
    gone.map_err(|_| Violation::TooLong { what: "an end" })
}

/// Checks that what cannot be started is an error at once, and leaves nothing behind.
pub async fn what_cannot_start_is_an_error(subject: &Subject<'_>) -> Result<(), Violation> {
    let started = subject.runtime.start(subject.impossible.clone()).await;
    match started {
        Ok(_) => broken("what cannot start is an error", "it was started".into()),
        Err(_) => Ok(()),
    }
}

async fn start(subject: &Subject<'_>, spec: &Spec) -> Result<Box<dyn Running>, Violation> {
    let started = subject.runtime.start(spec.clone());
    let started = tokio::time::timeout(PATIENCE, started).await;
    let started = started.map_err(|_| Violation::TooLong { what: "a start" })?;
    started.map_err(Violation::NotStarted)
}

async fn end(worker: &mut dyn Running) -> Result<Exit, Violation> {
    let ended = tokio::time::timeout(PATIENCE, worker.ended()).await;
    ended.map_err(|_| Violation::TooLong { what: "an end" })
}

fn expect(promise: &'static str, seen: Exit, wanted: Exit) -> Result<(), Violation> {
    if seen == wanted {
        return Ok(());
    }
    broken(promise, format!("it {seen}"))
}

fn broken(promise: &'static str, seen: String) -> Result<(), Violation> {
    Err(Violation::Broken { promise, seen })
}
