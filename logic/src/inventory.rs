//! The inventory: targets, schedules and credentials, in memory over the store.

mod address;
mod alike;
mod apply;
mod check;
mod delete;
mod difference;
mod document;
mod entry;
mod error;
mod floor;
mod held;
mod index;
mod lend;
mod relation;
mod seal;
mod smart;

use std::{collections::HashMap, sync::Arc};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use utakata_api::inventory::CredentialView;
use utakata_model::{
    AlarmName, AlarmRule, Credential, CredentialName, Envelope, EnvelopeName, Floor, FloorName,
    Kind, Policy, PolicyName, Relation, Schedule, ScheduleName, Selector, TargetName, Zone,
};

pub(crate) use address::host_and_port;
pub use check::MAX_PROBLEMS;
pub(crate) use check::{refuses, unfit};
pub use document::parse as parse_document;
pub use entry::{DeviceId, TargetEntry};
pub use error::Error;
pub use held::{NewPassword, SecretParameters};
pub use lend::Withheld;

use self::index::Index;
use crate::{
    kinds::Kinds,
    relations::Graph,
    secrets::Secrets,
    store::{self, Change},
};

/// The number of selections that are remembered: frequent readers mostly repeat themselves.
const REMEMBERED: usize = 32;

/// The targets that a selector matches.
pub type Selection = Arc<[Arc<TargetEntry>]>;

/// The uses of credentials in zones by no target, each with their number.
type UsesAside = Mutex<HashMap<(CredentialName, Zone), usize>>;

/// The inventory. Cheap to share; changes go through [`Inventory::apply`] and the deletes.
pub struct Inventory {
    store: Arc<dyn store::Sealing>,
    secrets: Arc<Secrets>,
    kinds: Arc<Kinds>,
    index: RwLock<Index>,
    /// Held so that changes are made one after the other.
    changing: tokio::sync::Mutex<()>,
    changed: watch::Sender<u64>,
    remembered: Mutex<Vec<Remembered>>,
    used_aside: UsesAside,
}

struct Remembered {
    generation: u64,
    selector: Selector,
    selection: Selection,
}

impl Inventory {
    /// Loads the inventory from the store. Credentials that are clear there are sealed.
    ///
    /// # Errors
    /// The store cannot be read or written, or a credential cannot be opened.
    pub async fn load(
        store: Arc<dyn store::Sealing>,
        secrets: Arc<Secrets>,
        kinds: Arc<Kinds>,
    ) -> Result<Self, Error> {
        let contents = seal::seal_clear(&*store, &secrets).await?;
        let index = Index::new(contents, secrets.reference_key());
        Ok(Self {
            store,
            secrets,
            kinds,
            index: RwLock::new(index),
            changing: tokio::sync::Mutex::default(),
            changed: watch::channel(0).0,
            remembered: Mutex::default(),
            used_aside: Mutex::default(),
        })
    }

    /// Returns a receiver that changes whenever the inventory does.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Returns the numbers of targets and schedules.
    pub fn counts(&self) -> (usize, usize) {
        let index = self.index.read();
        (index.targets.len(), index.schedules.len())
    }

    /// Returns the number of targets of a kind.
    pub fn of_kind(&self, kind: &Kind) -> usize {
        self.index.read().of_kind(kind)
    }

    /// Returns the target of that name.
    ///
    /// # Errors
    /// There is none: the error has the nearest name.
    pub fn target(&self, name: &TargetName) -> Result<Arc<TargetEntry>, Error> {
        let index = self.index.read();
        let found = index.targets.get(name).cloned();
        found.ok_or_else(|| Error::none("target", name.as_str(), index.targets.keys()))
    }

    /// Returns the target of that name, if there is one.
    pub fn find(&self, name: &TargetName) -> Option<Arc<TargetEntry>> {
        self.index.read().targets.get(name).cloned()
    }

