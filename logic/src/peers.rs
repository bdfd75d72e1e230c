//! Several logic environments on one store, which divide the work by leases.
//!
//! ```text
//!  beat ─► lease(take, give back, renew) ─► lease holders ─► plan ─► wishes of the next beat
//!                                            │
//!                                            └─► duties
//! ```
//!
//! A member acts on a lease only until it would have ended, counted from before it was renewed. So
//! no two do so at the same time, unless one of them stalls in between. Anything that must hold
//! even then is guarded by the fence of the ledger's pages.

mod address;

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use utakata_model::{EnvironmentId, Incarnation, LogicId, NameError};

pub use self::address::Addresses;
use crate::{
    config,
    duties::{Duties, SHARDS, Term, Unfit},
    lease::{self, Action, LEDGER, Terms},
    store::{Fence, Held, Lease, LeaseRequest, Leases, Member},
};

/// The wait before a store that failed is asked again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The membership in the logic environments of one store. When it is dropped, it ends.
pub struct Peers {
    id: LogicId,
    duties: watch::Receiver<Duties>,
    leave: CancellationToken,
    running: JoinSet<()>,
}

/// The task that renews, acquires and gives back leases.
struct Service {
    store: Arc<dyn Leases>,
    me: Member,
    address: String,
    addresses: Addresses,
    terms: Terms,
    duties: watch::Sender<Duties>,
    wishes: Vec<Action>,
    /// The time until which its leases are certainly its own.
    until: Instant,
}

impl Peers {
    /// Joins the others.
    ///
    /// # Errors
    /// The name of the host is not a valid name.
    pub fn join(
        store: Arc<dyn Leases>,
        id: &LogicId,
        (address, addresses): (String, Addresses),
        config: config::Lease,
    ) -> Result<Self, NameError> {
        let (sender, duties) = watch::channel(Duties::none());
        let leave = CancellationToken::new();
        let service = Service {
            store,
            me: Member {
                environment: EnvironmentId::new(id.as_str())?,
                incarnation: Incarnation::generate(),
            },
            address,
            addresses,
            terms: Terms {
                shards: SHARDS.into(),
                lasts: config.lasts,
                beat: config.renewed_every,
                ..Terms::default()
            },
            duties: sender,
            wishes: Vec::new(),
            until: Instant::now(),
        };
        let mut running = JoinSet::new();
        running.spawn(service.run(leave.clone()));
        Ok(Self {
            id: id.clone(),
            duties,
            leave,
            running,
        })
    }

    /// Returns its own name.
    pub fn id(&self) -> &LogicId {
        &self.id
    }

    pub fn duties(&self) -> watch::Receiver<Duties> {
        self.duties.clone()
    }

    /// Releases all leases, so that others need not wait.
    pub async fn leave(mut self) {
        self.leave.cancel();
        self.running.join_next().await;
    }
}

impl Service {
    async fn run(mut self, leave: CancellationToken) {
        while !leave.is_cancelled() {
            let again = self.beat().await;
            tokio::select! {
                () = leave.cancelled() => {}
                () = tokio::time::sleep(again) => {}
            }
        }
        self.give_back().await;
    }

    /// Renews leases and carries out the plan; returns the pause until the next beat.
    async fn beat(&mut self) -> Duration {
        let requested = Instant::now();
        let wanted = self.wanted();
        // A store that does not answer must not keep us from noticing that time is over.
        let within = self.terms.lasts.saturating_sub(self.terms.beat);
        let answer = tokio::time::timeout(within, self.store.lease(&wanted)).await;
        let leases = match answer {
            Ok(Ok(leases)) => leases,
            failed => {
                if let Ok(Err(error)) = failed {
                    tracing::warn!(%error, cure = error.cure(), "leases cannot be renewed");
                }
                if self.until <= Instant::now() {
                    self.tell(Duties::none());
                }
                return RETRY_AFTER;
            }
        };
        self.until = requested + self.terms.lasts;
        self.wishes = lease::plan(&leases, &self.me, &self.terms);
        let check = |held: &Held| self.addresses.check(held);
        self.tell(duties(&leases, &self.me, &self.terms, check));
        let is_urgent = self.wishes.iter().any(|one| matches!(one, Action::Take(_)));
        if is_urgent {
            Duration::ZERO
        } else {
            self.terms.beat
        }
    }

    fn wanted(&mut self) -> LeaseRequest {
        let mut wanted = LeaseRequest {
            by: self.me.clone(),
            address: self.address.clone(),
            proof: self.addresses.prove(&self.me, &self.address),
            lasts: self.terms.lasts,
            take: Vec::new(),
            release: Vec::new(),
        };
        for wish in self.wishes.drain(..) {
            match wish {
                Action::Take(name) => wanted.take.push(name),
                Action::Release(name) => wanted.release.push(name),
            }
        }
        wanted
    }

    fn tell(&self, duties: Duties) {
        if let Some(unfit) = duties.unfit
            && self.duties.borrow().unfit != Some(unfit)
        {
            let address = duties.ledger_at.as_deref();
            tracing::error!(address, %unfit, "nothing is passed on to the keeper of the ledger");
        }
        self.duties.send_if_modified(|known| {
            let is_new = *known != duties;
            *known = duties;
            is_new
        });
    }

    /// Gives everything back, including the member's own lease.
    async fn give_back(&mut self) {
        self.tell(Duties::none());
        let mut release = vec![LEDGER.to_owned(), lease::of_member(&self.me.environment)];
        release.extend((0..self.terms.shards).map(|number| self.terms.shard(number)));
        self.wishes = release.into_iter().map(Action::Release).collect();
        let wanted = self.wanted();
        let given_back = tokio::time::timeout(self.terms.beat, self.store.lease(&wanted)).await;
        if !matches!(given_back, Ok(Ok(_))) {
            tracing::warn!("leases were not given back: others wait until they end");
        }
    }
}

