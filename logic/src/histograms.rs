//! Durations that show how the system fares, counted as they pass.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use utakata_model::{Class, EnvironmentId, Kind, Origin, Outcome};
use utakata_permit::message::{Answer, StartBatch};

/// The bounds of durations: from a millisecond to two minutes.
const BOUNDS: [f64; 14] = [
    0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0,
];
/// The number of requests for permits whose beginning is remembered.
const MAX_ASKED: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: String,
    class: &'static str,
}

type ByKind = Family<OfKind, Histogram, fn() -> Histogram>;

/// The histograms of a logic environment, which count what this process has seen.
pub struct Histograms {
    /// The time that tasks waited in their environment.
    queue_age: ByKind,
    /// The time that tasks ran.
    latency: ByKind,
    /// The time between the moment at which a scheduled read was due and its begin.
    lateness: Histogram,
    /// The time that a write of the latest readings takes.
    flush: Histogram,
    /// The time from the arrival of a request for a permit to its answer.
    permit: Histogram,
    asked: Mutex<HashMap<(EnvironmentId, u64), Instant>>,
}

fn histogram() -> Histogram {
    Histogram::new(BOUNDS)
}

impl Default for Histograms {
    fn default() -> Self {
        Self {
            queue_age: Family::new_with_constructor(histogram),
            latency: Family::new_with_constructor(histogram),
            lateness: histogram(),
            flush: histogram(),
            permit: histogram(),
            asked: Mutex::default(),
        }
    }
}

impl Histograms {
    /// Counts the end of a task.
    pub fn ended(&self, kind: &Kind, outcome: &Outcome) {
        let labels = OfKind {
            kind: kind.to_string(),
            class: match outcome.class {
                Class::Observe => "observe",
                Class::Control => "control",
            },
        };
        let timings = &outcome.timings;
        let waited = timings.waited.as_secs_f64();
        self.queue_age.get_or_create(&labels).observe(waited);
        let ran = timings.ran.as_secs_f64();
        self.latency.get_or_create(&labels).observe(ran);
    }

    /// Counts the end of a read that was dispatched here, if it was due by a schedule and began.
    pub fn read(&self, made: Timestamp, outcome: &Outcome) {
        if !matches!(outcome.origin, Origin::Schedule(_)) || outcome.ran_by.is_none() {
            return;
        }
        let took = outcome.timings.ended.duration_since(made);
        // The clock of an environment may be behind ours.
        let took = Duration::try_from(took).unwrap_or_default();
        let late = took.saturating_sub(outcome.timings.ran);
        self.lateness.observe(late.as_secs_f64());
    }

    /// Returns the function that counts a write of history.
    pub fn flushes(&self) -> impl Fn(Duration) + Send + Sync + 'static {
        let flush = self.flush.clone();
        move |took| flush.observe(took.as_secs_f64())
    }

    /// Takes note of requests for permits. A repeated one counts from the first.
    pub fn asked(&self, batch: &StartBatch) {
        let mut asked = self.asked.lock();
        let now = Instant::now();
        for ask in &batch.asks {
            if asked.len() < MAX_ASKED {
                let key = (batch.environment.clone(), ask.ask);
                asked.entry(key).or_insert(now);
            }
        }
    }

    /// Counts the answers to requests for permits.
    pub fn answered(&self, environment: &EnvironmentId, answers: &[Answer]) {
        let mut asked = self.asked.lock();
        for answer in answers {
            if let Some(since) = asked.remove(&(environment.clone(), answer.ask.ask)) {
                self.permit.observe(since.elapsed().as_secs_f64());
            }
        }
        // What is never answered, because the ledger was let go, is forgotten with the rest.
        if asked.len() >= MAX_ASKED {
            asked.clear();
        }
    }

    /// Adds the histograms to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let mut add = |name: &str, help: &str, histogram: &Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        let help = "Time between the moment at which a scheduled read was due and its begin";
        add("poll_lateness", help, &self.lateness);
        let help = "Time that a write of history takes, until it is synced";
        add("readings_flush", help, &self.flush);
        let help = "Time from a request for a permit to its recorded answer";
        add("permit_round_trip", help, &self.permit);
        let help = "Time that tasks waited in their environment, by kind";
        registry.register_with_unit("queue_age", help, Unit::Seconds, self.queue_age.clone());
        let help = "Time that tasks took, by kind";
        registry.register_with_unit("task_latency", help, Unit::Seconds, self.latency.clone());
    }
}
