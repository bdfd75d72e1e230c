//! The requirements on limits beyond their form.

use utakata_model::{duration, envelope::Limits, label};

use crate::quiet;

/// A mistake in limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field, from the limits: `ranges.celsius`.
    pub field: String,
    /// The mistake, with its cure, in words for whoever wrote it.
    pub message: String,
}

/// Returns the mistakes in limits.
pub fn check(limits: &Limits) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut add = |field: String, message: String| wrong.push(Wrong { field, message });
    for (name, range) in &limits.ranges {
        let field = format!("ranges.{name}");
        let numbers = [range.min, range.max, range.step];
        if numbers.iter().flatten().any(|number| !number.is_finite()) {
            add(field.clone(), "a bound is a finite number".into());
        }
        if let (Some(min), Some(max)) = (range.min, range.max)
            && min > max
        {
            let message = format!("min {min} is more than max {max}: exchange them");
            add(field.clone(), message);
        }
        if range.step.is_some_and(|step| step <= 0.0) {
            add(field.clone(), "a step is more than 0".into());
        }
        if numbers.iter().all(Option::is_none) {
            add(field, "it has none of min, max and step".into());
        }
    }
    for (at, quiet) in limits.quiet.iter().enumerate() {
        if let (Err(_), Some(zone)) = (quiet::zone(quiet), &quiet.zone) {
            let message = format!("there is no time zone \"{zone}\": write one as Europe/Berlin");
            add(format!("quiet.{at}.zone"), message);
        }
    }
    if let Some(only) = &limits.only
        && only.actions.is_empty()
    {
        add(
            "only.actions".into(),
            "name the actions that are allowed".into(),
        );
    }
    for (at, keep) in limits.keep.iter().enumerate() {
        let labels = [(keep.by.clone(), "x".to_owned())].into();
        if let Err(error) = label::validate(&labels) {
            add(format!("keep.{at}.by"), error.to_string());
        }
        if keep.at_least == 0 {
            add(
                format!("keep.{at}.at_least"),
                "0 keeps nothing: at least 1".into(),
            );
        }
    }
    let mut seen = Vec::new();
    for (at, limit) in limits.at_most.iter().enumerate() {
        if seen.contains(&(&limit.per, limit.rate.within)) {
            let within = duration::format(limit.rate.within);
            let message = format!("there are two limits{} in {within}", limit.per);
            add(format!("at_most.{at}"), message);
        }
        seen.push((&limit.per, limit.rate.within));
    }
    wrong
}
