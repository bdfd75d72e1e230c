//! The decision of a policy at one moment.
//!
//! ```text
//!          when, for hold          until
//!  idle ───────────────► engaged ────────► idle        act while engaged and when, each settle
//!                           │ back, for hold
//!                           ▼
//!                    hand back, newest first, one after the other, each read back
//! ```

mod hands;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{
    PolicyName, TargetName, duration,
    policy::{Blind, Mode},
};

use crate::{
    chain,
    choose::{Chosen, choose},
    compiled::{Compiled, CompiledAct},
    effects::{self, Judged},
    evaluate::{Evaluation, Values},
    request::{HandBack, Renewal, Request},
    state::{Episode, Stage, State},
    view::View,
};

/// The purpose of a policy at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose<'p> {
    /// The mode that it is in.
    pub mode: Mode,
    /// True if it hands back everything and begins nothing more.
    pub is_ending: bool,
    /// The start of the keys of its operations, which names its revision and instance.
    pub prefix: &'p str,
}

/// A decision in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// There is nothing to do.
    Nothing,
    /// Something holds it back.
    Hold,
    /// It acts.
    Act,
    /// It hands back.
    Back,
    /// It stops acting by itself.
    Stop,
}

/// A decision, with everything that it was made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The next state.
    pub state: State,
    /// The decision in one word.
    pub word: Word,
    /// The decision as a sentence.
    pub why: String,
    /// The differences that would have made it act.
    pub needs: Vec<String>,
    /// The changes that are asked for.
    pub acts: Vec<Request>,
    /// The changes that are handed back.
    pub backs: Vec<HandBack>,
    /// The keys of operations that it waits for before it hands back: if nobody has begun them, they
    /// are not to be done any more.
    pub withdrawals: Vec<String>,
    /// The changes that are told again, so that their targets do not take them back by themselves.
    pub renewals: Vec<Renewal>,
    /// The inputs and expressions.
    pub evaluation: Evaluation,
}

/// Decides what a policy does at a moment. Pure: whatever the values are, there is a decision, and
/// always the same one.
pub fn decide(
    compiled: &Compiled,
    view: &View,
    state: &State,
    purpose: Purpose<'_>,
    now: Timestamp,
) -> Decided {
    let (evaluation, values) = compiled.evaluate(view, now);
    let mut step = Step {
        compiled,
        view,
        purpose,
        now,
        state: state.clone(),
        needs: Vec::new(),
        acts: Vec::new(),
        backs: Vec::new(),
        withdrawals: Vec::new(),
    };
    let (word, why) = step.run(&evaluation, &values);
    let renewals = step.renew(word, &evaluation);
    if step
        .state
        .episode
        .as_ref()
        .is_some_and(|one| one.changes.is_empty())
    {
        step.state.episode = None;
    }
    Decided {
        state: step.state,
        word,
        why,
        needs: step.needs,
        acts: step.acts,
        backs: step.backs,
        withdrawals: step.withdrawals,
        renewals,
        evaluation,
    }
}

/// A decision under way.
struct Step<'a> {
    compiled: &'a Compiled,
    view: &'a View,
    purpose: Purpose<'a>,
    now: Timestamp,
    state: State,
    needs: Vec<String>,
    acts: Vec<Request>,
    backs: Vec<HandBack>,
    withdrawals: Vec<String>,
}

type Told = (Word, String);

