//! Orders for zones, kinds and releases: they hold for whoever is there, and comes.

use utakata_api::environment::{Standing, StandingView};
use utakata_model::{
    EnvironmentId, EnvironmentState, EnvironmentStatus, Kind, Order, Scope, Zone, suggest,
};

use super::{Error, OrderBook, change};

/// What people may name that no environment tells of.
#[derive(Debug, Default)]
pub struct Names {
    /// Zones.
    pub zones: Vec<String>,
    /// Kinds.
    pub kinds: Vec<String>,
    /// Releases: `KIND@VERSION`.
    pub releases: Vec<String>,
}

impl OrderBook {
    /// Asks a zone, a kind, an environment or a release to stop (`Some`), or to go on (`None`).
    /// `names` are known besides those of which environments tell.
    ///
    /// # Errors
    /// Nobody has heard of it, it is something else that is stopped, or the store failed.
    pub async fn change_standing(
        &self,
        scope: Scope,
        order: Option<Order>,
        names: Names,
    ) -> Result<StandingView, Error> {
        match &scope {
            Scope::Environment(id) => drop(self.change(id, None, order).await?),
            Scope::KindInEnvironment(kind, id) => {
                drop(self.change(id, Some(kind), order).await?);
            }
            _ => self.write_standing(&scope, order, names).await?,
        }
        let all = self.everything();
        let mine = all.iter().find(|one| one.scope == scope);
        let order = mine.map(|one| one.order.clone());
        let here = self.kinds.environments();
        let here = here.iter().filter(|one| {
            let is_there = one.state != EnvironmentState::Gone;
            is_there && has_to_do(one, &scope)
        });
        Ok(StandingView {
            revision: self.known.read().revision,
            order,
            environments: here.map(|one| one.id.clone()).collect(),
            others: self.others(&scope),
            scope,
        })
    }

    async fn write_standing(
        &self,
        scope: &Scope,
        order: Option<Order>,
        names: Names,
    ) -> Result<(), Error> {
        let _writing = self.writing.lock().await;
        let before = self.known.read().standing.get(scope).cloned();
        if before.is_none() {
            self.know(scope, names)?;
        }
        if before == order {
            let others = self.others(scope);
            if others.is_empty() {
                return Ok(());
            }
            let scope = Box::new(scope.clone());
            return Err(Error::Elsewhere { scope, others });
        }
        let revision = change::next(self.known.read().revision, crate::clock::now());
        let put = self.store.put_standing(revision, scope, order.as_ref());
        put.await?;
        let mut known = self.known.write();
        known.revision = revision;
        match order {
            Some(order) => known.standing.insert(scope.clone(), order),
            None => known.standing.remove(scope),
        };
        drop(known);
        self.changed.notify_one();
        Ok(())
    }

    /// Refuses what nobody has heard of.
    fn know(&self, scope: &Scope, names: Names) -> Result<(), Error> {
        let heard = self.kinds.environments();
        let pools = || heard.iter().flat_map(|one| &one.pools);
        let mut zones = names.zones;
        zones.extend(heard.iter().map(|one| one.zone.to_string()));
        let mut kinds = names.kinds;
        kinds.extend(pools().map(|pool| pool.release.kind.to_string()));
        kinds.extend(self.known.read().kinds.keys().map(Kind::to_string));
        let mut releases = names.releases;
        releases.extend(pools().map(|p| format!("{}@{}", p.release.kind, p.release.version)));
        let unknown = |name: &str, all: &[String]| {
            let is_known = all.iter().any(|one| one == name);
            (!is_known).then(|| suggest::hint(name, all.iter().map(String::as_str)))
        };
        let hint = match scope {
            Scope::Zone(zone) => unknown(zone.as_str(), &zones),
            Scope::Kind(kind) => unknown(kind.as_str(), &kinds),
            Scope::KindInZone(kind, zone) => {
                unknown(kind.as_str(), &kinds).or_else(|| unknown(zone.as_str(), &zones))
            }
            Scope::Release(release) => unknown(&release.to_string(), &releases),
            Scope::Environment(_) | Scope::KindInEnvironment(..) => None,
        };
        let scope = || Box::new(scope.clone());
        hint.map_or(Ok(()), |hint| {
            let scope = scope();
            Err(Error::Unknown { scope, hint })
        })
    }

