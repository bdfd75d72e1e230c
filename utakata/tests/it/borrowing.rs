//! Credentials between processes: environments that are accepted borrow them, and whatever carries
//! tasks has none.

mod forgery;

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use utakata_tests::servers::{Mosquitto, Rabbitmq};

use self::forgery::Administrator;
use crate::{
    apart::{PDU, Room, applied, hub, le, wee},
    program::{Place, Role, wait_for},
    secrets::{PLANTED, look, release, set, with_secret},
};

/// The settings of a process between the brokers.
fn settings(rabbitmq: &Rabbitmq, mosquitto: &Mosquitto) -> String {
    format!(
        "[interconnect.amqp]\nurl = {:?}\n[interconnect.mqtt]\nurl = {:?}\n\
         [mqtt]\nenabled = false\n",
        rabbitmq.url("%2F"),
        mosquitto.url()
    )
}

/// Returns a client of the broker that may do everything there.
fn mosquitto(program: &str, broker: &Mosquitto) -> Command {
    let mut command = Command::new(program);
    let port = broker.address().port().to_string();
    command.args(["-h", "127.0.0.1", "-p", &port]);
    command.args(["-u", Mosquitto::USER, "-P", Mosquitto::PASSWORD]);
    command
}

/// Writes down everything that the MQTT broker carries and retains.
struct Listener(Child);

impl Listener {
    fn start(broker: &Mosquitto, to: &Path) -> Self {
        let child = mosquitto("mosquitto_sub", broker)
            .args(["-v", "-t", "#"])
            .stdout(File::create(to).unwrap())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn environment<'p>(place: &'p Place, data: &str) -> Role<'p> {
    place.role(&["wee", "--data", data, "--id", "wee-1"])
}

