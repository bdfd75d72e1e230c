//! The servers used by other tests do what their scripts say.

use std::fs;
use std::net::UdpSocket;
use std::process::Command;

use utakata_tests::netsnmp::{Client, Privacy};
use utakata_tests::repository;
use utakata_tests::servers::{Dockerd, Mosquitto, Postgres, Rabbitmq, Registry, Snmpd, Snmpsim};
use utakata_tests::wait::eventually;

const UP_TIME: &str = "1.3.6.1.2.1.1.3.0";
const NAME: &str = "1.3.6.1.2.1.1.5.0";
const OUTLET: &str = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.3";

#[test]
fn snmpd_answers_in_every_version_and_with_every_user() {
    let agent = Snmpd::start().unwrap();
    let at = agent.address();
    let auth = Snmpd::AUTH_SECRET;
    let aes256 = Privacy {
        protocol: "AES-256",
        secret: Snmpd::PRIVACY_SECRET,
    };
    for client in [
        Client::v1(at, Snmpd::READ).unwrap(),
        Client::v2c(at, Snmpd::READ).unwrap(),
        agent.client_v3().unwrap(),
        Client::v3(at, Snmpd::STRONG_USER, ("SHA-512", auth), Some(aes256)).unwrap(),
        Client::v3(at, Snmpd::AUTH_ONLY_USER, ("SHA", auth), None).unwrap(),
    ] {
        assert_eq!(client.get(&[UP_TIME]).unwrap()[0].kind, "Timeticks");
    }
}

#[test]
fn what_is_written_to_snmpd_is_read_back() {
    let agent = Snmpd::start().unwrap();
    let client = agent.client().unwrap();
    client
        .set(&[(NAME, 's', "row A, rack 1"), (OUTLET, 'i', "2")])
        .unwrap();
    assert_eq!(client.value(NAME).unwrap(), "row A, rack 1");
    assert_eq!(agent.client_v3().unwrap().value(OUTLET).unwrap(), "2");
}

#[test]
fn snmpd_refuses_what_cannot_be_written() {
    let agent = Snmpd::start().unwrap();
    let client = agent.client().unwrap();
    let refused = client.set(&[(UP_TIME, 't', "1")]).unwrap_err().to_string();
    assert!(refused.contains("notWritable"), "{refused}");
    let refused = client.set(&[(OUTLET, 's', "off")]).unwrap_err().to_string();
    assert!(refused.contains("wrongType"), "{refused}");
}

#[test]
fn snmpd_takes_lines_of_the_tests_own() {
    let agent = Snmpd::start_with("override .1.3.6.1.4.1.99999.1.0 integer 7\n").unwrap();
    assert_eq!(
        agent
            .client()
            .unwrap()
            .value("1.3.6.1.4.1.99999.1.0")
            .unwrap(),
        "7"
    );
}

#[test]
fn one_snmpd_answers_as_many_agents_with_the_same_interfaces() {
    let agents = Snmpd::start_many(300, 20).unwrap();
    for number in [0, 249, 250, 299] {
        let client = Client::v2c(agents.address_of(number), Snmpd::READ).unwrap();
        let names = client.walk("1.3.6.1.2.1.2.2.1.2").unwrap();
        assert_eq!(names.len(), 20);
        assert_eq!(names[19].value, "GigabitEthernet0/20");
    }
}

#[test]
fn a_paused_agent_answers_again_when_it_continues() {
    let agent = Snmpd::start().unwrap();
    agent.server().pause().unwrap();
    agent.server().resume().unwrap();
    assert_eq!(agent.client().unwrap().get(&[UP_TIME]).unwrap().len(), 1);
}

#[test]
fn nothing_is_left_of_a_server_that_was_dropped() {
    let agent = Snmpd::start().unwrap();
    let (address, state) = (agent.address(), agent.server().state());
    agent.server().pause().unwrap();
    drop(agent);
    UdpSocket::bind(address).unwrap();
    assert!(!state.exists());
}