    /// An environment that was told to go on, and was not stopped by itself: what it is a part
    /// of may be.
    pub(super) fn refuse_elsewhere(
        &self,
        id: &EnvironmentId,
        zone: &Zone,
        kind: Option<&Kind>,
    ) -> Result<(), Error> {
        let mut wider = vec![Scope::Zone(zone.clone())];
        wider.extend(kind.map(|kind| Scope::Kind(kind.clone())));
        wider.extend(kind.map(|kind| Scope::KindInZone(kind.clone(), zone.clone())));
        let known = self.known.read();
        let others = wider.into_iter().filter_map(|scope| {
            let order = known.standing.get(&scope)?.clone();
            Some(Standing { scope, order })
        });
        let others: Vec<Standing> = others.collect();
        let scope = match kind {
            Some(kind) => Scope::KindInEnvironment(kind.clone(), id.clone()),
            None => Scope::Environment(id.clone()),
        };
        match others.is_empty() {
            true => Ok(()),
            false => Err(Error::Elsewhere {
                scope: Box::new(scope),
                others,
            }),
        }
    }

    /// Every order that there is.
    pub fn everything(&self) -> Vec<Standing> {
        let known = self.known.read();
        let standing = known.standing.iter();
        let mut all: Vec<Standing> = standing
            .map(|(scope, order)| Standing {
                scope: scope.clone(),
                order: order.clone(),
            })
            .collect();
        for (id, row) in &known.rows {
            let whole = row.orders.all.iter();
            all.extend(whole.map(|order| Standing {
                scope: Scope::Environment(id.clone()),
                order: order.clone(),
            }));
            all.extend(row.orders.kinds.iter().map(|(kind, order)| Standing {
                scope: Scope::KindInEnvironment(kind.clone(), id.clone()),
                order: order.clone(),
            }));
        }
        all
    }

    /// The orders for zones, kinds and releases.
    pub fn standing(&self) -> std::collections::BTreeMap<Scope, Order> {
        self.known.read().standing.clone()
    }

    /// Orders for zones, kinds and releases that an environment has to do with.
    pub fn standing_for(&self, status: &EnvironmentStatus) -> Vec<Standing> {
        let known = self.known.read();
        let standing = known.standing.iter();
        let mine = standing.filter(|(scope, _)| has_to_do(status, scope));
        mine.map(|(scope, order)| Standing {
            scope: scope.clone(),
            order: order.clone(),
        })
        .collect()
    }

    /// Orders by which a part of it is stopped, or what it is a part of.
    fn others(&self, scope: &Scope) -> Vec<Standing> {
        let all = self.everything().into_iter();
        let heard = self.kinds.environments();
        let is_in = |id: &EnvironmentId, zone: &Zone| {
            heard.iter().any(|one| one.id == *id && one.zone == *zone)
        };
        let may_meet = |other: &Scope| match (scope, other) {
            // A kind is not stopped by itself because all of an environment, or a zone, is.
            (Scope::Kind(_) | Scope::Release(_), Scope::Environment(_) | Scope::Zone(_))
            | (Scope::Environment(_) | Scope::Zone(_), Scope::Kind(_) | Scope::Release(_)) => false,
            (Scope::Release(_), Scope::KindInEnvironment(..)) => false,
            (Scope::KindInZone(..), Scope::Environment(_) | Scope::Release(_)) => false,
            (
                Scope::Zone(zone) | Scope::KindInZone(_, zone),
                Scope::Environment(id) | Scope::KindInEnvironment(_, id),
            )
            | (
                Scope::Environment(id) | Scope::KindInEnvironment(_, id),
                Scope::Zone(zone) | Scope::KindInZone(_, zone),
            ) => is_in(id, zone),
            _ => true,
        };
        all.filter(|one| one.scope != *scope && scope.meets(&one.scope) && may_meet(&one.scope))
            .collect()
    }
}

/// Whether an order for this says anything to an environment.
fn has_to_do(status: &EnvironmentStatus, scope: &Scope) -> bool {
    let serves = |kind: &Kind| status.pools.iter().any(|pool| pool.release.kind == *kind);
    match scope {
        Scope::Zone(zone) => status.zone == *zone,
        Scope::Kind(kind) => serves(kind),
        Scope::KindInZone(kind, zone) => status.zone == *zone && serves(kind),
        Scope::Environment(id) | Scope::KindInEnvironment(_, id) => status.id == *id,
        Scope::Release(release) => status.pools.iter().any(|pool| {
            pool.release.kind == release.kind && pool.release.version == release.version
        }),
    }
}
