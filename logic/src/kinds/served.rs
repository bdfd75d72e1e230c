//! The kinds that are served, each in its zones, with compiled schemas.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use utakata_model::{
    Action, ActionName, Class, EnvironmentId, EnvironmentStatus, Kind, Manifest, ReleaseDigest,
    ReleaseId, Zone, schema::Schema, suggest,
};

use super::Claim;

/// The kinds that are served, by zone: different zones may serve a kind with different releases.
#[derive(Debug, Default)]
pub struct ServedKinds {
    kinds: BTreeMap<Kind, BTreeMap<Zone, Arc<Served>>>,
}

/// A kind as it is served in a zone.
#[derive(Debug, Clone)]
pub struct Served {
    /// The release that new tasks go to: the desired one, or otherwise the newest.
    pub release: ReleaseId,
    pub manifest: Arc<Manifest>,
    /// The environments of the zone that serve the kind.
    pub environments: Vec<EnvironmentId>,
    compiled: Arc<Compiled>,
}

/// The compiled schemas of a manifest.
#[derive(Debug)]
pub(super) struct Compiled {
    address: Option<Schema>,
    credential: Option<Schema>,
    actions: HashMap<ActionName, ServedAction>,
}

/// An action, with the schema of its parameters.
#[derive(Debug, Clone)]
pub struct ServedAction {
    /// The action as its manifest declares it.
    pub action: Action,
    /// The schema of its parameters; absent if the manifest's schema cannot be compiled, which the
    /// environment has refused already.
    pub schema: Option<Schema>,
}

/// A release that serves in an environment.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) status: Arc<EnvironmentStatus>,
    pub(super) release: ReleaseId,
    pub(super) manifest: Arc<Manifest>,
    pub(super) is_of_catalogue: bool,
}

/// The candidates for serving a kind in a zone.
#[derive(Debug, Default)]
pub(super) struct Choice {
    candidates: BTreeMap<(Kind, Zone), Vec<Candidate>>,
}

/// Compiled schemas, by their sources: statuses arrive often, and compiling takes long. A digest as
/// the key would not do, since two environments may report the same digest with different
/// manifests.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    compiled: Vec<(Arc<Manifest>, Arc<Compiled>)>,
}

impl ServedKinds {
    /// Returns a kind as it is served in a zone.
    pub fn get(&self, kind: &Kind, zone: &Zone) -> Option<&Served> {
        self.kinds.get(kind)?.get(zone).map(Arc::as_ref)
    }

    /// Returns a kind in each zone in which it is served.
    pub fn of_kind(&self, kind: &Kind) -> impl Iterator<Item = (&Zone, &Served)> + Clone {
        let zones = self.kinds.get(kind).into_iter().flatten();
        zones.map(|(zone, served)| (zone, served.as_ref()))
    }

    pub fn kinds(&self) -> impl Iterator<Item = &Kind> + Clone {
        self.kinds.keys()
    }

    /// Returns true if a kind is served anywhere.
    pub fn has(&self, kind: &Kind) -> bool {
        self.kinds.contains_key(kind)
    }

    /// Returns the reason why tasks of a kind cannot be done in a zone where nothing serves it.
    pub fn nobody(&self, kind: &Kind, zone: &Zone) -> String {
        match self.has(kind) {
            true => format!("no environment in zone \"{zone}\" serves the kind \"{kind}\" now"),
            false => format!("no environment serves the kind \"{kind}\" now"),
        }
    }
}

impl FromIterator<(Kind, Zone, Served)> for ServedKinds {
    fn from_iter<T: IntoIterator<Item = (Kind, Zone, Served)>>(all: T) -> Self {
        let mut kinds: BTreeMap<Kind, BTreeMap<Zone, Arc<Served>>> = BTreeMap::new();
        for (kind, zone, served) in all {
            kinds
                .entry(kind)
                .or_default()
                .insert(zone, Arc::new(served));
        }
        Self { kinds }
    }
}

impl Choice {
    pub(super) fn add(&mut self, candidate: Candidate) {
        let key = (
            candidate.release.kind.clone(),
            candidate.status.zone.clone(),
        );
        self.candidates.entry(key).or_default().push(candidate);
    }

