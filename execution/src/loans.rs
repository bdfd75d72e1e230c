//! Credentials that are lent to this environment.
//!
//! Tasks name a credential and its version. The values are requested from the logic environment once,
//! arrive sealed to the key of this environment, and are kept in memory for a while. Without the
//! acceptance of its key by the site an environment takes no tasks.

mod held;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use utakata_interconnect::{
    Event, Events,
    message::content::{ContentPiece, ContentReply, ContentRequest, FetchBatch},
};
use utakata_model::{
    Backoff, CredentialName, CredentialRef, CredentialVersion, Cure, EnvironmentId, Problem,
    SiteCertificate, Target, Zone,
};
use utakata_seal::{EnvironmentKeys, LoanPlace, fingerprint};

use self::held::{CODE, Held};
use crate::{signatures::EnvironmentSignatures, status::StatusBoard};
pub(crate) use held::Look;

/// The wait before the acceptance is asked for again; it doubles each time.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
/// The interval at which an accepted environment asks whether it still is.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// The interval between looks while a request waits for an answer, and otherwise.
const BUSY_INTERVAL: Duration = Duration::from_millis(250);
const IDLE_INTERVAL: Duration = Duration::from_secs(30);
/// The largest number of credentials in a request.
const AT_ONCE: usize = 64;
/// The code of an environment whose key is not accepted.
const WAITING: &str = "environment-waiting";

/// The credentials lent to this environment. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Loans(Arc<Inner>);

struct Inner {
    me: EnvironmentId,
    zone: Zone,
    /// Absent: it is lent nothing, and takes tasks that need nothing.
    keys: Option<Arc<EnvironmentKeys>>,
    /// Absent where nothing crosses a network.
    signatures: Option<Arc<EnvironmentSignatures>>,
    held: Mutex<Held>,
    wanted: Notify,
    /// Changes whenever a request was answered or given up.
    news: watch::Sender<()>,
    accepted: watch::Sender<bool>,
    told: Mutex<Option<Problem>>,
}

impl Loans {
    pub(crate) fn new(
        me: EnvironmentId,
        zone: Zone,
        keys: Option<Arc<EnvironmentKeys>>,
        signatures: Option<Arc<EnvironmentSignatures>>,
    ) -> Self {
        let accepted = watch::channel(keys.is_none()).0;
        Self(Arc::new(Inner {
            me,
            zone,
            keys,
            signatures,
            held: Mutex::default(),
            wanted: Notify::new(),
            news: watch::channel(()).0,
            accepted,
            told: Mutex::default(),
        }))
    }

    /// Looks for the credential of a task, and requests it where needed.
    pub(crate) fn look(&self, reference: &CredentialRef, target: &Target) -> Look {
        let inner = &self.0;
        if inner.keys.is_none() {
            let message = "this environment has no key, and is lent no credentials";
            return Look::Withheld(Problem::new(CODE, Cure::Operator, message));
        }
        let mut held = inner.held.lock();
        let looked = held.look(reference, &inner.zone, target, Instant::now());
        drop(held);
        if matches!(looked, Look::Wait) {
            inner.wanted.notify_one();
        }
        looked
    }

