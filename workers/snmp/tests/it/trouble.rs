//! Devices that send garbage, half a table, or nothing.

use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use utakata_tests::servers::Snmpd;
use utakata_worker_sdk::model::{Cure, OutcomeStatus, Quality};

use crate::{
    device::{Device, Values, community, values},
    relay::{Fate, Relay, Way, is},
};

const GETBULK: u8 = 0xa5;
const SET: u8 = 0xa3;

async fn problem(device: &Device, code: &str, part: &str) {
    let failure = device.run("read", json!({})).await.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed);
    assert_eq!(&*failure.problem.code, code, "{failure:?}");
    assert!(failure.problem.message.contains(part), "{failure:?}");
}

#[tokio::test]
async fn a_silent_device_is_given_up() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let device = Device::new("ups", silent.local_addr().unwrap(), Values::new());
    problem(&device, "unreachable", "unreachable or wrong credentials").await;
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_reported_as_such() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let device = Device::new("ups", socket.local_addr().unwrap(), Values::new());
    drop(socket);
    problem(&device, "unreachable", "no SNMP agent listens").await;
}

#[tokio::test]
async fn a_device_that_answers_noise_sends_garbage() {
    let snmpd = Snmpd::start().unwrap();
    let relay = Relay::start(snmpd.address(), |way, _| match way {
        Way::There => Fate::Replace(b"HTTP/1.1 400 Bad Request\r\n".to_vec()),
        Way::Back => Fate::Lose,
    })
    .await;
    let device = Device::new("ups", relay.address, Values::new());
    problem(&device, "device-garbage", "not SNMP").await;
}

#[tokio::test]
async fn wrong_credentials_are_distinguished_from_silence_where_there_is_an_agent() {
    let snmpd = Snmpd::start().unwrap();
    let wrong_password = values(&[
        ("user", "utakata"),
        ("auth_password", "not-this-one"),
        ("priv_password", "12345678"),
    ]);
    for credential in [
        community("not-this-one"),
        values(&[("user", "nobody")]),
        wrong_password,
    ] {
        let device = Device::new("snmp", snmpd.address(), credential);
        problem(&device, "bad-credential", "credential").await;
    }
}

#[tokio::test]
async fn what_cannot_be_an_address_or_a_credential_is_refused_at_once() {
    for (address, credential, code) in [
        ("10.0.0.300", Values::new(), "bad-address"),
        ("no-such-host.invalid", Values::new(), "bad-address"),
        ("127.0.0.1", values(&[("comunity", "x")]), "bad-credential"),
    ] {
        let device = Device::new("snmp", address, credential);
        let failure = device.run("read", json!({})).await.unwrap_err();
        assert_eq!(&*failure.problem.code, code, "{failure:?}");
        assert_eq!(failure.problem.cure, Cure::Operator);
    }
}

#[tokio::test]
async fn half_a_table_is_kept_as_suspect_and_reported() {
    let snmpd = Snmpd::start_many(1, 60).unwrap();
    let mut tables = 0;
    let relay = Relay::start(snmpd.address_of(0), move |way, message| {
        tables += u32::from(way == Way::There && is(message, GETBULK));
        if tables > 2 { Fate::Lose } else { Fate::Pass }
    })
    .await;
    let device = Device::new("cisco-env", relay.address, community("public"));
    let only = json!({ "metrics": ["system", "hw.network"] });
    let answer = device
        .run_within(Duration::from_secs(4), "read", only)
        .await
        .unwrap();
    let missing = answer.missing.into_entries();
    assert!(!missing.is_empty());
    for one in &missing {
        // The number of cells after the last row is unknown.
        assert_eq!((&*one.reason, one.count), ("no-answer", None), "{one}");
        assert!(one.message.contains("did not answer"), "{one}");
    }
    let of_table = |quality| {
        let found = answer.readings.iter().filter(|reading| {
            reading.metric.as_str().starts_with("hw.network") && reading.quality == quality
        });
        found.count()
    };
    assert!(of_table(Quality::Suspect) > 5, "{}", answer.readings.len());
    assert_eq!(of_table(Quality::Good), 0);
    assert!(
        answer
            .readings
            .iter()
            .any(|reading| reading.quality == Quality::Good)
    );
}