    /// Decides for each zone: the desired release serves, or otherwise the newest, preferably one
    /// of the catalogue: then those that were only reported do not count.
    pub(super) fn decide(
        self,
        preferred: &BTreeMap<Kind, ReleaseDigest>,
        schemas: &mut Schemas,
        ignored: &mut BTreeMap<EnvironmentId, Vec<Claim>>,
    ) -> ServedKinds {
        let mut kept = Vec::new();
        let mut served = Vec::new();
        for ((kind, zone), candidates) in self.candidates {
            let has_catalogue = candidates.iter().any(|one| one.is_of_catalogue);
            let (counting, others): (Vec<_>, Vec<_>) = candidates
                .into_iter()
                .partition(|one| one.is_of_catalogue || !has_catalogue);
            for other in others {
                let claim = Claim::unknown(&other.status, &other.release);
                let claims = ignored.entry(other.status.id.clone()).or_default();
                claims.push(claim);
            }
            let Some(chosen) = counting
                .iter()
                // Of several with the same version the first stays.
                .rev()
                .max_by_key(|one| {
                    let is_preferred = preferred.get(&kind) == Some(&one.release.digest);
                    (is_preferred, one.manifest.version_numbers())
                })
            else {
                continue;
            };
            let compiled = schemas.of(&chosen.manifest, &mut kept);
            let mut environments = Vec::new();
            for one in &counting {
                if !environments.contains(&one.status.id) {
                    environments.push(one.status.id.clone());
                }
            }
            let one = Served {
                release: chosen.release.clone(),
                manifest: Arc::clone(&chosen.manifest),
                environments,
                compiled,
            };
            served.push((kind, zone, one));
        }
        schemas.compiled = kept;
        served.into_iter().collect()
    }
}

impl Schemas {
    fn of(
        &self,
        manifest: &Arc<Manifest>,
        kept: &mut Vec<(Arc<Manifest>, Arc<Compiled>)>,
    ) -> Arc<Compiled> {
        let mut all = kept.iter().chain(&self.compiled);
        let found = all.find(|(known, _)| known == manifest);
        let compiled = match found {
            Some((_, compiled)) => Arc::clone(compiled),
            None => Arc::new(Compiled::build(manifest)),
        };
        kept.push((Arc::clone(manifest), Arc::clone(&compiled)));
        compiled
    }
}

impl Compiled {
    fn build(manifest: &Manifest) -> Self {
        let credential = manifest.credential.as_ref();
        let action = |action: &Action| {
            let served = ServedAction {
                action: action.clone(),
                schema: action.schema().ok(),
            };
            (action.name.clone(), served)
        };
        let address = manifest.address.as_ref();
        Self {
            address: address.and_then(|schema| Schema::build(schema).ok()),
            credential: credential.and_then(|schema| Schema::build(schema).ok()),
            actions: manifest.actions.iter().map(action).collect(),
        }
    }
}

impl Served {
    /// Returns a kind as a release with this manifest would serve it.
    pub fn by(manifest: &Manifest) -> Self {
        Self {
            release: ReleaseId {
                kind: manifest.kind.clone(),
                version: manifest.version.as_str().into(),
                digest: ReleaseDigest("".into()),
            },
            manifest: Arc::new(manifest.clone()),
            environments: Vec::new(),
            compiled: Arc::new(Compiled::build(manifest)),
        }
    }

    /// Returns the action of that name.
    pub fn action(&self, name: &ActionName) -> Option<&ServedAction> {
        self.compiled.actions.get(name)
    }

    /// Returns the reason why a policy cannot have an action carried out, or not with a dead-man.
    pub fn unable(&self, action: &ActionName, has_dead_man: bool) -> Option<String> {
        let kind = &self.release.kind;
        let found = self.action(action);
        let Some(found) = found.filter(|found| found.action.class == Class::Control) else {
            let hint = suggest::hint(action.as_str(), self.names(Class::Control));
            return Some(format!(
                "the kind \"{kind}\" has no action \"{action}\" that changes something: {hint}"
            ));
        };
        let holds = has_dead_man && found.action.lease.is_none();
        holds.then(|| self.no_lease(action))
    }

    /// Returns the words for an action whose effect stays, where a policy has a dead-man.
    pub fn no_lease(&self, action: &ActionName) -> String {
        let kind = &self.release.kind;
        format!(
            "the kind \"{kind}\" does not take {action} back by itself: leave dead_man out, or choose \
             an action whose manifest has a lease"
        )
    }

    /// Returns the action of that name, or the default one for observing.
    pub fn observe(&self, name: Option<&ActionName>) -> Option<&ServedAction> {
        let default = || self.manifest.default_observe().map(|action| &action.name);
        self.action(name.or_else(default)?)
    }

    /// Returns the names of the actions of a class.
    pub fn names(&self, class: Class) -> impl Iterator<Item = &str> + Clone {
        let of_class = move |action: &&Action| action.class == class;
        let actions = self.manifest.actions.iter();
        actions.filter(of_class).map(|action| action.name.as_str())
    }

    /// Returns the schema of a target's address; absent if only the worker knows.
    pub fn address(&self) -> Option<&Schema> {
        self.compiled.address.as_ref()
    }

    /// Returns the schema of a credential's values; absent if none is needed.
    pub fn credential(&self) -> Option<&Schema> {
        self.compiled.credential.as_ref()
    }
}
