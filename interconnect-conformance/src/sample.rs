//! Sample tasks, readings, outcomes and statuses.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use utakata_interconnect::{Event, OutcomeBatch};
use utakata_model::{
    ActionName, Class, CredentialRef, CredentialVersion, Desired, EnvironmentId, EnvironmentState,
    EnvironmentStatus, Incarnation, Kind, Labels, Measurand, MetricName, NameError, Origin,
    Outcome, OutcomeStatus, Parameters, Quality, Reading, ReadingValue, Readings, ScheduleName,
    Stopped, Target, TargetName, Task, TaskCredential, TaskId, TaskKey, Timings, Zone,
    reading::Attributes,
};
use utakata_permit::message::{
    Answer, Ask, PermitBatch, Recorded, RecordedBatch, StartBatch, Verdict,
};

use crate::Deviation;

/// The queue that most promises use.
#[derive(Debug, Clone)]
pub struct Queue {
    pub zone: Zone,
    pub kind: Kind,
    target: Arc<Target>,
    credential: TaskCredential,
    action: ActionName,
    schedule: ScheduleName,
}

impl Queue {
    /// Creates samples for a zone and a kind.
    ///
    /// # Errors
    /// One of them is not a valid name.
    pub fn new(zone: &str, kind: &str) -> Result<Self, Deviation> {
        let (zone, kind) = (name(Zone::new(zone))?, name(Kind::new(kind))?);
        let mut target = Target::new(
            name(TargetName::new("pdu-a1"))?,
            kind.clone(),
            "192.0.2.7:161".into(),
        );
        target.zone = zone.clone();
        target.labels = Labels::from([("rack".into(), "A1".into())]);
        Ok(Self {
            zone,
            kind,
            target: Arc::new(target),
            credential: TaskCredential::of(Arc::new(CredentialRef {
                name: name(TargetName::new("racks"))?,
                version: CredentialVersion("Qm9zc2U2cGE".into()),
                proof: "bm90IHRoZSBwYXNzd29yZA".into(),
            })),
            action: name(ActionName::new("read"))?,
            schedule: name(ScheduleName::new("every-minute"))?,
        })
    }

    /// Returns a task that expires in a minute, with `number` in its parameters.
    pub fn task(&self, class: Class, number: usize) -> Task {
        self.expiring(class, number, SignedDuration::from_mins(1))
    }

    /// Returns a task that expires this long from now, or has expired if that is negative.
    pub fn expiring(&self, class: Class, number: usize, left: SignedDuration) -> Task {
        let now = Timestamp::now();
        Task {
            id: TaskId::generate(),
            attempt: 1,
            origin: Origin::Schedule(self.schedule.clone()),
            target: Arc::clone(&self.target),
            credential: Some(self.credential.clone()),
            action: self.action.clone(),
            class,
            parameters: Parameters::new(&json!({ "number": number })),
            timeout: Duration::from_secs(10),
            expires: now.checked_add(left).unwrap_or(now),
        }
    }

    /// Returns tasks with these numbers.
    pub fn tasks(&self, class: Class, numbers: std::ops::Range<usize>) -> Vec<Task> {
        numbers.map(|number| self.task(class, number)).collect()
    }

    /// Returns one reading with this number as its value.
    pub fn readings(&self, number: u32) -> Result<Event, Deviation> {
        let task = self.task(Class::Observe, 0);
        Ok(Event::Readings(Arc::new(Readings {
            target: task.target.name.clone(),
            action: task.action.clone(),
            seen_by: task.key(),
            time: Timestamp::now(),
            readings: vec![Reading {
                of: Measurand {
                    metric: name(MetricName::new("hw.power"))?,
                    attributes: Attributes::from([("hw.id".into(), "inlet".into())]),
                    unit: "W".into(),
                }
                .into(),
                value: ReadingValue::Number(f64::from(number)),
                quality: Quality::Good,
            }],
        })))
    }

    /// Returns one outcome with this number as its attempt.
    pub fn outcome(&self, class: Class, number: u32) -> Event {
        let task = self.task(class, 0);
        Event::Outcomes(Arc::new(OutcomeBatch {
            zone: self.zone.clone(),
            kind: self.kind.clone(),
            from: None,
            outcomes: vec![Outcome {
                task: task.id,
                attempt: number,
                origin: task.origin,
                target: task.target.name.clone(),
                action: task.action,
                class,
                status: OutcomeStatus::Succeeded,
                problem: None,
                result: None,
                missing: Vec::new(),
                recognition: None,
                ran_by: None,
                permit: None,
                is_over: false,
                timings: Timings {
                    ended: Timestamp::now(),
                    waited: Duration::from_millis(2),
                    ran: Duration::from_millis(14),
                },
            }],
        }))
    }

