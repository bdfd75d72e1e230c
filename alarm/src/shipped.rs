//! The rules that come with utakata. A document of the same name takes the place of one, and
//! `off: true` in it switches it off.

use std::{collections::BTreeMap, time::Duration};

use utakata_model::{
    AlarmRule, RelationKind, Selector, Severity,
    alarm::{Flap, Watched, WhenSilent},
};

/// A rule that comes with utakata, as a row.
struct Row {
    name: &'static str,
    watches: Watches,
    severity: Severity,
    /// The hold and release, in seconds.
    delays: (u64, u64),
    text: &'static str,
    what_to_do: &'static str,
    explains: &'static [RelationKind],
}

enum Watches {
    /// A metric, an attribute and its value, and the conditions to raise and to clear.
    Metric(
        &'static str,
        Option<(&'static str, &'static str)>,
        &'static str,
        Option<&'static str>,
    ),
    /// A number of intervals without an answer.
    Silence(u32),
}

const POWER: &[RelationKind] = &[RelationKind::Feeds];
const EVERYTHING_BEHIND: &[RelationKind] = &[RelationKind::Reaches, RelationKind::Feeds];

const ROWS: [Row; 18] = [
    Row {
        name: "silent",
        watches: Watches::Silence(3),
        severity: Severity::Minor,
        delays: (0, 0),
        text: "{target} does not answer",
        what_to_do: "utakata why {target}; utakata target show {target}",
        explains: EVERYTHING_BEHIND,
    },
    Row {
        name: "ups-on-battery",
        watches: Watches::Metric("utakata.ups.source", None, "value == 'battery'", None),
        severity: Severity::Major,
        delays: (5, 30),
        text: "{target} runs on its battery",
        what_to_do: "find out how long mains will be away, and how long the battery lasts: utakata read {target}",
        explains: &[],
    },
    Row {
        name: "ups-on-bypass",
        watches: Watches::Metric("utakata.ups.source", None, "value == 'bypass'", None),
        severity: Severity::Major,
        delays: (30, 30),
        text: "{target} passes mains on without protection",
        what_to_do: "what hangs on it has no battery: find out why it is on bypass",
        explains: &[],
    },
    Row {
        name: "ups-output-off",
        watches: Watches::Metric("utakata.ups.source", None, "value == 'none'", None),
        severity: Severity::Critical,
        delays: (0, 10),
        text: "{target} supplies nothing",
        what_to_do: "see what it feeds: utakata why {target}",
        explains: POWER,
    },
    Row {
        name: "battery-runs-out",
        watches: Watches::Metric(
            "hw.battery.time_left",
            None,
            "value < 300.0",
            Some("value > 420.0"),
        ),
        severity: Severity::Critical,
        delays: (0, 60),
        text: "the battery of {target} lasts {value:duration}",
        what_to_do: "shut down what hangs on it, or bring mains back",
        explains: &[],
    },
    Row {
        name: "battery-low",
        watches: Watches::Metric(
            "hw.status",
            Some(("hw.type", "battery")),
            "value in ['degraded', 'failed']",
            Some("value == 'ok'"),
        ),
        severity: Severity::Critical,
        delays: (0, 60),
        text: "the battery of {target} is low or depleted",
        what_to_do: "shut down what hangs on it, or bring mains back",
        explains: &[],
    },
    Row {
        name: "battery-test-failed",
        watches: Watches::Metric("utakata.ups.test", None, "value == 'failed'", None),
        severity: Severity::Major,
        delays: (0, 0),
        text: "the battery of {target} failed its test",
        what_to_do: "replace the battery",
        explains: &[],
    },
    Row {
        name: "ups-load",
        watches: Watches::Metric(
            "hw.load",
            Some(("circuit", "output")),
            "value > 0.90",
            Some("value < 0.80"),
        ),
        severity: Severity::Major,
        delays: (30, 120),
        text: "{target} carries {value:percent} of what it may",
        what_to_do: "shed or move load before the other feed fails",
        explains: &[],
    },
    Row {
        name: "load-near-limit",
        watches: Watches::Metric(
            "hw.status",
            Some(("hw.type", "load")),
            "value == 'degraded'",
            None,
        ),
        severity: Severity::Major,
        delays: (30, 120),
        text: "{target} is near the limit of what it may carry",
        what_to_do: "shed or move load before the other feed fails",
        explains: &[],
    },
    Row {
        name: "overload",
        watches: Watches::Metric(
            "hw.status",
            Some(("hw.type", "load")),
            "value == 'failed'",
            None,
        ),
        severity: Severity::Critical,
        delays: (5, 60),
        text: "{target} is overloaded: its breaker may open",
        what_to_do: "shed load now",
        explains: &[],
    },
    Row {
        name: "breaker-open",
        watches: Watches::Metric(
            "hw.status",
            Some(("hw.type", "breaker")),
            "value == 'failed'",
            None,
        ),
        severity: Severity::Critical,
        delays: (0, 10),
        text: "a breaker of {target} is open",
        what_to_do: "see what it feeds (utakata why {target}); find the short circuit or the overload before closing it",
        explains: POWER,
    },
    Row {
        name: "supply-failed",
        watches: Watches::Metric(
            "hw.status",
            None,
            "attribute('hw.type').startsWith('power_suppl') && value == 'failed'",
            Some("value == 'ok' || value == 'off'"),
        ),
        severity: Severity::Major,
        delays: (10, 60),
        text: "a power supply of {target} failed",
        what_to_do: "it runs on the other one: check the cord and the feed, then replace it",
        explains: &[],
    },
    Row {
        name: "fan-failed",
        watches: Watches::Metric(
            "hw.status",
            Some(("hw.type", "fan")),
            "value == 'failed'",
            None,
        ),
        severity: Severity::Major,
        delays: (10, 60),
        text: "a fan of {target} failed",
        what_to_do: "replace it; until then watch the temperatures: utakata read {target}",
        explains: &[],
    },
    Row {
        name: "inlet-warm",
        watches: Watches::Metric(
            "hw.temperature",
            Some(("hw.sensor_location", "external")),
            "value > 27.0",
            Some("value < 26.0"),
        ),
        severity: Severity::Minor,
        delays: (60, 120),
        text: "the air at {target} has {value}: more than is recommended",
        what_to_do: "look at the cooling of this rack and its neighbours",
        explains: &[],
    },
    Row {
        name: "inlet-hot",
        watches: Watches::Metric(
            "hw.temperature",
            Some(("hw.sensor_location", "external")),
            "value > 32.0 || (slope('10m') > 0.0 && value > 27.0 && value + slope('10m') * 900.0 > 32.0)",
            Some("value < 30.0 && slope('10m') < 0.002"),
        ),
        severity: Severity::Critical,
        delays: (30, 120),
        text: "the air at {target} has {value}, and passes 32 °C now or within 15 minutes",
        what_to_do: "bring cooling back or shed load before machines shut down by themselves",
        explains: &[],
    },
    Row {
        name: "disk-nearly-full",
        watches: Watches::Metric(
            "utakata.self.disk.free",
            None,
            "value < 0.10",
            Some("value > 0.12"),
        ),
        severity: Severity::Critical,
        delays: (10, 30),
        text: "the disk of utakata's data has {value:percent} free",
        what_to_do: "make room: utakata doctor",
        explains: &[],
    },
    Row {
        name: "queue-age",
        watches: Watches::Metric(
            "utakata.self.queue.age",
            None,
            "value > 60.0",
            Some("value < 20.0"),
        ),
        severity: Severity::Major,
        delays: (30, 60),
        text: "tasks wait for {value:duration} before anybody takes them",
        what_to_do: "utakata status; utakata environment list",
        explains: &[],
    },
    Row {
        name: "lag",
        watches: Watches::Metric(
            "utakata.self.lag",
            None,
            "value > 10.0",
            Some("value < 5.0"),
        ),
        severity: Severity::Major,
        delays: (10, 60),
        text: "alarms are decided {value:duration} after their values were heard",
        what_to_do: "utakata status: this machine, or its store, is too slow for the site",
        explains: &[],
    },
];

