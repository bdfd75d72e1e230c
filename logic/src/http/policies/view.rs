//! Policies as the API shows them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use utakata_api::policy::{
    LimitUse, PolicyChange, PolicyInput, PolicyInstance, PolicyTest, PolicyView, PolicyWould,
};
use utakata_model::{Policy, PolicyName, TargetName};
use utakata_policy::{Decided, Evaluation, InputSeen, Known, Stage, State, Word};

use crate::{
    http::{Api, Refused, envelopes},
    ledger::GateView,
    policies::{InstanceShown, PolicyShown, Rehearsed},
};

/// Returns all policies.
///
/// # Errors
/// The ledger is not kept here any more.
pub(super) async fn all(api: &Api) -> Result<Vec<PolicyView>, Refused> {
    let gate = envelopes::gate(api).await?;
    let declared = api.handle.inventory().policies();
    Ok(api.handle.policies().look(|shown| {
        let view = |policy: &Policy| of(policy, shown.policies.get(&policy.name), &gate);
        declared.iter().map(|policy| view(policy)).collect()
    }))
}

/// Returns one policy.
///
/// # Errors
/// There is none of this name, or the ledger is not kept here any more.
pub(super) async fn one(api: &Api, name: &PolicyName) -> Result<PolicyView, Refused> {
    let declared = api.handle.inventory().policy(name)?;
    let gate = envelopes::gate(api).await?;
    let policies = api.handle.policies();
    Ok(policies.look(|shown| of(&declared, shown.policies.get(name), &gate)))
}

fn of(policy: &Policy, shown: Option<&PolicyShown>, gate: &GateView) -> PolicyView {
    let instances = shown.map(|shown| shown.instances.iter().map(instance).collect());
    PolicyView {
        policy: policy.clone(),
        mode: shown.map_or(policy.mode, |shown| shown.mode),
        until: shown.and_then(|shown| shown.until),
        by: shown.and_then(|shown| shown.by.clone()),
        hands_back: shown.is_some_and(|shown| shown.is_ending),
        stopped: shown.and_then(|shown| shown.stopped.clone()),
        asked_by: shown.and_then(|shown| shown.asked_by.clone()),
        instances: instances.unwrap_or_default(),
        uses: uses(policy, gate),
    }
}

/// Returns the use of the limits of a policy's own envelope.
fn uses(policy: &Policy, gate: &GateView) -> Vec<LimitUse> {
    envelopes::uses(gate, &utakata_envelope::InForce::from(policy).name)
}

fn instance(shown: &InstanceShown) -> PolicyInstance {
    let target = shown.target.clone();
    match &shown.last {
        None => PolicyInstance {
            target,
            at: None,
            decision: "nothing".into(),
            why: "it has not decided yet".into(),
            needs: Vec::new(),
            inputs: Vec::new(),
            lets: BTreeMap::new(),
            conditions: BTreeMap::new(),
            changes: changes(&shown.state),
        },
        Some(last) => PolicyInstance {
            target,
            at: Some(last.at),
            decision: word(last.word).into(),
            why: last.why.clone(),
            needs: last.needs.clone(),
            inputs: last.evaluation.inputs.iter().map(input).collect(),
            lets: lets(&last.evaluation),
            conditions: conditions(&last.evaluation),
            changes: changes(&shown.state),
        },
    }
}

/// Returns a decision that was calculated for a question and has no effect.
pub(super) fn decided(
    (target, decided): (Option<TargetName>, Decided),
    at: Timestamp,
) -> PolicyInstance {
    PolicyInstance {
        target,
        at: Some(at),
        decision: word(decided.word).into(),
        inputs: decided.evaluation.inputs.iter().map(input).collect(),
        lets: lets(&decided.evaluation),
        conditions: conditions(&decided.evaluation),
        changes: changes(&decided.state),
        why: decided.why,
        needs: decided.needs,
    }
}

/// Returns the result of a test on the past.
pub(super) fn test(tested: Rehearsed) -> PolicyTest {
    let acts = tested.acts.into_iter().map(|one| PolicyWould {
        at: one.at,
        target: one.target,
        decision: word(one.word).into(),
        why: one.why,
    });
    PolicyTest {
        from: tested.from,
        to: tested.to,
        instances: tested.instances as u64,
        of: tested.of as u64,
        decisions: tested.decisions,
        blind: tested.blind,
        episodes: tested.episodes,
        act_count: tested.act_count,
        acts: acts.collect(),
        token: tested.token,
    }
}

fn word(word: Word) -> &'static str {
    match word {
        Word::Nothing => "nothing",
        Word::Hold => "hold",
        Word::Act => "act",
        Word::Back => "back",
        Word::Stop => "stop",
    }
}

fn value(known: &Known) -> Value {
    match known {
        Known::Missing(_) => Value::Null,
        Known::Truth(truth) => Value::from(*truth),
        Known::Number(number) => Value::from(*number),
        Known::Text(text) => Value::from(&**text),
    }
}

fn input(seen: &InputSeen) -> PolicyInput {
    PolicyInput {
        name: seen.name.clone(),
        value: value(&seen.value),
        missing: match &seen.value {
            Known::Missing(why) => Some(why.clone()),
            _ => None,
        },
        age: seen.age,
        present: seen.present as u64,
        of: seen.of as u64,
    }
}

fn lets(evaluation: &Evaluation) -> BTreeMap<String, Value> {
    let lets = evaluation.lets.iter();
    lets.map(|(name, known)| (name.clone(), value(known)))
        .collect()
}

fn conditions(evaluation: &Evaluation) -> BTreeMap<String, Option<bool>> {
    BTreeMap::from([
        ("when".to_owned(), evaluation.when),
        ("until".to_owned(), evaluation.until),
        ("unless".to_owned(), evaluation.unless),
        ("back".to_owned(), evaluation.back),
    ])
}

fn changes(state: &State) -> Vec<PolicyChange> {
    let changes = state.episode.iter().flat_map(|one| &one.changes);
    changes
        .map(|one| PolicyChange {
            action: one.action.clone(),
            target: one.target.clone(),
            outlet: one.outlet.clone(),
            parameters: one.asked().parameters.clone(),
            at: one.asked().at,
            stage: match one.stage {
                Stage::Would => "would",
                Stage::Asked => "asked",
                Stage::Done => "done",
                Stage::Renewing => "renewing",
                Stage::Returning => "returning",
                Stage::Person => "person",
            }
            .to_owned(),
            key: one.latest.clone(),
            lets_go: one.lets_go,
        })
        .collect()
}
