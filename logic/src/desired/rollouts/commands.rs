//! The commands about rollouts, and about the releases of a kind. Pure.

use std::collections::BTreeMap;

use utakata_api::{
    ledger::Attribution,
    rollout::{KindAssignment, NewRollout, Pin, ReadBack, Rollout, RolloutState},
};
use utakata_model::{Kind, PersonName, ReleaseId, RolloutId, RolloutPhase, Selector};
use utakata_rollout::site;

use super::Error;
use crate::{
    desired::state::{Command, Context, DesiredChange, DesiredPart, DesiredState},
    store::{self, KindRow},
};

/// A person's decision about a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutVerb {
    /// Keeps it where it is.
    Pause,
    /// Resumes a rollout.
    Resume,
    /// Moves it to the next phase without further evidence, wherever it is now.
    Promote,
    /// Aborts a rollout.
    Abort,
}

#[derive(Debug, Clone)]
pub(super) struct Begin {
    pub id: RolloutId,
    /// The rollout as requested.
    pub requested: NewRollout,
    /// The person who requests it.
    pub by: PersonName,
    /// The release that serves now, if none was set.
    pub serving: ReleaseId,
    /// The new release.
    pub to: ReleaseId,
}

/// Makes a release serve a kind for which none was set yet. Replies whether it does now.
#[derive(Debug, Clone)]
pub(super) struct Adopt(pub ReleaseId);

/// Carries out a person's decision about a rollout.
#[derive(Debug, Clone)]
pub(super) struct Say {
    /// The rollout as it was found: final if it is over.
    pub rollout: Rollout,
    pub verb: RolloutVerb,
    /// The person, the time and the reason.
    pub attribution: Attribution,
}

/// Advances a rollout, unless somebody has changed it meanwhile.
#[derive(Debug, Clone)]
pub(super) struct GoOn {
    /// The rollout that the decision was based on.
    pub before: RolloutState,
    /// The rollout after the decision.
    pub after: Rollout,
}

/// Sets the pins of a kind.
#[derive(Debug, Clone)]
pub(super) struct PinKind {
    pub kind: Kind,
    pub pins: Vec<Pin>,
    /// The releases of the pins.
    pub kept: Vec<ReleaseId>,
}

/// Sets the environments that serve a kind.
#[derive(Debug, Clone)]
pub(super) struct PlaceKind {
    pub kind: Kind,
    /// The environments; `None` means all.
    pub placement: Option<Selector>,
}

type Decided<R, E> = Result<(Option<DesiredChange>, R), E>;

impl Command for Begin {
    type Reply = Rollout;
    type Error = Error;

    fn decide(self, state: &DesiredState, context: &Context) -> Decided<Rollout, Error> {
        let Self {
            id,
            requested,
            by,
            serving,
            to,
        } = self;
        let kind = requested.kind;
        if let Some(open) = state.rollouts.get(&kind) {
            let rollout = Box::new(open.clone());
            return Err(Error::Open { rollout });
        }
        let before = state.kind(&kind);
        let from = before.stable.clone().unwrap_or(serving);
        if from.digest == to.digest {
            return Err(Error::Serves { release: to });
        }
        let waves = match requested.waves.is_empty() {
            true => site::waves(&kind, &context.counting),
            false => requested.waves,
        };
        let rollout = Rollout {
            id,
            kind: kind.clone(),
            from: from.clone(),
            to,
            plan: requested.plan,
            waves,
            wave: 0,
            by,
            why: requested.why,
            began: context.now,
            state: RolloutState::Running,
            changed: None,
            problem: None,
            ended: None,
            environments: BTreeMap::new(),
            read_back: ReadBack::default(),
            read_back_before: ReadBack::default(),
        };
        let rollout = site::advance(rollout, &context.counting, context.now);
        // From now on the release is set explicitly, instead of being the newest.
        let requested = KindAssignment {
            stable: Some(from),
            ..before
        };
        let part = DesiredPart::Kind {
            requested: Some(KindRow { kind, requested }),
            rollout: Some(Box::new(rollout.clone())),
        };
        Ok((Some(state.change(part, context.now)), rollout))
    }
}

impl Command for Adopt {
    type Reply = bool;
    type Error = store::Error;

    fn decide(self, state: &DesiredState, context: &Context) -> Decided<bool, store::Error> {
        let Self(release) = self;
        let before = state.kind(&release.kind);
        if before.stable.is_some() || state.rollouts.contains_key(&release.kind) {
            return Ok((None, false));
        }
        let kind = release.kind.clone();
        let requested = KindAssignment {
            stable: Some(release),
            ..before
        };
        let part = DesiredPart::Kind {
            requested: Some(KindRow { kind, requested }),
            rollout: None,
        };
        Ok((Some(state.change(part, context.now)), true))
    }
}

