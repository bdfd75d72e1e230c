//! Hosts whose clocks differ.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use utakata_interconnect::{Tasks, clock::Clock};
use utakata_interconnect_amqp::Amqp;
use utakata_model::{Class, Task};
use utakata_tests::servers::Rabbitmq;

use super::{
    sample::{Hall, fetch, tags},
    site, within,
};

/// A host whose clock is ahead by that many seconds.
fn host(ahead: i64) -> Clock {
    Clock::new(move || Timestamp::now() + SignedDuration::from_secs(ahead))
}

fn task(hall: &Hall, class: Class, from: &Clock, left: i64) -> Task {
    let mut tasks = hall.tasks(class, 0..1);
    let mut task = tasks.remove(0);
    task.expires = from.now() + SignedDuration::from_secs(left);
    task
}

/// Whatever the clocks show, a task arrives with the time left to it, less the time that it lay in
/// the queue; and one that expired there does not arrive.
pub async fn what_is_left_of_a_deadline_arrives(broker: &Rabbitmq) {
    for ahead in [7200, -7200, 15, -15] {
        let (_, config) = site(broker);
        let (le, wee) = (host(0), host(ahead));
        let logic = Amqp::connect_with(config.clone(), le.clone(), None);
        let execution = Amqp::connect_with(config, wee.clone(), None);
        within(logic.connected()).await.unwrap();
        within(execution.connected()).await.unwrap();
        let hall = Hall::new("hall-1");
        let mut consumer = execution.consume(&hall.zone, &hall.kind).await.unwrap();
        let left = |task: &Task| wee.left(task.expires).as_secs_f64();
        for class in [Class::Observe, Class::Control] {
            let sent = vec![task(&hall, class, &le, 30)];
            assert_eq!(within(logic.publish(sent)).await, Ok(Vec::new()));
            let came = fetch(&mut *consumer, 1).await;
            let left = left(&came[0].task);
            assert!((25.0..=30.0).contains(&left), "{ahead} {class:?} {left}");
            consumer.acknowledge(&tags(&came)).await.unwrap();
        }
        drop(consumer);
        // One lies in the queue until its time is over, one for two seconds of its thirty.
        let sent = vec![
            task(&hall, Class::Observe, &le, 1),
            task(&hall, Class::Observe, &le, 30),
        ];
        assert_eq!(within(logic.publish(sent)).await, Ok(Vec::new()));
        let lay = tokio::time::Instant::now() + Duration::from_secs(2);
        tokio::time::sleep_until(lay).await;
        let mut consumer = execution.consume(&hall.zone, &hall.kind).await.unwrap();
        let came = fetch(&mut *consumer, 1).await;
        let left = left(&came[0].task);
        assert!((20.0..=28.1).contains(&left), "{ahead} {left}");
    }
}