/// Returns the rules that come with utakata.
pub fn shipped() -> Vec<AlarmRule> {
    ROWS.iter().map(rule).collect()
}

#[expect(
    clippy::expect_used,
    reason = "the names are constants, and a test reads them all"
)]
fn rule(row: &Row) -> AlarmRule {
    let (on, raise, clear) = watched(&row.watches);
    let is_silence = on.silence.is_some();
    AlarmRule {
        name: row.name.parse().expect("a name of an alarm rule"),
        on,
        selector: Selector::default(),
        raise,
        clear,
        hold: Duration::from_secs(row.delays.0),
        release: Duration::from_secs(row.delays.1),
        severity: row.severity,
        text: row.text.to_owned(),
        what_to_do: row.what_to_do.to_owned(),
        silent: WhenSilent::Keep,
        because: match is_silence {
            true => EVERYTHING_BEHIND.to_vec(),
            false => Vec::new(),
        },
        explains: row.explains.to_vec(),
        flap: Flap::default(),
        off: false,
    }
}

#[expect(clippy::expect_used, reason = "as above")]
fn watched(watches: &Watches) -> (Watched, Option<String>, Option<String>) {
    match watches {
        Watches::Silence(intervals) => {
            let on = Watched {
                silence: Some(*intervals),
                ..Watched::default()
            };
            (on, None, None)
        }
        Watches::Metric(metric, attribute, raise, clear) => {
            let attributes = attribute.iter();
            let attributes: BTreeMap<String, String> = attributes
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect();
            let on = Watched {
                metric: Some(metric.parse().expect("a name of a metric")),
                attributes,
                ..Watched::default()
            };
            (on, Some((*raise).to_owned()), clear.map(str::to_owned))
        }
    }
}
