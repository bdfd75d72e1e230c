//! The metric of a column, chosen by a value beside it: one form becomes one for each metric.

use utakata_profile::{
    form::{self, Keyed, OneOrMany},
    states,
};
use utakata_worker_sdk::model::{MetricName, quantity::Quantity, suggest};

use crate::profile::file::{By, Choice, Metric, MetricKeys, Nothing, Operand};

/// Expands a form into metrics, each with the condition that selects it. Values that select the
/// same metric without keys of their own share one.
pub fn expand(form: &Metric) -> Result<Vec<Metric>, String> {
    let Some(by) = &form.own.by else {
        return Ok(vec![form.clone()]);
    };
    let shared = &form.shared;
    if shared.metric.is_some() || !shared.unit.is_empty() {
        return Err("\"by\" says which metric it is: it has no metric and unit besides".into());
    }
    check(by)?;
    let mut metrics: Vec<(Option<&str>, Metric)> = Vec::new();
    for (raw, choice) in &by.choices {
        let raw = states::literal(raw);
        if let Choice::Name(name) = choice {
            let same = metrics
                .iter_mut()
                .find(|(known, _)| *known == Some(name.as_str()));
            if let Some(condition) = same.and_then(|(_, metric)| metric.own.when.0.first_mut()) {
                condition.shared.is.0.push(raw);
                continue;
            }
        }
        let is = form::Condition {
            is: OneOrMany(vec![raw]),
            ..form::Condition::default()
        };
        let condition = Keyed {
            own: by.of.clone(),
            shared: is,
        };
        let mut own = MetricKeys {
            by: None,
            ..form.own.clone()
        };
        own.when.0.insert(0, condition);
        let name = match choice {
            Choice::Name(name) => Some(name.as_str()),
            Choice::Keys(_) => None,
        };
        let shared = chosen(shared, choice)?;
        metrics.push((name, Metric { own, shared }));
    }
    Ok(metrics.into_iter().map(|(_, metric)| metric).collect())
}

fn check(by: &By) -> Result<(), String> {
    let Operand {
        oid,
        column,
        index,
        join,
        ..
    } = &by.of;
    if oid.is_none() && column.is_none() && index.is_none() && join.is_none() {
        let known = ["column", "index", "join", "oid"];
        let meant = by
            .choices
            .keys()
            .find_map(|key| suggest::nearest(key, known));
        let meant = meant.map_or(String::new(), |key| format!(": did you mean \"{key}\"?"));
        return Err(format!(
            "\"by\" needs one of \"column\", \"index\", \"join\", \"oid\"{meant}"
        ));
    }
    match by.choices.is_empty() {
        true => Err("\"by\" needs a metric for each raw value: 8 = \"temperature\"".into()),
        false => Ok(()),
    }
}

/// The keys of a selected metric: its own take precedence over the common ones.
fn chosen(all: &form::Value, choice: &Choice) -> Result<form::Value, String> {
    let mut value = all.clone();
    let known = match choice {
        Choice::Name(name) => Some(find(name)?),
        Choice::Keys(keys) => {
            let Keyed {
                own: Nothing {},
                shared,
            } = keys.as_ref();
            let name = shared.metric.as_ref();
            let name = name.ok_or("a metric chosen by \"by\" needs its name: { metric = ... }")?;
            override_with(&mut value, shared);
            match Quantity::find(name.as_str()) {
                Some(known) => Some(known),
                None if !value.unit.is_empty() || value.text || !value.states.is_empty() => {
                    value.metric = Some(name.clone());
                    None
                }
                None => return Err(unknown(name.as_str())),
            }
        }
    };
    if let Some(known) = known {
        value.metric = MetricName::new(known.metric).ok();
        let is_number = !value.text && value.states.is_empty();
        if is_number && value.unit.is_empty() {
            value.unit = known.unit.into();
        }
    }
    Ok(value)
}

fn find(name: &str) -> Result<&'static Quantity, String> {
    Quantity::find(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> String {
    format!(
        "no metric is known as \"{name}\": {} A new one has its unit: {{ metric = \"{name}\", \
         unit = \"...\" }}",
        Quantity::hint(name)
    )
}

fn override_with(value: &mut form::Value, own: &form::Value) {
    let form::Value {
        metric: _,
        unit,
        factor,
        offset,
        states,
        other,
        text,
        invalid,
        valid,
        min,
        max,
        number,
        convert,
        attributes,
    } = own.clone();
    value.unit = unit;
    value.factor = factor.or(value.factor);
    if offset != 0.0 {
        value.offset = offset;
    }
    if !states.is_empty() {
        value.states = states;
    }
    value.other = other.or(value.other.take());
    value.text |= text;
    value.invalid.0.extend(invalid.0);
    value.valid = valid.or(value.valid);
    value.min = min.or(value.min);
    value.max = max.or(value.max);
    value.number = number.or(value.number.take());
    value.convert = convert.or(value.convert.take());
    value.attributes.extend(attributes);
}
