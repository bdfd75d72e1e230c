//! One step of a policy: its instances decide, and what they ask for is recorded with their states.

use std::time::Duration;

use jiff::Timestamp;
use utakata_api::operation::Read;
use utakata_model::{PolicyName, Selector, TargetName, policy::Mode};
use utakata_policy::{Cause, Decided, Purpose, Word, decide};

use super::{
    Error,
    keeper::{Keeping, TICK},
    kept::{Instance, Kept, Last, Made},
    live::{self, Around},
    mode::{attribution, disarm, put},
    record::{StateRow, digest, prefix},
    request::{self, Prepared},
};
use crate::{audit::PolicyNote, ledger::PolicyWrites};

/// The time that reading from devices may take, before an act that wants it.
const CHECK: Duration = Duration::from_secs(3);

impl Keeping<'_> {
    /// Decides for every instance of a policy whose time has come.
    pub async fn step_due(&mut self, name: &PolicyName, now: Timestamp) -> Result<(), Error> {
        let Some(found) = self.kept.get(name) else {
            return Ok(());
        };
        let (every, is_ending) = (found.mode.policy.every, found.mode.is_ending);
        let is_due = |instance: &Instance| {
            let since = instance.decided_at.map(|at| now.duration_since(at));
            let since = since.and_then(|since| Duration::try_from(since).ok());
            is_ending || since.is_none_or(|since| since + TICK / 2 >= every)
        };
        let due = found.instances.iter().filter(|(_, one)| is_due(one));
        let due: Vec<Option<TargetName>> = due.map(|(target, _)| target.clone()).collect();
        for target in due {
            self.step_one(name, target.as_ref()).await?;
        }
        Ok(())
    }

    /// Decides for one instance of a policy.
    pub async fn step_one(
        &mut self,
        name: &PolicyName,
        target: Option<&TargetName>,
    ) -> Result<(), Error> {
        let is_off = |found: &Kept| found.mode.mode == Mode::Off && !found.mode.is_ending;
        if self.kept.get(name).is_none_or(is_off) {
            return Ok(());
        }
        let mut decided = self.decide(name, target).await?;
        let doubtful = decided.as_ref().map_or_else(Vec::new, |made| {
            self.read_first(name, target, &made.decided)
        });
        if !doubtful.is_empty() {
            self.read(&doubtful).await;
            decided = self.decide(name, target).await?;
        }
        self.listeners.decided(name, target);
        match decided {
            Some(decided) => self.take(name, target, decided).await,
            None => Ok(()),
        }
    }

    /// Decides, and returns the moment of it: everything that was heard by then is known, and nothing
    /// that is heard later, so that history has the same view. Nothing is decided twice at one
    /// moment: nothing was heard since, and no time has passed.
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
        let causes = self.causes(name, instance);
        let around = Around {
            locked: &self.locked,
            fates: fates.clone(),
            causes: causes.clone(),
        };
        let observed = &self.parts.observed;
        let (now, view) = observed.at_one_moment(|now| {
            let view = live::view(&found.compiled, &instance.scope, observed, around, now);
            (now, view)
        });
        if instance.looked == Some(now) {
            return Ok(None);
        }
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
            causes,
        }))
    }

    /// Returns the acts of other policies on what an instance looks at.
    fn causes(&self, name: &PolicyName, instance: &Instance) -> Vec<Cause> {
        let places = || instance.scope.inputs.iter().flatten();
        let looks_at = |target: &TargetName| places().any(|one| one.entry.target.name == *target);
        let others = self.kept.iter().filter(|(other, _)| *other != name);
        let instances = others.flat_map(|(_, other)| other.instances.values());
        let acted = instances.flat_map(|other| &other.state.acted);
        let seen = acted.filter(|acted| acted.targets.iter().any(looks_at));
        seen.map(|acted| acted.cause.clone()).collect()
    }

    /// Returns the targets that have to be read before something is done: the inputs of an act that
    /// wants it, and what is told again or has a lease and is handed back, because somebody else may
    /// have changed it since.
    fn read_first(
        &self,
        name: &PolicyName,
        target: Option<&TargetName>,
        decided: &Decided,
    ) -> Vec<TargetName> {
        let key = target.cloned();
        let found = self.kept.get(name);
        let found = found.and_then(|one| Some((one, one.instances.get(&key)?)));
        let Some((found, instance)) = found else {
            return Vec::new();
        };
        let renewed = decided.renewals.iter();
        let mut names: Vec<TargetName> = renewed.map(|one| one.target.clone()).collect();
        if found.mode.policy.dead_man.is_some() {
            // The target may have taken it back by itself, and somebody else changed it since.
            names.extend(decided.backs.iter().map(|one| one.target.clone()));
        }
        let acts = found.compiled.acts();
        let is_real = found.mode.mode != Mode::Shadow;
        let mut asked = decided.acts.iter().filter(|_| is_real);
        if asked.any(|one| acts.get(one.act).is_some_and(|act| act.act.check)) {
            let inputs = instance.scope.inputs.iter().flatten();
            names.extend(inputs.map(|one| one.entry.target.name.clone()));
        }
        names
    }

    /// Reads targets anew.
    async fn read(&self, names: &[TargetName]) {
        let read = Read {
            max_age: None,
            selector: Selector::of_names(names),
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
        let is_real = found.acts() || found.mode.is_ending;
        if is_real {
            let Prepared {
                operations,
                withdrawals,
                why,
            } = request::prepare(self.parts, &found.mode, &mut decided, now).await?;
            writes.operations = operations;
            writes.withdrawals.extend(withdrawals);
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
            instance.logged = Some(row.around());
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
}

fn note(
    name: &PolicyName,
    target: Option<&TargetName>,
    decided: &Decided,
    now: Timestamp,
) -> PolicyNote {
    let (act, why) = match (decided.acts.is_empty(), decided.backs.is_empty()) {
        (true, true) => ("renews", told_again(decided)),
        (false, _) => ("acts", decided.why.clone()),
        (true, false) => ("hands-back", decided.why.clone()),
    };
    PolicyNote {
        policy: name.clone(),
        act,
        target: target.cloned(),
        inputs: Some(digest(&decided.evaluation)),
        token: None,
        attribution: attribution("utakata", Some(why), now),
    }
}

fn told_again(decided: &Decided) -> String {
    let renewals = decided.renewals.iter();
    let names: Vec<&str> = renewals.map(|one| one.target.as_str()).collect();
    format!("it holds for another lease on {}", names.join(", "))
}
