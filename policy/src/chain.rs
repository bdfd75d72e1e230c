//! Chains of reasons: an act that others may have led to, which others may have led to.
//!
//! Another policy may have led to an act if it has changed something that this one looks at, or was
//! expected to move it, and its effect may have shown since the condition began to hold.

use std::time::Duration;

use jiff::Timestamp;
use utakata_model::{PolicyName, TargetName};

use crate::{
    compiled::{Compiled, CompiledAct},
    state::{Acted, State},
    view::{Cause, View},
};

/// The largest number of policies in a chain.
pub(crate) const MAX_LINKS: usize = 3;
/// The least time for which the effect of an act may show.
const EFFECT: Duration = Duration::from_secs(60);
/// The number of acts that are remembered, and the time: longer than any `hold`.
const MAX_ACTED: usize = 16;
const MEMORY: Duration = Duration::from_secs(8 * 86_400);

/// Returns the policies that may have led to an act of now, the latest first. `held` is the time for
/// which its condition has held: what was done since has not led to it.
pub(crate) fn because(
    compiled: &Compiled,
    view: &View,
    held: Duration,
    now: Timestamp,
) -> Vec<PolicyName> {
    let every = compiled.policy.every;
    let may_have_led = |cause: &&Cause| {
        let age = Duration::try_from(now.duration_since(cause.at)).ok();
        let before = age.and_then(|age| age.checked_sub(held));
        before.is_some_and(|before| before <= cause.lasts.saturating_add(every))
    };
    let causes = view.causes.iter().filter(may_have_led);
    let longest = causes.max_by_key(|cause| (cause.chain.len(), cause.at));
    let mut chain = longest.map_or_else(Vec::new, |cause| cause.chain.clone());
    chain.truncate(MAX_LINKS);
    chain
}

/// Returns a chain in words, the one that began first.
pub(crate) fn told(policy: &PolicyName, because: &[PolicyName]) -> String {
    let mut names: Vec<&str> = because.iter().rev().map(PolicyName::as_str).collect();
    names.push(policy.as_str());
    names.join(", ")
}

/// Remembers an act or a hand-back, so that other policies know what may have led to theirs.
pub(crate) fn remember(
    state: &mut State,
    compiled: &Compiled,
    (act, mut targets): (Option<&CompiledAct>, Vec<TargetName>),
    (view, because): (&View, &[PolicyName]),
    now: Timestamp,
) {
    let expected = act.and_then(|act| {
        let seen = view.inputs.get(act.moves?)?;
        targets.extend(seen.samples.iter().map(|sample| sample.target.clone()));
        Some(act.act.expects.as_ref()?.within)
    });
    targets.sort_unstable();
    targets.dedup();
    let settles = act.map_or(Duration::ZERO, |act| act.act.settle);
    let lasts = EFFECT.max(settles).max(expected.unwrap_or_default());
    let mut chain = vec![compiled.policy.name.clone()];
    chain.extend_from_slice(because);
    chain.truncate(MAX_LINKS);
    let is_recent = |acted: &Acted| {
        let age = Duration::try_from(now.duration_since(acted.cause.at));
        age.is_ok_and(|age| age < MEMORY)
    };
    state.acted.retain(is_recent);
    if state.acted.len() >= MAX_ACTED {
        state.acted.remove(0);
    }
    let cause = Cause {
        at: now,
        lasts,
        chain,
    };
    state.acted.push(Acted { cause, targets });
}
