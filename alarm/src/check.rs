//! The requirements on an alarm rule, checked before it is stored.

use std::time::Duration;

use utakata_expression::{Program, Schema, Type};
use utakata_model::quantity::Quantity;
use utakata_model::{AlarmRule, MetricName, duration};

use crate::{
    compiled::{Compiled, Watch},
    inputs, quantity,
    text::Template,
};

/// The longest hold and release.
const MAX_DELAY: Duration = Duration::from_secs(7 * 86_400);
/// The largest number of intervals of silence.
const MAX_INTERVALS: u32 = 10_000;

/// A mistake in a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field with the mistake: `raise`, `on.metric`.
    pub field: &'static str,
    /// The mistake, in words for whoever wrote it.
    pub message: String,
}

impl Wrong {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { field, message }
    }
}

impl Compiled {
    /// Checks a rule: its expressions for names, types and units, and that its parts fit.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn new(rule: AlarmRule) -> Result<Self, Vec<Wrong>> {
        let mut wrong = Vec::new();
        for (field, delay) in [("hold", rule.hold), ("release", rule.release)] {
            if delay > MAX_DELAY {
                let max = duration::format(MAX_DELAY);
                wrong.push(Wrong::new(field, format!("it is longer than {max}")));
            }
        }
        if let Err(error) = rule.selector.check_size() {
            wrong.push(Wrong::new("selector", error.to_string()));
        }
        let names: Vec<&str> = rule.on.attributes.keys().map(String::as_str).collect();
        let text = Template::parse(&rule.text, &names).unwrap_or_else(|message| {
            wrong.push(Wrong::new("text", message));
            Template::default()
        });
        let watch = watch(&rule, &mut wrong);
        match watch {
            Some(watch) if wrong.is_empty() => Ok(Self::of(rule, watch, text)),
            _ => Err(wrong),
        }
    }
}

fn watch(rule: &AlarmRule, wrong: &mut Vec<Wrong>) -> Option<Watch> {
    let on = &rule.on;
    match (&on.metric, on.silence, &on.absence) {
        (Some(metric), None, None) => on_metric(rule, metric, wrong),
        (None, Some(intervals), None) => {
            no_conditions(rule, "silence", wrong);
            if !on.attributes.is_empty() {
                wrong.push(Wrong::new("on.where", "silence is of a whole target"));
            }
            if !(1..=MAX_INTERVALS).contains(&intervals) {
                wrong.push(Wrong::new(
                    "on.silence",
                    "it is a number of intervals, from 1",
                ));
            }
            Some(Watch::Silence { intervals })
        }
        (None, None, Some(metric)) => {
            no_conditions(rule, "absence", wrong);
            Some(Watch::Absence {
                metric: metric.clone(),
            })
        }
        _ => {
            let message =
                "a rule is on one of metric, silence and absence: on: { metric: hw.temperature }";
            wrong.push(Wrong::new("on", message));
            None
        }
    }
}

fn no_conditions(rule: &AlarmRule, word: &str, wrong: &mut Vec<Wrong>) {
    for (field, condition) in [("raise", &rule.raise), ("clear", &rule.clear)] {
        if condition.is_some() {
            let message = format!("a rule on {word} has no condition of its own");
            wrong.push(Wrong::new(field, message));
        }
    }
}

fn on_metric(rule: &AlarmRule, metric: &MetricName, wrong: &mut Vec<Wrong>) -> Option<Watch> {
    let of = quantity::of(metric.as_str(), rule.on.unit.as_deref());
    if of == Type::Unknown && near_miss(metric.as_str()) {
        let message = format!(
            "there is no metric \"{metric}\": {}",
            Quantity::hint(metric.as_str())
        );
        wrong.push(Wrong::new("on.metric", message));
        return None;
    }
    let schema = inputs::schema(&of);
    let Some(raise) = &rule.raise else {
        wrong.push(Wrong::new(
            "raise",
            "the condition is missing: raise: value > 27.0",
        ));
        return None;
    };
    let raise = condition("raise", raise, &schema, wrong);
    let clear = rule.clear.as_ref();
    let clear = clear.map(|text| condition("clear", text, &schema, wrong));
    let (raise, clear) = (raise?, clear.map_or(Some(None), |clear| clear.map(Some))?);
    let calls = raise.calls().into_iter();
    let calls = calls.chain(clear.iter().flat_map(Program::calls));
    let window = calls.map(|call| call.window).max().unwrap_or_default();
    Some(Watch::Metric {
        metric: metric.clone(),
        raise,
        clear,
        window,
    })
}

/// Returns true for a name that is almost one of a known metric: a slip, and no metric of a
/// profile of somebody's own.
fn near_miss(metric: &str) -> bool {
    let is_of_conventions = metric.starts_with("hw.") || metric.starts_with("system.");
    is_of_conventions && Quantity::hint(metric).starts_with("did you mean")
}

fn condition(
    field: &'static str,
    text: &str,
    schema: &Schema,
    wrong: &mut Vec<Wrong>,
) -> Option<Program> {
    match Program::condition(text, schema) {
        Ok(program) => Some(program),
        Err(error) => {
            wrong.push(Wrong::new(field, error.to_string()));
            None
        }
    }
}