#[test]
fn every_recording_answers_by_its_name() {
    let player = Snmpsim::start(repository::recordings()).unwrap();
    for entry in fs::read_dir(repository::recordings()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "snmprec") {
            continue;
        }
        let device = path.file_stem().unwrap().to_str().unwrap();
        let client = player.client(device).unwrap();
        assert_eq!(
            client.get(&[UP_TIME]).unwrap()[0].kind,
            "Timeticks",
            "{device}"
        );
    }
}

#[test]
fn postgres_that_was_killed_continues_with_the_databases_it_had() {
    let mut server = Postgres::start().unwrap();
    let (first, second) = (server.database().unwrap(), server.database().unwrap());
    assert_ne!(first, second);
    server
        .sql("test_0", "CREATE TABLE kept AS SELECT 7")
        .unwrap();
    server.kill().unwrap();
    assert!(server.sql("test_0", "TABLE kept").is_err());
    server.start_again().unwrap();
    assert_eq!(server.sql("test_0", "TABLE kept").unwrap(), "7");
    let error = server.sql("test_1", "TABLE kept").unwrap_err().to_string();
    assert!(error.contains("does not exist"), "{error}");
}

#[test]
fn an_engine_that_was_killed_continues_with_the_images_it_had_and_pulls_what_it_forgot() {
    let mut engine = Dockerd::start().unwrap();
    let registry = Registry::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = "FROM scratch\nCOPY Dockerfile /\nCMD [\"/x\"]\n";
    fs::write(folder.path().join("Dockerfile"), text).unwrap();
    engine.build("a:1", folder.path(), &[]).unwrap();
    let b = ["--label", "b=c"];
    engine.build("b:1", folder.path(), &b).unwrap();
    let pinned = registry.push(&engine, "b:1", "b").unwrap();
    engine.kill().unwrap();
    assert!(engine.docker(&["version"]).is_err());
    engine.start_again().unwrap();
    engine.docker(&["image", "inspect", "a:1"]).unwrap();
    assert!(engine.docker(&["image", "inspect", &pinned]).is_err());
    engine.docker(&["pull", &pinned]).unwrap();
    assert_eq!(engine.containers().unwrap(), [""; 0]);
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let empty = tempfile::tempdir().unwrap();
    let error = format!("{:#}", Snmpsim::start(empty.path()).unwrap_err());
    assert!(error.contains("no .snmprec file in"), "{error}");
}

#[test]
fn rabbitmq_keeps_what_is_durable_when_it_is_killed_and_starts_again() {
    let mut broker = Rabbitmq::start().unwrap();
    let mqtt = broker.mqtt().unwrap();
    broker.add_vhost("site").unwrap();
    let refused = broker.ask("GET", "queues/nowhere/none", "").unwrap_err();
    assert!(format!("{refused:#}").contains("Not Found"), "{refused:#}");
    broker.kill().unwrap();
    assert!(broker.server().is_err());
    broker.start_again().unwrap();
    assert!(broker.ctl(&["list_vhosts"]).unwrap().contains("site"));
    assert_eq!(broker.mqtt().unwrap(), mqtt);
}

#[test]
fn mosquitto_keeps_what_is_retained_when_it_is_killed_and_starts_again() {
    let mut broker = Mosquitto::start().unwrap();
    let client = |program: &str, broker: &Mosquitto, more: &[&str]| {
        let output = Command::new(program)
            .args(["-L", &format!("{}/site", broker.url()), "-V", "mqttv5"])
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    client("mosquitto_pub", &broker, &["-r", "-q", "1", "-m", "hall"]);
    let is_saved = || {
        let saved = fs::read(broker.file("mosquitto.db")).unwrap_or_default();
        saved.windows(4).any(|bytes| bytes == b"hall")
    };
    eventually("it is saved", || is_saved().then_some(()));
    broker.kill().unwrap();
    assert!(broker.server().is_err());
    broker.start_again().unwrap();
    let kept = client("mosquitto_sub", &broker, &["-C", "1", "-W", "10"]);
    assert_eq!(kept.trim(), "hall");
}
