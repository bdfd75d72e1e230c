//! An administrator of the brokers, who has all rights there and no key, speaks in the name of
//! others.

use std::{fs, io::Write as _, path::Path, process::Stdio};

use serde_json::{Value, json};
use utakata_tests::servers::{Mosquitto, Rabbitmq};

use super::mosquitto;
use crate::program::{Place, wait_for};

/// The hands of the administrator.
pub struct Administrator<'s> {
    pub rabbitmq: &'s Rabbitmq,
    pub mosquitto: &'s Mosquitto,
    /// The file with all that the MQTT broker has carried.
    pub heard: &'s Path,
}

impl Administrator<'_> {
    /// Returns the latest message on a topic, whole.
    fn captured(&self, topic: &str) -> String {
        let latest = wait_for(|| {
            let heard = fs::read_to_string(self.heard).unwrap();
            let mut lines = heard.lines().rev();
            let line = lines.find_map(|line| line.strip_prefix(topic)?.strip_prefix(' '));
            line.filter(|line| line.ends_with("\"}}"))
                .map(str::to_owned)
        });
        latest.unwrap_or_else(|| panic!("nothing came on {topic}"))
    }

    fn publish(&self, topic: &str, payload: &str) {
        let mut child = mosquitto("mosquitto_pub", self.mosquitto)
            .args(["-q", "1", "-s", "-t", topic])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(payload.as_bytes()).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success());
    }

    /// Puts a message into the queue of a class, as a stranger would.
    pub fn queue(&self, class: &str, payload: &str) {
        let body = json!({
            "routing_key": format!("default.keeper.{class}"), "payload": payload,
            "payload_encoding": "string", "properties": {},
        });
        let path = "exchanges/%2F/utakata.tasks/publish";
        self.rabbitmq.ask("POST", path, &body.to_string()).unwrap();
    }
}

/// Returns a message without its signature.
fn unsigned(payload: &str) -> String {
    let mut json: Value = serde_json::from_str(payload).unwrap();
    assert!(
        json.as_object_mut().unwrap().remove("signed").is_some(),
        "{payload}"
    );
    json.to_string()
}

/// Tries everything, and looks that nothing came of it and that each attempt is reported. `control`
/// is a message of control that was carried out.
pub fn try_everything(place: &Place, administrator: &Administrator<'_>, control: &str) {
    let trail = || place.run(&["audit", "export"]).out;
    let count = |trail: &str, what: &str| trail.matches(what).count();
    let before = trail();

    let sent: Value = serde_json::from_str(control).unwrap();
    let id = sent["tasks"][0]["id"].as_str().unwrap();
    let (rest, last) = id.split_at(id.len() - 1);
    let other = format!("{rest}{}", if last == "2" { '3' } else { '2' });
    let altered = control.replace(id, &other);
    for forged in [&*altered, &*unsigned(control), control] {
        administrator.queue("control", forged);
    }

    // Reads are not signed, and need no permit: what acts is none, whoever says so.
    let mut read = sent.clone();
    read.as_object_mut().unwrap().remove("signed");
    read["tasks"][0]["class"] = "observe".into();
    read["tasks"][0]["id"] = format!("{rest}{}", if last == "4" { '5' } else { '4' }).into();
    administrator.queue("observe", &read.to_string());
    let refused = wait_for(|| {
        let heard = fs::read_to_string(administrator.heard).unwrap();
        heard.contains("wrong-class").then_some(())
    });
    assert!(refused.is_some(), "{}", place.told());

    let permit = "utakata/v1/permit/wee-1";
    let permitted = administrator.captured(permit);
    administrator.publish(permit, &unsigned(&permitted));
    administrator.publish(permit, &permitted);
    let desired = "utakata/v1/desired/default";
    administrator.publish(
        desired,
        r#"{"version":1,"zone":"default","revision":99,"environments":{},"kinds":{}}"#,
    );

    let status = administrator.captured("utakata/v1/environment/wee-1");
    let moved = status.replace("\"zone\":\"default\"", "\"zone\":\"hall-2\"");
    assert_ne!(moved, status);
    administrator.publish("utakata/v1/environment/wee-1", &moved);
    administrator.publish("utakata/v1/environment/wee-2", &unsigned(&status));
    let outcome = administrator.captured("utakata/v1/outcome/default/keeper");
    let elsewhere = outcome.replace("\"zone\":\"default\"", "\"zone\":\"hall-2\"");
    administrator.publish("utakata/v1/outcome/hall-2/keeper", &elsewhere);
    administrator.publish("utakata/v1/outcome/default/keeper", &unsigned(&outcome));
    administrator.publish("utakata/v1/outcome/default/keeper", &outcome);

    let environment = place.until(&["environment", "list"], |environments| {
        let one = environments.as_array()?.first()?;
        let connections = one["connections"].as_array()?.iter();
        let distrusted = connections.map(|one| one["distrusted"].as_u64().unwrap_or(0));
        let distrusted: Vec<u64> = distrusted.collect();
        // Three of control, with the one that no version reads; a permit and an order. What is
        // repeated is no forgery, and nothing comes of it.
        let [tasks, events] = distrusted[..] else {
            return None;
        };
        (tasks >= 3 && events >= 2).then(|| environments.clone())
    });
    assert_eq!(environment.as_array().unwrap().len(), 1, "{environment}");
    assert_eq!(environment[0]["zone"], "default");
    assert_ne!(environment[0]["desired"], 99);
    let notices = environment.to_string();
    for expect in ["is not signed", "its signature is wrong"] {
        assert!(notices.contains(expect), "{expect}: {notices}");
    }

    let doctor = wait_for(|| {
        let doctor = place.run(&["doctor"]);
        let told = format!("{}{}", doctor.out, doctor.err);
        let topics = [
            "environment/wee-1",
            "environment/wee-2",
            "outcome/hall-2/keeper",
        ];
        topics
            .iter()
            .all(|topic| told.contains(topic))
            .then_some(())
    });
    assert!(doctor.is_some(), "{}", place.run(&["doctor"]).out);
    let after = wait_for(|| {
        let trail = trail();
        // Four topics here, and two connections of the environment.
        (count(&trail, "message.refused") >= 6).then_some(trail)
    });
    let after = after.unwrap_or_else(|| panic!("{}", trail()));
    for what in ["task.permitted", "task.outcome", "task.planned"] {
        assert_eq!(count(&after, what), count(&before, what), "{what}: {after}");
    }
    assert_eq!(count(&after, "message.refused"), 6, "{after}");
}
