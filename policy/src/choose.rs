//! The targets of an act: as few as will do, in their order.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    compiled::{Compiled, CompiledAct},
    evaluate::Values,
    state::{Episode, Stage},
    view::{Candidate, View},
};

/// A target that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen<'v> {
    pub candidate: &'v Candidate,
    /// The outlet that is changed, if it is one.
    pub outlet: Option<String>,
    pub parameters: BTreeMap<String, Value>,
    /// The direction of the number that is set, if it is known.
    pub up: Option<bool>,
}

/// Chooses the targets of an act, or returns the reason why there is none.
pub(crate) fn choose<'v>(
    compiled: &Compiled,
    act: &CompiledAct,
    candidates: &'v [Candidate],
    (view, values, episode): (&View, &Values, Option<&Episode>),
    now: Timestamp,
) -> Result<Vec<Chosen<'v>>, String> {
    let needed = match &act.enough {
        None => f64::INFINITY,
        Some(program) => match values.number(program) {
            Some(needed) => needed,
            None => return Err("it is not known how much is needed (enough)".into()),
        },
    };
    if needed <= 0.0 {
        return Err("nothing more is needed (enough)".into());
    }
    let mut sorted: Vec<&Candidate> = candidates.iter().filter(|one| one.is_free).collect();
    sorted.sort_by(|one, other| before(one, other));
    let max = usize::try_from(act.act.at_a_time).unwrap_or(usize::MAX);
    let (mut chosen, mut gained) = (Vec::new(), 0.0);
    for candidate in sorted {
        if chosen.len() >= max || gained >= needed {
            break;
        }
        let gives = match (&act.act.gives, candidate.gives) {
            (None, _) => 1.0,
            (Some(_), Some(gives)) if gives.is_finite() && gives > 0.0 => gives,
            // What gives nothing, as far as anybody knows, is left alone.
            (Some(_), _) => continue,
        };
        let asked = (act, candidate, values, episode);
        if let Some(one) = parameters(compiled, asked, view, now) {
            gained += gives;
            chosen.push(one);
        }
    }
    match chosen.is_empty() {
        true => Err("no target is left that could be changed".into()),
        false => Ok(chosen),
    }
}

/// By the value of their label, numbers as numbers; then what gives most; then by name.
fn before(one: &Candidate, other: &Candidate) -> Ordering {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let by_order = match (&one.order, &other.order) {
        (Some(one), Some(other)) => match (number(one), number(other)) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => one.cmp(other),
        },
        // What has no place in the order comes last.
        (one, other) => other.is_some().cmp(&one.is_some()),
    };
    let gives = |candidate: &Candidate| candidate.gives.unwrap_or(0.0);
    by_order
        .then_with(|| gives(other).total_cmp(&gives(one)))
        .then_with(|| one.target.cmp(&other.target))
        .then_with(|| one.outlet.cmp(&other.outlet))
}

/// Returns the parameters for a target; none if it has nothing to change there, or not now.
fn parameters<'v>(
    compiled: &Compiled,
    (act, candidate, values, episode): (&CompiledAct, &'v Candidate, &Values, Option<&Episode>),
    view: &View,
    now: Timestamp,
) -> Option<Chosen<'v>> {
    let changes = episode.map(|episode| episode.changes.as_slice());
    let outlet = outlet(act, candidate);
    let changed = changes.unwrap_or_default().iter().find(|change| {
        change.target == candidate.target
            && change.outlet == outlet
            && change.action == act.act.action
    });
    let is_settled = changed.is_none_or(|change| {
        let is_calculated = !act.calculated.is_empty();
        // What the first act has done is seen before a second one hides it.
        let is_judged = act.act.expects.is_none() || change.is_judged;
        let is_over = change.stage == Stage::Would || (change.stage == Stage::Done && is_judged);
        is_calculated && is_over
    });
    if !is_settled {
        return None;
    }
    let own = compiled.own(view, values, &candidate.target, now);
    let mut parameters = BTreeMap::new();
    for (name, value) in &act.act.parameters {
        parameters.insert(name.clone(), filled(value, candidate)?);
    }
    let mut up = None;
    for (name, program) in &act.calculated {
        let number = own.number(program)?;
        let before = changed.and_then(|change| change.set.parameters.get(name)?.as_f64());
        let before = before.or_else(|| compiled.present(&own));
        if let Some(before) = before {
            let by = number - before;
            if by.abs() < 1e-9 {
                return None;
            }
            up = Some(by > 0.0);
        }
        let value = serde_json::Number::from_f64(number)?;
        parameters.insert(name.clone(), Value::Number(value));
    }
    Some(Chosen {
        candidate,
        outlet,
        parameters,
        up,
    })
}

/// Returns the outlet that an act changes: that of the relation, or the one that it names.
fn outlet(act: &CompiledAct, candidate: &Candidate) -> Option<String> {
    let named = || match act.act.parameters.get("outlet")? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.starts_with(['$', '=']) => Some(text.clone()),
        _ => None,
    };
    candidate.outlet.clone().or_else(named)
}

/// Fills in a placeholder.
fn filled(value: &Value, candidate: &Candidate) -> Option<Value> {
    Some(match value.as_str() {
        Some("$outlet") => {
            let outlet = candidate.outlet.as_ref()?;
            // Outlets are numbers on most devices, and texts in relations.
            outlet
                .parse::<u64>()
                .map_or_else(|_| Value::from(outlet.as_str()), Value::from)
        }
        Some("$target") => Value::from(candidate.target.as_str()),
        _ => value.clone(),
    })
}
