//! The broker, with real clients of both versions.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use utakata_interconnect::{Event, Events, Message as _, OutcomeBatch, events::bus::Bus, topic};
use utakata_interconnect_mqtt::{
    Broker,
    broker::{Config, Door, Doorkeeper, Error, Follows},
};
use utakata_model::{
    Class, Desired, EnvironmentState, EnvironmentStatus, Labels, Measurand, Origin, Outcome,
    OutcomeStatus, Quality, Reading, ReadingValue, Readings, TaskId, TaskKey, Timings,
};
use utakata_tests::wait::soon;

use crate::mosquitto::{self, Subscriber};

const VERSIONS: [&str; 2] = ["mqttv311", "mqttv5"];

async fn start(bus: &Bus) -> Broker {
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::default()
    };
    Broker::start(config, Arc::new(bus.clone())).await.unwrap()
}

/// Admits one password, until it is revoked.
struct OnePassword(AtomicBool);

#[async_trait]
impl Doorkeeper for OnePassword {
    async fn admits(&self, password: &str, _: IpAddr) -> Option<Follows> {
        self.keeps(password)
    }

    fn keeps(&self, password: &str) -> Option<Follows> {
        let follows = match password {
            "right" => Follows::Everything,
            "of readings" => Follows::Readings,
            _ => return None,
        };
        self.0.load(Ordering::Relaxed).then_some(follows)
    }
}

#[tokio::test]
async fn behind_a_door_only_the_right_password_follows_and_only_as_long_as_it_is_right() {
    let bus = Bus::default();
    let keeper = Arc::new(OnePassword(AtomicBool::new(true)));
    let door = Door {
        keeper: Some(keeper.clone()),
        tls: None,
    };
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::default()
    };
    let events = Arc::new(bus.clone());
    let broker = Broker::start_behind(door, config, events).await.unwrap();
    for version in VERSIONS {
        let of = |password| {
            let entry: &[&str] = match password {
                None => &[],
                Some(password) => &["-u", "ana", "-P", password],
            };
            [&["-V", version, "-t", "utakata/v1/reading/#"], entry].concat()
        };
        for wrong in [None, Some("wrong"), Some("")] {
            let arguments = [of(wrong), vec!["-C", "1", "-W", "20"]].concat();
            let address = broker.address();
            let (code, said) = mosquitto::run("mosquitto_sub", address, &arguments).await;
            assert_ne!(code, 0, "{wrong:?}");
            // 27: it timed out, so it was let in.
            assert_ne!(code, 27, "{wrong:?}: {said}");
        }
        let mut right = Subscriber::with(broker.address(), &of(Some("right")));
        bus.publish(vec![readings("a", "read", 7.0)]).await.unwrap();
        assert_eq!(right.next().await.1, "utakata/v1/reading/a/read");
    }
    for (topic, expect) in [("utakata/v1/reading/#", true), ("utakata/v1/#", false)] {
        let arguments = [
            "-V",
            "mqttv5",
            "-u",
            "prometheus",
            "-P",
            "of readings",
            "-t",
            topic,
        ];
        let arguments = [&arguments[..], &["-E", "-W", "20"]].concat();
        let (code, said) = mosquitto::run("mosquitto_sub", broker.address(), &arguments).await;
        // It ends well after it was refused, too.
        let is_followed = code == 0 && !said.contains("denied");
        assert_eq!(is_followed, expect, "{topic}: {code}: {said}");
    }
    let arguments = ["-u", "ana", "-P", "right", "-t", "utakata/v1/reading/#"];
    let mut right = Subscriber::with(broker.address(), &arguments);
    right.next().await;
    keeper.0.store(false, Ordering::Relaxed);
    let refused = "it comes back, and is refused";
    soon(refused, right.ended()).await;
    broker.stop().await;
}

pub fn readings(target: &str, action: &str, value: f64) -> Event {
    Event::Readings(Arc::new(Readings {
        target: target.parse().unwrap(),
        action: action.parse().unwrap(),
        seen_by: TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        },
        time: "2026-03-01T12:00:00Z".parse().unwrap(),
        readings: vec![Reading {
            of: Measurand {
                metric: "hw.power".parse().unwrap(),
                attributes: Default::default(),
                unit: "W".into(),
            }
            .into(),
            value: ReadingValue::Number(value),
            quality: Quality::Good,
        }],
    }))
}

pub fn environment(id: &str, state: EnvironmentState) -> Event {
    Event::Environment(Arc::new(EnvironmentStatus {
        id: id.parse().unwrap(),
        incarnation: "0192f0c1-0000-7000-8000-00000000000e".parse().unwrap(),
        zone: "hall-1".parse().unwrap(),
        over: Vec::new(),
        key: None,
        labels: Labels::new(),
        state,
        version: "0.1.0".into(),
        time: "2026-03-01T12:00:00Z".parse().unwrap(),
        clock_ahead_ms: None,
        pools: Vec::new(),
        refused: Vec::new(),
        connections: Vec::new(),
        breakers: Vec::new(),
        desired: None,
        needs_networks: false,
        stopped: Default::default(),
        rollouts: Vec::new(),
        workers: None,
        invariants_broken: 0,
        restarted: Vec::new(),
    }))
}

