//! The needs of the requests of a route: who answers them, how large they are, how long they take.

use std::time::Duration;

use axum::extract::Request;
use utakata_api::release::MAX_FILE_SIZE;

use crate::{config::Http, observe::WAIT_MAX};

/// The most bytes of a body with one thing in it.
const ONE_THING: usize = 1024 * 1024;
/// The time for a large file over a slow line.
const UPLOAD: Duration = Duration::from_secs(600);

/// The needs of the requests of a route. Every request that reaches a handler carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    pub answered: Answered,
    pub body: BodySize,
    pub time: TimeLimit,
}

/// The logic environments that can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// Any of them.
    Anywhere,
    /// The keeper of the ledger: what changes something, and what tells of the ledger's memory.
    ByKeeper,
    /// Any of them, but the keeper tells better. That there is none is among what is told.
    ByKeeperIfAny,
}

/// The size of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodySize {
    /// There is none.
    NoBody,
    /// One thing: 1 MiB.
    OneThing,
    /// Many things: as configured.
    Many,
    /// A file of a release. Its handler reads it, since it is no JSON.
    File,
}

/// The longest time until an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeLimit {
    /// As configured.
    Prompt,
    /// As configured, and as long as anybody may ask to wait for an end. What was begun is better
    /// waited for than left in doubt.
    Patient,
    /// As long as a large file takes to arrive.
    Upload,
}

impl Needs {
    /// The needs of a request that a route has taken in.
    #[allow(
        clippy::expect_used,
        reason = "without its bounds nothing of a request may be read"
    )]
    pub(super) fn of(request: &Request) -> Self {
        let needs = request.extensions().get::<Self>();
        *needs.expect("a request reaches its handler by a route")
    }

    /// The most bytes of a body.
    pub(super) fn body_limit(self, config: &Http) -> usize {
        match self.body {
            BodySize::NoBody => 0,
            BodySize::OneThing => config.body_limit.min(ONE_THING),
            BodySize::Many => config.body_limit,
            BodySize::File => MAX_FILE_SIZE as usize,
        }
    }

    /// The longest time until the answer.
    pub(super) fn time_limit(self, config: &Http) -> Duration {
        match self.time {
            TimeLimit::Prompt => config.timeout,
            TimeLimit::Patient => config.timeout + WAIT_MAX,
            TimeLimit::Upload => UPLOAD,
        }
    }
}
