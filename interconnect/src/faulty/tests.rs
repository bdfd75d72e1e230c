use utakata_model::{Class, EnvironmentState};

use super::*;
use crate::{
    Event, Events, Interest, Tasks,
    conformance::sample::{self, Queue, mark},
    events::bus::Bus,
    tasks::embedded::Embedded,
};

fn samples() -> Queue {
    Queue::new("hall-1", "apc-pdu").unwrap()
}

/// What comes out when these faults befall 100 tasks of a class, by number.
async fn tasks_through(faults: Faults, class: Class) -> (Vec<usize>, Counts) {
    let (queue, embedded) = (samples(), Embedded::default());
    let faulty = FaultyTasks::new(Arc::new(embedded.clone()), faults);
    faulty.publish(queue.tasks(class, 0..100)).await.unwrap();
    let mut consumer = embedded.consume(&queue.zone, &queue.kind).await.unwrap();
    let fetched = consumer.fetch(1_000).await.unwrap();
    let numbers = fetched.iter().map(|d| sample::number(&d.task).unwrap());
    (numbers.collect(), faulty.counts())
}

#[tokio::test]
async fn without_faults_everything_passes_as_it_came() {
    let (numbers, counts) = tasks_through(Faults::NONE, Class::Observe).await;
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    assert_eq!(counts, Counts::default());
}

#[tokio::test]
async fn observe_tasks_are_lost_and_control_tasks_only_against_the_promise() {
    let lose = |may_lose| Faults {
        lose: 0.5,
        may_lose,
        ..Faults::NONE
    };
    let (numbers, counts) = tasks_through(lose(Lose::Expendable), Class::Observe).await;
    assert_eq!(numbers.len() as u64, 100 - counts.lost);
    assert!((20..80).contains(&numbers.len()), "{}", numbers.len());
    let (numbers, _) = tasks_through(lose(Lose::Expendable), Class::Control).await;
    assert_eq!(numbers.len(), 100);
    let (numbers, _) = tasks_through(lose(Lose::Anything), Class::Control).await;
    assert!(numbers.len() < 100);
}

#[tokio::test]
async fn tasks_are_doubled_and_mixed_up() {
    let faults = Faults {
        double: 0.5,
        reorder: 1.0,
        ..Faults::NONE
    };
    let (mut numbers, counts) = tasks_through(faults, Class::Control).await;
    assert!(!numbers.is_sorted());
    assert_eq!(numbers.len() as u64, 100 + counts.doubled);
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 100);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let day = |seed| Faults {
        fail: 0.0,
        ..Faults::bad_day(seed)
    };
    let first = tasks_through(day(7), Class::Observe).await;
    assert_eq!(first, tasks_through(day(7), Class::Observe).await);
    assert_ne!(first, tasks_through(day(8), Class::Observe).await);
}

#[tokio::test]
async fn a_call_that_fails_may_have_taken_effect() {
    let (queue, embedded) = (samples(), Embedded::default());
    let faults = Faults {
        fail: 1.0,
        ..Faults::NONE
    };
    let faulty = FaultyTasks::new(Arc::new(embedded.clone()), faults);
    for number in 0..100 {
        let task = queue.task(Class::Control, number);
        assert_eq!(faulty.publish(vec![task]).await, Err(away()));
    }
    let arrived = embedded.counts().control_waiting;
    assert!((20..80).contains(&arrived), "{arrived}");
    assert!(faulty.consume(&queue.zone, &queue.kind).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_delay_passes_before_anything_is_taken() {
    let (queue, embedded) = (samples(), Embedded::default());
    let faults = Faults {
        delay: 1.0,
        delay_most: Duration::from_secs(60),
        ..Faults::NONE
    };
    let faulty = FaultyTasks::new(Arc::new(embedded.clone()), faults);
    embedded
        .publish(queue.tasks(Class::Observe, 0..1))
        .await
        .unwrap();
    let mut consumer = faulty.consume(&queue.zone, &queue.kind).await.unwrap();
    let cancelled = tokio::time::timeout(Duration::from_millis(1), consumer.fetch(1)).await;
    assert!(cancelled.is_err());
    assert_eq!(consumer.fetch(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn readings_are_lost_and_statuses_are_not() {
    let (samples, bus) = (samples(), Bus::default());
    let faults = Faults {
        lose: 1.0,
        ..Faults::NONE
    };
    let faulty = FaultyEvents::new(Arc::new(bus), faults);
    let mut subscriber = faulty.subscribe(Interest::ALL).await.unwrap();
    let events: Vec<Event> = vec![
        samples.readings(1).unwrap(),
        samples.outcome(Class::Observe, 2),
        samples.outcome(Class::Control, 3),
        samples.status("wee-1", EnvironmentState::Gone).unwrap(),
    ];
    faulty.publish(events).await.unwrap();
    let came: Vec<_> = subscriber.next().await.unwrap().iter().map(mark).collect();
    assert_eq!(came, ["outcome 3", "environment wee-1 Gone"]);
    assert_eq!(faulty.counts().lost, 2);
}
