//! The fates of the changes, and the effects that were expected of them.

use std::time::Duration;

use jiff::Timestamp;
use utakata_model::policy::Direction;

use crate::{
    compiled::Compiled,
    evaluate::Evaluation,
    state::{Change, Stage, State},
    view::{Fate, View},
};

/// Takes over what became of the changes. Returns true if somebody else has changed one of them.
pub(crate) fn take_over(
    state: &mut State,
    view: &View,
    lease: Option<Duration>,
    now: Timestamp,
) -> bool {
    let Some(episode) = &mut state.episode else {
        return false;
    };
    let mut is_foreign = false;
    let changes = std::mem::take(&mut episode.changes);
    for mut change in changes {
        let fate = view.fates.get(&change.latest).copied();
        // What shows another value after that time was taken back by the target itself.
        let is_let_go = change.lets_go.is_some_and(|at| at <= now);
        let was_told = match change.stage {
            Stage::Asked => Some(change.asked().at),
            Stage::Renewing => change.renewed,
            _ => None,
        };
        let next = match next(&mut change, fate) {
            Next::IsForeign if is_let_go => Next::IsGone,
            next => next,
        };
        if let (Some(told), Stage::Done, Some(Fate::Done)) = (was_told, change.stage, fate) {
            change.lets_go = lease.and_then(|lease| told.checked_add(lease).ok());
        }
        match next {
            Next::Stays => episode.changes.push(change),
            Next::IsGone => {}
            Next::IsForeign => is_foreign = true,
        }
    }
    is_foreign
}

enum Next {
    Stays,
    IsGone,
    IsForeign,
}

fn next(change: &mut Change, fate: Option<Fate>) -> Next {
    let is_back = change.is_back || change.stage == Stage::Returning;
    match (change.stage, fate) {
        (Stage::Would, _) | (_, None | Some(Fate::Open)) => Next::Stays,
        (_, Some(Fate::Foreign)) => Next::IsForeign,
        (_, Some(Fate::Done)) if is_back => Next::IsGone,
        (_, Some(Fate::Done)) => {
            change.is_done();
            Next::Stays
        }
        // What was done before stands: it goes on from there, and is handed back again later.
        (_, Some(Fate::NotDone)) => match change.is_as_before() {
            true => Next::Stays,
            false => Next::IsGone,
        },
        (_, Some(Fate::Unsettled)) => {
            change.stage = Stage::Person;
            Next::Stays
        }
    }
}

/// The judgement on the latest changes.
pub(crate) enum Judged {
    /// Nothing is due, or all is well.
    Well,
    /// The expected effect did not show.
    Missed(String),
    /// The input moved the other way.
    WrongWay(String),
}

/// Judges the changes whose effect must have shown by now, or shows already.
pub(crate) fn judge(
    compiled: &Compiled,
    state: &mut State,
    evaluation: &Evaluation,
    now: Timestamp,
) -> Judged {
    let mut judged = Judged::Well;
    let changes = state.episode.iter_mut().flat_map(|one| &mut one.changes);
    for change in changes {
        let is_open = change.stage == Stage::Done && !change.is_judged;
        // A time that lies ahead was written under another clock: it is waited for anew.
        if is_open && change.set.at > now {
            change.set.at = now;
        }
        let act = compiled.acts.get(change.set.act).filter(|_| is_open);
        let Some((expects, slot)) =
            act.and_then(|act| Some((act.act.expects.as_ref()?, act.moves?)))
        else {
            continue;
        };
        let after = evaluation
            .inputs
            .get(slot)
            .and_then(|seen| seen.value.number());
        let passed = now.duration_since(change.set.at);
        let passed = Duration::try_from(passed).unwrap_or(Duration::ZERO);
        let is_due = passed >= expects.within;
        let (Some(before), Some(after)) = (change.set.before, after) else {
            // What cannot be seen proves nothing, and costs the policy one of its chances.
            if is_due {
                change.is_judged = true;
                let why = format!("nobody could see whether {} moved", expects.input);
                judged = Judged::Missed(why);
            }
            continue;
        };
        let moved = match expects.moves {
            Direction::Up => after - before,
            Direction::Down => before - after,
        };
        let is_enough = moved >= expects.by && moved > 0.0;
        if is_enough {
            change.is_judged = true;
            state.missed = 0;
        } else if is_due {
            change.is_judged = true;
            let name = &expects.input;
            let why = format!(
                "{name} was {before} before {} and is {after}",
                change.action
            );
            judged = match moved < 0.0 && -moved >= expects.by {
                true => Judged::WrongWay(why),
                false => Judged::Missed(why),
            };
        }
    }
    judged
}
