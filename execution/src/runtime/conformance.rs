//! The promises of every runtime, each as a function that checks whether it is kept.

mod manager;

use std::{io, time::Duration};

use tokio::io::AsyncReadExt;
use utakata_model::Incarnation;

use self::manager::{Connection, Manager};
use super::{Error, Exit, Life, Running, Runtime, Spec, door};

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
    /// A worker whose start is refused at once, if there is one.
    pub impossible: Option<Spec>,
    /// A worker that is started as far as can be seen at once, and cannot be had, if there is one.
    pub unobtainable: Option<Spec>,
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
    Listen(#[from] io::Error),
    /// There is no door for the worker to come through.
    #[error("the manager cannot listen for workers of other machines")]
    Door(#[from] door::Error),
    /// It is not known where a door would be.
    #[error("the runtime does not say where its workers look for their manager")]
    Nowhere(#[source] Error),
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
    what_cannot_start_is_an_error(subject).await?;
    what_cannot_be_had_ends_and_says_why(subject).await
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
    let (manager, greets) = Manager::listen(subject)?;
    let mut worker = start(subject, &greets).await?;
    greeting(&manager, subject, &greets).await?;
    worker.kill();
    end(&mut *worker).await.map(drop)
}

/// Nothing is left of a worker that nobody has in hand.
pub async fn a_worker_whose_handle_is_dropped_ends(subject: &Subject<'_>) -> Result<(), Violation> {
    let (manager, greets) = Manager::listen(subject)?;
    let worker = start(subject, &greets).await?;
    let stream = greeting(&manager, subject, &greets).await?;
    drop(worker);
    hung_up(stream).await
}

/// Checks that a later life of an environment ends what an earlier one has left behind. For
/// runtimes whose workers can outlive their environment.
pub async fn what_an_earlier_life_left_is_ended(subject: &Subject<'_>) -> Result<(), Violation> {
    let (manager, greets) = Manager::listen(subject)?;
    let worker = start(subject, &greets).await?;
    let stream = greeting(&manager, subject, &greets).await?;
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

/// Waits until somebody has shown that it is this worker; gives the connection.
async fn greeting(
    manager: &Manager,
    subject: &Subject<'_>,
    spec: &Spec,
) -> Result<Connection, Violation> {
    let greeted = async {
        let mut stream = manager.accept().await?;
        let mut received = Vec::new();
        while !is_greeting(&received, subject, spec).await {
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

/// Returns whether the token is in what was said, or something that stands for it.
async fn is_greeting(received: &[u8], subject: &Subject<'_>, spec: &Spec) -> bool {
    let said = String::from_utf8_lossy(received);
    if said.contains(&spec.token) {
        return true;
    }
    let is_of_proof = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    for word in said.split(|c| !is_of_proof(c)) {
        // What stands before it in the message may look like a part of it.
        let starts = word.match_indices("ey").map(|(at, _)| &word[at..]);
        for proof in starts {
            if subject.runtime.identify(proof).await == Ok(Some(spec.token.clone())) {
                return true;
            }
        }
    }
    false
}

/// Waits until the other end is gone.
async fn hung_up(mut stream: Connection) -> Result<(), Violation> {
    let mut rest = Vec::new();
    let gone = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    // A connection that breaks has ended as well.
    let gone = gone.map(drop);
    gone.map_err(|_| Violation::TooLong { what: "an end" })
}

/// Checks that what cannot be started is an error at once, and leaves nothing behind.
pub async fn what_cannot_start_is_an_error(subject: &Subject<'_>) -> Result<(), Violation> {
    let Some(impossible) = subject.impossible.clone() else {
        return Ok(());
    };
    let started = subject.runtime.start(impossible).await;
    match started {
        Ok(_) => broken("what cannot start is an error", "it was started".into()),
        Err(_) => Ok(()),
    }
}

/// Checks that what was started and cannot be had ends by itself, with the reason.
pub async fn what_cannot_be_had_ends_and_says_why(subject: &Subject<'_>) -> Result<(), Violation> {
    let Some(unobtainable) = &subject.unobtainable else {
        return Ok(());
    };
    let mut worker = start(subject, unobtainable).await?;
    let exit = end(&mut *worker).await?;
    match worker.fault() {
        Some(_) => Ok(()),
        None => broken(
            "what cannot be had has its reason",
            format!("it {exit}, and had none"),
        ),
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
