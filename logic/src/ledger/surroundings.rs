//! The site as gates look at it: envelopes in force, relations, and what targets show.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::watch;
use utakata_envelope::{Feed, InForce, Seen, Site};
use utakata_model::{
    ReadingValue, RelationKind, Selector, TargetName,
    envelope::{Rate, Shows},
};

use crate::{
    clock, inventory::Inventory, observed::Observed, relations::Graph, store::ControlTask,
};

/// The site as gates look at it.
pub(super) trait Surroundings: Site + Send + Sync {
    /// Returns the envelopes in force.
    fn envelopes(&self) -> Arc<InForceSet>;

    /// Returns the value that a task changes, as its target shows it now.
    fn present(&self, task: &ControlTask) -> Option<f64>;
}

/// The envelopes in force at one generation of the inventory.
#[derive(Debug, Default)]
pub(super) struct InForceSet {
    pub envelopes: Vec<InForce>,
    /// So many failures within a time, with the names of their envelopes.
    pub red: Vec<(Arc<str>, Rate)>,
    /// True if one binds people.
    pub binds_people: bool,
}

impl InForceSet {
    /// Returns the longest time for which an act counts.
    pub fn longest(&self) -> Duration {
        let acts = self.envelopes.iter().map(InForce::longest);
        let failures = self.red.iter().map(|(_, rate)| rate.within);
        acts.chain(failures).max().unwrap_or(Duration::ZERO)
    }
}

/// The site as it is.
pub(super) struct LiveSite {
    inventory: Arc<Inventory>,
    observed: Arc<Observed>,
    generation: watch::Receiver<u64>,
    /// False only in drills.
    asks_envelopes: bool,
    known: Mutex<Known>,
}

/// The parts that are built of the inventory, by its generation.
#[derive(Default)]
struct Known {
    generation: Option<u64>,
    envelopes: Arc<InForceSet>,
    graph: Option<Arc<Graph>>,
}

impl LiveSite {
    pub fn new(inventory: Arc<Inventory>, observed: Arc<Observed>, asks_envelopes: bool) -> Self {
        Self {
            asks_envelopes,
            generation: inventory.follow(),
            inventory,
            observed,
            known: Mutex::default(),
        }
    }

    /// Looks at what is built of the inventory, which is built anew when that has changed.
    fn known<R>(&self, look: impl FnOnce(&mut Known) -> R) -> R {
        let generation = *self.generation.borrow();
        let mut known = self.known.lock();
        if known.generation != Some(generation) {
            *known = Known {
                generation: Some(generation),
                envelopes: Arc::new(in_force(&self.inventory)),
                graph: None,
            };
        }
        look(&mut known)
    }

    /// Returns the relations, which few gates need.
    fn graph(&self) -> Arc<Graph> {
        let build = || Arc::new(self.inventory.graph());
        self.known(|known| Arc::clone(known.graph.get_or_insert_with(build)))
    }
}

fn in_force(inventory: &Inventory) -> InForceSet {
    let declared = inventory.envelopes();
    let policies = inventory.policies();
    let of_site = declared.iter().map(|one| InForce::from(&**one));
    let of_policies = policies.iter().map(|one| InForce::from(&**one));
    let red = declared.iter().filter_map(|one| {
        let rate = one.red?;
        Some((Arc::from(one.name.as_str()), rate))
    });
    InForceSet {
        binds_people: declared
            .iter()
            .any(|one| one.applies == utakata_model::envelope::Applies::All),
        red: red.collect(),
        envelopes: of_site.chain(of_policies).collect(),
    }
}

impl Site for LiveSite {
    fn matches(&self, target: &TargetName, selector: &Selector) -> bool {
        let found = self.inventory.find(target);
        found.is_some_and(|known| selector.matches(&known.target))
    }

    fn label(&self, target: &TargetName, label: &str) -> Option<String> {
        let known = self.inventory.find(target)?;
        known.target.value(label).map(str::to_owned)
    }

    fn select(&self, selector: &Selector) -> Vec<TargetName> {
        let found = self.inventory.select(selector);
        found
            .iter()
            .map(|known| known.target.name.clone())
            .collect()
    }

    fn loads(&self, target: &TargetName, outlet: Option<&str>) -> Vec<TargetName> {
        let graph = self.graph();
        let below = graph.below(target).into_iter();
        let feeds = below.filter(|one| one.relation == RelationKind::Feeds);
        // A relation without an outlet may mean this one.
        let is_its =
            feeds.filter(|one| one.outlet.is_none() || outlet.is_none() || one.outlet == outlet);
        is_its.map(|one| one.target.clone()).collect()
    }

    fn feeds(&self, load: &TargetName) -> Vec<Feed> {
        let graph = self.graph();
        let above = graph.above(load).into_iter();
        let feeds = above.filter(|one| one.relation == RelationKind::Feeds);
        feeds
            .map(|one| Feed {
                target: one.target.clone(),
                outlet: one.outlet.map(str::to_owned),
            })
            .collect()
    }

    fn shows(&self, target: &TargetName, outlet: Option<&str>, shows: &Shows) -> Option<Seen> {
        let known = self.inventory.find(target)?;
        let now = clock::now();
        self.observed.look(known.device, |seen| {
            let values = seen.actions.iter().flat_map(|action| action.values());
            let its = values.filter(|value| {
                let reading = value.reading;
                let of = reading.attributes.get("outlet").map(|outlet| &**outlet);
                reading.metric == shows.metric && (outlet.is_none() || of == outlet)
            });
            // Of several, all have to show it, and the oldest counts.
            let seen = its.map(|value| {
                let is = match &value.reading.value {
                    ReadingValue::Text(text) => **text == *shows.is,
                    ReadingValue::Number(number) => number.to_string() == shows.is,
                };
                let age = Duration::try_from(now.duration_since(value.time));
                let age = age.unwrap_or(Duration::ZERO);
                Seen { is, age }
            });
            seen.reduce(|one, other| Seen {
                is: one.is && other.is,
                age: one.age.max(other.age),
            })
        })
    }
}

impl Surroundings for LiveSite {
    fn envelopes(&self) -> Arc<InForceSet> {
        if !self.asks_envelopes {
            return Arc::default();
        }
        self.known(|known| Arc::clone(&known.envelopes))
    }

    fn present(&self, task: &ControlTask) -> Option<f64> {
        let verify = task.verify.as_ref()?;
        let known = self.inventory.find(&task.target)?;
        let parameters = task.parameters.to_json();
        self.observed.look(known.device, |seen| {
            let last = seen.actions.iter().map(|by| &by.last);
            let shown = last.filter_map(|last| {
                let reading = utakata_permit::evidence::current_reading(verify, &parameters, last)?;
                Some((last.time, reading.value.clone()))
            });
            match shown.max_by_key(|(time, _)| *time)?.1 {
                ReadingValue::Number(number) => Some(number),
                ReadingValue::Text(_) => None,
            }
        })
    }
}