    /// Returns the selected targets, by name.
    pub fn select(&self, selector: &Selector) -> Selection {
        let generation = *self.changed.borrow();
        if let Some(selection) = self.recall(generation, selector) {
            return selection;
        }
        let selection: Selection = self.index.read().select(selector, None).collect();
        let mut remembered = self.remembered.lock();
        remembered.retain(|one| one.generation == generation);
        if remembered.len() >= REMEMBERED {
            remembered.remove(0);
        }
        remembered.push(Remembered {
            generation,
            selector: selector.clone(),
            selection: Arc::clone(&selection),
        });
        selection
    }

    fn recall(&self, generation: u64, selector: &Selector) -> Option<Selection> {
        let remembered = self.remembered.lock();
        remembered
            .iter()
            .find(|one| one.generation == generation && one.selector == *selector)
            .map(|one| Arc::clone(&one.selection))
    }

    /// Returns at most `max` selected targets, by name, those after `after` if given.
    pub fn page(
        &self,
        selector: &Selector,
        after: Option<&TargetName>,
        max: usize,
    ) -> Vec<Arc<TargetEntry>> {
        let index = self.index.read();
        index.select(selector, after).take(max).collect()
    }

    /// Returns all schedules, by name.
    pub fn schedules(&self) -> Vec<Arc<Schedule>> {
        self.index.read().schedules.values().cloned().collect()
    }

    /// Returns the schedule of that name.
    ///
    /// # Errors
    /// There is none: the error has the nearest name.
    pub fn schedule(&self, name: &ScheduleName) -> Result<Arc<Schedule>, Error> {
        let index = self.index.read();
        let found = index.schedules.get(name).cloned();
        found.ok_or_else(|| Error::none("schedule", name.as_str(), index.schedules.keys()))
    }

    /// Returns all relations, by what they say.
    pub fn relations(&self) -> Vec<Arc<Relation>> {
        self.index.read().relations.values().cloned().collect()
    }

    /// Returns the alarm rules of this site, by name, without those that come with utakata.
    pub fn alarm_rules(&self) -> Vec<Arc<AlarmRule>> {
        self.index.read().alarm_rules.values().cloned().collect()
    }

    /// Returns the envelopes, by name.
    pub fn envelopes(&self) -> Vec<Arc<Envelope>> {
        self.index.read().envelopes.values().cloned().collect()
    }

    /// Returns the envelope of that name.
    ///
    /// # Errors
    /// There is none: the error has the nearest name.
    pub fn envelope(&self, name: &EnvelopeName) -> Result<Arc<Envelope>, Error> {
        let index = self.index.read();
        let found = index.envelopes.get(name).cloned();
        found.ok_or_else(|| Error::none("envelope", name.as_str(), index.envelopes.keys()))
    }

    /// Returns the policies, by name.
    pub fn policies(&self) -> Vec<Arc<Policy>> {
        self.index.read().policies.values().cloned().collect()
    }

    /// Returns the policy of that name.
    ///
    /// # Errors
    /// There is none: the error has the nearest name.
    pub fn policy(&self, name: &PolicyName) -> Result<Arc<Policy>, Error> {
        let index = self.index.read();
        let found = index.policies.get(name).cloned();
        found.ok_or_else(|| Error::none("policy", name.as_str(), index.policies.keys()))
    }

    /// Returns the floors, by name.
    pub fn floors(&self) -> Vec<Arc<Floor>> {
        self.index.read().floors.values().cloned().collect()
    }

    /// Returns the floor of that name.
    ///
    /// # Errors
    /// There is none: the error has the nearest name.
    pub fn floor(&self, name: &FloorName) -> Result<Arc<Floor>, Error> {
        let index = self.index.read();
        let found = index.floors.get(name).cloned();
        found.ok_or_else(|| Error::none("floor", name.as_str(), index.floors.keys()))
    }

