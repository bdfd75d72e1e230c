//! Requests of people about policies.

use jiff::Timestamp;
use utakata_model::{Policy, PolicyName, Verb, action::Risk, policy::Mode};

use super::{
    Command, Error, Told,
    keeper::Keeping,
    mode::{attribution, bound_to, disarm, put, withdraw},
    record::{Asked, ModeRow},
};
use crate::{
    audit::PolicyNote,
    clock,
    config::Approval,
    kinds::KindsSnapshot,
    ledger::PolicyWrites,
    rights::{Actor, Earlier, Object},
};

/// The age up to which the result of a test counts.
const TEST_COUNTS: i64 = 7 * 24 * 3600;

impl Keeping<'_> {
    /// Carries out what a person says.
    ///
    /// # Errors
    /// Only if policies have to be taken up again.
    pub async fn command(&mut self, command: Command) -> Result<(), Error> {
        let now = clock::now();
        let mut writes = PolicyWrites::default();
        let (result, reply) = match command {
            Command::Arm(arm, reply) => (self.arm(&arm, now, &mut writes), reply),
            Command::Disarm {
                name,
                mode,
                by,
                reply,
            } => {
                let by = (by.by.as_str(), by.why.clone());
                let found = self.kept.get_mut(&name).ok_or_else(|| none(&name));
                let result = found.map(|found| {
                    found.mode.stopped = None;
                    disarm(found, mode, by, now, &mut writes);
                    Told::Done
                });
                (result, reply)
            }
            Command::Stop { by, reply } => {
                let why = by.why.clone().or_else(|| Some("all hands off".into()));
                for found in self.kept.values_mut() {
                    match found.mode.mode {
                        // It may hand back; whatever else it has asked for is not done.
                        Mode::Off => {
                            let said = attribution(&by.by, why.clone(), now);
                            withdraw(&found.mode.policy.name, said, &mut writes);
                        }
                        _ => disarm(found, Mode::Shadow, (&by.by, why.clone()), now, &mut writes),
                    }
                }
                (Ok(Told::Done), reply)
            }
            Command::Resume { by, reply } => {
                writes.clears_red = Some(by);
                (Ok(Told::Done), reply)
            }
            Command::Tested { name, test, reply } => {
                let found = self.kept.get_mut(&name).ok_or_else(|| none(&name));
                let result = found.map(|found| {
                    found.mode.test = Some(test);
                    put(&mut writes, &ModeRow::key(&name), &found.mode);
                    Told::Done
                });
                (result, reply)
            }
        };
        let result = match result {
            Ok(told) => self.record(writes).await.map(|()| told),
            Err(error) => Err(error),
        };
        let again = matches!(result, Err(Error::Ledger(_)));
        // Whoever asked may have lost interest.
        let _ = reply.send(result);
        match again {
            // What is in memory may not be what is stored.
            true => Err(Error::Again),
            false => Ok(()),
        }
    }

    fn arm(
        &mut self,
        arm: &super::Arm,
        now: Timestamp,
        writes: &mut PolicyWrites,
    ) -> Result<Told, Error> {
        let needs_two = self.needs_two(&arm.name);
        let inventory = &self.parts.inventory;
        let found = self
            .kept
            .get_mut(&arm.name)
            .ok_or_else(|| none(&arm.name))?;
        let bound = bound_to(found, inventory);
        let test = found.mode.test.as_ref().ok_or(Error::NotTested)?;
        let is_its = arm.token == test.token && arm.token.starts_with(&format!("{bound}-"));
        if !is_its {
            return Err(Error::Token);
        }
        if now.duration_since(test.at).as_secs() > TEST_COUNTS {
            return Err(Error::NotTested);
        }
        if found.mode.is_ending {
            return Err(Error::Unfit(
                "it hands back what it has changed: wait until it has".into(),
            ));
        }
        let served = self.parts.kinds.served();
        if let Some(why) = found.unable(&served) {
            return Err(Error::Unfit(why));
        }
        if !matches!(arm.mode, Mode::Armed | Mode::Advise) {
            return Err(Error::Unfit("it is armed, or gives advice".into()));
        }
        let until = now.checked_add(arm.lasts).map_err(|_| Error::Lasts)?;
        if needs_two && arm.mode == Mode::Armed && !is_second(&mut found.mode, arm, now)? {
            put(writes, &ModeRow::key(&arm.name), &found.mode);
            return Ok(Told::NeedsSecond);
        }
        found.begin_anew();
        found.mode.mode = arm.mode;
        found.mode.until = Some(until);
        found.mode.by = Some(arm.by.by.clone());
        found.mode.stopped = None;
        found.mode.asked = None;
        put(writes, &ModeRow::key(&arm.name), &found.mode);
        for (target, instance) in &found.instances {
            let row = super::record::StateRow {
                target: target.clone(),
                state: instance.state.clone(),
                decided: None,
            };
            let key = super::record::StateRow::key(&arm.name, target.as_ref());
            put(writes, &key, &row);
        }
        writes.notes.push(PolicyNote {
            policy: arm.name.clone(),
            act: arm.mode.as_str(),
            target: None,
            inputs: None,
            token: Some(arm.token.clone()),
            attribution: arm.by.clone(),
        });
        Ok(Told::Done)
    }

    /// Returns true if two people have to arm a policy: an action of it is of high risk, as far as
    /// anybody knows, and the site wants approvals.
    fn needs_two(&self, name: &PolicyName) -> bool {
        let Some(found) = self.kept.get(name) else {
            return false;
        };
        let served = self.parts.kinds.served();
        self.parts.approval != Approval::Never && may_be_high(&found.mode.policy, &served)
    }
}

/// Returns true if an action of a policy is of high risk, or may be: nobody serves it at the moment.
fn may_be_high(policy: &Policy, served: &KindsSnapshot) -> bool {
    policy.act.iter().any(|act| {
        let all = served.kinds().flat_map(|kind| served.of_kind(kind));
        let risks = all.filter_map(|(_, one)| Some(one.action(&act.action)?.action.risk));
        let mut risks = risks.peekable();
        risks.peek().is_none() || risks.any(|risk| risk == Risk::High)
    })
}

fn none(name: &PolicyName) -> Error {
    Error::None(name.clone())
}

/// Returns true if whoever arms a policy agrees as another with somebody who has asked for it. If they
/// are the first, that is noted.
fn is_second(mode: &mut ModeRow, arm: &super::Arm, now: Timestamp) -> Result<bool, Error> {
    let caller = &arm.caller;
    let first = mode.asked.as_ref();
    let first = first.filter(|one| one.by != caller.name && one.token == arm.token);
    let Some(first) = first else {
        mode.asked = Some(Asked {
            by: caller.name.clone(),
            makers: caller.actor().makers,
            token: arm.token.clone(),
            at: now,
        });
        return Ok(false);
    };
    let by = Actor::of(first.by.clone(), first.makers.iter().cloned());
    let to = Earlier {
        by: Some(&by),
        at: first.at,
        needs: Verb::ControlHigh,
    };
    caller.agrees_as_another(to, Object::Site)?;
    Ok(true)
}
