//! Orders for zones, kinds and releases: they apply to whatever is present, now and later.

use std::sync::Arc;

use utakata_api::environment::{Suspension, SuspensionView};
use utakata_model::{
    EnvironmentId, EnvironmentState, EnvironmentStatus, Kind, Order, Scope, Zone, suggest,
};

use super::{Error, OrderEnvironment};
use crate::desired::state::{Command, Context, DesiredChange, DesiredPart, DesiredState};

/// Names that may be used although no environment reports them.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The names of zones.
    pub zones: Vec<String>,
    /// The names of kinds.
    pub kinds: Vec<String>,
    /// The names of releases: `KIND@VERSION`.
    pub releases: Vec<String>,
}

/// Orders a zone, a kind, an environment or a release to stop (`Some`), or to resume (`None`).
#[derive(Debug, Clone)]
pub struct OrderScope {
    /// The scope of the order.
    pub scope: Scope,
    pub order: Option<Order>,
    /// The names that are known besides those that environments report.
    pub names: Names,
}

impl Command for OrderScope {
    type Reply = SuspensionView;
    type Error = Error;

    fn decide(
        self,
        state: &DesiredState,
        context: &Context,
    ) -> Result<(Option<DesiredChange>, SuspensionView), Error> {
        let Self {
            scope,
            order,
            names,
        } = self;
        let environment = |id: &EnvironmentId, kind: Option<&Kind>, order| OrderEnvironment {
            id: id.clone(),
            kind: kind.cloned(),
            order,
        };
        let change = match &scope {
            Scope::Environment(id) => environment(id, None, order).decide(state, context)?.0,
            Scope::KindInEnvironment(kind, id) => {
                let order = environment(id, Some(kind), order);
                order.decide(state, context)?.0
            }
            _ => decide(state, context, &scope, order, names)?,
        };
        let mut after = state.clone();
        if let Some(change) = &change {
            after.make(change.clone());
        }
        let view = view(&after, &context.heard, scope);
        Ok((change, view))
    }
}

fn decide(
    state: &DesiredState,
    context: &Context,
    scope: &Scope,
    order: Option<Order>,
    names: Names,
) -> Result<Option<DesiredChange>, Error> {
    let before = state.scopes.get(scope);
    if before.is_none() {
        refuse_unknown(state, &context.heard, scope, names)?;
    }
    if before == order.as_ref() {
        let others = others(state, &context.heard, scope);
        if others.is_empty() {
            return Ok(None);
        }
        let scope = Box::new(scope.clone());
        return Err(Error::Elsewhere { scope, others });
    }
    let part = DesiredPart::Scope(scope.clone(), order);
    Ok(Some(state.change(part, context.now)))
}

fn view(state: &DesiredState, heard: &[Arc<EnvironmentStatus>], scope: Scope) -> SuspensionView {
    let all = state.all_orders().into_iter();
    let mut mine = all.filter(|one| one.scope == scope);
    let here = heard
        .iter()
        .filter(|one| one.state != EnvironmentState::Gone && concerns(&scope, one));
    SuspensionView {
        revision: state.revision,
        order: mine.next().map(|one| one.order),
        environments: here.map(|one| one.id.clone()).collect(),
        others: others(state, heard, &scope),
        scope,
    }
}

/// Refuses unknown names.
fn refuse_unknown(
    state: &DesiredState,
    heard: &[Arc<EnvironmentStatus>],
    scope: &Scope,
    names: Names,
) -> Result<(), Error> {
    let pools = || heard.iter().flat_map(|one| &one.pools);
    let mut zones = names.zones;
    zones.extend(heard.iter().map(|one| one.zone.to_string()));
    let mut kinds = names.kinds;
    kinds.extend(pools().map(|pool| pool.release.kind.to_string()));
    kinds.extend(state.kinds.keys().map(Kind::to_string));
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
    hint.map_or(Ok(()), |hint| {
        let scope = Box::new(scope.clone());
        Err(Error::Unknown { scope, hint })
    })
}

/// Refuses to resume an environment that has no order of its own while something that it belongs to
/// is stopped.
pub(super) fn refuse_elsewhere(
    state: &DesiredState,
    id: &EnvironmentId,
    zone: &Zone,
    kind: Option<&Kind>,
) -> Result<(), Error> {
    let mut wider = vec![Scope::Zone(zone.clone())];
    wider.extend(kind.map(|kind| Scope::Kind(kind.clone())));
    wider.extend(kind.map(|kind| Scope::KindInZone(kind.clone(), zone.clone())));
    let others = wider.into_iter().filter_map(|scope| {
        let order = state.scopes.get(&scope)?.clone();
        Some(Suspension { scope, order })
    });
    let others: Vec<Suspension> = others.collect();
    if others.is_empty() {
        return Ok(());
    }
    let scope = match kind {
        Some(kind) => Scope::KindInEnvironment(kind.clone(), id.clone()),
        None => Scope::Environment(id.clone()),
    };
    let scope = Box::new(scope);
    Err(Error::Elsewhere { scope, others })
}

/// Returns the orders that stop a part of the scope, or something that it belongs to.
fn others(
    state: &DesiredState,
    heard: &[Arc<EnvironmentStatus>],
    scope: &Scope,
) -> Vec<Suspension> {
    let is_in = |id: &EnvironmentId, zone: &Zone| {
        heard.iter().any(|one| one.id == *id && one.zone == *zone)
    };
    let may_meet = |other: &Scope| match (scope, other) {
        // A kind is not itself stopped if all of an environment or a zone is.
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
    let all = state.all_orders().into_iter();
    all.filter(|one| one.scope != *scope && scope.meets(&one.scope) && may_meet(&one.scope))
        .collect()
}

/// Returns true if an order of this scope concerns an environment.
pub(in crate::desired) fn concerns(scope: &Scope, status: &EnvironmentStatus) -> bool {
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
