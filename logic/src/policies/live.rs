//! The view of a policy, from the latest observations.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use utakata_model::{MetricName, Quality, ReadingValue, TargetName, policy::Input};
use utakata_policy::{Candidate, Cause, Compiled, Fate, InputView, Sample, SampleValue, View};

use super::scope::{Place, Scope, count};
use crate::observed::Observed;

/// The parts of a view that are not observed.
pub(super) struct Around<'a> {
    /// The targets that people have locked.
    pub locked: &'a HashSet<TargetName>,
    /// The fates of the changes that were asked for, by their keys.
    pub fates: BTreeMap<String, Fate>,
    /// The acts of other policies on what this one looks at.
    pub causes: Vec<Cause>,
}

/// Returns the view of an instance.
pub(super) fn view(
    compiled: &Compiled,
    scope: &Scope,
    observed: &Observed,
    around: Around<'_>,
    now: Timestamp,
) -> View {
    let inputs = compiled.inputs().zip(&scope.inputs);
    let inputs = inputs.map(|(of, targets)| input(of.input, targets, observed, now));
    let acts = compiled.acts().iter().zip(&scope.places);
    let candidates = acts.map(|(act, places)| {
        let gives = act.act.gives.as_ref();
        let places = places.iter();
        places
            .map(|place| candidate(place, gives, observed, around.locked))
            .collect()
    });
    View {
        inputs: inputs.collect(),
        candidates: candidates.collect(),
        fates: around.fates,
        causes: around.causes,
    }
}

fn input(input: &Input, places: &[Place], observed: &Observed, now: Timestamp) -> InputView {
    let mut samples = Vec::new();
    for place in places {
        let target = &place.entry.target.name;
        observed.look(place.entry.device, |seen| {
            if input.silence {
                let values = seen.actions.iter().flat_map(|action| action.values());
                let last = values.map(|value| value.heard).max();
                samples.extend(last.map(|heard| silence(target, heard, now)));
                return;
            }
            let Some(metric) = &input.metric else {
                return;
            };
            for value in seen.actions.iter().flat_map(|action| action.values()) {
                let reading = value.reading;
                let has = |(key, wanted): (&String, &String)| {
                    let found = reading.attributes.get(key.as_str());
                    found.is_some_and(|found| wanted == "*" || **found == **wanted)
                };
                let is_meant = reading.metric == *metric
                    && reading.quality == Quality::Good
                    && place.has(&reading.attributes)
                    && input.attributes.iter().all(has);
                if is_meant {
                    samples.push(Sample {
                        target: target.clone(),
                        value: sample(&reading.value),
                        heard: value.heard,
                    });
                }
            }
        });
    }
    InputView::new(count(places), samples)
}

/// Returns the time since something was heard of a target, as a value that is known now.
pub(super) fn silence(target: &TargetName, heard: Timestamp, now: Timestamp) -> Sample {
    let silent = now.duration_since(heard).as_secs_f64().max(0.0);
    Sample {
        target: target.clone(),
        value: SampleValue::Number(silent),
        heard: now,
    }
}

pub(super) fn sample(value: &ReadingValue) -> SampleValue {
    match value {
        ReadingValue::Number(number) => SampleValue::Number(*number),
        ReadingValue::Text(text) => SampleValue::Text(Arc::clone(text)),
    }
}

fn candidate(
    place: &Place,
    gives: Option<&MetricName>,
    observed: &Observed,
    locked: &HashSet<TargetName>,
) -> Candidate {
    let gives = gives.and_then(|metric| {
        observed.look(place.entry.device, |seen| {
            let values = seen.actions.iter().flat_map(|action| action.values());
            let its = values.filter(|value| {
                let outlet = value.reading.attributes.get("outlet");
                value.reading.metric == *metric
                    && value.reading.quality == Quality::Good
                    && outlet.map(|outlet| &**outlet) == place.outlet.as_deref()
            });
            given(its.map(|value| (value.heard, sample(&value.reading.value))))
        })
    });
    Candidate {
        target: place.entry.target.name.clone(),
        outlet: place.outlet.clone(),
        order: place.order.clone(),
        gives,
        is_free: !locked.contains(&place.entry.target.name),
    }
}

/// Returns the amount that was heard last; of several at once, the largest.
pub(super) fn given(values: impl Iterator<Item = (Timestamp, SampleValue)>) -> Option<f64> {
    let numbers = values.filter_map(|(heard, value)| match value {
        SampleValue::Number(number) => Some((heard, number)),
        SampleValue::Text(_) => None,
    });
    let last = numbers
        .max_by(|(heard, number), (other, than)| heard.cmp(other).then(number.total_cmp(than)));
    last.map(|(_, number)| number)
}