    /// Returns what relates the targets to each other.
    pub fn graph(&self) -> Graph {
        let index = self.index.read();
        let targets = index.targets.values().map(|known| &*known.target);
        Graph::build(
            targets,
            index.relations.values().map(|relation| &**relation),
        )
    }

    /// Returns all credentials, by name, without their secrets.
    pub fn credentials(&self) -> Vec<CredentialView> {
        let index = self.index.read();
        let used = index.users();
        let view = |one: &Arc<Credential>| view(one, used.get(&one.name).copied());
        index.credentials().map(view).collect()
    }

    /// Returns the credential of that name, without its secrets.
    ///
    /// # Errors
    /// There is none: the error has the nearest name.
    pub fn credential(&self, name: &CredentialName) -> Result<CredentialView, Error> {
        let index = self.index.read();
        let found = index.credential(name)?;
        Ok(view(found, index.users().get(name).copied()))
    }

    /// Returns the credential of that name with its secrets, for the tasks that use it.
    ///
    /// # Errors
    /// There is none: the error has the nearest name.
    pub(crate) fn secret_of(&self, name: &CredentialName) -> Result<Arc<Credential>, Error> {
        self.index.read().credential(name).cloned()
    }

    /// Returns the targets that use a credential, by name.
    pub fn users_of(&self, name: &CredentialName) -> Vec<TargetName> {
        self.index.read().users_of(name)
    }

    /// Deletes a target, with its observations.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn delete_target(&self, name: &TargetName) -> Result<(), Error> {
        let _alone = self.changing.lock().await;
        self.target(name)?;
        self.commit(vec![Change::DeleteTarget(name.clone())]).await
    }

    /// Deletes a schedule.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn delete_schedule(&self, name: &ScheduleName) -> Result<(), Error> {
        let _alone = self.changing.lock().await;
        self.schedule(name)?;
        let change = Change::DeleteSchedule(name.clone());
        self.commit(vec![change]).await
    }

    /// Deletes an alarm rule of this site.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn delete_alarm_rule(&self, name: &AlarmName) -> Result<(), Error> {
        let _alone = self.changing.lock().await;
        let known = self
            .index
            .read()
            .alarm_rules
            .keys()
            .cloned()
            .collect::<Vec<_>>();
        if !known.contains(name) {
            return Err(Error::none("alarm-rule", name.as_str(), known.iter()));
        }
        self.commit(vec![Change::DeleteAlarmRule(name.clone())])
            .await
    }

    /// Deletes a credential.
    ///
    /// # Errors
    /// There is none, a target uses it, or the store failed.
    pub async fn delete_credential(&self, name: &CredentialName) -> Result<(), Error> {
        let _alone = self.changing.lock().await;
        self.credential(name)?;
        let users = self.index.read().users_of(name);
        if !users.is_empty() {
            let name = name.clone();
            return Err(Error::InUse { name, users });
        }
        let change = Change::DeleteCredential(name.clone());
        self.commit(vec![change]).await
    }

    /// Reloads changes that others have written.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn reload(&self) -> Result<(), Error> {
        let _alone = self.changing.lock().await;
        let before = self.secrets.seal().key;
        let contents = seal::load(&*self.store, &self.secrets).await?.contents;
        let changes = self.index.read().changes_to(contents);
        self.take_over(changes);
        if self.secrets.seal().key != before {
            self.refer_again();
        }
        Ok(())
    }

    /// Writes changes to the store, then applies them.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let sealed = changes.iter().map(|change| self.seal(change));
        let sealed = sealed.collect::<Result<Vec<_>, Error>>()?;
        self.store.change(&sealed).await?;
        self.take_over(changes);
        Ok(())
    }

    fn take_over(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.index.write().make(changes);
            self.changed.send_modify(|generation| *generation += 1);
        }
    }
}

fn view(credential: &Credential, used_by: Option<u64>) -> CredentialView {
    CredentialView {
        name: credential.name.clone(),
        keys: credential.values.keys().cloned().collect(),
        used_by: used_by.unwrap_or_default(),
    }
}