#[tokio::test]
async fn lost_messages_are_requested_again() {
    let snmpd = Snmpd::start_many(1, 20).unwrap();
    let mut count = 0;
    let relay = Relay::start(snmpd.address_of(0), move |_, _| {
        count += 1;
        if count % 4 == 0 {
            Fate::Lose
        } else {
            Fate::Pass
        }
    })
    .await;
    let device = Device::new("snmp", relay.address, community("public"));
    let readings = device.read().await;
    assert!(readings.len() > 150, "{}", readings.len());
}

#[tokio::test]
async fn a_device_of_another_kind_is_reported_as_such() {
    let snmpd = Snmpd::start().unwrap();
    let device = Device::new("ups", snmpd.address(), Values::new());
    problem(&device, "wrong-kind", "another kind of device").await;
}

#[tokio::test]
async fn a_device_that_comes_back_with_another_engine_is_read_again() {
    let credential = values(&[
        ("user", Snmpd::USER),
        ("auth_password", Snmpd::AUTH_SECRET),
        ("priv_password", Snmpd::PRIVACY_SECRET),
    ]);
    let snmpd = Snmpd::start().unwrap();
    let port = snmpd.claim().unwrap();
    let device = Device::new("snmp", snmpd.address(), credential);
    assert!(!device.read().await.is_empty());
    drop(snmpd);
    let _back = Snmpd::start_on(&port).unwrap();
    let first = device.run("read", json!({})).await;
    if first.is_err() {
        device.read().await;
    }
}

#[tokio::test]
async fn a_device_that_takes_its_time_is_read_and_reported_once() {
    let snmpd = Snmpd::start().unwrap();
    let sets = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&sets);
    let relay = Relay::start(snmpd.address(), move |way, message| match way {
        Way::There => {
            counted.fetch_add(u32::from(is(message, SET)), Ordering::Relaxed);
            Fate::Pass
        }
        Way::Back => Fate::Late(Duration::from_millis(2_500)),
    })
    .await;
    let credential = values(&[
        ("community", Snmpd::READ),
        ("community_write", Snmpd::WRITE),
    ]);
    let device = Device::new("apc-pdu", relay.address, credential);
    for _ in 0..2 {
        let answer = device.run("read", json!({})).await.unwrap();
        let outlets = answer.readings.iter();
        let outlets = outlets.filter(|found| found.metric.as_str() == "utakata.outlet.state");
        assert_eq!(outlets.count(), 8);
    }
    device
        .run("outlet-off", json!({ "outlet": 2 }))
        .await
        .unwrap();
    assert_eq!(sets.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn devices_of_one_engine_id_do_not_disturb_each_other() {
    let engine = "0x80001f8804736f6d65";
    let credential = values(&[
        ("user", Snmpd::USER),
        ("auth_password", Snmpd::AUTH_SECRET),
        ("priv_password", Snmpd::PRIVACY_SECRET),
    ]);
    let start = |boots: u32| {
        let lines = format!("exactEngineID {engine}\noldEngineID {engine}\nengineBoots {boots}\n");
        Snmpd::start_with(&lines).unwrap()
    };
    let agents = [start(900), start(3), start(40)];
    let device = Device::new("snmp", agents[0].address(), credential.clone());
    for _ in 0..3 {
        for agent in &agents {
            let mut task = device.task("get", json!({ "oids": ["1.3.6.1.2.1.1.5.0"] }));
            task.address = agent.address().to_string();
            let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
            let answer = device.worker.perform(&task, deadline).await.unwrap();
            assert!(answer.missing.is_empty());
        }
    }
}
