//! The inventory, indexed by name and by kind.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
};

use utakata_api::apply::Document;
use utakata_model::{
    AlarmName, AlarmRule, Credential, CredentialName, CredentialRef, CredentialVersion, Envelope,
    EnvelopeName, Floor, FloorName, Kind, Policy, PolicyName, Relation, RelationKey, Schedule,
    ScheduleName, Selector, Target, TargetName, Zone,
};
use utakata_seal::{ReferenceKey, Uses};

use super::{DeviceId, Error, TargetEntry, held};
use crate::store::{Change, Contents};

#[derive(Debug)]
pub(super) struct Index {
    pub targets: BTreeMap<TargetName, Arc<TargetEntry>>,
    pub schedules: BTreeMap<ScheduleName, Arc<Schedule>>,
    pub credentials: BTreeMap<CredentialName, Arc<Credential>>,
    pub relations: BTreeMap<RelationKey, Arc<Relation>>,
    pub alarm_rules: BTreeMap<AlarmName, Arc<AlarmRule>>,
    pub envelopes: BTreeMap<EnvelopeName, Arc<Envelope>>,
    pub policies: BTreeMap<PolicyName, Arc<Policy>>,
    pub floors: BTreeMap<FloorName, Arc<Floor>>,
    kinds: HashMap<Kind, usize>,
    /// The number of targets that use each credential, by zone.
    uses: HashMap<CredentialName, HashMap<Zone, usize>>,
    /// The version of each credential, and its uses.
    versions: HashMap<CredentialName, (CredentialVersion, Uses)>,
    references: ReferenceKey,
    last_device: u64,
}

impl Index {
    pub fn new(contents: Contents<Credential>, references: ReferenceKey) -> Self {
        let mut index = Self {
            targets: BTreeMap::new(),
            schedules: BTreeMap::new(),
            credentials: BTreeMap::new(),
            relations: BTreeMap::new(),
            alarm_rules: BTreeMap::new(),
            envelopes: BTreeMap::new(),
            policies: BTreeMap::new(),
            floors: BTreeMap::new(),
            kinds: HashMap::new(),
            uses: HashMap::new(),
            versions: HashMap::new(),
            references,
            last_device: 0,
        };
        for credential in contents.credentials {
            index.put_credential(credential);
        }
        for schedule in contents.schedules {
            index.put_schedule(schedule);
        }
        for target in contents.targets {
            index.put_target(target);
        }
        for relation in contents.relations {
            index.relations.insert(relation.key(), Arc::new(relation));
        }
        for rule in contents.alarm_rules {
            index.alarm_rules.insert(rule.name.clone(), Arc::new(rule));
        }
        for envelope in contents.envelopes {
            let name = envelope.name.clone();
            index.envelopes.insert(name, Arc::new(envelope));
        }
        for policy in contents.policies {
            index.policies.insert(policy.name.clone(), Arc::new(policy));
        }
        for floor in contents.floors {
            index.floors.insert(floor.name.clone(), Arc::new(floor));
        }
        index
    }

    /// Returns the changes that lead from here to the contents of a store.
    pub fn changes_to(&self, contents: Contents<Credential>) -> Vec<Change> {
        let targets = difference(
            self.targets.iter().map(|(name, one)| (name, &*one.target)),
            contents
                .targets
                .into_iter()
                .map(|one| (one.name.clone(), one)),
        );
        let schedules = difference(
            self.schedules.iter().map(|(name, one)| (name, &**one)),
            contents
                .schedules
                .into_iter()
                .map(|one| (one.name.clone(), one)),
        );
        let credentials = difference(
            self.credentials.iter().map(|(name, one)| (name, &**one)),
            contents
                .credentials
                .into_iter()
                .map(|one| (one.name.clone(), one)),
        );
        let relations = difference(
            self.relations.iter().map(|(key, one)| (key, &**one)),
            contents.relations.into_iter().map(|one| (one.key(), one)),
        );
        let rules = difference(
            self.alarm_rules.iter().map(|(name, one)| (name, &**one)),
            contents
                .alarm_rules
                .into_iter()
                .map(|one| (one.name.clone(), one)),
        );
        let smart = self.smart_changes(contents.envelopes, contents.policies);
        let floors = self.floor_changes(contents.floors);
        let gone = targets.gone.into_iter().map(Change::DeleteTarget);
        let gone = gone.chain(schedules.gone.into_iter().map(Change::DeleteSchedule));
        let gone = gone.chain(credentials.gone.into_iter().map(Change::DeleteCredential));
        let gone = gone.chain(relations.gone.into_iter().map(Change::DeleteRelation));
        let gone = gone.chain(rules.gone.into_iter().map(Change::DeleteAlarmRule));
        let new = targets.new.into_iter().map(Document::Target);
        let new = new.chain(schedules.new.into_iter().map(Document::Schedule));
        let new = new.chain(credentials.new.into_iter().map(Document::Credential));
        let new = new.chain(relations.new.into_iter().map(Document::Relation));
        let rules = rules.new.into_iter().map(Box::new);
        let new = new.chain(rules.map(Document::Alarm));
        let others = smart.into_iter().chain(floors);
        gone.chain(new.map(Change::Put)).chain(others).collect()
    }