/// Returns the duties of a member, according to the leases.
fn duties(
    leases: &[Lease],
    me: &Member,
    terms: &Terms,
    check: impl Fn(&Held) -> Result<(), Unfit>,
) -> Duties {
    let named = |name: &str| leases.iter().find(|lease| lease.name == name);
    let is_mine = |lease: &&Lease| lease.holder() == Some(me);
    let ledger = named(LEDGER);
    let held = ledger.and_then(|lease| lease.held.as_ref());
    let is_ours = ledger.is_some_and(|lease| is_mine(&lease));
    let shards = (0..terms.shards).filter(|number| {
        let lease = named(&terms.shard(*number));
        lease.is_some_and(|lease| is_mine(&lease))
    });
    let keeper = held.filter(|held| !is_ours && !held.ends_in.is_zero());
    Duties {
        ledger: ledger.filter(is_mine).map(|lease| {
            Term::Lease(Fence {
                lease: LEDGER.into(),
                by: me.clone(),
                epoch: lease.epoch,
            })
        }),
        ledger_at: keeper.map(|held| held.address.clone()),
        unfit: keeper.and_then(|held| check(held).err()),
        shards: shards
            .filter_map(|number| u8::try_from(number).ok())
            .collect(),
        members: members(leases),
    }
}

fn members(leases: &[Lease]) -> Vec<LogicId> {
    let alive = leases
        .iter()
        .filter(|lease| lease.name.starts_with(lease::MEMBER))
        .filter_map(Lease::holder);
    let mut members: Vec<LogicId> = alive
        .filter_map(|member| LogicId::new(member.environment.as_str()).ok())
        .collect();
    members.sort_unstable();
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duties::Shards;

    fn member(name: &str) -> Member {
        Member {
            environment: EnvironmentId::new(name).unwrap(),
            incarnation: Incarnation::generate(),
        }
    }

    fn lease(name: &str, by: &Member, ends_in: u64) -> Lease {
        Lease {
            name: name.into(),
            epoch: 7,
            held: Some(Held {
                by: by.clone(),
                address: format!("http://{}", by.environment),
                proof: String::new(),
                since: Duration::from_secs(9),
                ends_in: Duration::from_secs(ends_in),
            }),
        }
    }

    #[tokio::test]
    async fn an_address_counts_if_a_logic_environment_of_the_site_has_written_it_as_its_own() {
        let (ours, _ours) = crate::secrets::site().await;
        let (theirs, _theirs) = crate::secrets::site().await;
        let [ours, theirs] = [ours, theirs].map(Arc::new);
        let (me, other) = (member("le-1"), member("le-2"));
        let written = |by: &Member, address: &str, proof: String| Held {
            by: by.clone(),
            address: address.into(),
            proof,
            since: Duration::ZERO,
            ends_in: Duration::from_secs(1),
        };
        let addresses = Addresses::new(Arc::clone(&ours), false);
        let (clear, tls) = ("http://le-1:7700", "https://le-1:7700");
        let right = addresses.prove(&me, clear);
        assert_eq!(addresses.check(&written(&me, clear, right.clone())), Ok(()));
        for (by, address, proof) in [
            (&me, "http://elsewhere:7700", right.clone()),
            (&other, clear, right.clone()),
            (&me, clear, String::new()),
            (&me, clear, Addresses::new(theirs, false).prove(&me, clear)),
        ] {
            let found = addresses.check(&written(by, address, proof));
            assert_eq!(found, Err(Unfit::Unproven), "{by:?} {address}");
        }
        let careful = Addresses::new(ours, true);
        let found = careful.check(&written(&me, clear, right));
        assert_eq!(found, Err(Unfit::Clear));
        let right = careful.prove(&me, tls);
        assert_eq!(careful.check(&written(&me, tls, right)), Ok(()));
    }

    #[test]
    fn duties_follow_from_leases_that_have_not_ended() {
        let (me, other) = (member("le-1"), member("le-2"));
        let leases = [
            lease("member/le-1", &me, 6),
            lease("member/le-2", &other, 6),
            lease("member/le-3", &member("le-3"), 0),
            lease("ledger", &other, 3),
            lease("schedules/0", &me, 6),
            lease("schedules/1", &other, 6),
            lease("schedules/2", &me, 0),
        ];
        let terms = Terms::default();
        let mine = duties(&leases, &me, &terms, |_| Ok(()));
        assert_eq!(mine.unfit, None);
        assert_eq!(mine.ledger, None);
        assert_eq!(mine.ledger_at.as_deref(), Some("http://le-2"));
        assert_eq!(mine.shards, Shards::from_iter([0]));
        let names: Vec<&str> = mine.members.iter().map(LogicId::as_str).collect();
        assert_eq!(names, ["le-1", "le-2"]);
        let theirs = duties(&leases, &other, &terms, |_| Err(Unfit::Unproven));
        assert_eq!(theirs.unfit, None, "it is its own");
        let elsewhere = duties(&leases, &me, &terms, |_| Err(Unfit::Unproven));
        assert_eq!(elsewhere.unfit, Some(Unfit::Unproven));
        let fence = theirs.ledger.as_ref().and_then(Term::fence).unwrap();
        assert_eq!((fence.epoch, &fence.by), (7, &other));
        assert_eq!(theirs.ledger_at, None);
    }
}
