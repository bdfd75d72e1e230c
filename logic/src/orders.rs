//! What is asked of environments: to pause or to drain, as a whole or a kind of it, and to go on.
//!
//! It is desired state: written down, published for each zone under a revision that grows, and
//! heard by environments when they are there.

mod change;
mod publish;
mod standing;

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;
use tokio::sync::{Mutex, Notify};
use utakata_api::{
    environment::{OrdersView, Standing},
    rollout::{KindAsked, Rollout},
};
use utakata_model::{
    Desired, EnvironmentId, EnvironmentState, EnvironmentStatus, Kind, Order, Orders,
    ReleaseDigest, ReleaseId, Scope, Zone, suggest,
};

pub(crate) use change::Said;
pub use change::Unfit;
pub use publish::publish;
pub use standing::Names;

use crate::{
    kinds::Kinds,
    rollouts::PinTable,
    store::{self, KindRow, OrderRow, Store},
};

/// No revision is so high: one that is was made up, and would be the last that there ever is.
const REVISION_MOST: u64 = 1 << 53;

/// Why what is asked is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody has heard of such an environment.
    #[error("no environment \"{id}\" was heard of")]
    NoEnvironment {
        /// Its id.
        id: EnvironmentId,
        /// The nearest one, or those that there are.
        hint: String,
    },
    /// The environment does not serve the kind.
    #[error("the environment {id} does not serve the kind \"{kind}\"")]
    NoKind {
        /// The environment.
        id: EnvironmentId,
        /// The kind.
        kind: Kind,
        /// The nearest one, or those that it serves.
        hint: String,
    },
    /// What holds was asked of something else.
    #[error("{id}: {unfit}")]
    Unfit {
        /// The environment.
        id: EnvironmentId,
        /// What holds.
        unfit: Unfit,
    },
    /// Nobody has heard of what is to be stopped.
    #[error("nobody has heard of {scope}")]
    Unknown {
        /// What.
        scope: Box<Scope>,
        /// The nearest one, or those that there are.
        hint: String,
    },
    /// It goes on, as far as it was asked itself: something else is stopped.
    #[error("{scope} is not stopped by itself: {}", change::said(others))]
    Elsewhere {
        /// What.
        scope: Box<Scope>,
        /// What is.
        others: Vec<Standing>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What is to be changed about a kind; absent: nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChangeOfKind {
    /// What is asked of it then.
    pub asked: Option<KindAsked>,
    /// A rollout of it, as it is then.
    pub rollout: Option<Rollout>,
}

/// What is asked of all environments.
pub struct OrderBook {
    store: Arc<dyn Store>,
    kinds: Arc<Kinds>,
    /// As the store has it.
    known: RwLock<Known>,
    /// Held while the store is written, so that both see the changes in the same order.
    writing: Mutex<()>,
    /// Which targets keep which release, for those who make tasks.
    pins: PinTable,
    changed: Notify,
    unheard: Notify,
}

#[derive(Default)]
struct Known {
    revision: u64,
    rows: BTreeMap<EnvironmentId, OrderRow>,
    kinds: BTreeMap<Kind, KindAsked>,
    /// Rollouts that are open, by kind.
    rollouts: BTreeMap<Kind, Rollout>,
    /// Orders for zones, kinds and releases.
    standing: BTreeMap<Scope, Order>,
}

impl OrderBook {
    /// What the store has.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(store: Arc<dyn Store>, kinds: Arc<Kinds>) -> Result<Self, store::Error> {
        let book = Self {
            store,
            kinds,
            known: RwLock::default(),
            writing: Mutex::default(),
            pins: PinTable::default(),
            changed: Notify::new(),
            unheard: Notify::new(),
        };
        book.reload().await?;
        Ok(book)
    }

    /// Takes over what others have written.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn reload(&self) -> Result<(), store::Error> {
        let _writing = self.writing.lock().await;
        let written = self.store.orders().await?;
        let of_kinds = self.store.kinds_desired().await?;
        let rows = written.rows.into_iter();
        let kinds = of_kinds.kinds.into_iter();
        let open = of_kinds.open.into_iter();
        *self.known.write() = Known {
            revision: written.revision,
            rows: rows.map(|row| (row.environment.clone(), row)).collect(),
            kinds: kinds.map(|row| (row.kind, row.asked)).collect(),
            standing: written.standing,
            rollouts: open.map(|one| (one.kind.clone(), one)).collect(),
        };
        self.tell_kinds(&self.known.read().kinds);
        self.changed.notify_one();
        Ok(())
    }

    /// Tells those who need it which releases are asked for.
    fn tell_kinds(&self, asked: &BTreeMap<Kind, KindAsked>) {
        self.pins.set(asked);
        let stable = asked.iter().filter_map(|(kind, asked)| {
            let stable = asked.stable.as_ref()?;
            Some((kind.clone(), stable.digest.clone()))
        });
        self.kinds.prefer(stable.collect());
    }

    /// Asks an environment to stop everything or a kind (`Some`), or to go on with it (`None`).
    ///
    /// # Errors
    /// Nobody has heard of the environment, it does not serve the kind, it is something else
    /// that is stopped, or the store failed.
    pub async fn change(
        &self,
        id: &EnvironmentId,
        kind: Option<&Kind>,
        order: Option<Order>,
    ) -> Result<OrdersView, Error> {
        let _writing = self.writing.lock().await;
        let (zone, before) = self.find(id, kind)?;
        let is_lifted = order.is_none();
        let orders = change::after(&before, kind, order).map_err(|unfit| Error::Unfit {
            id: id.clone(),
            unfit,
        })?;
        let view = |revision, orders| OrdersView {
            environment: id.clone(),
            revision,
            orders,
        };
        let revision = self.known.read().revision;
        if orders == before {
            if is_lifted {
                self.refuse_elsewhere(id, &zone, kind)?;
            }
            return Ok(view(revision, orders));
        }
        let revision = change::next(revision, crate::clock::now());
        let row = OrderRow {
            environment: id.clone(),
            zone,
            orders,
        };
        self.write(revision, Some(row.clone())).await?;
        Ok(view(revision, row.orders))
    }

    /// The zone of an environment, and what is asked of it.
    fn find(&self, id: &EnvironmentId, kind: Option<&Kind>) -> Result<(Zone, Orders), Error> {
        let known = self.known.read();
        let heard = self.kinds.environments();
        let row = known.rows.get(id);
        let status = heard.iter().find(|one| one.id == *id);
        let zone = status.map(|one| &one.zone).or(row.map(|row| &row.zone));
        let Some(zone) = zone.cloned() else {
            let ids = heard.iter().map(|one| &one.id).chain(known.rows.keys());
            return Err(Error::NoEnvironment {
                id: id.clone(),
                hint: suggest::hint(id.as_str(), ids.map(EnvironmentId::as_str)),
            });
        };
        let orders = row.map(|row| row.orders.clone()).unwrap_or_default();
        if let (Some(kind), Some(status)) = (kind, status) {
            let pools = status.pools.iter().map(|pool| &pool.release.kind);
            let mut served: Vec<&str> =
                pools.chain(orders.kinds.keys()).map(Kind::as_str).collect();
            served.dedup();
            if !served.contains(&kind.as_str()) {
                return Err(Error::NoKind {
                    id: id.clone(),
                    kind: kind.clone(),
                    hint: suggest::hint(kind.as_str(), served),
                });
            }
        }
        Ok((zone, orders))
    }

    async fn write(&self, revision: u64, row: Option<OrderRow>) -> Result<(), store::Error> {
        self.store.put_order(revision, row.as_ref()).await?;
        let mut known = self.known.write();
        known.revision = revision;
        match row {
            Some(row) if row.orders.is_empty() => drop(known.rows.remove(&row.environment)),
            Some(row) => drop(known.rows.insert(row.environment.clone(), row)),
            None => {}
        }
        drop(known);
        self.changed.notify_one();
        Ok(())
    }

    /// What is asked of a kind, and the rollout of it that is open.
    pub fn of_kind(&self, kind: &Kind) -> (KindAsked, Option<Rollout>) {
        let known = self.known.read();
        let asked = known.kinds.get(kind).cloned().unwrap_or_default();
        (asked, known.rollouts.get(kind).cloned())
    }

    /// What is asked of each kind of which anything ever was.
    pub fn kinds_asked(&self) -> BTreeMap<Kind, KindAsked> {
        self.known.read().kinds.clone()
    }

    /// The rollouts that are open.
    pub fn open_rollouts(&self) -> Vec<Rollout> {
        self.known.read().rollouts.values().cloned().collect()
    }

    /// Returns who wants a release to stay, each in a few words.
    pub fn wanting(&self, digest: &ReleaseDigest) -> Vec<String> {
        let is_it = |release: &ReleaseId| release.digest == *digest;
        let mut by = Vec::new();
        for (kind, asked) in self.kinds_asked() {
            if asked.stable.as_ref().is_some_and(is_it) {
                by.push(format!("it is to serve {kind}"));
            }
            if asked.kept.iter().any(is_it) {
                by.push(format!("targets of {kind} are pinned to it"));
            }
        }
        let open = self.open_rollouts().into_iter();
        let on_its_way = open.filter(|one| is_it(&one.to) || is_it(&one.from));
        by.extend(on_its_way.map(|one| format!("the rollout {} is under way", one.id)));
        by
    }

    /// Changes what is asked of a kind: `decide` gives what is asked then, and the rollout as it
    /// is then, where it changes; or nothing. Whether something was changed.
    ///
    /// # Errors
    /// Those of `decide`, and that the store failed.
    pub async fn change_kind<E: From<store::Error>>(
        &self,
        kind: &Kind,
        decide: impl FnOnce(&KindAsked, Option<&Rollout>) -> Result<ChangeOfKind, E>,
    ) -> Result<bool, E> {
        let _writing = self.writing.lock().await;
        let (asked, open) = self.of_kind(kind);
        let decided = decide(&asked, open.as_ref())?;
        if decided == ChangeOfKind::default() {
            return Ok(false);
        }
        let revision = change::next(self.known.read().revision, crate::clock::now());
        let row = decided.asked.map(|asked| KindRow {
            kind: kind.clone(),
            asked,
        });
        let rollout = decided.rollout.as_ref();
        self.store
            .put_rollout(revision, row.as_ref(), rollout)
            .await?;
        let mut known = self.known.write();
        known.revision = revision;
        if let Some(row) = row {
            known.kinds.insert(row.kind, row.asked);
        }
        if let Some(rollout) = decided.rollout {
            if rollout.state.is_over() {
                known.rollouts.remove(kind);
            } else {
                known.rollouts.insert(kind.clone(), rollout);
            }
        }
        self.tell_kinds(&known.kinds);
        drop(known);
        self.changed.notify_one();
        Ok(true)
    }

    /// Which targets keep which release.
    pub fn pins(&self) -> PinTable {
        self.pins.clone()
    }

    /// Remembers what was seen of a rollout, and changes nothing.
    pub(crate) fn look_at(&self, rollout: Rollout) {
        let mut known = self.known.write();
        if let Some(open) = known.rollouts.get_mut(&rollout.kind)
            && open.id == rollout.id
        {
            *open = rollout;
        }
    }

    /// What is asked of each environment of which anything is.
    pub fn all(&self) -> BTreeMap<EnvironmentId, Orders> {
        let known = self.known.read();
        let rows = known.rows.iter();
        rows.map(|(id, row)| (id.clone(), row.orders.clone()))
            .collect()
    }

    /// Nothing is asked of this environment any more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget(&self, id: &EnvironmentId) -> Result<(), store::Error> {
        let _writing = self.writing.lock().await;
        let row = self.known.read().rows.get(id).cloned();
        let Some(row) = row else { return Ok(()) };
        let revision = change::next(self.known.read().revision, crate::clock::now());
        let orders = Orders::default();
        self.write(revision, Some(OrderRow { orders, ..row })).await
    }

    /// What is to be published, for each zone; nothing as long as nothing was ever asked.
    pub fn desired(&self) -> Vec<Desired> {
        let known = self.known.read();
        if known.revision == 0 {
            return Vec::new();
        }
        let kinds = change::kinds(&known.kinds, &known.rollouts);
        change::desired(
            known.revision,
            known.rows.values(),
            &kinds,
            &known.standing,
            &self.kinds.environments(),
        )
    }

    /// An environment tells how it is: if it has not heard of the last revision, it is to be
    /// told again.
    pub fn heard(&self, status: &EnvironmentStatus) {
        let revision = self.known.read().revision;
        let is_there = status.state != EnvironmentState::Gone;
        if is_there && status.desired.unwrap_or_default() != revision {
            self.unheard.notify_one();
        }
    }

    /// Waits until something else is asked.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until somebody tells that they have not heard it.
    pub async fn unheard(&self) {
        self.unheard.notified().await;
    }

    /// Where an environment knows a later revision, that of a store which is no more, ours
    /// becomes a later one still: otherwise nobody would hear of it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn overtake(&self) -> Result<(), store::Error> {
        let _writing = self.writing.lock().await;
        let heard = self.kinds.environments();
        let theirs = heard.iter().filter_map(|one| one.desired);
        let theirs = theirs.filter(|revision| *revision < REVISION_MOST).max();
        let ours = self.known.read().revision;
        match theirs {
            Some(theirs) if theirs > ours => {
                tracing::warn!(
                    ours,
                    theirs,
                    "environments know later orders than this store"
                );
                self.write(change::next(theirs, crate::clock::now()), None)
                    .await
            }
            _ => Ok(()),
        }
    }
}
