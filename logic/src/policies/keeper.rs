//! The keeper of policies: steps them where the ledger is kept, and has what they ask for recorded
//! together with their states.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use utakata_model::{PolicyName, TargetName, policy::Mode};

use super::{
    Command, Error, Parts, Shown,
    kept::{self, Kept},
    listeners::{InstanceId, Listeners},
    mode::{attribution, disarm, put, withdraw},
    outcomes::Outcomes,
    record::{ModeRow, StateRow},
};
use crate::{
    audit::PolicyNote,
    clock,
    duties::Term,
    inventory::DeviceId,
    ledger::{self, PolicyWrites},
    observed::Observed,
    store,
};

/// The interval between steps.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// The longest rest after decisions on what was heard.
const MAX_REST: Duration = Duration::from_millis(100);
/// The pause after an error of the store.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The interval at which old states are forgotten, and the age from which they are.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
const FORGET_AFTER: Duration = Duration::from_secs(90 * 86_400);

/// The keeper of policies.
pub struct PolicyKeeper {
    pub(super) parts: Parts,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) shown: Arc<RwLock<Shown>>,
}

/// A term of keeping them.
pub(super) struct Keeping<'k> {
    pub parts: &'k Parts,
    pub kept: BTreeMap<PolicyName, Kept>,
    pub outcomes: Outcomes,
    generation: Option<u64>,
    pub locked: HashSet<TargetName>,
    /// The instances that decide as soon as they hear something.
    pub listeners: Listeners,
    /// The time at which old states were forgotten.
    forgot: Option<Timestamp>,
}

/// The reason why the keeper wakes.
enum Turn {
    Command(Command),
    Tick,
    /// Something was heard of devices at which policies look, or what was heard of them before may
    /// be decided on now.
    Heard(HashSet<DeviceId>),
}

impl PolicyKeeper {
    /// Keeps the policies whenever the ledger is kept here, until it is cancelled.
    pub async fn run(mut self, cancel: CancellationToken) {
        while let Some(term) = self.appointed(&cancel).await {
            if let Err(error) = self.keep(&term, &cancel).await {
                tracing::warn!(%error, "policies are taken up again");
                tokio::time::sleep(RETRY_AFTER).await;
            }
            *self.shown.write() = Shown::default();
        }
    }

    /// Waits until the ledger is kept here.
    async fn appointed(&mut self, cancel: &CancellationToken) -> Option<Term> {
        loop {
            let term = self.parts.duties.borrow().ledger.clone();
            if let Some(term) = term.filter(|_| self.parts.ledger.is_here()) {
                return Some(term);
            }
            tokio::select! {
                () = cancel.cancelled() => return None,
                command = self.commands.recv() => command?.refuse(ledger::Error::Elsewhere.into()),
                () = tokio::time::sleep(RETRY_AFTER) => {}
            }
        }
    }

    async fn keep(&mut self, term: &Term, cancel: &CancellationToken) -> Result<(), Error> {
        // Once this is recorded, so is everything before it, or it never will be.
        self.parts
            .ledger
            .put_policies(PolicyWrites::default())
            .await?;
        let rows = self.parts.store.policy_states().await?;
        let mut keeping = Keeping {
            kept: kept::read(rows),
            outcomes: Outcomes {
                store: Arc::clone(&self.parts.store),
                inventory: Arc::clone(&self.parts.inventory),
                observed: Arc::clone(&self.parts.observed),
            },
            parts: &self.parts,
            generation: None,
            locked: HashSet::new(),
            listeners: Listeners::default(),
            forgot: None,
        };
        let mut rested = Instant::now();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !cancel.is_cancelled() && self.parts.duties.borrow().ledger.as_ref() == Some(term) {
            let turn = tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                command = self.commands.recv() => match command {
                    Some(command) => Turn::Command(command),
                    None => return Ok(()),
                },
                _ = ticks.tick() => Turn::Tick,
                heard = heard(&self.parts.observed, rested, keeping.listeners.due()) => {
                    Turn::Heard(heard)
                }
            };
            keeping.look_around(clock::now()).await?;
            match turn {
                Turn::Command(command) => keeping.command(command).await?,
                Turn::Tick => keeping.step(clock::now()).await?,
                Turn::Heard(devices) => {
                    let began = Instant::now();
                    let decided = keeping.step_heard(&devices).await?;
                    self.shown.write().take_some(&keeping.kept, &decided);
                    // However many policies hear however much: the machine has as much for others.
                    rested = Instant::now() + began.elapsed().min(MAX_REST);
                    continue;
                }
            }
            self.shown.write().take(&keeping.kept);
        }
        Ok(())
    }
}

