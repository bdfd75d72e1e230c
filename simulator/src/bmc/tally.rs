//! The counts of a BMC of those who talk to it. Pure: times are passed in.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

/// The counts of a BMC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Connections that reached it.
    pub connections: u64,
    /// The most connections at one time.
    pub connections_max: u64,
    /// Requests that reached it, including repeated ones.
    pub requests: u64,
    /// The number of answers that it has sent.
    pub answers: u64,
    /// The most requests in progress at one time.
    pub conversations_max: u64,
    /// The most requests within one second.
    pub requests_per_second_max: u64,
    /// Sessions that it has opened.
    pub logins: u64,
    /// The most sessions at one time.
    pub sessions_max: u64,
    /// Logins that found no session free.
    pub sessions_refused: u64,
    /// Settings that it was told to change, whether it did or not.
    pub changes: u64,
}

/// The counts, and what is open now.
#[derive(Debug, Default)]
pub struct Tally {
    pub counts: Counts,
    conversations: u64,
    /// The times of the requests of the last second.
    recent: VecDeque<Duration>,
}

impl Tally {
    /// Counts a connection, with which so many are open.
    pub fn connect(&mut self, open: u64) {
        let counts = &mut self.counts;
        counts.connections += 1;
        counts.connections_max = counts.connections_max.max(open);
    }

    pub fn begin(&mut self, now: Duration) {
        self.conversations += 1;
        self.recent.push_back(now);
        let is_old = |at: &Duration| now.saturating_sub(*at) >= Duration::from_secs(1);
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
        let counts = &mut self.counts;
        counts.requests += 1;
        counts.conversations_max = counts.conversations_max.max(self.conversations);
        counts.requests_per_second_max =
            counts.requests_per_second_max.max(self.recent.len() as u64);
    }

    pub fn end(&mut self) {
        self.conversations = self.conversations.saturating_sub(1);
    }
}