/// Returns the payloads in a queue, which stay there.
fn queued(broker: &Rabbitmq, queue: &str) -> Vec<String> {
    let body = json!({ "count": 10, "ackmode": "ack_requeue_true", "encoding": "auto" });
    let path = format!("queues/%2F/{queue}/get");
    let Ok(answer) = broker.ask("POST", &path, &body.to_string()) else {
        return Vec::new();
    };
    let messages: Value = serde_json::from_str(&answer).unwrap();
    let messages = messages.as_array().unwrap().iter();
    messages
        .map(|message| message["payload"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_planted_secret_is_in_no_broker_and_yet_with_the_worker() {
    let (rabbitmq, mosquitto) = (Rabbitmq::start().unwrap(), Mosquitto::start().unwrap());
    let place = Place::new();
    let settings = settings(&rabbitmq, &mosquitto);
    let data = place.beside("wee");
    for folder in [place.data(), Path::new(&data).to_owned()] {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("utakata.toml"), &settings).unwrap();
    }
    release(Path::new(&data));
    let heard = place.file("heard", "");
    let _listener = Listener::start(&mosquitto, &heard);
    let le = place.role(&["le", "--listen", "127.0.0.1:0"]);
    let wee = environment(&place, &data);
    let answers = wait_for(|| (place.run(&["get", "targets"]).code == 0).then_some(()));
    assert!(answers.is_some(), "{}", place.told());
    place.until_served("keeper");
    let documents = format!(
        "type: credential\nname: safe\nvalues: {{ password: {PLANTED} }}\n---\n\
         type: target\nname: x\nkind: keeper\naddress: 127.0.0.1:9\ncredential: safe\n"
    );
    let applied = place.run_with(&["apply", "-f", "-"], &documents);
    assert_eq!(applied.code, 0, "{}", applied.err);
    // Its queue is there once the environment is accepted.
    let read = ["read", "x", "--action", "look"];
    let is_read = wait_for(|| (place.run(&read).code == 0).then_some(()));
    assert!(is_read.is_some(), "{}", place.told());
    look(&place);
    set(&place);
    let shut = ["control", "x", "shut", "--yes"];
    let done = place.run(&shut);
    assert_eq!(done.code, 0, "{}{}{}", done.out, done.err, place.told());

    // What waits while nobody takes it.
    let pause = [
        "environment",
        "pause",
        "wee-1",
        "--why",
        "to look into its queue",
    ];
    let paused = place.run(&pause);
    assert_eq!(paused.code, 0, "{}", paused.err);
    place.until(&["environment", "list"], |environments| {
        (environments[0]["stopped"]["all"] == "paused").then_some(())
    });
    let queue = "utakata.default.keeper.control";
    let later = ["--timeout", "1s", "--within", "2m"];
    let set = [
        &["control", "x", "set", "-p", "code=-", "--yes"],
        &later[..],
    ]
    .concat();
    place.run_with(&set, PLANTED);
    let waiting = wait_for(|| queued(&rabbitmq, queue).pop());
    let waiting = waiting.unwrap_or_else(|| panic!("{}", place.told()));
    assert!(waiting.contains("{\"$lent\":\"operation."), "{waiting}");
    assert!(!waiting.contains(PLANTED), "{waiting}");
    let cancelled = place.run(&["operation", "cancel", "last"]);
    assert_eq!(cancelled.code, 0, "{}{}", cancelled.out, cancelled.err);
    let gone = wait_for(|| queued(&rabbitmq, queue).is_empty().then_some(()));
    assert!(gone.is_some(), "{}", place.told());
    let patient = [&shut[..], &later].concat();
    place.run(&patient);
    let waiting = wait_for(|| queued(&rabbitmq, queue).pop());
    let waiting = waiting.unwrap_or_else(|| panic!("{}", place.told()));
    assert!(waiting.contains("\"credential\":\"safe."), "{waiting}");
    assert!(!waiting.contains(PLANTED), "{waiting}");

    // A task that somebody has altered: the secret does not go to the other address.
    let mut altered: Value = serde_json::from_str(&waiting).unwrap();
    let task = &mut altered["tasks"][0];
    task["target"]["address"] = "127.0.0.1:6".into();
    task["action"] = "look".into();
    task["class"] = "observe".into();
    let mut id = task["id"].as_str().unwrap().to_owned();
    let last = if id.pop() == Some('0') { '1' } else { '0' };
    id.push(last);
    task["id"] = id.into();
    // One that no environment of the queue can read goes to the dead letters.
    let mut foreign = altered.clone();
    foreign["version"] = 1.into();
    let (altered, foreign) = (altered.to_string(), foreign.to_string());
    let administrator = Administrator {
        rabbitmq: &rabbitmq,
        mosquitto: &mosquitto,
        heard: &heard,
    };
    administrator.queue("observe", &altered);
    administrator.queue("control", &foreign);
    let resumed = place.run(&["environment", "resume", "wee-1"]);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    let settled = place.until(&["operation", "show", "last"], |shown| {
        (shown["counts"]["succeeded"] == 1).then(|| shown.clone())
    });
    assert_eq!(settled["tasks"][0]["state"], "succeeded", "{settled}");
    let refused = wait_for(|| {
        let heard = fs::read_to_string(&heard).unwrap();
        heard
            .lines()
            .find(|line| line.contains("credential-withheld"))
            .map(str::to_owned)
    });
    let refused = refused.unwrap_or_else(|| panic!("{}", place.told()));
    assert!(refused.contains("127.0.0.1:6"), "{refused}");
    let told = wait_for(|| place.told().contains("was set aside").then_some(()));
    assert!(told.is_some(), "{}", place.told());
    look(&place);

    forgery::try_everything(&place, &administrator, &waiting);
    look(&place);

    let lent = fs::read_to_string(&heard).unwrap();
    assert!(lent.contains("\"lent\""), "something was lent on the way");
    assert!(lent.contains("utakata/v1/environment/wee-1"));
    for process in [wee, le] {
        process.stop();
    }
    let everything = place.data().parent().unwrap().to_owned();
    for folder in [&*everything, rabbitmq.folder(), mosquitto.folder()] {
        assert_eq!(with_secret(folder), [] as [std::path::PathBuf; 0]);
    }
    drop((rabbitmq, mosquitto));
}

/// Returns the environment as it is listed.
fn listed(place: &Place, state: &str) -> Value {
    place.until(&["environment", "list"], |environments| {
        let one = environments.as_array()?.first()?;
        (one["enrolment"]["state"] == state).then(|| one.clone())
    })
}

#[test]
fn an_environment_waits_for_a_person_and_serves_once_it_is_accepted() {
    let (place, room) = (Place::by_persons(), Room::start());
    let _hub = hub(&place, &[]);
    let (_le, wee_role) = (le(&place), wee(&place));
    let waiting = listed(&place, "waiting");
    let told = place.run(&["environment", "list"]);
    assert!(
        told.err.contains("utakata environment accept wee-1"),
        "{}",
        told.err
    );
    let doctor = place.run(&["doctor"]);
    let doctor = format!("{}{}", doctor.out, doctor.err);
    assert!(
        doctor.contains("utakata environment accept wee-1"),
        "{doctor}"
    );
    let data = place.beside("wee");
    let print = place
        .run(&["--data", &data, "environment", "fingerprint"])
        .out;
    let print = print.trim();
    assert_eq!(waiting["enrolment"]["fingerprint"], print);
    assert!(place.told().contains(print), "{}", place.told());

    let accept = ["environment", "accept", "wee-1", "--fingerprint"];
    let wrong = place.run(&[&accept[..], &["0000-0000"]].concat());
    assert!(wrong.err.contains("and not 0000-0000"), "{}", wrong.err);
    listed(&place, "waiting");
    let accepted = place.run(&[&accept[..], &[print]].concat());
    assert_eq!(accepted.code, 0, "{}", accepted.err);
    place.until_served("apc-pdu");
    applied(&place, &room);
    let read = ["read", PDU, "--timeout", "10s"];
    let done = wait_for(|| Some(place.run(&read)).filter(|done| done.code == 0));
    assert!(done.is_some(), "{}", place.told());

    // It is known again after a restart, and not after it was revoked.
    wee_role.stop();
    let wee_role = wee(&place);
    let done = wait_for(|| Some(place.run(&read)).filter(|done| done.code == 0));
    assert!(done.is_some(), "{}", place.told());
    let revoked = place.run(&["environment", "revoke", "wee-1"]);
    assert_eq!(revoked.code, 0, "{}", revoked.err);
    let revoked = listed(&place, "revoked");
    assert_eq!(revoked["enrolment"]["by"], "admin", "{revoked}");
    let refused = place.run(&read);
    assert_ne!(refused.code, 0, "{}", refused.out);
    wee_role.stop();
}
