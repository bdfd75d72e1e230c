//! A discovery under way: its addresses, and how far each kind has come.

use std::net::IpAddr;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use utakata_api::discovery::{Discover, DiscoveryState, DiscoveryView, KindProgress};
use utakata_model::{Kind, OperationId, PersonName};

/// A discovery, begun or ended.
#[derive(Debug)]
pub struct Run {
    pub id: OperationId,
    pub request: Discover,
    pub addresses: Vec<IpAddr>,
    pub by: PersonName,
    pub begun: Timestamp,
    pub cancel: CancellationToken,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    kinds: Vec<KindProgress>,
    ended: Option<Timestamp>,
}

impl Run {
    /// Creates a discovery of these kinds, with nothing asked.
    pub fn new(
        request: Discover,
        addresses: Vec<IpAddr>,
        kinds: &[Kind],
        by: PersonName,
        begun: Timestamp,
    ) -> Self {
        let progress = |kind: &Kind| KindProgress {
            kind: kind.clone(),
            asked: 0,
            found: 0,
            problem: None,
        };
        Self {
            id: OperationId::generate(),
            request,
            addresses,
            by,
            begun,
            cancel: CancellationToken::new(),
            progress: Mutex::new(Progress {
                kinds: kinds.iter().map(progress).collect(),
                ended: None,
            }),
        }
    }

    /// Returns the kinds that are asked for.
    pub fn kinds(&self) -> Vec<Kind> {
        let progress = self.progress.lock();
        progress.kinds.iter().map(|one| one.kind.clone()).collect()
    }

    /// Returns true until all kinds have ended.
    pub fn is_running(&self) -> bool {
        self.progress.lock().ended.is_none()
    }

    /// Notes what became of a part of the addresses.
    pub fn advance(&self, kind: &Kind, asked: u64, found: u64) {
        self.of(kind, |one| {
            one.asked += asked;
            one.found += found;
        });
    }

    /// Notes the reason why the rest of a kind is not asked.
    pub fn fail(&self, kind: &Kind, problem: String) {
        self.of(kind, |one| one.problem = Some(problem));
    }

    fn of(&self, kind: &Kind, change: impl FnOnce(&mut KindProgress)) {
        let mut progress = self.progress.lock();
        if let Some(one) = progress.kinds.iter_mut().find(|one| one.kind == *kind) {
            change(one);
        }
    }

    /// Notes that nothing more is asked.
    pub fn end(&self, now: Timestamp) {
        self.progress.lock().ended = Some(now);
    }

    /// Returns the discovery as people see it.
    pub fn view(&self) -> DiscoveryView {
        let progress = self.progress.lock();
        let state = match (progress.ended, self.cancel.is_cancelled()) {
            (None, _) => DiscoveryState::Running,
            (Some(_), true) => DiscoveryState::Cancelled,
            (Some(_), false) => DiscoveryState::Done,
        };
        DiscoveryView {
            id: self.id,
            state,
            request: self.request.clone(),
            addresses: self.addresses.len() as u64,
            kinds: progress.kinds.clone(),
            by: self.by.to_string(),
            begun: self.begun,
            ended: progress.ended,
        }
    }
}
