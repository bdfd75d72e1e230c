//! The targets that an instance of a policy looks at, and those that it may change.

use std::sync::Arc;

use utakata_model::{RelationKind, Selector, TargetName, policy::On, reading::Attributes};
use utakata_policy::Compiled;

use crate::{
    inventory::{DeviceId, Inventory, TargetEntry},
    relations::Graph,
};

/// The targets of one instance.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// The targets of each input.
    pub inputs: Vec<Vec<Place>>,
    /// The places that each act may change.
    pub places: Vec<Vec<Place>>,
}

/// A target, or an outlet of one.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub entry: Arc<TargetEntry>,
    pub outlet: Option<String>,
    /// The value by which it is chosen.
    pub order: Option<String>,
}

impl Place {
    /// Returns true if a series with these attributes is its own.
    pub fn has(&self, attributes: &Attributes) -> bool {
        let outlet = attributes.get("outlet").map(|outlet| &**outlet);
        self.outlet.is_none() || outlet == self.outlet.as_deref()
    }
}

/// Returns the number of different targets among places.
pub(super) fn count(places: &[Place]) -> usize {
    let mut names: Vec<&TargetName> = places.iter().map(|one| &one.entry.target.name).collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

impl Scope {
    /// Returns the devices of its inputs.
    pub fn devices(&self) -> impl Iterator<Item = DeviceId> {
        let places = self.inputs.iter().flatten();
        places.map(|place| place.entry.device)
    }

    /// Finds the targets of one instance.
    pub fn of(
        compiled: &Compiled,
        instance: Option<&TargetName>,
        inventory: &Inventory,
        graph: &Graph,
    ) -> Self {
        let around = |selector: Option<&Selector>, relation: Option<RelationKind>| {
            around(instance, selector, relation, inventory, graph)
        };
        let inputs = compiled.inputs();
        let inputs = inputs.map(|one| around(one.input.selector.as_ref(), one.input.relation));
        let inputs = inputs.collect();
        let acts = compiled.acts().iter();
        let places = acts.map(|act| {
            let order = act.act.order_by.as_deref();
            let mut places = places(instance, &act.act.on, order, inventory, graph);
            if let Some(only) = &compiled.policy().envelope.only {
                places.retain(|place| only.selector.matches(&place.entry.target));
            }
            places
        });
        Self {
            places: places.collect(),
            inputs,
        }
    }
}

/// Returns the targets of an input: those of its selector, what its relation leads to, or the target
/// of the instance itself.
fn around(
    instance: Option<&TargetName>,
    selector: Option<&Selector>,
    relation: Option<RelationKind>,
    inventory: &Inventory,
    graph: &Graph,
) -> Vec<Place> {
    let whole = |entry: Arc<TargetEntry>| Place {
        entry,
        outlet: None,
        order: None,
    };
    match (instance, relation) {
        (Some(instance), Some(relation)) => {
            let above = graph.above(instance).into_iter();
            let related = above.filter(|one| one.relation == relation);
            let found = related.filter_map(|one| {
                Some(Place {
                    entry: inventory.find(one.target)?,
                    outlet: one.outlet.map(str::to_owned),
                    order: None,
                })
            });
            let is_meant = |place: &Place| {
                selector.is_none_or(|selector| selector.matches(&place.entry.target))
            };
            found.filter(is_meant).collect()
        }
        (instance, _) => match (selector, instance) {
            (Some(selector), _) => {
                let found = inventory.select(selector);
                found.iter().cloned().map(whole).collect()
            }
            (None, Some(instance)) => inventory.find(instance).into_iter().map(whole).collect(),
            (None, None) => Vec::new(),
        },
    }
}

fn places(
    instance: Option<&TargetName>,
    on: &On,
    order_by: Option<&str>,
    inventory: &Inventory,
    graph: &Graph,
) -> Vec<Place> {
    let label = |entry: &TargetEntry| {
        let label = order_by?;
        entry.target.value(label).map(str::to_owned)
    };
    let chosen: Vec<Arc<TargetEntry>> = match (instance, &on.selector) {
        // What is around the target of the instance; without a relation, itself.
        (Some(instance), None) => inventory.find(instance).into_iter().collect(),
        (_, Some(selector)) => inventory.select(selector).to_vec(),
        (None, None) => Vec::new(),
    };
    let Some(relation) = on.relation else {
        let place = |entry: &Arc<TargetEntry>| Place {
            order: label(entry),
            entry: Arc::clone(entry),
            outlet: None,
        };
        return chosen.iter().map(place).collect();
    };
    let mut places: Vec<Place> = Vec::new();
    for load in &chosen {
        for source in graph.above(&load.target.name) {
            if source.relation != relation {
                continue;
            }
            let Some(entry) = inventory.find(source.target) else {
                continue;
            };
            let is_meant = on
                .from
                .as_ref()
                .is_none_or(|from| from.matches(&entry.target));
            let outlet = source.outlet.map(str::to_owned);
            let is_new = !places
                .iter()
                .any(|one| one.entry.target.name == entry.target.name && one.outlet == outlet);
            if is_meant && is_new {
                places.push(Place {
                    entry,
                    outlet,
                    order: label(load),
                });
            }
        }
    }
    places
}
