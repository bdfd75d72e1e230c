//! What the screen shows: the last value of everything, and the last outcomes.

use std::collections::{BTreeMap, VecDeque};

use utakata_api::{event::Event, reading::ReadingView};
use utakata_model::reading::Attributes;
use utakata_model::{MetricName, TargetName};

use super::line;
use crate::output::time;

const OUTCOMES_KEPT: usize = 5;

type Key = (TargetName, MetricName, Attributes);

/// A reading, and whether its value was ever another while it was watched.
#[derive(Debug)]
struct Shown {
    view: ReadingView,
    moved: bool,
}

/// What the screen shows.
#[derive(Debug, Default)]
pub struct View {
    metric: Option<String>,
    readings: BTreeMap<Key, Shown>,
    outcomes: VecDeque<String>,
    missed: u64,
    seen: u64,
    lost: Option<String>,
}

impl View {
    /// Shows nothing yet, and only metrics that begin with this.
    pub fn new(metric: Option<String>) -> Self {
        Self {
            metric,
            ..Self::default()
        }
    }

    /// Takes in what was last seen.
    pub fn fill(&mut self, readings: Vec<ReadingView>) {
        for reading in readings {
            self.put(reading);
        }
    }

    /// Takes in what happened.
    pub fn take_in(&mut self, event: Event) {
        match event {
            Event::Readings(batch) => {
                let metric = self.metric.clone();
                for view in line::views(batch, metric.as_deref()) {
                    self.seen += 1;
                    self.put(view);
                }
            }
            Event::Outcomes(outcomes) => {
                for outcome in outcomes
                    .iter()
                    .filter(|outcome| line::is_of_interest(outcome))
                {
                    let when = time::clock(outcome.timings.ended);
                    self.outcomes
                        .push_back(format!("{when} {}", line::told(outcome)));
                    while self.outcomes.len() > OUTCOMES_KEPT {
                        self.outcomes.pop_front();
                    }
                }
            }
            Event::Missed(count) => self.missed += count,
            Event::Environment(_) => {}
        }
    }

    /// The server is gone.
    pub fn lost(&mut self, url: &str) {
        self.lost = Some(url.into());
    }

    /// There is a server again.
    pub fn found(&mut self) {
        self.lost = None;
    }

    /// How many readings there are.
    pub fn count(&self) -> usize {
        self.readings.len()
    }

    /// At most so many readings, by target, metric and attributes. Where there are more, those
    /// that moved go first.
    pub fn readings(&self, most: usize) -> Vec<&ReadingView> {
        let moved = self.readings.values().filter(|shown| shown.moved).count();
        let mut still = most.saturating_sub(moved);
        let mut room = most;
        let mut chosen = Vec::new();
        for shown in self.readings.values() {
            let left = if shown.moved { &mut room } else { &mut still };
            if *left > 0 && chosen.len() < most {
                *left -= 1;
                chosen.push(&shown.view);
            }
        }
        chosen
    }

    /// The last outcomes of interest, the newest last.
    pub fn outcomes(&self) -> impl Iterator<Item = &str> {
        self.outcomes.iter().map(String::as_str)
    }

    /// One line about all of it.
    pub fn heading(&self) -> String {
        if let Some(url) = &self.lost {
            return format!("{url} is gone; waiting until it is back (Ctrl-C ends)");
        }
        let mut text = format!(
            "{} values, {} seen since the start",
            self.readings.len(),
            self.seen
        );
        if self.missed > 0 {
            text.push_str(&format!(", {} events missed", self.missed));
        }
        text.push_str(" (Ctrl-C ends)");
        text
    }

    /// The newer one stays, whatever comes first.
    fn put(&mut self, view: ReadingView) {
        let reading = &view.reading;
        let key = (
            view.target.clone(),
            reading.metric.clone(),
            reading.attributes.clone(),
        );
        match self.readings.get_mut(&key) {
            Some(shown) if shown.view.time > view.time => {}
            Some(shown) => {
                shown.moved |= shown.view.reading.value != view.reading.value;
                shown.view = view;
            }
            None => {
                let moved = false;
                self.readings.insert(key, Shown { view, moved });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use utakata_model::{Quality, Reading, ReadingValue};

    use super::*;

    fn reading(seconds: i64, value: f64) -> ReadingView {
        ReadingView {
            target: "pdu-1".parse().unwrap(),
            time: Timestamp::from_second(seconds).unwrap(),
            reading: Reading {
                metric: "hw.power".parse().unwrap(),
                attributes: Attributes::new(),
                value: ReadingValue::Number(value),
                unit: "W".into(),
                quality: Quality::Good,
            },
        }
    }

    #[test]
    fn what_moves_is_shown_where_there_is_no_room_for_all() {
        let mut view = View::new(None);
        let named = |name: &str, seconds, value| ReadingView {
            target: name.parse().unwrap(),
            ..reading(seconds, value)
        };
        view.fill(vec![
            named("a", 1, 0.0),
            named("b", 1, 0.0),
            named("c", 1, 0.0),
        ]);
        view.fill(vec![named("a", 2, 0.0), named("c", 2, 5.0)]);
        let names = |most| -> Vec<String> {
            let shown = view.readings(most);
            shown.iter().map(|view| view.target.to_string()).collect()
        };
        assert_eq!(names(1), ["c"]);
        assert_eq!(names(2), ["a", "c"]);
        assert_eq!(names(9), ["a", "b", "c"]);
    }

    #[test]
    fn an_older_reading_that_comes_later_changes_nothing() {
        let mut view = View::new(None);
        view.fill(vec![reading(2, 200.0), reading(1, 100.0)]);
        let shown = view.readings(10);
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].reading.value, ReadingValue::Number(200.0));
    }
}
