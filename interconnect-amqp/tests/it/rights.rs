//! The access rights shipped with utakata (`deploy/rabbitmq`): enough, and no more.

use utakata_interconnect::{Error, Tasks};
use utakata_interconnect_amqp::{Amqp, Config, Url};
use utakata_model::Class;
use utakata_tests::{repository, servers::Rabbitmq};

use super::{
    connect,
    sample::{Hall, fetch, numbers},
    within,
};

const DEFINITIONS: &str = "deploy/rabbitmq/definitions.json";
const PASSWORD: &str = "of-this-test";

async fn as_user(broker: &Rabbitmq, user: &str) -> Amqp {
    let changed = broker.ctl(&["change_password", user, PASSWORD]);
    changed.unwrap();
    let url = format!("amqp://{user}:{PASSWORD}@{}/utakata", broker.address());
    connect(&Config {
        url: Url::new(&url).unwrap(),
        ..Config::default()
    })
    .await
}

pub async fn zones_are_kept_apart(broker: &Rabbitmq) {
    let definitions = repository::root().join(DEFINITIONS);
    let imported = broker.ctl(&["import_definitions", definitions.to_str().unwrap()]);
    imported.unwrap();
    let le = as_user(broker, "utakata-le").await;
    let one = as_user(broker, "utakata-hall-1").await;
    let two = as_user(broker, "utakata-hall-2").await;
    let [hall_1, hall_2] = ["hall-1", "hall-2"].map(Hall::new);

    let mut of_one = within(one.consume(&hall_1.zone, &hall_1.kind))
        .await
        .unwrap();
    let of_two = within(two.consume(&hall_2.zone, &hall_2.kind)).await;
    drop(of_two.unwrap());
    for class in [Class::Control, Class::Observe] {
        let refused = within(le.publish(hall_1.tasks(class, 7..8))).await;
        assert_eq!(refused, Ok(Vec::new()));
        assert_eq!(numbers(&fetch(of_one.as_mut(), 1).await), [7]);
    }
    drop(of_one);

    let is_refused = |error: Error| {
        let reason = error.to_string();
        assert!(reason.contains("utakata-hall-1 has no right"), "{reason}");
    };
    let consumed = within(one.consume(&hall_2.zone, &hall_2.kind)).await;
    is_refused(consumed.map(drop).unwrap_err());
    let published = within(one.publish(hall_2.tasks(Class::Control, 0..1))).await;
    is_refused(published.unwrap_err());
    let read = within(one.dead_letters().next()).await;
    is_refused(read.map(drop).unwrap_err());
}
