//! Faults on demand, and counts of what was asked.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

/// An answer in place of the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 429, with so many seconds in `Retry-After`.
    TooManyRequests(u64),
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// The connection ends without an answer.
    Hangup,
    /// It is done, and then the connection ends without an answer.
    HangupAfterwards,
}

/// The requests to which a fault applies. Empty matches any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// `create`, `get`, `list`, `watch`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// `pods`, `pods/eviction`, `leases`.
    pub resource: &'static str,
}

impl Scope {
    /// Any request.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests with a verb for a resource.
    #[must_use]
    pub fn of(verb: &'static str, resource: &'static str) -> Self {
        Self { verb, resource }
    }

    fn covers(&self, verb: &str, resource: &str) -> bool {
        let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        fits(self.verb, verb) && fits(self.resource, resource)
    }
}

/// The faults of a server, and the requests it received.
#[derive(Debug)]
pub struct Faults {
    planned: Mutex<Vec<(Scope, Fault, usize)>>,
    latency: Mutex<Duration>,
    counts: Mutex<BTreeMap<(String, String), u64>>,
    /// True while nothing is answered.
    pub frozen: watch::Sender<bool>,
    /// Grows with each cut of all watches.
    pub cuts: watch::Sender<u64>,
    /// The number of coming watches that begin too late.
    expire_next: Mutex<usize>,
}

impl Faults {
    pub fn new() -> Self {
        Self {
            planned: Mutex::default(),
            latency: Mutex::default(),
            counts: Mutex::default(),
            frozen: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
            expire_next: Mutex::default(),
        }
    }

    pub fn plan(&self, scope: Scope, fault: Fault, times: usize) {
        self.planned.lock().push((scope, fault, times));
    }

    pub fn clear(&self) {
        self.planned.lock().clear();
        *self.latency.lock() = Duration::ZERO;
        *self.expire_next.lock() = 0;
    }

    pub fn set_latency(&self, latency: Duration) {
        *self.latency.lock() = latency;
    }

    pub fn latency(&self) -> Duration {
        *self.latency.lock()
    }

    pub fn expire_watches(&self, times: usize) {
        *self.expire_next.lock() = times;
    }

    /// Returns true if a watch that begins now is too late.
    pub fn takes_expiry(&self) -> bool {
        let mut left = self.expire_next.lock();
        let is_due = *left > 0;
        *left = left.saturating_sub(1);
        is_due
    }

    /// Counts a request, and says what is to go wrong with it.
    pub fn on_request(&self, verb: &str, resource: &str) -> Option<Fault> {
        let name = (verb.to_owned(), resource.to_owned());
        *self.counts.lock().entry(name).or_default() += 1;
        let mut planned = self.planned.lock();
        let at = planned
            .iter()
            .position(|(scope, ..)| scope.covers(verb, resource))?;
        let (_, fault, left) = &mut planned[at];
        let fault = *fault;
        *left = left.saturating_sub(1);
        if *left == 0 {
            planned.remove(at);
        }
        Some(fault)
    }

    pub fn counts(&self) -> BTreeMap<(String, String), u64> {
        self.counts.lock().clone()
    }

    /// Returns as soon as the server is not frozen.
    pub async fn thawed(&self) {
        let mut frozen = self.frozen.subscribe();
        // It fails only with its sender, which is ours.
        let _ = frozen.wait_for(|frozen| !frozen).await;
    }
}