impl Step<'_> {
    fn run(&mut self, evaluation: &Evaluation, values: &Values) -> Told {
        let policy = self.compiled.policy.clone();
        let lease = policy.dead_man.map(|one| one.lease);
        if effects::take_over(&mut self.state, self.view, lease, self.now) {
            self.state.yields = self.after(policy.yields);
        }
        let is_mine = self.purpose.mode != Mode::Off;
        if self.purpose.is_ending || !is_mine {
            return self.end();
        }
        if let Some(told) = self.overdue() {
            return told;
        }
        match effects::judge(self.compiled, &mut self.state, evaluation, self.now) {
            Judged::Well => {}
            Judged::WrongWay(why) => {
                return (Word::Stop, format!("it moved the wrong way: {why}"));
            }
            Judged::Missed(why) => {
                self.state.missed = self.state.missed.saturating_add(1);
                if self.state.missed >= policy.stop_after {
                    let times = self.state.missed;
                    return (Word::Stop, format!("{times} acts had no effect: {why}"));
                }
            }
        }
        let (now, every) = (self.now, policy.every);
        let is_blind = Some(evaluation.when.is_none());
        let blind = self.state.blind.look(is_blind, now, every);
        let when = self.known_when(evaluation, policy.blind);
        let allowed = match policy.unless {
            None => Some(true),
            Some(_) => evaluation.unless.map(|unless| !unless),
        };
        let holds = match (when, allowed) {
            (Some(true), Some(true)) => Some(true),
            (Some(false), _) | (_, Some(false)) => Some(false),
            _ => None,
        };
        let held = self.state.when.look(holds, now, every);
        let held_back = self.state.back.look(evaluation.back, now, every);
        let is_until = match &policy.until {
            Some(_) => evaluation.until == Some(true),
            None => evaluation.when == Some(false),
        };
        if is_until {
            self.state.is_engaged = false;
        }
        let wants_back = policy.back.as_ref().is_some_and(|back| {
            held_back.is_some_and(|held| held >= back.hold) && self.state.has_changed()
        });
        let is_blind_back =
            policy.blind == Blind::Back && blind.is_some_and(|time| time > policy.hold);
        if (wants_back || is_blind_back) && self.state.has_changed() {
            return self.back();
        }
        if let Some(unless) = policy.unless.as_ref().filter(|_| allowed != Some(true)) {
            self.needs
                .push(format!("unless: {unless} would have to be false"));
        }
        match held {
            Some(held) => self.maybe_act(held, values),
            None => {
                self.needs
                    .push(format!("when: {} would have to be true", policy.when));
                match evaluation.when {
                    None => (Word::Hold, format!("it is blind: {}", unknown(evaluation))),
                    Some(_) => (Word::Nothing, "its condition does not hold".into()),
                }
            }
        }
    }

    /// Returns the condition, or what it was before it went blind where the policy says so.
    fn known_when(&mut self, evaluation: &Evaluation, blind: Blind) -> Option<bool> {
        if let Some(when) = evaluation.when {
            self.state.was_true = when;
        }
        let last = (blind == Blind::Act).then_some(self.state.was_true);
        evaluation.when.or(last)
    }

    fn after(&self, time: Duration) -> Option<Timestamp> {
        self.now.checked_add(time).ok()
    }

    /// Returns the time that is left if a time has not come yet. One that is further off than it can
    /// be was written under another clock, which was set back since: nobody knows how much of it is
    /// left, and it is over.
    fn is_before(&self, time: Option<Timestamp>, longest: Duration) -> Option<Duration> {
        let left = Duration::try_from(time?.duration_since(self.now)).ok()?;
        Some(left).filter(|left| !left.is_zero() && *left <= longest)
    }

    /// Returns the longest time for which an act or a hand-back settles.
    fn longest_settle(&self) -> Duration {
        let policy = &self.compiled.policy;
        let acts = policy.act.iter().map(|act| act.settle);
        let back = policy.back.iter().map(|back| back.settle);
        acts.chain(back).max().unwrap_or_default()
    }

    fn maybe_act(&mut self, held: Duration, values: &Values) -> Told {
        let policy = self.compiled.policy.clone();
        if !self.state.is_engaged && held < policy.hold {
            let (so_far, hold) = (duration::rough(held), duration::rough(policy.hold));
            self.needs.push(format!(
                "it has held for {so_far} and would have to for {hold}"
            ));
            return (
                Word::Hold,
                format!("its condition has held for {so_far} of {hold}"),
            );
        }
        if let Some(left) = self.is_before(self.state.yields, policy.yields) {
            let left = duration::rough(left);
            self.needs
                .push(format!("it yields to somebody else for another {left}"));
            return (Word::Hold, format!("it yields for another {left}"));
        }
        if let Some(left) = self.is_before(self.state.settles, self.longest_settle()) {
            let left = duration::rough(left);
            self.needs
                .push(format!("its last act settles for another {left}"));
            return (
                Word::Hold,
                format!("its last act settles for another {left}"),
            );
        }
        if let Some(open) = self.open() {
            self.needs.push(format!("{open} would have to have ended"));
            return (Word::Hold, format!("it waits for {open}"));
        }
        let mut reasons = Vec::new();
        let compiled = self.compiled;
        for (at, act) in compiled.acts.iter().enumerate() {
            let candidates = self.view.candidates.get(at).map(Vec::as_slice);
            let seen = (self.view, values, self.state.episode.as_ref());
            match choose(
                compiled,
                act,
                candidates.unwrap_or_default(),
                seen,
                self.now,
            ) {
                Ok(chosen) => return self.act_or_not(at, act, (&chosen, held), values),
                Err(why) => reasons.push(format!("{}: {why}", act.act.action)),
            }
        }
        let why = reasons.join("; ");
        self.needs.push(why.clone());
        (Word::Hold, why)
    }

    /// Returns a change that is under way.
    fn open(&self) -> Option<String> {
        let changes = self.state.episode.iter().flat_map(|one| &one.changes);
        let mut open = changes.filter(|one| {
            let stages = [Stage::Asked, Stage::Renewing, Stage::Returning];
            stages.contains(&one.stage)
        });
        open.next()
            .map(|one| format!("{} on {}", one.action, one.target))
    }

    /// Acts, unless too many policies have led to it.
    fn act_or_not(
        &mut self,
        at: usize,
        act: &CompiledAct,
        (chosen, held): (&[Chosen<'_>], Duration),
        values: &Values,
    ) -> Told {
        // What others have done since it began to act has not led to it.
        let because = match self.state.is_engaged {
            true => self.state.because.clone(),
            false => chain::because(self.compiled, self.view, held, self.now),
        };
        if because.len() < chain::MAX_LINKS {
            return self.act(at, act, (chosen, &because), values);
        }
        let name = &self.compiled.policy.name;
        let told = chain::told(name, &because);
        if because.contains(name) {
            let why = format!("it and others lead to each other's acts: {told}");
            return (Word::Stop, why);
        }
        let max = chain::MAX_LINKS;
        self.needs.push(format!(
            "no more than {max} policies would have to lead to each other's acts: {told}"
        ));
        let why = format!("the acts of others may have led to it: {told}");
        (Word::Hold, why)
    }

    fn act(
        &mut self,
        at: usize,
        act: &CompiledAct,
        (chosen, because): (&[Chosen<'_>], &[PolicyName]),
        values: &Values,
    ) -> Told {
        let stage = match self.purpose.mode {
            Mode::Shadow => Stage::Would,
            _ => Stage::Asked,
        };
        let (now, before) = (self.now, self.before(act, values));
        let is_numeric = !act.calculated.is_empty();
        let ups = chosen.iter().filter_map(|one| one.up);
        let ups: Vec<bool> = match is_numeric {
            true => ups.collect(),
            false => vec![true],
        };
        let within = self.swinging_within();
        for up in ups {
            if self.state.swings(up, now, within) {
                return (Word::Stop, "its acts swing to and fro".into());
            }
        }
        let episodes = &mut self.state.episodes;
        let episode = self.state.episode.get_or_insert_with(|| {
            *episodes += 1;
            Episode {
                number: *episodes,
                began: now,
                steps: 0,
                changes: Vec::new(),
            }
        });
        for one in chosen {
            episode.steps += 1;
            let key = format!(
                "{}/{}/{}",
                self.purpose.prefix, episode.number, episode.steps
            );
            let request = Request {
                key,
                act: at,
                action: act.act.action.clone(),
                target: one.candidate.target.clone(),
                outlet: one.outlet.clone(),
                parameters: one.parameters.clone(),
                approval: act.act.approval || self.purpose.mode == Mode::Advise,
                lease: self.compiled.policy.dead_man.map(|one| one.lease),
                because: because.to_vec(),
            };
            episode.note(&request, (stage, before), now);
            self.acts.push(request);
        }
        self.state.is_engaged = true;
        self.state.settles = self.after(act.act.settle);
        let targets: Vec<TargetName> = chosen
            .iter()
            .map(|one| one.candidate.target.clone())
            .collect();
        let names: Vec<&str> = targets.iter().map(TargetName::as_str).collect();
        let told = format!("{} on {}", act.act.action, names.join(", "));
        if stage != Stage::Would {
            let acted = (Some(act), targets);
            let (view, compiled) = (self.view, self.compiled);
            chain::remember(&mut self.state, compiled, acted, (view, because), now);
            self.state.because = because.to_vec();
        }
        (Word::Act, told)
    }

    /// Returns the time within which turns are swinging: six times that of an act and its
    /// hand-back.
    fn swinging_within(&self) -> Duration {
        let policy = &self.compiled.policy;
        let settles = policy.act.iter().map(|act| act.settle).max();
        let back = policy.back.as_ref();
        let period = [
            policy.every,
            policy.hold,
            settles.unwrap_or(Duration::ZERO),
            back.map_or(Duration::ZERO, |back| back.hold + back.settle),
        ];
        period.iter().sum::<Duration>().saturating_mul(6)
    }

    /// Returns the value that an act should move, as it is before it.
    fn before(&self, act: &CompiledAct, values: &Values) -> Option<f64> {
        use utakata_expression::{Inputs, Value, VariableSlot};
        match values.variable(VariableSlot(act.moves?)) {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }
}

/// Returns the inputs that are not known, with their reasons.
fn unknown(evaluation: &Evaluation) -> String {
    let missing = evaluation
        .inputs
        .iter()
        .filter_map(|seen| match &seen.value {
            crate::evaluate::Known::Missing(why) => Some(format!("{}: {why}", seen.name)),
            _ => None,
        });
    let missing: Vec<String> = missing.collect();
    match missing.is_empty() {
        true => "a value cannot be calculated".into(),
        false => missing.join("; "),
    }
}

#[cfg(test)]
mod tests;
