//! The cost of the inter connect of one machine: `cargo bench -p utakata-interconnect-mqtt`.
//!
//! Each line is the median of several runs, in nanoseconds of wall clock per task or event, from
//! the call of `publish` until a consumer has it.
#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first error")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use utakata_interconnect::{
    Event, Events, Interest, Message as _, OutcomeBatch, Tasks, events::bus::Bus,
    tasks::embedded::Embedded,
};
use utakata_interconnect_mqtt::{Broker, broker};
use utakata_model::{
    Class, Measurand, Origin, Outcome, OutcomeStatus, Parameters, Quality, Reading, ReadingValue,
    Readings, Target, Task, TaskId, TaskKey, Timings,
};

const RUNS: usize = 15;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        println!("{:>10}  what, for each task or event", "ns");
        tasks_in_order().await;
        tasks_across_threads().await;
        codecs();
        for values in [1, 50] {
            bus(values, "no broker", &Bus::default()).await;
            let (bus_with, broker) = with_broker().await;
            bus(values, "broker, nobody listens", &bus_with).await;
            let mut listener = mosquitto_sub(&bus_with, broker.address()).await;
            bus(values, "broker, mosquitto_sub listens", &bus_with).await;
            listener.kill().unwrap();
            listener.wait().unwrap();
            broker.stop().await;
        }
    });
}

async fn tasks_in_order() {
    for class in [Class::Observe, Class::Control] {
        let queues = Embedded::default();
        let target = target();
        let mut consumer = queues.consume(&target.zone, &target.kind).await.unwrap();
        let mut runs = Vec::new();
        for _ in 0..RUNS * 20 {
            let batch = tasks(&target, class, 1_000);
            let begun = Instant::now();
            queues.publish(batch).await.unwrap();
            let fetched = consumer.fetch(1_000).await.unwrap();
            let tags: Vec<_> = fetched.iter().map(|delivery| delivery.tag).collect();
            consumer.acknowledge(&tags).await.unwrap();
            runs.push(per(begun.elapsed(), fetched.len()));
        }
        let name = class.as_str();
        line(
            runs,
            &format!("{name} task: publish(1000), fetch(1000), acknowledge"),
        );
    }
}

async fn tasks_across_threads() {
    const TASKS: usize = 100_000;
    for size in [1, 32] {
        let (queues, target) = (Embedded::default(), target());
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            let mut consumer = queues.consume(&target.zone, &target.kind).await.unwrap();
            let mut batches: Vec<Vec<Task>> = Vec::new();
            batches.resize_with(TASKS / size, || tasks(&target, Class::Observe, size));
            let publisher = queues.clone();
            let begun = Instant::now();
            tokio::spawn(async move {
                for batch in batches {
                    publisher.publish(batch).await.unwrap();
                }
            });
            let mut fetched = 0;
            while fetched < TASKS / size * size {
                fetched += consumer.fetch(1_000).await.unwrap().len();
            }
            runs.push(per(begun.elapsed(), fetched));
        }
        line(
            runs,
            &format!("observe task: one publishes {size} at a time, one fetches up to 1000"),
        );
    }
}

fn codecs() {
    let target = target();
    let (batch, readings) = (tasks(&target, Class::Control, 100), readings(50));
    let time = |work: &dyn Fn() -> usize, count| {
        (0..RUNS * 10)
            .map(|_| {
                let begun = Instant::now();
                std::hint::black_box(work());
                per(begun.elapsed(), count)
            })
            .collect()
    };
    let encoded = batch.encode().unwrap();
    line(
        time(&|| batch.encode().unwrap().len(), 100),
        "task written as JSON, 100 in a message",
    );
    line(
        time(&|| Vec::<Task>::decode(&encoded).unwrap().len(), 100),
        "task read from JSON, 100 in a message",
    );
    line(
        time(&|| readings.encode().unwrap().len(), 1),
        "readings of 50 values written as JSON",
    );
}