    /// Returns the changes that lead to these envelopes and policies.
    fn smart_changes(&self, envelopes: Vec<Envelope>, policies: Vec<Policy>) -> Vec<Change> {
        let envelopes = difference(
            self.envelopes.iter().map(|(name, one)| (name, &**one)),
            envelopes.into_iter().map(|one| (one.name.clone(), one)),
        );
        let policies = difference(
            self.policies.iter().map(|(name, one)| (name, &**one)),
            policies.into_iter().map(|one| (one.name.clone(), one)),
        );
        let gone = envelopes.gone.into_iter().map(Change::DeleteEnvelope);
        let gone = gone.chain(policies.gone.into_iter().map(Change::DeletePolicy));
        let new = envelopes.new.into_iter().map(Box::new);
        let new = new.map(Document::Envelope);
        let policies = policies.new.into_iter().map(Box::new);
        let new = new.chain(policies.map(Document::Policy));
        gone.chain(new.map(Change::Put)).collect()
    }

    /// Returns the changes that lead to these floors.
    fn floor_changes(&self, floors: Vec<Floor>) -> Vec<Change> {
        let floors = difference(
            self.floors.iter().map(|(name, one)| (name, &**one)),
            floors.into_iter().map(|one| (one.name.clone(), one)),
        );
        let gone = floors.gone.into_iter().map(Change::DeleteFloor);
        let new = floors.new.into_iter().map(Box::new).map(Document::Floor);
        gone.chain(new.map(Change::Put)).collect()
    }

    /// Returns the credentials of people, by name.
    pub fn credentials(&self) -> impl Iterator<Item = &Arc<Credential>> {
        let all = self.credentials.values();
        all.filter(|credential| !held::is_held(&credential.name))
    }

    /// Returns the credential of that name, of people.
    pub fn credential(&self, name: &CredentialName) -> Result<&Arc<Credential>, Error> {
        let found = self.credentials.get(name);
        found.filter(|_| !held::is_held(name)).ok_or_else(|| {
            let known: Vec<&CredentialName> = self.credentials().map(|one| &one.name).collect();
            Error::none("credential", name.as_str(), known.into_iter())
        })
    }

    /// Returns true if a thing with a name of its own exists. A relation has none: it always does.
    pub fn has(&self, document: &Document) -> bool {
        match document {
            Document::Target(one) => self.targets.contains_key(&one.name),
            Document::Schedule(one) => self.schedules.contains_key(&one.name),
            Document::Credential(one) => self.credentials.contains_key(&one.name),
            Document::Relation(_) => true,
            Document::Alarm(one) => self.alarm_rules.contains_key(&one.name),
            Document::Envelope(one) => self.envelopes.contains_key(&one.name),
            Document::Policy(one) => self.policies.contains_key(&one.name),
            Document::Floor(one) => self.floors.contains_key(&one.name),
        }
    }

    /// Returns everything that has a name of its own, as in `target pdu-1`.
    pub fn subjects(&self) -> impl Iterator<Item = String> {
        let targets = self.targets.keys().map(|name| format!("target {name}"));
        let schedules = self.schedules.keys().map(|name| format!("schedule {name}"));
        let credentials = self.credentials();
        let credentials = credentials.map(|one| format!("credential {}", one.name));
        let alarms = self.alarm_rules.keys().map(|name| format!("alarm {name}"));
        let envelopes = self.envelopes.keys().map(|name| format!("envelope {name}"));
        let policies = self.policies.keys().map(|name| format!("policy {name}"));
        let floors = self.floors.keys().map(|name| format!("floor {name}"));
        targets
            .chain(schedules)
            .chain(credentials)
            .chain(alarms)
            .chain(envelopes)
            .chain(policies)
            .chain(floors)
    }

