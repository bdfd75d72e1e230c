use utakata_interconnect::{
    Event, Events, Interest, Tasks, events::bus::Bus, tasks::embedded::Embedded,
};
use utakata_model::{Class, EnvironmentState};

use super::*;
use crate::sample::{self, Queue, mark};

fn samples() -> Queue {
    Queue::new("hall-1", "apc-pdu").unwrap()
}

/// Returns the tasks that arrive, by number, when 100 tasks of a class meet these faults.
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
async fn tasks_are_duplicated_and_mixed_up() {
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
        max_delay: Duration::from_secs(60),
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

/// Everything that is published in one life of a control task, and more.
fn protocol(samples: &Queue) -> Vec<Event> {
    vec![
        samples.start("wee-1", 1).unwrap(),
        samples.permits("wee-1", 2).unwrap(),
        samples.outcome(Class::Control, 3),
        samples.recorded("wee-1", 4).unwrap(),
        samples.status("wee-1", EnvironmentState::Gone).unwrap(),
    ]
}

fn everything() -> Interest {
    Interest {
        starts: true,
        answers: Some("wee-1".parse().unwrap()),
        ..Interest::ALL
    }
}

#[tokio::test]
async fn what_the_permit_repeats_may_be_lost_and_statuses_and_control_tasks_not() {
    let (samples, bus) = (samples(), Bus::default());
    let faults = Faults {
        lose: 1.0,
        may_lose: Lose::Protocol,
        ..Faults::NONE
    };
    let faulty = FaultyEvents::new(Arc::new(bus), faults.clone());
    let mut subscriber = faulty.subscribe(everything()).await.unwrap();
    faulty.publish(protocol(&samples)).await.unwrap();
    let came: Vec<_> = subscriber.next().await.unwrap().iter().map(mark).collect();
    assert_eq!(came, ["environment wee-1 Gone"]);
    assert_eq!(faulty.counts().lost, 4);
    let (numbers, _) = tasks_through(faults.clone(), Class::Control).await;
    assert_eq!(numbers.len(), 100);
    let half = Faults {
        lose: 0.5,
        ..faults
    };
    let (numbers, _) = tasks_through(half, Class::Observe).await;
    assert!(numbers.len() < 100);
}

#[tokio::test]
async fn what_the_permit_repeats_is_duplicated() {
    let (samples, bus) = (samples(), Bus::default());
    let faults = Faults {
        double: 1.0,
        ..Faults::NONE
    };
    let faulty = FaultyEvents::new(Arc::new(bus), faults);
    let mut subscriber = faulty.subscribe(everything()).await.unwrap();
    faulty.publish(protocol(&samples)).await.unwrap();
    let came: Vec<_> = subscriber.next().await.unwrap().iter().map(mark).collect();
    assert_eq!(came.len(), 10);
    assert_eq!(came[..2], ["start wee-1 1", "start wee-1 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_late_is_overtaken_and_comes_in_the_end() {
    let (samples, bus) = (samples(), Bus::default());
    let faults = Faults {
        late: 0.5,
        max_delay: Duration::from_secs(60),
        ..Faults::NONE
    };
    let faulty = FaultyEvents::new(Arc::new(bus), faults);
    let mut subscriber = faulty.subscribe(everything()).await.unwrap();
    let asks: Vec<String> = (0..100).map(|n| format!("start wee-1 {n}")).collect();
    for number in 0..100 {
        let both = vec![
            samples.start("wee-1", number).unwrap(),
            samples.status("wee-1", EnvironmentState::Running).unwrap(),
        ];
        faulty.publish(both).await.unwrap();
    }
    let mut came = Vec::new();
    while came.len() < 200 {
        // Cancelled repeatedly: nothing is lost by that.
        let waited = tokio::time::timeout(Duration::from_millis(10), subscriber.next()).await;
        came.extend(waited.iter().flatten().flatten().map(mark));
    }
    let late = usize::try_from(faulty.counts().late).unwrap();
    assert!((20..80).contains(&late), "{late}");
    let on_time = &came[..200 - late];
    assert_eq!(on_time.iter().filter(|m| m.starts_with("env")).count(), 100);
    came.retain(|mark| mark.starts_with("start"));
    assert_ne!(came, asks);
    came.sort();
    let mut expect = asks;
    expect.sort();
    assert_eq!(came, expect, "each came once");
}

#[tokio::test]
async fn what_is_late_comes_before_the_end() {
    let (samples, bus) = (samples(), Bus::default());
    let faults = Faults {
        late: 1.0,
        max_delay: Duration::from_secs(3600),
        ..Faults::NONE
    };
    let faulty = FaultyEvents::new(Arc::new(bus.clone()), faults);
    let mut subscriber = faulty.subscribe(everything()).await.unwrap();
    let start = samples.start("wee-1", 1).unwrap();
    faulty.publish(vec![start]).await.unwrap();
    bus.close();
    assert_eq!(subscriber.next().await.unwrap().len(), 1);
    assert_eq!(subscriber.next().await.unwrap_err(), Error::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_late_is_overtaken_and_comes_in_the_end() {
    let (queue, embedded) = (samples(), Embedded::default());
    let faults = Faults {
        late: 0.5,
        max_delay: Duration::from_secs(60),
        ..Faults::NONE
    };
    let faulty = FaultyTasks::new(Arc::new(embedded.clone()), faults);
    faulty
        .publish(queue.tasks(Class::Control, 0..100))
        .await
        .unwrap();
    let mut consumer = faulty.consume(&queue.zone, &queue.kind).await.unwrap();
    let mut numbers = Vec::new();
    while numbers.len() < 100 {
        let fetched = consumer.fetch(7).await.unwrap();
        assert!(fetched.len() <= 7);
        numbers.extend(fetched.iter().map(|d| sample::number(&d.task).unwrap()));
    }
    assert!(!numbers.is_sorted());
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    // Tasks held back go to others with everything else.
    drop(consumer);
    assert_eq!(embedded.counts().control_waiting, 100);
}
