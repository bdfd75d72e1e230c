//! The promises of every inter connect, as checks that can be applied to any of them (the embedded
//! one, a hub, brokers), and an inter connect that fails on purpose. Used only by drills, tests and
//! benchmarks.
//!
//! ```no_run
//! # async fn check() {
//! use std::sync::Arc;
//! use utakata_interconnect::tasks::embedded::Embedded;
//! use utakata_interconnect_conformance as conformance;
//!
//! let make = async || Ok(conformance::tasks::Setup::new(Arc::new(Embedded::default())));
//! let violations = conformance::check_all(&conformance::tasks::PROMISES, make).await;
//! assert_eq!(violations, []);
//! # }
//! ```

pub mod events;
pub mod faulty;
pub mod sample;
pub mod tasks;

use std::{fmt, time::Duration};

use futures::future::BoxFuture;
use thiserror::Error;
use utakata_interconnect::Error as InterconnectError;

/// The time limit of a check: beyond it, even if others use all processors, something never
/// arrived.
const DEADLINE: Duration = Duration::from_secs(120);

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not kept: {promise}: {seen}")]
pub struct Violation {
    /// The text of the promise.
    pub promise: &'static str,
    /// The observation that contradicts it.
    pub seen: String,
}

/// A promise and its check; `S` is the subject of the check.
pub struct Promise<S> {
    words: &'static str,
    check: fn(S) -> BoxFuture<'static, Result<(), Deviation>>,
}

impl<S> Promise<S> {
    /// Returns the text of the promise.
    pub fn words(&self) -> &'static str {
        self.words
    }

    /// Checks it on an inter connect of its own, which nobody else uses.
    pub async fn check(&self, setup: S) -> Result<(), Violation> {
        let checked = tokio::time::timeout(DEADLINE, (self.check)(setup)).await;
        let Deviation(seen) = match checked {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(seen)) => seen,
            Err(_) => Deviation(format!("nothing more came within {}s", DEADLINE.as_secs())),
        };
        Err(Violation {
            promise: self.words,
            seen,
        })
    }
}

/// Checks all promises, each on an inter connect of its own; returns those that were not kept.
pub async fn check_all<S>(
    promises: &[Promise<S>],
    make: impl AsyncFn() -> Result<S, InterconnectError>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for promise in promises {
        let checked = match make().await {
            Ok(setup) => promise.check(setup).await,
            Err(error) => Err(Violation {
                promise: promise.words,
                seen: format!("it could not be set up: {error}"),
            }),
        };
        violations.extend(checked.err());
    }
    violations
}

/// An observation that contradicts a promise.
#[derive(Debug)]
pub struct Deviation(pub String);

impl From<InterconnectError> for Deviation {
    fn from(error: InterconnectError) -> Self {
        Self(format!("a call failed: {error}"))
    }
}

fn expect<T: PartialEq + fmt::Debug>(what: &str, seen: &T, expected: &T) -> Result<(), Deviation> {
    if seen == expected {
        Ok(())
    } else {
        Err(Deviation(format!(
            "{what}: expected {expected:?}, saw {seen:?}"
        )))
    }
}

#[cfg(test)]
mod tests;