    pub fn of_kind(&self, kind: &Kind) -> usize {
        self.kinds.get(kind).copied().unwrap_or_default()
    }

    /// Returns the selected targets, by name, after a name.
    pub fn select<'a>(
        &'a self,
        selector: &'a Selector,
        after: Option<&TargetName>,
    ) -> Box<dyn Iterator<Item = Arc<TargetEntry>> + 'a> {
        let means = move |known: &&Arc<TargetEntry>| selector.matches(&known.target);
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        if let Some(names) = selector.names() {
            let after = after.cloned();
            let named = names
                .iter()
                .filter(move |name| {
                    after
                        .as_ref()
                        .is_none_or(|after| name.as_str() > after.as_str())
                })
                .filter_map(|name| self.targets.get(name.as_str()));
            return Box::new(named.filter(means).cloned());
        }
        let all = self
            .targets
            .range::<TargetName, _>((start, Bound::Unbounded));
        Box::new(all.map(|(_, known)| known).filter(means).cloned())
    }

    /// Returns the number of targets that use each credential.
    pub fn users(&self) -> HashMap<&CredentialName, u64> {
        let mut users = HashMap::new();
        for known in self.targets.values() {
            if let Some(name) = &known.target.credential {
                *users.entry(name).or_default() += 1;
            }
        }
        users
    }

    pub fn users_of(&self, credential: &CredentialName) -> Vec<TargetName> {
        let uses = |known: &&Arc<TargetEntry>| known.target.credential.as_ref() == Some(credential);
        let users = self.targets.values().filter(uses);
        users.map(|known| known.target.name.clone()).collect()
    }

    /// Applies what the store has written. Credentials come first, because targets refer to them.
    pub fn make(&mut self, changes: Vec<Change>) {
        let (first, then): (Vec<_>, Vec<_>) = changes
            .into_iter()
            .partition(|change| matches!(change, Change::Put(Document::Credential(_))));
        for change in first.into_iter().chain(then) {
            match change {
                Change::Put(Document::Target(target)) => self.put_target(target),
                Change::Put(Document::Schedule(schedule)) => self.put_schedule(schedule),
                Change::Put(Document::Credential(credential)) => self.put_credential(credential),
                Change::Put(Document::Relation(relation)) => {
                    self.relations.insert(relation.key(), Arc::new(relation));
                }
                Change::Put(Document::Alarm(rule)) => {
                    self.alarm_rules.insert(rule.name.clone(), Arc::new(*rule));
                }
                Change::Put(Document::Envelope(envelope)) => {
                    let name = envelope.name.clone();
                    self.envelopes.insert(name, Arc::new(*envelope));
                }
                Change::Put(Document::Policy(policy)) => {
                    self.policies.insert(policy.name.clone(), Arc::new(*policy));
                }
                Change::Put(Document::Floor(floor)) => {
                    self.floors.insert(floor.name.clone(), Arc::new(*floor));
                }
                Change::PutCredential(sealed) => {
                    utakata_invariant::broken("a credential in memory is sealed", &sealed.name);
                }
                Change::DeleteEnvelope(name) => drop(self.envelopes.remove(&name)),
                Change::DeletePolicy(name) => drop(self.policies.remove(&name)),
                Change::DeleteFloor(name) => drop(self.floors.remove(&name)),
                Change::DeleteRelation(key) => drop(self.relations.remove(&key)),
                Change::DeleteAlarmRule(name) => drop(self.alarm_rules.remove(&name)),
                Change::DeleteTarget(name) => self.remove_target(&name),
                Change::DeleteSchedule(name) => drop(self.schedules.remove(&name)),
                Change::DeleteCredential(name) => {
                    self.credentials.remove(&name);
                    self.versions.remove(&name);
                }
            }
        }
    }

    fn put_target(&mut self, target: Target) {
        let name = target.name.clone();
        let before = self.targets.get(&name).cloned();
        self.remove_target(&name);
        *self.kinds.entry(target.kind.clone()).or_default() += 1;
        if let Some(name) = &target.credential {
            let uses = self.uses.entry(name.clone()).or_default();
            *uses.entry(target.zone.clone()).or_default() += 1;
        }
        let credential = target.credential.as_ref();
        let credential = credential.and_then(|name| self.refer(name, &target));
        let device = match before.filter(|before| before.is_device_of(&target)) {
            Some(before) => before.device,
            None => DeviceId::next(&mut self.last_device),
        };
        let entry = TargetEntry::new(target, credential, device);
        self.targets.insert(name, Arc::new(entry));
    }

    fn remove_target(&mut self, name: &TargetName) {
        let Some(known) = self.targets.remove(name) else {
            return;
        };
        self.release(&known.target);
        let kind = &known.target.kind;
        let left = self.kinds.get_mut(kind);
        if let Some(left) = utakata_invariant::present(left, "a target of no kind", name) {
            *left -= 1;
            if *left == 0 {
                self.kinds.remove(kind);
            }
        }
    }

    fn put_schedule(&mut self, schedule: Schedule) {
        self.schedules
            .insert(schedule.name.clone(), Arc::new(schedule));
    }

    fn put_credential(&mut self, credential: Credential) {
        let name = credential.name.clone();
        let version = self.references.version(&credential);
        let uses = self.references.uses(&name, &version);
        self.versions.insert(name.clone(), (version, uses));
        self.credentials.insert(name.clone(), Arc::new(credential));
        self.refer_anew(|known| known.target.credential.as_ref() == Some(&name));
    }

    /// Makes all versions and references anew, by another key.
    pub fn refer_by(&mut self, references: ReferenceKey) {
        self.references = references;
        for (name, credential) in &self.credentials {
            let version = self.references.version(credential);
            let uses = self.references.uses(name, &version);
            self.versions.insert(name.clone(), (version, uses));
        }
        self.refer_anew(|known| known.target.credential.is_some());
    }

    fn refer_anew(&mut self, is_meant: impl Fn(&TargetEntry) -> bool) {
        let mut targets = std::mem::take(&mut self.targets);
        for known in targets.values_mut().filter(|known| is_meant(known)) {
            let name = known.target.credential.as_ref();
            let found = name.and_then(|name| self.refer(name, &known.target));
            let (credential, reference) = found.unzip();
            *known = Arc::new(TargetEntry {
                target: Arc::clone(&known.target),
                credential,
                reference,
                device: known.device,
            });
        }
        self.targets = targets;
    }

    /// Returns a credential, and what tasks of the target have of it.
    pub fn refer(
        &self,
        name: &CredentialName,
        target: &Target,
    ) -> Option<(Arc<Credential>, Arc<CredentialRef>)> {
        let credential = self.credentials.get(name)?;
        let (version, uses) = self.versions.get(name)?;
        let reference = uses.reference(name, version, target);
        Some((Arc::clone(credential), Arc::new(reference)))
    }

    /// Creates the entry of a task that is about no target of the inventory.
    pub fn aside(&self, target: Target, credential: Option<&CredentialName>) -> TargetEntry {
        let credential = credential.and_then(|name| self.refer(name, &target));
        TargetEntry::new(target, credential, DeviceId::NONE)
    }

    /// Returns true if a target of the zone uses the credential.
    pub fn is_used_in(&self, credential: &CredentialName, zone: &Zone) -> bool {
        let uses = self.uses.get(credential);
        uses.is_some_and(|uses| uses.contains_key(zone))
    }

    /// Takes a target off the uses of its credential.
    fn release(&mut self, target: &Target) {
        let Some(name) = &target.credential else {
            return;
        };
        let Some(uses) = self.uses.get_mut(name) else {
            return utakata_invariant::broken("a credential of a target is not used", name);
        };
        if let Some(count) = uses.get_mut(&target.zone) {
            *count -= 1;
            if *count == 0 {
                uses.remove(&target.zone);
            }
        }
        if uses.is_empty() {
            self.uses.remove(name);
        }
    }
}

/// The difference between the names here and there.
struct Difference<N, T> {
    gone: Vec<N>,
    new: Vec<T>,
}

fn difference<'a, N: Ord + Clone + 'a, T: PartialEq + 'a>(
    here: impl Iterator<Item = (&'a N, &'a T)>,
    there: impl Iterator<Item = (N, T)>,
) -> Difference<N, T> {
    let mut there: BTreeMap<N, T> = there.collect();
    let mut gone = Vec::new();
    for (name, one) in here {
        match there.get(name) {
            None => gone.push(name.clone()),
            Some(other) if other == one => drop(there.remove(name)),
            Some(_) => {}
        }
    }
    Difference {
        gone,
        new: there.into_values().collect(),
    }
}