    /// Returns a receiver that changes whenever a request was answered or given up.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.0.news.subscribe()
    }

    /// Follows whether the key of this environment is accepted.
    pub(crate) fn accepted(&self) -> watch::Receiver<bool> {
        self.0.accepted.subscribe()
    }

    /// Takes an answer of the logic environment.
    pub(crate) fn hear(&self, got: &ContentReply) {
        let Some(keys) = &self.0.keys else {
            return;
        };
        match &got.want {
            ContentRequest::Acceptance(key) if key == keys.public() => match &got.found {
                ContentPiece::Accepted if self.0.signatures.is_none() => self.on_accepted(),
                ContentPiece::Certified(certificate) => self.on_certified(certificate),
                ContentPiece::Nothing(problem) => self.on_refused(problem),
                _ => {}
            },
            ContentRequest::Credential { name, version } => {
                let kept = got.kept.map(Duration::from_secs);
                self.on_answer(keys, (name, version), &got.found, kept);
            }
            _ => {}
        }
    }

    fn on_certified(&self, certificate: &SiteCertificate) {
        let signatures = self.0.signatures.as_ref();
        match signatures.map_or(Ok(()), |all| all.meet(certificate, Instant::now())) {
            Ok(()) => self.on_accepted(),
            Err(problem) => self.on_refused(&problem),
        }
    }

    fn on_accepted(&self) {
        self.0.told.lock().take();
        self.0.accepted.send_if_modified(|accepted| {
            if !*accepted {
                tracing::info!(zone = %self.0.zone, "this environment is accepted");
            }
            !std::mem::replace(accepted, true)
        });
    }

    fn on_refused(&self, problem: &Problem) {
        self.0.held.lock().clear();
        if self.0.told.lock().replace(problem.clone()).as_ref() != Some(problem) {
            tracing::warn!("{problem}");
        }
        self.0
            .accepted
            .send_if_modified(|accepted| std::mem::replace(accepted, false));
    }

    fn on_answer(
        &self,
        keys: &EnvironmentKeys,
        (name, version): (&CredentialName, &CredentialVersion),
        found: &ContentPiece,
        kept: Option<Duration>,
    ) {
        if !self.0.held.lock().wants(name, version) {
            return;
        }
        let lent = match found {
            ContentPiece::Lent(sealed) => {
                let place = LoanPlace {
                    name,
                    version,
                    zone: &self.0.zone,
                    environment: &self.0.me,
                };
                let opened = keys.open(sealed, &place).map(|loan| (loan, kept));
                opened.map_err(|error| {
                    let message = format!("{} cannot be used: {error}", held::told(name));
                    Problem::new(CODE, Cure::Retry, message)
                })
            }
            ContentPiece::Nothing(problem) if &*problem.code == WAITING => {
                return self.on_refused(problem);
            }
            ContentPiece::Nothing(problem) => Err(problem.clone()),
            _ => return,
        };
        if let Err(problem) = &lent {
            tracing::debug!(credential = %name, %problem, "a credential is not lent");
        }
        self.0.held.lock().answer(version, lent, Instant::now());
        self.0.news.send_replace(());
    }

    /// Requests what is needed, until it is dropped.
    pub(crate) async fn run(self, events: Arc<dyn Events>, board: StatusBoard) {
        let Some(keys) = self.0.keys.clone() else {
            return;
        };
        tracing::info!(
            fingerprint = fingerprint(keys.public()),
            zone = %self.0.zone,
            "the key of this environment"
        );
        let mut accepted = self.0.accepted.subscribe();
        let mut backoff = BACKOFF;
        let mut check_at = Instant::now();
        loop {
            let is_accepted = *accepted.borrow_and_update();
            board.put_waits(!is_accepted);
            let now = Instant::now();
            let mut wants = Vec::new();
            if check_at <= now {
                wants.push(ContentRequest::Acceptance(keys.public().clone()));
                check_at = now
                    + if is_accepted {
                        CHECK_INTERVAL
                    } else {
                        backoff.wait()
                    };
            }
            let (due, has_given_up) = self.0.held.lock().due(now);
            if has_given_up {
                self.0.news.send_replace(());
            }
            let due = due.into_iter();
            wants.extend(due.map(|(name, version)| ContentRequest::Credential { name, version }));
            self.request(&*events, wants).await;
            let waits = self.0.held.lock().waits();
            let interval = if waits { BUSY_INTERVAL } else { IDLE_INTERVAL };
            let wakes_at = check_at.min(Instant::now() + interval);
            tokio::select! {
                () = tokio::time::sleep_until(wakes_at) => {}
                () = self.0.wanted.notified() => {}
                Ok(()) = accepted.changed() => {
                    backoff.reset();
                    if *accepted.borrow() {
                        check_at = Instant::now() + CHECK_INTERVAL;
                    }
                }
            }
        }
    }

    async fn request(&self, events: &dyn Events, wants: Vec<ContentRequest>) {
        for wants in wants.chunks(AT_ONCE) {
            let batch = FetchBatch {
                environment: self.0.me.clone(),
                wants: wants.to_vec(),
            };
            if let Err(error) = events.publish(vec![Event::Fetch(Arc::new(batch))]).await {
                tracing::debug!(%error, "credentials cannot be requested now");
            }
        }
    }
}
