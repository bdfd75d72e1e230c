use std::sync::Arc;

use utakata_interconnect::{
    Events as _, Tasks,
    events::bus::{self, Bus},
    tasks::embedded::{self, Embedded},
};

use super::*;
use crate::faulty::{Faults, FaultyEvents, FaultyTasks, Lose};

const LIMIT: usize = 50;

fn embedded() -> Embedded {
    Embedded::new(embedded::Config {
        observe_limit: LIMIT,
        ..embedded::Config::default()
    })
}

async fn tasks_under(faults: Option<Faults>) -> Vec<Violation> {
    let make = async || {
        let queues: Arc<dyn Tasks> = match faults.clone() {
            None => Arc::new(embedded()),
            Some(faults) => Arc::new(FaultyTasks::new(Arc::new(embedded()), faults)),
        };
        Ok(tasks::Setup {
            observe_limit: Some(LIMIT),
            ..tasks::Setup::new(queues)
        })
    };
    check_all(&tasks::PROMISES, make).await
}

async fn events_under(faults: Option<Faults>) -> Vec<Violation> {
    let make = async || {
        let bus = Bus::new(bus::Config { limit: LIMIT });
        Ok(events::Setup {
            events: match faults.clone() {
                None => Arc::new(bus),
                Some(faults) => Arc::new(FaultyEvents::new(Arc::new(bus), faults)),
            },
            limit: Some(LIMIT),
            slack: events::Slack::default(),
        })
    };
    check_all(&events::PROMISES, make).await
}

fn broken(violations: &[Violation], promise: &str) -> bool {
    violations.iter().any(|v| v.promise.contains(promise))
}

#[tokio::test]
async fn the_embedded_queues_keep_every_promise() {
    assert_eq!(tasks_under(None).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_embedded_queues_keep_every_promise_on_several_threads() {
    assert_eq!(tasks_under(None).await, []);
}

#[tokio::test]
async fn the_bus_keeps_every_promise() {
    assert_eq!(events_under(None).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_bus_keeps_every_promise_on_several_threads() {
    assert_eq!(events_under(None).await, []);
}

#[tokio::test]
async fn the_wrapper_keeps_every_promise_while_its_faults_are_off() {
    assert_eq!(tasks_under(Some(Faults::NONE)).await, []);
    assert_eq!(events_under(Some(Faults::NONE)).await, []);
}

#[tokio::test(start_paused = true)]
async fn losing_what_must_not_be_lost_is_noticed() {
    let losing = Faults {
        lose: 0.3,
        may_lose: Lose::Anything,
        ..Faults::NONE
    };
    let violations = tasks_under(Some(losing.clone())).await;
    assert!(broken(&violations, "each task once"), "{violations:?}");
    assert!(broken(&violations, "goes to one") || broken(&violations, "each task goes"));
    let violations = events_under(Some(losing)).await;
    assert!(broken(&violations, "never dropped"), "{violations:?}");
}

#[tokio::test(start_paused = true)]
async fn doubling_is_noticed() {
    let doubling = Faults {
        double: 0.3,
        ..Faults::NONE
    };
    let violations = tasks_under(Some(doubling.clone())).await;
    assert!(broken(&violations, "each task once"), "{violations:?}");
    let violations = events_under(Some(doubling)).await;
    assert!(
        broken(&violations, "once and in its order"),
        "{violations:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn mixing_up_the_order_is_noticed() {
    let mixing = Faults {
        reorder: 1.0,
        ..Faults::NONE
    };
    let violations = tasks_under(Some(mixing.clone())).await;
    assert!(
        broken(&violations, "control comes before observe"),
        "{violations:?}"
    );
    let violations = events_under(Some(mixing)).await;
    assert!(
        broken(&violations, "once and in its order"),
        "{violations:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn losing_what_the_permit_repeats_is_noticed() {
    let losing = Faults {
        lose: 0.3,
        may_lose: Lose::Protocol,
        ..Faults::NONE
    };
    let violations = events_under(Some(losing)).await;
    assert!(
        broken(&violations, "asks, permits and records are never dropped"),
        "{violations:?}"
    );
}

#[tokio::test]
async fn failing_calls_are_noticed() {
    let failing = Faults {
        fail: 1.0,
        ..Faults::NONE
    };
    assert_eq!(
        tasks_under(Some(failing.clone())).await.len(),
        // These queues keep tasks that nobody has consumed yet.
        tasks::PROMISES.len() - 1
    );
    assert_eq!(
        events_under(Some(failing)).await.len(),
        events::PROMISES.len()
    );
}

#[tokio::test]
async fn an_inter_connect_that_is_closed_breaks_its_promises() {
    let (closed, bus) = (embedded(), Bus::default());
    closed.close();
    bus.close();
    assert!(
        closed.publish(Vec::new()).await.is_ok(),
        "nothing was asked of it"
    );
    assert!(bus.publish(Vec::new()).await.is_err());
    let make = async || Ok(tasks::Setup::new(Arc::new(closed.clone())));
    let violations = check_all(&tasks::PROMISES, make).await;
    assert!(
        violations.iter().any(|v| v.seen.contains("closed")),
        "{violations:?}"
    );
}
