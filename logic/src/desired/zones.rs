//! The desired state as published for each zone. Pure.

use std::{collections::BTreeMap, sync::Arc};

use utakata_model::{
    Desired as ZoneDesired, EnvironmentStatus, Kind, KindDesired, Scope, StandingOrders, Zone,
};
use utakata_rollout::site::order;

use super::{networks::ZoneNetworks, state::DesiredState};

/// Returns the messages to publish, one per zone that has environments or orders; none if nothing
/// was ever ordered and no zone needs networks.
pub(super) fn zones(
    state: &DesiredState,
    heard: &[Arc<EnvironmentStatus>],
    networks: &ZoneNetworks,
) -> Vec<ZoneDesired> {
    let kinds = kinds(state);
    let empty = |zone: &Zone| ZoneDesired {
        zone: zone.clone(),
        revision: state.revision,
        environments: BTreeMap::new(),
        kinds: kinds.clone(),
        standing: StandingOrders::of_zone(&state.scopes, zone),
        targets: networks.get(zone).cloned(),
    };
    let mut zones: BTreeMap<Zone, ZoneDesired> = heard
        .iter()
        .map(|one| (one.zone.clone(), empty(&one.zone)))
        .collect();
    // Environments that join later are to receive them at once.
    for scope in state.scopes.keys() {
        if let Scope::Zone(zone) | Scope::KindInZone(_, zone) = scope {
            zones.entry(zone.clone()).or_insert_with(|| empty(zone));
        }
    }
    for row in state.environments.values() {
        // Its present zone, if known.
        let status = heard.iter().find(|one| one.id == row.environment);
        let zone = status.map_or(&row.zone, |one| &one.zone);
        let desired = zones.entry(zone.clone()).or_insert_with(|| empty(zone));
        let id = row.environment.clone();
        desired.environments.insert(id, row.orders.clone());
    }
    // Where nothing was ever ordered, there is nothing to say but the networks.
    zones.retain(|_, desired| state.revision > 0 || desired.targets.is_some());
    zones.into_values().collect()
}

/// Returns the desired state of each kind.
fn kinds(state: &DesiredState) -> BTreeMap<Kind, KindDesired> {
    let named = state.kinds.keys().chain(state.rollouts.keys());
    let of_kind = |kind: &Kind| {
        let requested = state.kind(kind);
        let desired = KindDesired {
            stable: requested.stable,
            kept: requested.kept,
            rollout: state.rollouts.get(kind).map(order),
            placement: requested.placement,
        };
        (kind.clone(), desired)
    };
    named.map(of_kind).collect()
}

#[cfg(test)]
mod tests;