impl Command for Say {
    type Reply = Rollout;
    type Error = Error;

    fn decide(self, state: &DesiredState, context: &Context) -> Decided<Rollout, Error> {
        let Self {
            rollout,
            verb,
            attribution,
        } = self;
        let open = state.rollouts.get(&rollout.kind);
        let open = open.filter(|open| open.id == rollout.id);
        // The decision was based on the latest reports of the environments.
        let open = site::with_reports(open.cloned().unwrap_or(rollout), &context.counting);
        let after = after(&open, verb, attribution)?;
        let part = DesiredPart::Kind {
            requested: None,
            rollout: Some(Box::new(after.clone())),
        };
        Ok((Some(state.change(part, context.now)), after))
    }
}

impl Command for GoOn {
    type Reply = ();
    type Error = store::Error;

    fn decide(self, state: &DesiredState, context: &Context) -> Decided<(), store::Error> {
        let Self { before, after } = self;
        let open = state.rollouts.get(&after.kind);
        if open.is_none_or(|open| open.id != after.id || open.state != before) {
            return Ok((None, ()));
        }
        let requested = (after.state == RolloutState::Done).then(|| KindRow {
            kind: after.kind.clone(),
            requested: KindAssignment {
                stable: Some(after.to.clone()),
                ..state.kind(&after.kind)
            },
        });
        let rollout = Some(Box::new(after));
        let part = DesiredPart::Kind { requested, rollout };
        Ok((Some(state.change(part, context.now)), ()))
    }
}

impl Command for PinKind {
    type Reply = KindAssignment;
    type Error = Error;

    fn decide(self, state: &DesiredState, context: &Context) -> Decided<KindAssignment, Error> {
        let Self { kind, pins, kept } = self;
        let before = state.kind(&kind);
        let requested = KindAssignment {
            pins,
            kept,
            ..before
        };
        Ok(ask(state, context, kind, requested))
    }
}

impl Command for PlaceKind {
    type Reply = KindAssignment;
    type Error = Error;

    fn decide(self, state: &DesiredState, context: &Context) -> Decided<KindAssignment, Error> {
        let Self { kind, placement } = self;
        let before = state.kind(&kind);
        let requested = KindAssignment {
            placement,
            ..before
        };
        Ok(ask(state, context, kind, requested))
    }
}

/// Sets the desired state of a kind, unless it is the same already.
fn ask(
    state: &DesiredState,
    context: &Context,
    kind: Kind,
    requested: KindAssignment,
) -> (Option<DesiredChange>, KindAssignment) {
    if requested == state.kind(&kind) {
        return (None, requested);
    }
    let row = KindRow {
        kind,
        requested: requested.clone(),
    };
    let part = DesiredPart::Kind {
        requested: Some(row),
        rollout: None,
    };
    (Some(state.change(part, context.now)), requested)
}

/// Returns a rollout after a person's decision.
fn after(open: &Rollout, verb: RolloutVerb, attribution: Attribution) -> Result<Rollout, Error> {
    use RolloutState::{Aborting, Paused, Running};
    let mut after = open.clone();
    after.changed = Some(attribution);
    after.state = match (verb, open.state) {
        (RolloutVerb::Pause, Running) => Paused,
        (RolloutVerb::Resume, Paused) => Running,
        (RolloutVerb::Abort, Running | Paused) => Aborting,
        (RolloutVerb::Promote, state @ (Running | Paused)) => {
            site::without_gone(&mut after);
            for standing in after.environments.values_mut() {
                if matches!(standing.phase, RolloutPhase::Shadow | RolloutPhase::Canary) {
                    standing.promoted = standing.promoted.max(Some(standing.phase));
                }
            }
            state
        }
        (_, state) => {
            return Err(Error::State {
                id: open.id,
                state: word(state),
                verb: match verb {
                    RolloutVerb::Pause => "paused",
                    RolloutVerb::Resume => "resumed",
                    RolloutVerb::Promote => "promoted",
                    RolloutVerb::Abort => "aborted",
                },
            });
        }
    };
    Ok(after)
}

/// Returns the word for a state.
pub(super) fn word(state: RolloutState) -> &'static str {
    match state {
        RolloutState::Running => "running",
        RolloutState::Paused => "paused",
        RolloutState::GoingBack => "going back",
        RolloutState::Aborting => "being aborted",
        RolloutState::Done => "done",
        RolloutState::Failed => "failed",
        RolloutState::Aborted => "aborted",
    }
}

#[cfg(test)]
mod tests;