    /// Returns the status of an environment in the zone.
    pub fn status(&self, environment: &str, state: EnvironmentState) -> Result<Event, Deviation> {
        Ok(Event::Environment(Arc::new(EnvironmentStatus {
            id: name(EnvironmentId::new(environment))?,
            incarnation: Incarnation::generate(),
            zone: self.zone.clone(),
            over: Vec::new(),
            key: None,
            labels: Labels::new(),
            state,
            version: "0.1.0".into(),
            time: Timestamp::now(),
            clock_ahead_ms: None,
            pools: Vec::new(),
            refused: Vec::new(),
            connections: Vec::new(),
            breakers: Vec::new(),
            desired: None,
            needs_networks: false,
            stopped: Stopped::default(),
            rollouts: Vec::new(),
            workers: None,
            invariants_broken: 0,
            restarted: Vec::new(),
        })))
    }

    /// Returns empty desired state of a zone with this revision.
    pub fn desired(&self, zone: &str, revision: u64) -> Result<Event, Deviation> {
        Ok(Event::Desired(Arc::new(Desired {
            zone: name(Zone::new(zone))?,
            revision,
            environments: BTreeMap::new(),
            kinds: BTreeMap::new(),
            standing: utakata_model::desired::StandingOrders::default(),
            targets: None,
        })))
    }

    /// Returns an environment's request for one permit, with this number.
    pub fn start(&self, environment: &str, number: u64) -> Result<Event, Deviation> {
        Ok(Event::Start(Arc::new(StartBatch {
            environment: name(EnvironmentId::new(environment))?,
            incarnation: Incarnation::generate(),
            kind: self.kind.clone(),
            asks: vec![self.ask(number)],
        })))
    }

    /// Returns the answer to one ask of an environment, with this number.
    pub fn permits(&self, environment: &str, number: u64) -> Result<Event, Deviation> {
        Ok(Event::Permits(Arc::new(PermitBatch {
            environment: name(EnvironmentId::new(environment))?,
            incarnation: Incarnation::generate(),
            kind: self.kind.clone(),
            answers: vec![Answer {
                ask: self.ask(number),
                verdict: Verdict::Permitted(Duration::from_secs(5)),
            }],
        })))
    }

    /// Returns the record of an environment's outcome with this number as its attempt.
    pub fn recorded(&self, environment: &str, number: u32) -> Result<Event, Deviation> {
        let task = self.task(Class::Control, 0).id;
        Ok(Event::Recorded(Arc::new(RecordedBatch {
            environment: name(EnvironmentId::new(environment))?,
            incarnation: Incarnation::generate(),
            kind: self.kind.clone(),
            attempts: vec![Recorded {
                key: TaskKey {
                    task,
                    attempt: number,
                },
                ask: Some(number.into()),
            }],
        })))
    }

    fn ask(&self, number: u64) -> Ask {
        Ask {
            key: self.task(Class::Control, 0).key(),
            ask: number,
        }
    }
}

/// Returns the number in the parameters of a sample task.
pub fn number(task: &Task) -> Option<usize> {
    let number = task.parameters.to_json().get("number")?.as_u64()?;
    usize::try_from(number).ok()
}

/// Returns the text that distinguishes the events of a test: `reading 3`, `outcome 1`, `environment
/// a running`, `permit a 2`.
pub fn mark(event: &Event) -> String {
    match event {
        Event::Readings(seen) => match seen.readings.first() {
            Some(first) => format!("reading {}", first.value),
            None => "reading".into(),
        },
        Event::Outcomes(batch) => match batch.outcomes.first() {
            Some(first) => format!("outcome {}", first.attempt),
            None => "outcome".into(),
        },
        Event::Environment(status) => format!("environment {} {:?}", status.id, status.state),
        Event::Desired(desired) => format!("desired {} {}", desired.zone, desired.revision),
        Event::Deleted(target) => format!("deleted {target}"),
        Event::Forgotten(id) => format!("forgotten {id}"),
        Event::Alarms(news) => format!("alarms {} {}", news.target, news.number),
        Event::Start(batch) => match batch.asks.first() {
            Some(first) => format!("start {} {}", batch.environment, first.ask),
            None => format!("start {}", batch.environment),
        },
        Event::Permits(batch) => match batch.answers.first() {
            Some(first) => format!("permit {} {}", batch.environment, first.ask.ask),
            None => format!("permit {}", batch.environment),
        },
        Event::Recorded(batch) => match batch.attempts.first() {
            Some(first) => format!("recorded {} {}", batch.environment, first.key.attempt),
            None => format!("recorded {}", batch.environment),
        },
        Event::Fetch(batch) => format!("fetch {} {}", batch.environment, batch.wants.len()),
        Event::Content(got) => format!("content {}", got.environment),
        Event::Datagrams(batch) => format!("datagrams {}", batch.environment),
        Event::Replies(batch) => format!("replies {}", batch.environment),
        Event::Notification(one) => format!("notification {} {}", one.source, one.count),
    }
}

fn name<T: fmt::Debug>(name: Result<T, NameError>) -> Result<T, Deviation> {
    name.map_err(|error| Deviation(format!("a sample has no proper name: {error}")))
}
