//! Events, one line each.

use anyhow::Result;
use serde::Serialize;
use utakata_api::{event::Event, reading::ReadingView};
use utakata_model::{Class, Outcome, OutcomeStatus};

use super::filter::Filter;
use crate::output::{Format, Output, plain, time, words};

/// The event of one line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Line {
    /// A reading arrived.
    Reading(ReadingView),
    /// An attempt ended.
    Outcome(Box<Outcome>),
    /// Events were dropped, because they were not read fast enough.
    Missed { count: u64 },
}

/// Returns the lines of an event.
pub fn lines(event: Event, filter: &Filter) -> Vec<Line> {
    match event {
        Event::Readings(batch) => views(batch, filter).map(Line::Reading).collect(),
        Event::Outcomes(outcomes) => outcomes
            .into_iter()
            .filter(is_of_interest)
            .map(|outcome| Line::Outcome(Box::new(outcome)))
            .collect(),
        Event::Missed(count) => vec![Line::Missed { count }],
        Event::Environment(_) | Event::Notification(_) | Event::Alarms(_) => Vec::new(),
    }
}

/// Returns the matching readings of a batch.
pub fn views(
    batch: utakata_model::Readings,
    filter: &Filter,
) -> impl Iterator<Item = ReadingView> + use<'_> {
    let target = batch.target;
    let time = batch.time;
    batch
        .readings
        .into_iter()
        .filter(|reading| filter.wants(reading))
        .map(move |reading| ReadingView {
            target: target.clone(),
            time,
            heard: None,
            reading,
        })
}

/// Returns true for every outcome of control, and for failed observation.
pub fn is_of_interest(outcome: &Outcome) -> bool {
    outcome.class == Class::Control || outcome.status != OutcomeStatus::Succeeded
}

/// Describes an outcome in words.
pub fn description(outcome: &Outcome) -> String {
    let state = utakata_model::TaskState::from(outcome.status).as_str();
    let problem = words::problem(outcome.problem.as_ref()).text;
    format!("{} {} {state} {problem}", outcome.target, outcome.action)
        .trim_end()
        .to_owned()
}

impl Line {
    /// Prints the line, for people or as JSON.
    pub fn print(&self, output: &Output) -> Result<()> {
        if output.format == Format::Json {
            return output.json_line(self);
        }
        output.text(&match self {
            Self::Reading(view) => {
                let value = words::reading(&view.reading);
                let attributes = words::attributes(&view.reading.attributes);
                let ReadingView { target, time, .. } = view;
                let metric = &view.reading.metric;
                let time = time::stamp(*time);
                let line = format!("{time} {target} {metric} {value} {attributes}");
                plain::line(&line).trim_end().to_owned()
            }
            Self::Outcome(outcome) => {
                let ended = time::stamp(outcome.timings.ended);
                format!("{ended} {}", description(outcome))
            }
            Self::Missed { count } => format!("({count} events were missed: too slow a reader)"),
        })
    }
}
