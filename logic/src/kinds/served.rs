//! A kind that is served: its newest release, with its schemas compiled.

use std::collections::{BTreeSet, HashMap};

use std::sync::Arc;
use utakata_model::{
    Action, ActionName, Class, EnvironmentId, EnvironmentStatus, Manifest, PoolStatus,
    ReleaseDigest, ReleaseId, Zone, schema::Schema,
};

/// A kind that is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// The newest release of those that new tasks go to.
    pub release: ReleaseId,
    /// Its manifest.
    pub manifest: Manifest,
    /// The environments that serve the kind.
    pub environments: Vec<EnvironmentId>,
    /// Their zones.
    pub zones: BTreeSet<Zone>,
    compiled: Arc<Compiled>,
}

/// The schemas of a manifest.
#[derive(Debug)]
pub(super) struct Compiled {
    address: Option<Schema>,
    credential: Option<Schema>,
    actions: HashMap<ActionName, ServedAction>,
}

/// An action, with the schema of its parameters.
#[derive(Debug, Clone)]
pub struct ServedAction {
    /// As its manifest declares it.
    pub action: Action,
    /// What its parameters must be; absent when the manifest's schema cannot be compiled,
    /// which the environment has refused already.
    pub schema: Option<Schema>,
}

impl Compiled {
    pub(super) fn build(manifest: &Manifest) -> Self {
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
    pub(super) fn new(pool: &PoolStatus, compiled: &Arc<Compiled>) -> Self {
        Self {
            release: pool.release.clone(),
            manifest: pool.manifest.clone(),
            environments: Vec::new(),
            zones: BTreeSet::new(),
            compiled: Arc::clone(compiled),
        }
    }

    /// A kind as a release with this manifest would serve it.
    pub fn by(manifest: &Manifest) -> Self {
        Self {
            release: ReleaseId {
                kind: manifest.kind.clone(),
                version: manifest.version.as_str().into(),
                digest: ReleaseDigest("".into()),
            },
            manifest: manifest.clone(),
            environments: Vec::new(),
            zones: BTreeSet::new(),
            compiled: Arc::new(Compiled::build(manifest)),
        }
    }

    /// One more environment serves it, perhaps by a newer release.
    pub(super) fn join(
        &mut self,
        status: &EnvironmentStatus,
        pool: &PoolStatus,
        compiled: &Arc<Compiled>,
    ) {
        if !self.environments.contains(&status.id) {
            self.environments.push(status.id.clone());
        }
        self.zones.insert(status.zone.clone());
        if pool.manifest.version_numbers() > self.manifest.version_numbers() {
            self.release = pool.release.clone();
            self.manifest = pool.manifest.clone();
            self.compiled = Arc::clone(compiled);
        }
    }

    /// The action of that name.
    pub fn action(&self, name: &ActionName) -> Option<&ServedAction> {
        self.compiled.actions.get(name)
    }

    /// The action of that name, or the default one for observing.
    pub fn observe(&self, name: Option<&ActionName>) -> Option<&ServedAction> {
        let default = || self.manifest.default_observe().map(|action| &action.name);
        self.action(name.or_else(default)?)
    }

    /// The names of the actions of a class.
    pub fn names(&self, class: Class) -> impl Iterator<Item = &str> + Clone {
        let of_class = move |action: &&Action| action.class == class;
        let actions = self.manifest.actions.iter();
        actions.filter(of_class).map(|action| action.name.as_str())
    }

    /// What the address of a target must be; absent when only the worker knows.
    pub fn address(&self) -> Option<&Schema> {
        self.compiled.address.as_ref()
    }

    /// What a credential's values must be; absent when none is needed.
    pub fn credential(&self) -> Option<&Schema> {
        self.compiled.credential.as_ref()
    }
}