impl Keeping<'_> {
    /// Takes over what has changed at the site.
    async fn look_around(&mut self, now: Timestamp) -> Result<(), Error> {
        let inventory = Arc::clone(&self.parts.inventory);
        let generation = *inventory.follow().borrow();
        if self.generation == Some(generation) {
            return Ok(());
        }
        let declared = inventory.policies();
        let mut writes = PolicyWrites::default();
        for found in self.kept.values_mut() {
            found.is_declared = false;
        }
        for policy in &declared {
            let known = self.kept.get_mut(&policy.name);
            match known {
                Some(known) if kept::is_same(&known.mode.policy, policy) => {
                    known.is_declared = true;
                }
                Some(known) => {
                    known.is_declared = true;
                    changed(known, policy, now, &mut writes);
                }
                None => {
                    let mode = ModeRow::new(policy, 1);
                    let Some(compiled) = mode.compiled() else {
                        continue;
                    };
                    put(&mut writes, &ModeRow::key(&policy.name), &mode);
                    let name = policy.name.clone();
                    self.kept.insert(name, kept::of(mode, compiled, true));
                }
            }
        }
        let gone = self.kept.values_mut().filter(|one| !one.is_declared);
        for found in gone.filter(|one| !one.mode.is_ending || one.mode.mode != Mode::Off) {
            found.mode.mode = Mode::Off;
            found.mode.is_ending = true;
            let said = attribution("utakata", Some("it was deleted".into()), now);
            withdraw(&found.mode.policy.name, said, &mut writes);
            put(
                &mut writes,
                &ModeRow::key(&found.mode.policy.name),
                &found.mode,
            );
        }
        let graph = inventory.graph();
        for found in self.kept.values_mut() {
            found.surround(&inventory, &graph);
        }
        self.record(writes).await?;
        self.follow();
        self.generation = Some(generation);
        Ok(())
    }

    /// Follows the devices at which policies look that decide as soon as they hear something: those
    /// that decide more seldom than each second take their time.
    fn follow(&mut self) {
        let prompt = self.kept.iter();
        let prompt = prompt.filter(|(_, one)| one.mode.policy.every <= TICK);
        let instances = prompt.flat_map(|(policy, one)| {
            one.instances.iter().map(move |(target, instance)| {
                let id = InstanceId {
                    policy: policy.clone(),
                    target: target.clone(),
                };
                (id, instance.scope.devices())
            })
        });
        self.listeners.listen(instances);
        let devices = self.listeners.devices();
        self.parts.observed.followed().follow(devices);
    }

    /// Decides for the instances that look at devices of which something was heard, and returns
    /// those that may decide now.
    async fn step_heard(
        &mut self,
        devices: &HashSet<DeviceId>,
    ) -> Result<Vec<Arc<InstanceId>>, Error> {
        self.listeners.hear(devices);
        let taken = self.listeners.take(Instant::now());
        for id in &taken {
            self.step_one(&id.policy, id.target.as_ref()).await?;
        }
        Ok(taken)
    }

    /// Records changes, if there are any.
    pub async fn record(&self, writes: PolicyWrites) -> Result<(), Error> {
        if !writes.rows.is_empty() {
            // What it was decided on is in history before anybody can see that it was decided.
            self.parts.recorder.settle().await;
        }
        let is_empty = writes.rows.is_empty()
            && writes.log.is_empty()
            && writes.operations.is_empty()
            && writes.withdrawals.is_empty()
            && writes.notes.is_empty()
            && writes.clears_red.is_none();
        if !is_empty {
            self.parts.ledger.put_policies(writes).await?;
        }
        Ok(())
    }

    /// Decides for every policy whose turn it is.
    async fn step(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.kept.is_empty() {
            return Ok(());
        }
        self.forget(now).await?;
        let locks = self.parts.store.locks().await?;
        self.locked = locks.into_iter().map(|(target, _)| target).collect();
        let does_any_act = self.kept.values().any(Kept::acts);
        let red = match does_any_act {
            true => self.parts.ledger.gate().await?.red,
            false => None,
        };
        let names: Vec<PolicyName> = self.kept.keys().cloned().collect();
        for name in names {
            let mut writes = PolicyWrites::default();
            if let Some(found) = self.kept.get_mut(&name) {
                let red = red.as_ref().map(|red| red.why.as_str());
                if let Some(why) = found.has_to_end(red, now) {
                    let by = ("utakata", Some(why));
                    disarm(found, Mode::Shadow, by, now, &mut writes);
                }
            }
            self.record(writes).await?;
            self.step_due(&name, now).await?;
            self.end_one(&name).await?;
        }
        Ok(())
    }

    /// Forgets states that are old, now and then.
    async fn forget(&mut self, now: Timestamp) -> Result<(), Error> {
        let since = self.forgot.map(|at| now.duration_since(at));
        let since = since.and_then(|since| Duration::try_from(since).ok());
        if since.is_some_and(|since| since < FORGET_EVERY) {
            return Ok(());
        }
        self.forgot = Some(now);
        let mut writes = PolicyWrites::default();
        let before = now.checked_sub(FORGET_AFTER).ok();
        writes.log.forget = before.map(Timestamp::as_millisecond);
        self.record(writes).await
    }

    /// Ends the handing back of a policy that has handed back everything, and forgets one that is no
    /// more.
    async fn end_one(&mut self, name: &PolicyName) -> Result<(), Error> {
        let Some(found) = self.kept.get_mut(name) else {
            return Ok(());
        };
        if !found.mode.is_ending || found.has_changed() {
            return Ok(());
        }
        let mut writes = PolicyWrites::default();
        let is_declared = found.is_declared;
        found.mode.is_ending = false;
        match is_declared {
            true => put(&mut writes, &ModeRow::key(name), &found.mode),
            false => {
                writes.rows.0.insert(ModeRow::key(name), None);
                for target in found.instances.keys() {
                    let key = StateRow::key(name, target.as_ref());
                    writes.rows.0.insert(key, None);
                }
            }
        }
        self.record(writes).await?;
        if !is_declared {
            self.kept.remove(name);
        }
        Ok(())
    }
}

