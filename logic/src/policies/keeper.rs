//! The keeper of policies: steps them where the ledger is kept, and has what they ask for recorded
//! together with their states.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utakata_api::operation::Read;
use utakata_model::{PolicyName, Selector, TargetName, policy::Mode};
use utakata_policy::{Decided, Purpose, Word, decide};

use super::{
    Command, Error, Parts, Shown,
    kept::{self, Instance, Kept, Last, Made},
    live::{self, Around},
    mode::{attribution, disarm, put},
    outcomes::Outcomes,
    record::{ModeRow, StateRow, digest, prefix},
    request::{self, Prepared},
};
use crate::{
    audit::PolicyNote,
    clock,
    duties::Term,
    ledger::{self, PolicyWrites},
    store,
};

/// The interval between steps.
const TICK: Duration = Duration::from_secs(1);
/// The pause after an error of the store.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The interval at which old states are forgotten, and the age from which they are.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
const FORGET_AFTER: Duration = Duration::from_secs(90 * 86_400);
/// The time that reading inputs anew may take, before an act that wants it.
const CHECK: Duration = Duration::from_secs(3);

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
    outcomes: Outcomes,
    generation: Option<u64>,
    locked: HashSet<TargetName>,
    /// The time at which old states were forgotten.
    forgot: Option<Timestamp>,
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
            forgot: None,
        };
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !cancel.is_cancelled() && self.parts.duties.borrow().ledger.as_ref() == Some(term) {
            let command = tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                command = self.commands.recv() => match command {
                    Some(command) => Some(command),
                    None => return Ok(()),
                },
                _ = ticks.tick() => None,
            };
            keeping.look_around(clock::now()).await?;
            match command {
                Some(command) => keeping.command(command).await?,
                None => keeping.step(clock::now()).await?,
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
        self.generation = Some(generation);
        Ok(())
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
        let is_any_armed = self.kept.values().any(|one| one.mode.mode == Mode::Armed);
        let red = match is_any_armed {
            true => self.parts.ledger.gate().await?.red,
            false => None,
        };
        let names: Vec<PolicyName> = self.kept.keys().cloned().collect();
        for name in names {
            let mut writes = PolicyWrites::default();
            if let Some(found) = self.kept.get_mut(&name) {
                let is_over = found.mode.until.is_some_and(|until| until <= now);
                let why = match (&red, is_over) {
                    (Some(red), _) => Some(red.why.clone()),
                    (None, true) => Some("its time was over".to_owned()),
                    (None, false) => None,
                };
                if let Some(why) = why.filter(|_| found.mode.mode == Mode::Armed) {
                    let by = ("utakata", Some(why));
                    disarm(found, Mode::Shadow, by, now, &mut writes);
                }
            }
            self.record(writes).await?;
            self.step_one(&name, now).await?;
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

    /// Decides for every instance of a policy.
    async fn step_one(&mut self, name: &PolicyName, now: Timestamp) -> Result<(), Error> {
        let Some(found) = self.kept.get(name) else {
            return Ok(());
        };
        if found.mode.mode == Mode::Off && !found.mode.is_ending {
            return Ok(());
        }
        let every = found.mode.policy.every;
        let is_due = |instance: &Instance| {
            let since = instance.decided_at.map(|at| now.duration_since(at));
            let since = since.and_then(|since| Duration::try_from(since).ok());
            found.mode.is_ending || since.is_none_or(|since| since + TICK / 2 >= every)
        };
        let due = found.instances.iter().filter(|(_, one)| is_due(one));
        let due: Vec<Option<TargetName>> = due.map(|(target, _)| target.clone()).collect();
        for target in due {
            let mut decided = self.decide(name, target.as_ref()).await?;
            let wants_check = self.kept.get(name).is_some_and(|found| {
                let acts = found.compiled.acts();
                let mut asked = decided.iter().flat_map(|one| &one.decided.acts);
                found.mode.mode != Mode::Shadow
                    && asked.any(|one| acts.get(one.act).is_some_and(|act| act.act.check))
            });
            if wants_check {
                self.check(name, target.as_ref()).await;
                decided = self.decide(name, target.as_ref()).await?;
            }
            if let Some(decided) = decided {
                self.take(name, target.as_ref(), decided).await?;
            }
        }
        Ok(())
    }

    /// Decides, and returns the moment of it: everything that was heard by then is known, and nothing
    /// that is heard later, so that history has the same view.
    async fn decide(
        &self,
        name: &PolicyName,
        target: Option<&TargetName>,
    ) -> Result<Option<Made>, Error> {
        let found = self.kept.get(name);
        let key = target.cloned();
        let Some((found, instance)) = found.and_then(|one| Some((one, one.instances.get(&key)?)))
        else {
            return Ok(None);
        };
        let fates = self.outcomes.of(&instance.state).await?;
        let around = Around {
            locked: &self.locked,
            fates: fates.clone(),
        };
        let observed = &self.parts.observed;
        let (now, view) = observed.at_one_moment(|now| {
            let view = live::view(&found.compiled, &instance.scope, observed, around, now);
            (now, view)
        });
        let prefix = prefix(name, found.mode.run, target);
        let purpose = Purpose {
            mode: found.mode.mode,
            is_ending: found.mode.is_ending,
            prefix: &prefix,
        };
        let decided = decide(&found.compiled, &view, &instance.state, purpose, now);
        Ok(Some(Made {
            at: now,
            decided,
            fates,
            locked: view.locked(),
        }))
    }

    /// Reads the inputs of an instance from their devices.
    async fn check(&self, name: &PolicyName, target: Option<&TargetName>) {
        let key = target.cloned();
        let instance = self.kept.get(name).and_then(|one| one.instances.get(&key));
        let Some(instance) = instance else {
            return;
        };
        let inputs = instance.scope.inputs.iter().flatten();
        let names: Vec<TargetName> = inputs.map(|one| one.entry.target.name.clone()).collect();
        let read = Read {
            max_age: None,
            selector: Selector::of_names(&names),
            action: None,
            parameters: serde_json::Map::new(),
            wait: CHECK,
        };
        if let Err(error) = self.parts.observe.read(read, None).await {
            tracing::debug!(%error, "the inputs of a policy are not read anew");
        }
    }

    /// Has a decision recorded with everything that it asks for, and takes over its state.
    async fn take(
        &mut self,
        name: &PolicyName,
        target: Option<&TargetName>,
        made: Made,
    ) -> Result<(), Error> {
        let Some(found) = self.kept.get_mut(name) else {
            return Ok(());
        };
        let key = target.cloned();
        let now = made.at;
        let mut log = found.log(&key, &made);
        let mut decided = made.decided;
        let mut writes = PolicyWrites::default();
        if decided.word == Word::Stop {
            found.mode.stopped = Some(decided.why.clone());
            tracing::warn!(policy = %name, why = decided.why, "a policy has stopped itself");
            let by = ("utakata", Some(decided.why.clone()));
            disarm(found, Mode::Shadow, by, now, &mut writes);
        }
        let is_real = matches!(found.mode.mode, Mode::Armed | Mode::Advise) || found.mode.is_ending;
        if is_real {
            let Prepared { operations, why } =
                request::prepare(self.parts, &found.mode, &mut decided).await?;
            writes.operations = operations;
            decided.why.push_str(&why);
        }
        if !writes.operations.is_empty() {
            writes.notes.push(note(name, target, &decided, now));
        }
        let Some(instance) = found.instances.get_mut(&key) else {
            return Ok(());
        };
        let is_kept = instance.written.leads_to(&decided.state) && log.is_none();
        if !is_kept || !writes.operations.is_empty() {
            let row = StateRow {
                target: key.clone(),
                state: decided.state.clone(),
                decided: Some(now),
            };
            put(&mut writes, &StateRow::key(name, target), &row);
        }
        if let Some(row) = &mut log {
            row.is_amended = row.state != decided.state;
            row.state.clone_from(&decided.state);
            writes.log.rows.extend(row.of(name, target, now));
            instance.logged = Some((row.mode, row.is_ending));
        }
        let is_written = !writes.rows.is_empty();
        self.record(writes).await?;
        let found = self.kept.get_mut(name);
        let Some(instance) = found.and_then(|one| one.instances.get_mut(&key)) else {
            return Ok(());
        };
        if is_written {
            instance.written.clone_from(&decided.state);
        }
        instance.state = decided.state;
        instance.looked = Some(now);
        instance.decided_at = Some(now);
        instance.last = Some(Last {
            at: now,
            word: decided.word,
            why: decided.why,
            needs: decided.needs,
            evaluation: decided.evaluation,
        });
        Ok(())
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
    writes.notes.push(PolicyNote {
        policy: policy.name.clone(),
        act: known.mode.mode.as_str(),
        target: None,
        inputs: None,
        token: None,
        attribution,
    });
}

fn note(
    name: &PolicyName,
    target: Option<&TargetName>,
    decided: &Decided,
    now: Timestamp,
) -> PolicyNote {
    PolicyNote {
        policy: name.clone(),
        act: match decided.word {
            Word::Back => "hands-back",
            _ => "acts",
        },
        target: target.cloned(),
        inputs: Some(digest(&decided.evaluation)),
        token: None,
        attribution: attribution("utakata", Some(decided.why.clone()), now),
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Ledger(ledger::Error::Store(Arc::new(error)))
    }
}
