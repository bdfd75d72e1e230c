//! Taking hands off: what is handed back, and what is told again so that it stays.

use std::time::Duration;

use utakata_model::{
    TargetName, duration,
    policy::{Blind, Mode},
};

use super::{Step, Told, Word};
use crate::{
    back::hand_back,
    chain,
    evaluate::Evaluation,
    renew,
    request::Renewal,
    state::{Change, Stage},
};

impl Step<'_> {
    pub(super) fn back(&mut self) -> Told {
        let policy = self.compiled.policy.clone();
        let (max, settle) = match &policy.back {
            Some(back) => (back.at_a_time, back.settle),
            None => (1, Duration::ZERO),
        };
        if let Some(told) = self.waits_to_hand_back() {
            return told;
        }
        if let Some(left) = self.is_before(self.state.settles, self.longest_settle()) {
            let left = duration::rough(left);
            return (Word::Hold, format!("the next is handed back in {left}"));
        }
        let told = self.hand(max, settle);
        let is_numeric = self
            .compiled
            .acts
            .iter()
            .any(|act| !act.calculated.is_empty());
        if told.0 == Word::Back && !is_numeric {
            // It is the next act that stops it: what is changed has to be handed back.
            let within = self.swinging_within();
            self.state.swings(false, self.now, within);
        }
        told
    }

    /// Hands back everything, one after the other.
    pub(super) fn end(&mut self) -> Told {
        self.state.is_engaged = false;
        if let Some(told) = self.waits_to_hand_back() {
            return told;
        }
        self.hand(1, Duration::ZERO)
    }

    /// Waits for what is under way. What nobody has begun is withdrawn: it may wait for a person or
    /// an envelope for a day, and would change a target when all is to be as it was.
    fn waits_to_hand_back(&mut self) -> Option<Told> {
        let open = self.open()?;
        let changes = self.state.episode.iter().flat_map(|one| &one.changes);
        let asked = changes.filter(|one| matches!(one.stage, Stage::Asked | Stage::Renewing));
        self.withdrawals = asked.map(|one| one.latest.clone()).collect();
        let why = format!("before it hands back, it waits for {open}");
        Some((Word::Hold, why))
    }

    fn hand(&mut self, max: u32, settle: Duration) -> Told {
        self.backs = hand_back(&mut self.state, self.purpose.prefix, max, |_| true);
        if self.backs.is_empty() {
            return match self
                .state
                .episode
                .as_ref()
                .is_some_and(|one| !one.changes.is_empty())
            {
                true => (Word::Hold, "what is left is for a person".into()),
                false => (Word::Nothing, "nothing is changed by it".into()),
            };
        }
        self.state.settles = self.after(settle);
        (
            Word::Back,
            format!("it hands back {}", self.remember_backs()),
        )
    }

    /// Remembers what is handed back, and returns the names of the targets.
    fn remember_backs(&mut self) -> String {
        let targets: Vec<TargetName> = self.backs.iter().map(|one| one.target.clone()).collect();
        let names: Vec<&str> = targets.iter().map(TargetName::as_str).collect();
        let told = names.join(", ");
        let (view, compiled, now) = (self.view, self.compiled, self.now);
        let held = self.state.back.held;
        let because = chain::because(compiled, view, held, now);
        let act = compiled.acts.iter().find(|act| act.moves.is_some());
        let acted = (act, targets);
        chain::remember(&mut self.state, compiled, acted, (view, &because), now);
        told
    }

    /// Hands back what targets should have taken back by themselves, and have not.
    pub(super) fn overdue(&mut self) -> Option<Told> {
        let (dead_man, now) = (self.compiled.policy.dead_man?, self.now);
        let is_overdue = |change: &Change| renew::is_overdue(change, dead_man, now);
        let prefix = self.purpose.prefix;
        self.backs = hand_back(&mut self.state, prefix, u32::MAX, is_overdue);
        (!self.backs.is_empty()).then(|| {
            let told = format!(
                "it hands back {}, which hold it after their lease is over",
                self.remember_backs()
            );
            (Word::Back, told)
        })
    }

    /// Tells changes again before their targets take them back by themselves, as long as it sees
    /// what it decides by.
    pub(super) fn renew(&mut self, word: Word, evaluation: &Evaluation) -> Vec<Renewal> {
        let policy = &self.compiled.policy;
        let Some(dead_man) = policy.dead_man else {
            return Vec::new();
        };
        let sees = evaluation.when.is_some() || policy.blind == Blind::Act;
        let is_mine = matches!(self.purpose.mode, Mode::Armed | Mode::Advise);
        let goes_on = !self.purpose.is_ending && word != Word::Stop;
        match sees && is_mine && goes_on {
            true => renew::renew(&mut self.state, dead_man, self.purpose.prefix, self.now),
            false => Vec::new(),
        }
    }
}