pub fn outcomes(zone: &str, kind: &str, count: usize) -> Event {
    let outcome = || Outcome {
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
            ended: "2026-03-01T12:00:00Z".parse().unwrap(),
            waited: Duration::from_millis(2),
            ran: Duration::from_millis(14),
        },
    };
    Event::Outcomes(Arc::new(OutcomeBatch {
        zone: zone.parse().unwrap(),
        kind: kind.parse().unwrap(),
        from: None,
        outcomes: (0..count).map(|_| outcome()).collect(),
    }))
}

fn value(payload: &str) -> ReadingValue {
    let readings = Readings::decode(payload.as_bytes()).unwrap();
    readings.readings[0].value.clone()
}

#[tokio::test]
async fn readings_are_retained_for_who_comes_later_and_come_live_to_who_is_there() {
    let bus = Bus::default();
    let broker = start(&bus).await;
    for (round, version) in VERSIONS.into_iter().enumerate() {
        let last = f64::from(u32::try_from(round).unwrap());
        let target = format!("pdu-{version}");
        let topic = format!("utakata/v1/reading/{target}/read");
        bus.publish(vec![
            readings(&target, "read", -1.0),
            readings(&target, "read", last),
        ])
        .await
        .unwrap();
        let mut subscriber = Subscriber::start(
            broker.address(),
            version,
            &format!("utakata/v1/reading/{target}/#"),
        );
        let (retained, came, payload) = subscriber.next().await;
        assert_eq!((retained, came), (true, topic.clone()), "{version}");
        assert_eq!(
            value(&payload),
            ReadingValue::Number(last),
            "{version}: the last one"
        );

        bus.publish(vec![readings(&target, "read", 99.0)])
            .await
            .unwrap();
        let (retained, came, payload) = subscriber.next().await;
        assert_eq!((retained, came), (false, topic), "{version}");
        assert_eq!(value(&payload), ReadingValue::Number(99.0), "{version}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn two_actions_of_one_target_do_not_hide_each_other() {
    let bus = Bus::default();
    let broker = start(&bus).await;
    bus.publish(vec![
        readings("ups-1", "read", 1.0),
        readings("ups-1", "inventory", 2.0),
    ])
    .await
    .unwrap();
    let mut subscriber = Subscriber::start(broker.address(), "mqttv5", "utakata/v1/reading/#");
    let expect = [
        "utakata/v1/reading/ups-1/inventory",
        "utakata/v1/reading/ups-1/read",
    ];
    assert_eq!(subscriber.topics(2).await, expect);
    broker.stop().await;
}

#[tokio::test]
async fn the_status_of_an_environment_is_retained_and_outcomes_are_not() {
    let bus = Bus::default();
    let broker = start(&bus).await;
    bus.publish(vec![
        outcomes("hall-1", "snmp", 1),
        environment("wee-1", EnvironmentState::Running),
        environment("wee-1", EnvironmentState::Draining),
    ])
    .await
    .unwrap();
    let mut subscriber = Subscriber::start(broker.address(), "mqttv311", "utakata/v1/#");
    let (retained, topic, payload) = subscriber.next().await;
    assert_eq!(
        (retained, topic.as_str()),
        (true, "utakata/v1/environment/wee-1")
    );
    let status = EnvironmentStatus::decode(payload.as_bytes()).unwrap();
    assert_eq!(status.state, EnvironmentState::Draining);

    // Now it is subscribed: these arrive in one message for each zone and kind.
    bus.publish(vec![
        outcomes("hall-1", "snmp", 2),
        outcomes("hall-1", "apc-pdu", 1),
        outcomes("hall-1", "snmp", 3),
    ])
    .await
    .unwrap();
    let mut counts = BTreeMap::new();
    for _ in 0..2 {
        let (retained, topic, payload) = subscriber.next().await;
        let batch = OutcomeBatch::decode(payload.as_bytes()).unwrap();
        assert!(!retained);
        counts.insert(topic, batch.outcomes.len());
    }
    let expect = [
        ("utakata/v1/outcome/hall-1/apc-pdu".to_owned(), 1),
        ("utakata/v1/outcome/hall-1/snmp".to_owned(), 5),
    ];
    assert_eq!(counts, BTreeMap::from(expect));
    broker.stop().await;
}

#[tokio::test]
async fn what_is_asked_of_a_zone_is_retained_for_everybody() {
    let bus = Bus::default();
    let broker = start(&bus).await;
    let desired = |zone: &str, revision| {
        Event::Desired(Arc::new(Desired {
            zone: zone.parse().unwrap(),
            revision,
            environments: BTreeMap::new(),
            kinds: BTreeMap::new(),
            standing: utakata_model::desired::StandingOrders::default(),
            targets: None,
        }))
    };
    bus.publish(vec![desired("hall-1", 1), desired("hall-1", 2)])
        .await
        .unwrap();
    for version in VERSIONS {
        let filter = topic::DESIRED;
        let mut subscriber = Subscriber::start(broker.address(), version, filter);
        let (retained, topic, payload) = subscriber.next().await;
        let came = (retained, topic.as_str());
        assert_eq!(came, (true, "utakata/v1/desired/hall-1"), "{version}");
        let last = Desired::decode(payload.as_bytes()).unwrap();
        assert_eq!(last.revision, 2, "{version}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn nobody_outside_can_publish() {
    let bus = Bus::default();
    let broker = start(&bus).await;
    let forged = "utakata/v1/reading/pdu-a1/read";
    for version in VERSIONS {
        let publish = ["-V", version, "-q", "1", "-r", "-t", forged, "-m", "{}"];
        let (_, said) = mosquitto::run("mosquitto_pub", broker.address(), &publish).await;
        if version == "mqttv5" {
            assert!(said.contains("Not authorized"), "{said}");
        }
    }
    // A client that dies has no last will either.
    let will = [
        "--will-topic",
        forged,
        "--will-payload",
        "{}",
        "--will-retain",
    ];
    let with_will = [&["-V", "mqttv5", "-t", "utakata/v1/#"][..], &will].concat();
    let mut dying = Subscriber::with(broker.address(), &with_will);
    bus.publish(vec![environment("wee-1", EnvironmentState::Running)])
        .await
        .unwrap();
    dying.next().await;
    drop(dying);

    bus.publish(vec![readings("other", "read", 1.0)])
        .await
        .unwrap();
    let mut subscriber = Subscriber::start(broker.address(), "mqttv5", "utakata/v1/reading/#");
    bus.publish(vec![readings("another", "read", 2.0)])
        .await
        .unwrap();
    assert!(!subscriber.topics(2).await.contains(&forged.to_owned()));
    broker.stop().await;
}

#[tokio::test]
async fn what_is_not_ours_cannot_be_subscribed_to() {
    let bus = Bus::default();
    let broker = start(&bus).await;
    for filter in ["#", "$SYS/#", "homeassistant/#"] {
        for version in VERSIONS {
            let (_, said) = mosquitto::run(
                "mosquitto_sub",
                broker.address(),
                &["-V", version, "-t", filter, "-W", "5"],
            )
            .await;
            assert!(said.contains("denied"), "{filter} {version}: {said}");
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn the_retained_readings_of_a_deleted_target_can_be_taken_away() {
    let bus = Bus::default();
    let broker = start(&bus).await;
    let publish = |value| {
        ["gone", "gone-not", "stays"]
            .map(|target| readings(target, "read", value))
            .to_vec()
    };
    // Once while nobody has ever listened, and once after the broker has them.
    for round in 0..2 {
        bus.publish(publish(f64::from(round))).await.unwrap();
        let mut before =
            Subscriber::start(broker.address(), "mqttv5", "utakata/v1/reading/stays/#");
        before.next().await;
        bus.publish(vec![Event::Deleted("gone".parse().unwrap())])
            .await
            .unwrap();
        // The pump obeys in order: a later message is after it.
        bus.publish(vec![readings("stays", "read", 7.0)])
            .await
            .unwrap();
        before.next().await;
        let mut after = Subscriber::start(broker.address(), "mqttv5", "utakata/v1/reading/#");
        let expect = [
            "utakata/v1/reading/gone-not/read",
            "utakata/v1/reading/stays/read",
        ];
        assert_eq!(after.topics(2).await, expect);
    }
    broker.stop().await;
}

#[tokio::test]
async fn many_retained_readings_all_come_to_a_new_subscriber() {
    const TARGETS: usize = 20_000;
    let bus = Bus::default();
    let broker = start(&bus).await;
    let all = (0..TARGETS).map(|n| readings(&format!("target-{n}"), "read", 1.0));
    bus.publish(all.collect()).await.unwrap();
    let mut subscriber = Subscriber::start(broker.address(), "mqttv5", "utakata/v1/reading/#");
    let mut topics = subscriber.topics(TARGETS).await;
    topics.dedup();
    assert_eq!(topics.len(), TARGETS);
    broker.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_refused_with_the_address_and_the_cure() {
    let bus = Bus::default();
    let broker = start(&bus).await;
    let config = Config {
        listen: broker.address(),
        ..Config::default()
    };
    let error = Broker::start(config, Arc::new(bus)).await.unwrap_err();
    assert!(matches!(error, Error::InUse { address } if address == broker.address()));
    assert!(
        error.to_string().contains(&broker.address().to_string()),
        "{error}"
    );
    broker.stop().await;
}

#[tokio::test]
async fn stopping_frees_the_port_and_lets_the_subscriber_of_the_bus_go() {
    let bus = Bus::default();
    let broker = start(&bus).await;
    let address = broker.address();
    bus.publish(vec![readings("pdu-a1", "read", 1.0)])
        .await
        .unwrap();
    let mut subscriber = Subscriber::start(address, "mqttv5", "utakata/v1/#");
    subscriber.next().await;
    broker.stop().await;
    assert_eq!(bus.subscribers(), 0);
    tokio::net::TcpListener::bind(address).await.unwrap();
}
