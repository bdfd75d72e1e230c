//! Sample tasks.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use utakata_interconnect::{Consumer, Delivery, Tag};
use utakata_model::{Class, Kind, Origin, Parameters, Target, Task, TaskId, Zone};

use super::within;

/// A zone and kind with one target.
pub struct Hall {
    pub zone: Zone,
    pub kind: Kind,
    target: Arc<Target>,
}

impl Hall {
    pub fn new(zone: &str) -> Self {
        let kind: Kind = "apc-pdu".parse().unwrap();
        let address = "192.0.2.7:161".into();
        let mut target = Target::new("pdu-a1".parse().unwrap(), kind.clone(), address);
        target.zone = zone.parse().unwrap();
        Self {
            zone: target.zone.clone(),
            kind,
            target: Arc::new(target),
        }
    }

    pub fn tasks(&self, class: Class, numbers: std::ops::Range<usize>) -> Vec<Task> {
        let task = |number: usize| Task {
            id: TaskId::generate(),
            attempt: 1,
            origin: Origin::Schedule("every-minute".parse().unwrap()),
            target: Arc::clone(&self.target),
            credential: None,
            action: "read".parse().unwrap(),
            class,
            parameters: Parameters::new(&json!({ "number": number })),
            timeout: Duration::from_secs(10),
            expires: Timestamp::now() + SignedDuration::from_mins(5),
        };
        numbers.map(task).collect()
    }
}

pub fn numbers(fetched: &[Delivery]) -> Vec<usize> {
    fetched.iter().map(|d| number(&d.task)).collect()
}

pub fn number(task: &Task) -> usize {
    let number = &task.parameters.to_json()["number"];
    number.as_u64().unwrap().try_into().unwrap()
}

pub fn tags(fetched: &[Delivery]) -> Vec<Tag> {
    fetched.iter().map(|delivery| delivery.tag).collect()
}

/// Fetches that many tasks, and leaves them unacknowledged.
pub async fn fetch(consumer: &mut dyn Consumer, count: usize) -> Vec<Delivery> {
    let mut fetched = Vec::new();
    while fetched.len() < count {
        let more = within(consumer.fetch(count - fetched.len())).await.unwrap();
        fetched.extend(more);
    }
    fetched
}
