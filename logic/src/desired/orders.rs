//! Orders to pause, drain and resume: the decisions about them. Pure.

mod error;
mod scope;

use utakata_api::environment::OrdersView;
use utakata_model::{EnvironmentId, EnvironmentStatus, Kind, Order, Orders, Zone, suggest};

pub(crate) use error::InWords;
pub use error::{Error, Unfit};
pub(super) use scope::concerns;
pub use scope::{Names, OrderScope};

use super::state::{Command, Context, DesiredChange, DesiredPart, DesiredState, next};
use crate::store::{self, OrderRow};

/// The limit of revisions: a higher one was made up, and would be the last that there ever is.
const MAX_REVISION: u64 = 1 << 53;

/// Orders an environment to stop everything or a kind (`Some`), or to resume it (`None`).
#[derive(Debug, Clone)]
pub struct OrderEnvironment {
    pub id: EnvironmentId,
    /// The kind; `None` means everything.
    pub kind: Option<Kind>,
    pub order: Option<Order>,
}

/// Lifts all orders of an environment.
#[derive(Debug, Clone)]
pub struct ForgetEnvironment(pub EnvironmentId);

/// Makes the revision higher than any that an environment knows from a store that no longer exists:
/// otherwise nobody would accept ours. Replies with both revisions if that was so.
#[derive(Debug, Clone, Copy)]
pub struct Overtake;

impl Command for OrderEnvironment {
    type Reply = OrdersView;
    type Error = Error;

    fn decide(
        self,
        state: &DesiredState,
        context: &Context,
    ) -> Result<(Option<DesiredChange>, OrdersView), Error> {
        let Self { id, kind, order } = self;
        let (zone, before) = find(state, &context.heard, &id, kind.as_ref())?;
        let is_lifted = order.is_none();
        let orders = after(&before, kind.as_ref(), order).map_err(|unfit| Error::Unfit {
            id: id.clone(),
            unfit,
        })?;
        let change = if orders == before {
            if is_lifted {
                scope::refuse_elsewhere(state, &id, &zone, kind.as_ref())?;
            }
            None
        } else {
            let row = OrderRow {
                environment: id.clone(),
                zone,
                orders: orders.clone(),
            };
            Some(state.change(DesiredPart::Environment(row), context.now))
        };
        let view = OrdersView {
            environment: id,
            revision: change.as_ref().map_or(state.revision, |one| one.revision),
            orders,
        };
        Ok((change, view))
    }
}

impl Command for ForgetEnvironment {
    type Reply = ();
    type Error = store::Error;

    fn decide(
        self,
        state: &DesiredState,
        context: &Context,
    ) -> Result<(Option<DesiredChange>, ()), store::Error> {
        let row = state.environments.get(&self.0).cloned();
        let change = row.map(|row| {
            let orders = Orders::default();
            state.change(
                DesiredPart::Environment(OrderRow { orders, ..row }),
                context.now,
            )
        });
        Ok((change, ()))
    }
}

impl Command for Overtake {
    type Reply = Option<(u64, u64)>;
    type Error = store::Error;

    fn decide(
        self,
        state: &DesiredState,
        context: &Context,
    ) -> Result<(Option<DesiredChange>, Self::Reply), store::Error> {
        let theirs = context.heard.iter().filter_map(|one| one.desired);
        let theirs = theirs.filter(|revision| *revision < MAX_REVISION).max();
        let later = theirs.filter(|theirs| *theirs > state.revision);
        let change = later.map(|theirs| DesiredChange {
            revision: next(theirs, context.now),
            part: DesiredPart::Nothing,
        });
        Ok((change, later.map(|theirs| (state.revision, theirs))))
    }
}

/// Returns the zone of an environment, and its orders.
fn find(
    state: &DesiredState,
    heard: &[std::sync::Arc<EnvironmentStatus>],
    id: &EnvironmentId,
    kind: Option<&Kind>,
) -> Result<(Zone, Orders), Error> {
    let row = state.environments.get(id);
    let status = heard.iter().find(|one| one.id == *id);
    let zone = status.map(|one| &one.zone).or(row.map(|row| &row.zone));
    let Some(zone) = zone.cloned() else {
        let known = state.environments.keys();
        let ids = heard.iter().map(|one| &one.id).chain(known);
        return Err(Error::NoEnvironment {
            id: id.clone(),
            hint: suggest::hint(id.as_str(), ids.map(EnvironmentId::as_str)),
        });
    };
    let orders = row.map(|row| row.orders.clone()).unwrap_or_default();
    if let (Some(kind), Some(status)) = (kind, status) {
        let pools = status.pools.iter().map(|pool| &pool.release.kind);
        let mut served: Vec<&str> = pools.chain(orders.kinds.keys()).map(Kind::as_str).collect();
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

/// Returns the orders of an environment after one for everything or for a kind was given, or lifted
/// (`None`). An order is lifted in the scope in which it was given, so that nobody lifts another
/// person's unseen.
fn after(before: &Orders, kind: Option<&Kind>, order: Option<Order>) -> Result<Orders, Unfit> {
    let mut orders = before.clone();
    match (kind, order) {
        (None, Some(order)) => orders.all = Some(order),
        (Some(kind), Some(order)) => drop(orders.kinds.insert(kind.clone(), order)),
        (None, None) if orders.all.is_none() && !orders.kinds.is_empty() => {
            return Err(Unfit::Kinds(orders.kinds));
        }
        (None, None) => orders.all = None,
        (Some(kind), None) => {
            let own = orders.kinds.remove(kind);
            if let (None, Some(all)) = (own, &orders.all) {
                return Err(Unfit::AsAWhole(kind.clone(), Box::new(all.clone())));
            }
        }
    }
    Ok(orders)
}

#[cfg(test)]
mod tests;
