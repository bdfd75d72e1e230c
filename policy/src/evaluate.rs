//! The inputs and expressions of a policy at one moment.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_expression::{Call, Inputs, Program, Value, VariableSlot};
use utakata_model::{
    TargetName, duration,
    policy::{Aggregate, Input},
};

use crate::{
    compiled::Compiled,
    view::{InputView, Sample, SampleValue, View},
};

/// A value of an input or an expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Known {
    /// It is not known, for this reason.
    Missing(String),
    /// True or false.
    Truth(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(Arc<str>),
}

/// One input, with what was seen of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputSeen {
    /// The name by which expressions refer to it.
    pub name: String,
    /// The value that expressions see.
    pub value: Known,
    /// The age of the oldest value that counts.
    pub age: Option<Duration>,
    /// The number of targets with a value that counts.
    pub present: usize,
    /// The number of targets that should have one.
    pub of: usize,
}

/// The inputs and expressions at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The inputs, in the order of the policy.
    pub inputs: Vec<InputSeen>,
    /// The expressions by name.
    pub lets: Vec<(String, Known)>,
    /// The condition on which it acts; absent if it is not known.
    pub when: Option<bool>,
    /// The condition on which it stops acting.
    pub until: Option<bool>,
    /// The condition on which it does not act.
    pub unless: Option<bool>,
    /// The condition on which it hands back.
    pub back: Option<bool>,
}

/// The values of a schema's names, by slot.
pub(crate) struct Values(Vec<Known>);

impl Inputs for Values {
    fn variable(&self, slot: VariableSlot) -> Value<'_> {
        match self.0.get(slot.0) {
            Some(Known::Truth(truth)) => Value::Truth(*truth),
            Some(Known::Number(number)) => Value::number(*number),
            Some(Known::Text(text)) => Value::Text(text),
            Some(Known::Missing(_)) | None => Value::Missing,
        }
    }

    fn call(&self, _: &Call) -> Value<'_> {
        Value::Missing
    }
}

impl Values {
    /// Returns the value of a program.
    pub(crate) fn of(&self, program: &Program) -> Known {
        match program.evaluate(self) {
            Value::Missing => Known::Missing("it depends on a value that is not known".into()),
            Value::Truth(truth) => Known::Truth(truth),
            Value::Number(number) => Known::Number(number),
            Value::Text(text) => Known::Text(text.into()),
        }
    }

    /// Returns the number that a program gives.
    pub(crate) fn number(&self, program: &Program) -> Option<f64> {
        match self.of(program) {
            Known::Number(number) if number.is_finite() => Some(number),
            _ => None,
        }
    }
}

impl Known {
    /// Returns the number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

impl Compiled {
    /// Evaluates everything at a moment.
    pub(crate) fn evaluate(&self, view: &View, now: Timestamp) -> (Evaluation, Values) {
        let nothing = InputView::default();
        let inputs: Vec<InputSeen> = self
            .inputs
            .iter()
            .enumerate()
            .map(|(at, (name, input))| {
                let seen = view.inputs.get(at).unwrap_or(&nothing);
                self::input(name, input, seen, now)
            })
            .collect();
        let mut values = Values(inputs.iter().map(|seen| seen.value.clone()).collect());
        let mut lets = Vec::with_capacity(self.lets.len());
        for (name, program) in &self.lets {
            let value = values.of(program);
            values.0.push(value.clone());
            lets.push((name.clone(), value));
        }
        let holds = |program: &Option<Program>| program.as_ref()?.holds(&values);
        let evaluation = Evaluation {
            when: self.when.holds(&values),
            until: holds(&self.until),
            unless: holds(&self.unless),
            back: holds(&self.back),
            inputs,
            lets,
        };
        (evaluation, values)
    }

    /// Returns the values as they are for one target, which has inputs of its own.
    pub(crate) fn own(
        &self,
        view: &View,
        values: &Values,
        target: &TargetName,
        now: Timestamp,
    ) -> Values {
        let mut own = Values(values.0.clone());
        let slots = self.inputs.iter().enumerate();
        for (slot, (_, input)) in slots.filter(|(_, (_, one))| one.aggregate == Aggregate::Each) {
            let samples = view.inputs.get(slot).map(|seen| seen.samples.as_slice());
            let its = samples.unwrap_or_default().iter();
            let its = its.filter(|sample| sample.target == *target);
            let its = its.filter(|sample| age(sample, now) <= input.fresh);
            if let Some(sample) = its.max_by_key(|sample| sample.heard) {
                own.0[slot] = known(&sample.value);
            }
        }
        for (at, (_, program)) in self.lets.iter().enumerate() {
            let value = own.of(program);
            own.0[self.inputs.len() + at] = value;
        }
        own
    }

