//! Alarms, from the readings that raise them to the people who see them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::StatusCode;
use serde_json::{Value, json};
use utakata_model::{Class, Cure, OutcomeStatus, Problem};

use crate::room::{Room, config, target};

/// A rule on the power that the scripted environment reports.
pub fn rule() -> Value {
    json!({
        "type": "alarm", "name": "draws-much", "on": { "metric": "hw.power" },
        "raise": "value > 100.0", "clear": "value < 95.0", "severity": "critical",
        "text": "{target} draws {value}", "do": "shed load",
    })
}

pub async fn read(room: &Room) {
    let read = json!({ "selector": "kind=pdu", "wait": "10s" });
    let (status, answer) = room.post("/v1/reads", read).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

pub async fn set_power(room: &Room, target: &str, watts: f64) {
    let control = json!({
        "selector": format!("name={target}"), "action": "set-power",
        "parameters": { "watts": watts }, "wait": "10s",
    });
    let (status, answer) = room.post("/v1/operations", control).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    read(room).await;
}

fn only(list: &Value) -> &Value {
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{list}");
    &items[0]
}

fn count(list: &Value) -> usize {
    list["items"].as_array().map_or(0, Vec::len)
}

/// Applies documents, and waits until alarms are decided by them.
pub async fn apply(room: &Room, documents: Value) {
    room.apply(documents).await;
    let rules = |room: &Room| {
        room.handle
            .alarms()
            .look(|shown| Arc::as_ptr(&shown.rules).addr())
    };
    let before = rules(room);
    // A rule of its own says when rules have been taken over.
    let name = format!("taken-over-{before}");
    let marker = json!({
        "type": "alarm", "name": name, "on": { "metric": "marker" }, "raise": "value > 1.0",
    });
    room.apply(json!([marker])).await;
    utakata_tests::wait::until("the rules are taken over", async || {
        room.handle
            .alarms()
            .look(|shown| shown.rules.get(&name.parse().unwrap()).is_some())
    })
    .await;
}

#[tokio::test]
async fn an_alarm_is_raised_acknowledged_and_over_and_each_change_has_a_number() {
    let room = Room::served().await;
    room.furnish(1).await;
    apply(&room, json!([rule()])).await;
    read(&room).await;
    let list = room.until("/v1/alarms", |list| count(list) == 1).await;
    let alarm = only(&list);
    assert_eq!(alarm["text"], "pdu-0 draws 120 W", "{alarm}");
    assert_eq!(alarm["state"], "unacknowledged");
    assert_eq!(alarm["severity"], "critical");
    let id = alarm["id"].as_str().unwrap().to_owned();
    let first = alarm["number"].as_u64().unwrap();

    let path = format!("/v1/alarms/{id}/seen");
    let (status, seen) = room.post(&path, json!({ "why": "on my way" })).await;
    assert_eq!(status, StatusCode::OK, "{seen}");
    assert_eq!(seen["state"], "acknowledged");
    assert_eq!(seen["seen"]["by"], "admin");
    let (_, trail) = room.get("/v1/audit").await;
    assert!(trail.to_string().contains("acknowledged"), "{trail}");
    assert!(trail.to_string().contains("on my way"), "{trail}");

    // Between the two conditions nothing changes.
    set_power(&room, "pdu-0", 97.0).await;
    let (_, list) = room.get("/v1/alarms").await;
    assert_eq!(only(&list)["text"], "pdu-0 draws 97 W");
    set_power(&room, "pdu-0", 90.0).await;
    room.until("/v1/alarms?state=all", |list| count(list) == 0)
        .await;
    // It comes back as another one.
    set_power(&room, "pdu-0", 130.0).await;
    let list = room.until("/v1/alarms", |list| count(list) == 1).await;
    assert_ne!(only(&list)["id"], id);
    assert!(only(&list)["number"].as_u64().unwrap() > first + 1);
    room.end().await;
}

#[tokio::test]
async fn a_restart_tells_nothing_twice_and_loses_no_alarm() {
    let room = Room::served().await;
    room.furnish(2).await;
    apply(&room, json!([rule()])).await;
    read(&room).await;
    let before = room.until("/v1/alarms", |list| count(list) == 2).await;
    let id = before["items"][0]["id"].as_str().unwrap().to_owned();
    let shelve = json!({ "for": "2h", "why": "known" });
    let (status, shelved) = room.post(&format!("/v1/alarms/{id}/shelve"), shelve).await;
    assert_eq!(status, StatusCode::OK, "{shelved}");
    assert_eq!(shelved["state"], "shelved");
    let (_, before) = room.get("/v1/alarms").await;
    let folder = room.end().await;

    let mut room = Room::at(folder, config()).await;
    let after = room.until("/v1/alarms", |list| count(list) == 2).await;
    // The same alarms, with the numbers of their last changes: nothing has changed.
    assert_eq!(facts(&after), facts(&before));
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    read(&room).await;
    let (_, after) = room.get("/v1/alarms").await;
    assert_eq!(after["items"][0]["number"], before["items"][0]["number"]);
    assert_eq!(after["items"][1]["number"], before["items"][1]["number"]);
    let (status, again) = room
        .post(&format!("/v1/alarms/{id}/unshelve"), json!({}))
        .await;
    assert_eq!(status, StatusCode::OK, "{again}");
    assert_eq!(again["state"], "unacknowledged");
    let (status, refused) = room
        .post(&format!("/v1/alarms/{id}/unshelve"), json!({}))
        .await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    assert_eq!(refused["code"], "alarm-state");
    room.end().await;
}

#[tokio::test]
async fn a_locked_target_is_in_maintenance_and_told_anew_at_its_end() {
    let room = Room::served().await;
    room.furnish(1).await;
    apply(&room, json!([rule()])).await;
    let lock = json!({ "why": "a fan is replaced", "for": "2h" });
    let (status, told) = room.send("PUT", "/v1/targets/pdu-0/lock", Some(lock)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    read(&room).await;
    let list = room.until("/v1/alarms", |list| count(list) == 1).await;
    assert_eq!(only(&list)["state"], "suppressed");
    let (_, report) = room.get("/v1/alarms/report?since=1h").await;
    assert_eq!(report["alarms"], 0, "nobody was told: {report}");
    let (status, _) = room.send("DELETE", "/v1/targets/pdu-0/lock", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    room.until("/v1/alarms", |list| only(list)["state"] == "unacknowledged")
        .await;
    room.until("/v1/alarms/report?since=1h", |report| report["alarms"] == 1)
        .await;
    room.end().await;
}

#[tokio::test]
async fn a_rule_with_a_mistake_is_refused_as_a_whole_with_its_place() {
    let room = Room::served().await;
    room.furnish(1).await;
    let mut wrong = rule();
    wrong["raise"] = "value > hw".into();
    let relation =
        json!({ "type": "relation", "relation": "feeds", "from": "pdu-0", "to": "pdu-9" });
    let documents = json!({ "documents": [wrong, rule_of("fine"), relation] });
    let (status, refused) = room.post("/v1/apply", documents).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    let problems = refused["problems"].to_string();
    assert!(
        problems.contains("raise: line 1, column 9: there is no \\\"hw\\\""),
        "{problems}"
    );
    assert!(
        problems.contains("there is no target \\\"pdu-9\\\""),
        "{problems}"
    );
    let (_, rules) = room.get("/v1/alarm-rules/fine").await;
    assert_eq!(rules["code"], "not-found", "{rules}");
    room.end().await;
}

/// Returns the parts of alarms that only a change changes.
fn facts(list: &Value) -> Vec<Value> {
    let items = list["items"].as_array().unwrap().iter();
    let facts = items.map(|one| {
        json!([
            one["id"],
            one["number"],
            one["state"],
            one["raised"],
            one["held"]
        ])
    });
    facts.collect()
}

fn rule_of(name: &str) -> Value {
    let mut rule = rule();
    rule["name"] = name.into();
    rule
}

#[tokio::test]
async fn a_shipped_rule_is_switched_off_by_a_document_of_its_name() {
    let room = Room::served().await;
    let (_, shipped) = room.get("/v1/alarm-rules/fan-failed").await;
    assert_eq!(shipped["shipped"], true, "{shipped}");
    let off = json!({
        "name": "fan-failed", "on": { "metric": "hw.status" }, "raise": "value == 'failed'",
        "off": true,
    });
    let (status, told) = room
        .send("PUT", "/v1/alarm-rules/fan-failed", Some(off))
        .await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (_, own) = room.get("/v1/alarm-rules/fan-failed").await;
    assert_eq!(
        (&own["shipped"], &own["overrides"]),
        (&json!(false), &json!(true)),
        "{own}"
    );
    let (status, _) = room
        .send("DELETE", "/v1/alarm-rules/fan-failed", None)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, shipped) = room.get("/v1/alarm-rules/fan-failed").await;
    assert_eq!(shipped["shipped"], true, "{shipped}");
    room.end().await;
}

#[tokio::test]
async fn forty_silent_devices_behind_one_switch_are_one_cause() {
    let are_silent = Arc::new(AtomicBool::new(false));
    let silent = Arc::clone(&are_silent);
    let room = Room::scripted(Arc::new(move |task| {
        let is_behind =
            task.target.name.as_str().starts_with("bmc-") || task.target.name.as_str() == "sw-1";
        if task.class == Class::Observe && is_behind && silent.load(Ordering::Relaxed) {
            let problem = Problem::new("no-answer", Cure::Operator, "it does not answer");
            return Some((OutcomeStatus::Failed, Some(problem)));
        }
        Some((OutcomeStatus::Succeeded, None))
    }))
    .await;
    room.furnish(1).await;
    let mut documents: Vec<Value> = (0..40).map(|n| target(&format!("bmc-{n}"))).collect();
    documents.push(target("sw-1"));
    documents.push(json!({
        "type": "schedule", "name": "often", "selector": "kind=pdu", "interval": "1s",
    }));
    documents.push(json!({
        "type": "relation", "relation": "reaches", "from": "sw-1", "to": "rack=A1,name!=pdu-0",
    }));
    // The rack's PDU would feed them, by its labels; that is another test.
    for n in 0..40 {
        documents.push(json!({
            "type": "relation", "relation": "feeds", "from": "pdu-0", "to": format!("bmc-{n}"),
        }));
    }
    apply(&room, documents.into()).await;
    room.until("/v1/readings?metric=hw.power", |list| count(list) >= 42)
        .await;
    are_silent.store(true, Ordering::Relaxed);
    let all = "/v1/alarms?limit=100";
    room.until(all, |list| count(list) == 41).await;
    let causes = room
        .until("/v1/alarms?cause=none", |list| count(list) == 1)
        .await;
    let cause = only(&causes);
    assert_eq!(cause["target"], "sw-1", "{causes}");
    assert_eq!(cause["explains"], 40, "{causes}");
    let id = cause["id"].as_str().unwrap();
    let (_, explained) = room.get(&format!("/v1/alarms?cause={id}&limit=100")).await;
    assert_eq!(count(&explained), 40);
    assert_eq!(explained["items"][0]["state"], "suppressed");
    // People are told of one.
    let (_, report) = room.get("/v1/alarms/report?since=1h").await;
    assert_eq!(report["alarms"], 1, "{report}");
    let first = explained["items"][0]["id"].as_str().unwrap();
    let (_, why) = room.get(&format!("/v1/alarms/{first}/explain")).await;
    assert!(
        why["lines"]
            .to_string()
            .contains("because sw-1 does not answer"),
        "{why}"
    );
    let (_, topology) = room.get("/v1/topology?around=bmc-7").await;
    assert_eq!(topology["nodes"][0]["target"], "bmc-7");
    let switch = topology["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["target"] == "sw-1");
    assert_eq!(switch.unwrap()["alarms"][0]["rule"], "silent", "{topology}");

    are_silent.store(false, Ordering::Relaxed);
    room.until(all, |list| count(list) == 0).await;
    // What was explained needs nobody; the cause waits to be seen.
    let list = room
        .until("/v1/alarms?state=all", |list| count(list) == 1)
        .await;
    assert_eq!(only(&list)["state"], "returned");
    room.end().await;
}