/// From publishing until one subscriber of this process has everything.
async fn bus(values: usize, with: &str, bus: &Bus) {
    const BATCH: usize = 100;
    let mut subscriber = bus.subscribe(Interest::ALL).await.unwrap();
    let (mut publishing, mut runs) = (Vec::new(), Vec::new());
    let events: Vec<Event> = (0..BATCH / 2)
        .flat_map(|_| [Event::Readings(Arc::new(readings(values))), outcome()])
        .collect();
    for _ in 0..RUNS * 20 {
        let begun = Instant::now();
        bus.publish(events.clone()).await.unwrap();
        publishing.push(per(begun.elapsed(), BATCH));
        let mut came = 0;
        while came < BATCH {
            came += subscriber.next().await.unwrap().len();
        }
        runs.push(per(begun.elapsed(), BATCH));
    }
    line(
        publishing,
        &format!("event ({values} values, {with}): publish(100) alone"),
    );
    line(
        runs,
        &format!("event ({values} values, {with}): publish(100), next()"),
    );
}

async fn with_broker() -> (Bus, Broker) {
    let bus = Bus::default();
    let config = broker::Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..broker::Config::default()
    };
    let broker = Broker::start(config, Arc::new(bus.clone())).await.unwrap();
    (bus, broker)
}

/// A listener that has received the retained reading, and so is subscribed. Everything afterwards
/// is read and thrown away.
async fn mosquitto_sub(bus: &Bus, broker: SocketAddr) -> Child {
    bus.publish(vec![Event::Readings(Arc::new(readings(1)))])
        .await
        .unwrap();
    let mut listener = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &broker.port().to_string()])
        .args(["-t", "utakata/v1/#"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(listener.stdout.take().unwrap());
    tokio::task::spawn_blocking(move || {
        output.read_line(&mut String::new()).unwrap();
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    })
    .await
    .unwrap();
    listener
}

fn target() -> Arc<Target> {
    let address = "10.0.3.7:161".into();
    Arc::new(Target::new(
        "pdu-a1".parse().unwrap(),
        "apc-pdu".parse().unwrap(),
        address,
    ))
}

/// Tasks with parameters of their own of 300 bytes, as from a store.
fn tasks(target: &Arc<Target>, class: Class, count: usize) -> Vec<Task> {
    let task = Task {
        id: TaskId::generate(),
        attempt: 1,
        origin: Origin::Schedule("every-minute".parse().unwrap()),
        target: Arc::clone(target),
        credential: None,
        action: "read".parse().unwrap(),
        class,
        parameters: Parameters::default(),
        timeout: Duration::from_secs(10),
        expires: Timestamp::now() + SignedDuration::from_mins(1),
    };
    let with_parameters = |_| Task {
        id: TaskId::generate(),
        parameters: Parameters::new(&json!({ "text": "x".repeat(290) })),
        ..task.clone()
    };
    (0..count).map(with_parameters).collect()
}

fn readings(values: usize) -> Readings {
    let reading = |n: usize| Reading {
        of: Measurand {
            metric: "hw.power".parse().unwrap(),
            attributes: [("hw.id".into(), format!("outlet-{n}").into())].into(),
            unit: "W".into(),
        }
        .into(),
        value: ReadingValue::Number(n as f64 + 0.5),
        quality: Quality::Good,
    };
    Readings {
        target: "pdu-a1".parse().unwrap(),
        action: "read".parse().unwrap(),
        seen_by: TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        },
        time: Timestamp::now(),
        readings: (0..values).map(reading).collect(),
    }
}

fn outcome() -> Event {
    let outcome = Outcome {
        task: TaskId::generate(),
        attempt: 1,
        origin: Origin::Schedule("every-minute".parse().unwrap()),
        target: "pdu-a1".parse().unwrap(),
        action: "read".parse().unwrap(),
        class: Class::Observe,
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
    };
    Event::Outcomes(Arc::new(OutcomeBatch {
        zone: "default".parse().unwrap(),
        kind: "apc-pdu".parse().unwrap(),
        from: None,
        outcomes: vec![outcome],
    }))
}

fn per(elapsed: Duration, count: usize) -> f64 {
    elapsed.as_secs_f64() * 1e9 / count as f64
}

fn line(mut runs: Vec<f64>, what: &str) {
    runs.sort_by(f64::total_cmp);
    println!("{:>10.0}  {what}", runs[runs.len() / 2]);
}