    /// Returns a target's own value of the first input that has one for each.
    pub(crate) fn present(&self, own: &Values) -> Option<f64> {
        let mut slots = self.inputs.iter().enumerate();
        let (slot, _) = slots.find(|(_, (_, one))| one.aggregate == Aggregate::Each)?;
        own.0.get(slot)?.number()
    }
}

fn age(sample: &Sample, now: Timestamp) -> Duration {
    // What was heard after now was heard now: somebody has set a clock.
    Duration::try_from(now.duration_since(sample.heard)).unwrap_or(Duration::ZERO)
}

fn known(value: &SampleValue) -> Known {
    match value {
        SampleValue::Number(number) if number.is_finite() => Known::Number(*number),
        SampleValue::Number(_) => Known::Missing("it is no number".into()),
        SampleValue::Text(text) => Known::Text(Arc::clone(text)),
    }
}

fn input(name: &str, input: &Input, seen: &InputView, now: Timestamp) -> InputSeen {
    let is_number = |sample: &&Sample| match sample.value {
        SampleValue::Number(number) => number.is_finite(),
        SampleValue::Text(_) => true,
    };
    let samples = seen.samples.iter();
    let fresh: Vec<&Sample> = samples
        .filter(|sample| age(sample, now) <= input.fresh)
        .filter(is_number)
        .collect();
    let mut targets: Vec<&TargetName> = fresh.iter().map(|sample| &sample.target).collect();
    targets.sort_unstable();
    targets.dedup();
    let (present, of) = (targets.len(), seen.targets);
    InputSeen {
        name: name.to_owned(),
        value: match enough(present, of, input) {
            Ok(()) => aggregate(&input.aggregate, &fresh),
            Err(why) => Known::Missing(why),
        },
        age: fresh.iter().map(|sample| age(sample, now)).max(),
        present,
        of,
    }
}

#[allow(clippy::cast_precision_loss, reason = "nobody has so many targets")]
fn enough(present: usize, of: usize, input: &Input) -> Result<(), String> {
    if of == 0 {
        return Err("no target is selected".into());
    }
    let share = present as f64 / of as f64;
    if present == 0 || share + 1e-9 < input.at_least.as_ratio() {
        return Err(format!(
            "{present} of {of} targets have a value that is younger than {}, and {} must",
            duration::format(input.fresh),
            input.at_least
        ));
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "nobody has so many values")]
fn aggregate(of: &Aggregate, fresh: &[&Sample]) -> Known {
    let numbers = || {
        fresh.iter().filter_map(|sample| match sample.value {
            SampleValue::Number(number) => Some(number),
            SampleValue::Text(_) => None,
        })
    };
    let of_number = |number: Option<f64>| match number.filter(|number| number.is_finite()) {
        Some(number) => Known::Number(number),
        None => Known::Missing("there is no number".into()),
    };
    match of {
        Aggregate::One => match fresh {
            [one] => known(&one.value),
            several => Known::Missing(format!(
                "{} values, where one is meant: narrow them with where, or say how they become \
                 one (aggregate)",
                several.len()
            )),
        },
        Aggregate::Each => Known::Missing("each target has its own".into()),
        Aggregate::Sum => of_number(sum(numbers().collect())),
        Aggregate::Max => of_number(numbers().reduce(f64::max)),
        Aggregate::Min => of_number(numbers().reduce(f64::min)),
        Aggregate::Mean => {
            let count = numbers().count() as f64;
            of_number(sum(numbers().collect()).map(|sum| sum / count))
        }
        Aggregate::Percentile(percent) => of_number(percentile(numbers().collect(), *percent)),
        Aggregate::Count(None) => Known::Number(fresh.len() as f64),
        Aggregate::Count(Some(state)) => {
            let is_it = |sample: &&&Sample| match &sample.value {
                SampleValue::Text(text) => **text == **state,
                SampleValue::Number(_) => false,
            };
            Known::Number(fresh.iter().filter(is_it).count() as f64)
        }
    }
}

/// Returns the sum. Numbers are added in their own order, so that it does not depend on that in which
/// they were seen: history has another one.
fn sum(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.into_iter().reduce(|sum, number| sum + number)
}

/// Returns the value that so many percent of all do not exceed, by the nearest rank.
fn percentile(mut numbers: Vec<f64>, percent: u8) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let rank = (numbers.len() * usize::from(percent)).div_ceil(100);
    numbers.get(rank.checked_sub(1)?).copied()
}
