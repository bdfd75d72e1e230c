//! A broker that is away at the start, is killed, and returns.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use utakata_interconnect::{Error, Tasks};
use utakata_interconnect_amqp::{Amqp, Config, Url};
use utakata_model::Class;
use utakata_tests::servers::{Port, Rabbitmq, Transport};

use super::{
    sample::{Hall, numbers, tags},
    until, within,
};

const QUEUE: &str = "utakata.hall-1.apc-pdu.control";

type Numbers = Arc<Mutex<BTreeSet<usize>>>;

/// Publishes one control task after the other, each until it is confirmed, and records it then.
async fn publish(amqp: Arc<Amqp>, confirmed: Numbers, stop: Arc<AtomicBool>) {
    let hall = Hall::new("hall-1");
    let mut pause = tokio::time::interval(Duration::from_millis(5));
    for number in 0.. {
        let task = hall.tasks(Class::Control, number..number + 1);
        while !matches!(amqp.publish(task.clone()).await, Ok(refused) if refused.is_empty()) {
            pause.tick().await;
        }
        confirmed.lock().unwrap().insert(number);
        if stop.load(Ordering::Relaxed) {
            return;
        }
        pause.tick().await;
    }
}

/// Fetches and acknowledges for ever, and consumes again after a loss.
async fn consume(amqp: Arc<Amqp>, came: Numbers) {
    let hall = Hall::new("hall-1");
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    loop {
        pause.tick().await;
        let Ok(mut consumer) = amqp.consume(&hall.zone, &hall.kind).await else {
            continue;
        };
        while let Ok(fetched) = consumer.fetch(10).await {
            came.lock().unwrap().extend(numbers(&fetched));
            if consumer.acknowledge(&tags(&fetched)).await.is_err() {
                break;
            }
        }
    }
}

fn count(numbers: &Numbers) -> usize {
    numbers.lock().unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_confirmed_is_lost_when_the_broker_is_killed() {
    let port = Port::claim(Transport::Tcp).unwrap();
    let url = format!("amqp://admin:secret@127.0.0.1:{}/%2F", port.number());
    let config = Config {
        url: Url::new(&url).unwrap(),
        ..Config::default()
    };
    let [sender, receiver] = [(); 2].map(|()| Arc::new(Amqp::connect(config.clone())));
    let away = sender
        .publish(Hall::new("hall-1").tasks(Class::Control, 0..1))
        .await;
    assert!(matches!(away, Err(Error::Away { .. })), "{away:?}");
    until("it is told", async || {
        sender
            .health()
            .problem()
            .is_some_and(|problem| problem.contains("refused"))
    })
    .await;

    let mut broker = Rabbitmq::start_on(&port).unwrap();
    within(sender.connected()).await.unwrap();
    let (confirmed, came) = (Numbers::default(), Numbers::default());
    let stop = Arc::new(AtomicBool::new(false));
    let consuming = tokio::spawn(consume(Arc::clone(&receiver), Arc::clone(&came)));
    let publishing = publish(
        Arc::clone(&sender),
        Arc::clone(&confirmed),
        Arc::clone(&stop),
    );
    let publishing = tokio::spawn(publishing);
    until("much is under way", async || count(&came) > 100).await;
    // A broker that dies earlier returns with an empty queue without a leader, whatever it has
    // confirmed: no client can do anything about that.
    until("the broker keeps the queue", async || broker.keeps(QUEUE)).await;

    broker.kill().unwrap();
    until("it is noticed", async || {
        sender.health().problem().is_some()
    })
    .await;
    broker.start_again().unwrap();
    let before = count(&confirmed);
    until("it goes on", async || count(&confirmed) > before + 100).await;

    stop.store(true, Ordering::Relaxed);
    within(publishing).await.unwrap();
    let confirmed = confirmed.lock().unwrap().clone();
    until("all that was confirmed came", async || {
        came.lock().unwrap().is_superset(&confirmed)
    })
    .await;
    consuming.abort();
}
