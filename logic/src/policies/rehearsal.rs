//! The rehearsal of a policy over a time of the past: the same decisions, on what had been heard by
//! then. Nobody reacts to it: it is in shadow.

use std::time::Duration;

use jiff::Timestamp;
use utakata_history::History;
use utakata_model::{Policy, TargetName, policy::Mode};
use utakata_policy::{Compiled, Decided, Purpose, State, Word, decide};

use super::{
    error::Error,
    past::Past,
    record::{ENGINE, digest},
    scope::Scope,
};
use crate::inventory::Inventory;

/// The longest time between two decisions while a timer runs.
const LOOK: Duration = Duration::from_secs(30);
/// The largest number of instances of one rehearsal.
const MAX_INSTANCES: usize = 1000;
/// The largest number of acts that are listed.
const MAX_LISTED: usize = 100;

/// The result of a rehearsal.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    pub from: Timestamp,
    pub to: Timestamp,
    /// The number of instances that decided, and of all that the policy has.
    pub instances: usize,
    pub of: usize,
    /// The number of decisions.
    pub decisions: u64,
    /// The acts and hand-backs, the first of them.
    pub acts: Vec<Would>,
    /// The number of acts, and of episodes.
    pub act_count: u64,
    pub episodes: u64,
    /// The decisions in which it was blind.
    pub blind: u64,
    /// The token that arms it; absent if not all of its instances decided.
    pub token: Option<String>,
    /// The last decision of each instance.
    pub last: Vec<(Option<TargetName>, Decided)>,
}

/// One act that would have been.
#[derive(Debug, Clone)]
pub struct Would {
    pub at: Timestamp,
    pub target: Option<TargetName>,
    pub why: String,
    pub word: Word,
}

/// Decides for a policy over a time of the past.
///
/// # Errors
/// History cannot be read.
pub async fn rehearse(
    policy: &Policy,
    inventory: &Inventory,
    history: &dyn History,
    (from, to): (Timestamp, Timestamp),
    only: Option<&TargetName>,
) -> Result<Rehearsed, Error> {
    let compiled = Compiled::new(policy.clone());
    let compiled = compiled.map_err(|_| Error::Unfit("its document has mistakes".into()))?;
    let graph = inventory.graph();
    let (instances, of) = instances(policy, inventory, only);
    let mut rehearsed = Rehearsed {
        from,
        to,
        instances: instances.len(),
        of,
        decisions: 0,
        acts: Vec::new(),
        act_count: 0,
        episodes: 0,
        blind: 0,
        token: None,
        last: Vec::new(),
    };
    for instance in instances {
        let scope = Scope::of(&compiled, instance.as_ref(), inventory, &graph);
        let past = Past::read(&compiled, scope, history, (from, to)).await;
        let past = past.map_err(Error::History)?;
        run(&compiled, &past, instance, &mut rehearsed);
    }
    rehearsed.acts.sort_by_key(|one| one.at);
    let envelopes = inventory.envelopes();
    let envelopes: Vec<_> = envelopes.iter().map(|one| &**one).collect();
    let bound = digest(&(ENGINE, policy, envelopes));
    let result = digest(&(
        from.to_string(),
        to.to_string(),
        rehearsed.decisions,
        rehearsed.act_count,
        rehearsed.episodes,
    ));
    let short: String = result.chars().take(8).collect();
    // Whoever arms it arms all of it.
    let is_whole = rehearsed.instances == rehearsed.of;
    rehearsed.token = is_whole.then(|| format!("{bound}-{short}"));
    Ok(rehearsed)
}

/// Returns the instances of a policy, the first of them if there are many, or one of them; and how
/// many there are.
pub(super) fn instances(
    policy: &Policy,
    inventory: &Inventory,
    only: Option<&TargetName>,
) -> (Vec<Option<TargetName>>, usize) {
    match (&policy.for_each, only) {
        (None, _) => (vec![None], 1),
        (Some(_), Some(only)) => (vec![Some(only.clone())], 1),
        (Some(selector), None) => {
            let found = inventory.select(selector);
            let names = found.iter().map(|one| Some(one.target.name.clone()));
            (names.take(MAX_INSTANCES).collect(), found.len())
        }
    }
}

/// Decides for one instance, at the times at which something was heard and those at which time alone
/// may change something.
fn run(compiled: &Compiled, past: &Past, instance: Option<TargetName>, into: &mut Rehearsed) {
    let mut state = State::default();
    let mut now = into.from;
    let times = past.times(into.from, into.to);
    let mut next = times.iter().copied().peekable();
    let purpose = Purpose {
        mode: Mode::Shadow,
        is_ending: false,
        prefix: "test",
    };
    let mut last: Option<Decided>;
    loop {
        let view = past.view(compiled, now);
        let decided = decide(compiled, &view, &state, purpose, now);
        into.decisions += 1;
        into.blind += u64::from(decided.evaluation.when.is_none());
        if matches!(decided.word, Word::Act | Word::Back | Word::Stop) {
            into.act_count += u64::from(decided.word == Word::Act);
            if into.acts.len() < MAX_LISTED {
                into.acts.push(Would {
                    at: now,
                    target: instance.clone(),
                    why: decided.why.clone(),
                    word: decided.word,
                });
            }
        }
        let has_begun = decided.state.episodes > state.episodes;
        into.episodes += u64::from(has_begun);
        state = decided.state.clone();
        let is_waiting = state.when.last.is_some() || state.back.last.is_some();
        let is_over = decided.word == Word::Stop;
        last = Some(decided);
        while next.peek().is_some_and(|time| *time <= now) {
            next.next();
        }
        let heard = next.peek().copied();
        let timer = is_waiting.then(|| wake(compiled, &state, now)).flatten();
        let Some(then) = heard
            .into_iter()
            .chain(timer)
            .min()
            .filter(|then| *then <= into.to)
        else {
            break;
        };
        if is_over {
            break;
        }
        now = then;
    }
    // The end is looked at in any case.
    if now < into.to
        && let Some(decided) = &last
        && decided.word != Word::Stop
    {
        let view = past.view(compiled, into.to);
        last = Some(decide(compiled, &view, &state, purpose, into.to));
    }
    into.last.extend(last.map(|decided| (instance, decided)));
}

/// Returns the next time at which a timer alone may change something.
fn wake(compiled: &Compiled, state: &State, now: Timestamp) -> Option<Timestamp> {
    let policy = compiled.policy();
    let hold = policy.hold.checked_sub(state.when.held);
    let back = policy
        .back
        .as_ref()
        .and_then(|back| back.hold.checked_sub(state.back.held));
    let settles = state.settles.map(|at| at.duration_since(now));
    let settles = settles.and_then(|left| Duration::try_from(left).ok());
    let soon = [hold, back, settles].into_iter().flatten();
    let soon = soon.filter(|left| !left.is_zero()).min().unwrap_or(LOOK);
    now.checked_add(soon.clamp(policy.every.min(LOOK), LOOK))
        .ok()
}
