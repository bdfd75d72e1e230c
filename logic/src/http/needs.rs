//! The needs of a route's requests: the logic environment that answers, their size, their duration.

use std::time::Duration;

use axum::extract::Request;
use utakata_api::release::MAX_FILE_SIZE;

use crate::{config::Http, observe::WAIT_MAX};

/// The size of the largest body with one thing in it, in bytes.
const ONE_THING: usize = 1024 * 1024;
/// The time for a large file on a slow line.
const UPLOAD: Duration = Duration::from_secs(600);

/// The needs of a route's requests. Every request that reaches a handler carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    pub answered: Answered,
    pub body: BodySize,
    pub time: TimeLimit,
}

/// The logic environments that can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// Any logic environment.
    Anywhere,
    /// The keeper of the ledger: for requests that change something, or need the ledger's memory.
    ByKeeper,
    /// Any of them, but preferably the keeper. If there is none, the answer says so.
    ByKeeperIfAny,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodySize {
    /// There is no body.
    NoBody,
    /// One thing: 1 MiB.
    OneThing,
    /// Many things: as configured.
    Many,
    /// A file of a release. Its handler reads it, since it is not JSON.
    File,
}

/// The longest time until an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeLimit {
    /// As configured.
    Prompt,
    /// As configured, plus the longest wait that a client may request. Waiting for something that
    /// has begun is better than leaving it in doubt.
    Patient,
    /// The time that a large file takes to arrive.
    Upload,
}

impl Needs {
    /// Returns the needs of a request that a route has accepted.
    #[allow(
        clippy::expect_used,
        reason = "without its bounds nothing of a request may be read"
    )]
    pub(super) fn of(request: &Request) -> Self {
        let needs = request.extensions().get::<Self>();
        *needs.expect("a request reaches its handler by a route")
    }

    /// Returns the largest size of a body, in bytes.
    pub(super) fn body_limit(self, config: &Http) -> usize {
        match self.body {
            BodySize::NoBody => 0,
            BodySize::OneThing => config.body_limit.min(ONE_THING),
            BodySize::Many => config.body_limit,
            BodySize::File => MAX_FILE_SIZE as usize,
        }
    }

    /// Returns the longest time until the answer.
    pub(super) fn time_limit(self, config: &Http) -> Duration {
        match self.time {
            TimeLimit::Prompt => config.timeout,
            TimeLimit::Patient => config.timeout + WAIT_MAX,
            TimeLimit::Upload => UPLOAD,
        }
    }
}
