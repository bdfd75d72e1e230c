//! What every runtime promises, each as a function that says whether it is kept.

use std::time::Duration;

use super::{Error, Exit, Running, Runtime, Spec};

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(30);

/// A runtime, and what it can be tried with.
pub struct Subject<'a> {
    /// The runtime.
    pub runtime: &'a dyn Runtime,
    /// A worker that ends by itself, with exit code 3.
    pub ends: Spec,
    /// A worker that goes on for ever.
    pub lasts: Spec,
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
    TooLong {
        /// What.
        what: &'static str,
    },
    /// Something else happened.
    #[error("{promise}, but {seen}")]
    Broken {
        /// What was promised.
        promise: &'static str,
        /// What was seen.
        seen: String,
    },
}

/// All promises, one after the other.
pub async fn check(subject: &Subject<'_>) -> Result<(), Violation> {
    how_a_worker_ended_is_told_and_told_again(subject).await?;
    waiting_for_the_end_can_be_given_up(subject).await?;
    a_worker_that_is_killed_ends(subject).await?;
    killing_what_has_ended_does_nothing(subject).await?;
    what_cannot_start_is_an_error(subject).await
}

/// The exit code of a worker is told, as often as it is asked for.
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
    Ok(())
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

/// A worker that is killed ends, and says that it did not do so by itself.
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

/// What cannot be started is told at once, and nothing is left of it.
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