/// Waits until something is heard of the devices that policies look at, or until it is time to decide
/// on what was heard before; after a rest.
async fn heard(observed: &Observed, rested: Instant, due: Option<Instant>) -> HashSet<DeviceId> {
    tokio::time::sleep_until(rested).await;
    let heard = observed.followed().heard();
    match due {
        // What was heard in time is heard with it.
        Some(due) => tokio::time::timeout_at(due, heard)
            .await
            .unwrap_or_default(),
        None => heard.await,
    }
}

/// Takes over a document that has changed: it is in shadow again, and hands back what it has
/// changed.
fn changed(
    known: &mut Kept,
    policy: &utakata_model::Policy,
    now: Timestamp,
    writes: &mut PolicyWrites,
) {
    let mut mode = ModeRow::new(policy, known.mode.run);
    let Some(compiled) = mode.compiled() else {
        return;
    };
    mode.is_ending = known.has_changed();
    known.mode = mode;
    known.compiled = Arc::new(compiled);
    known.begin_anew();
    for (target, instance) in &known.instances {
        let row = StateRow {
            target: target.clone(),
            state: instance.state.clone(),
            decided: None,
        };
        put(writes, &StateRow::key(&policy.name, target.as_ref()), &row);
    }
    put(writes, &ModeRow::key(&policy.name), &known.mode);
    let attribution = attribution("utakata", Some("its document changed".into()), now);
    withdraw(&policy.name, attribution.clone(), writes);
    writes.notes.push(PolicyNote {
        policy: policy.name.clone(),
        act: known.mode.mode.as_str(),
        target: None,
        inputs: None,
        token: None,
        attribution,
    });
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Ledger(ledger::Error::Store(Arc::new(error)))
    }
}
