use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::answer::{Answer, Asked, Exchange};
use super::*;
use crate::blueprint::Blueprint;

const SYSTEM: &str = "/redfish/v1/Systems/1";
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
const RESET: &str = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn alone(model: BmcModel) -> Bmc {
    let machine = Machine::alone("bmc".to_owned());
    let with = (Limits::default(), None);
    Bmc::new(
        "bmc".to_owned(),
        model,
        machine,
        at(60),
        with,
        Instant::now(),
    )
}

/// The BMC of a room's first server with one.
fn in_room() -> (Arc<Mutex<Room>>, Arc<Bmc>) {
    let room = Room::build(&Blueprint::load(None).unwrap()).unwrap();
    let room = Arc::new(Mutex::new(room));
    let bmc = Bmc::build_all(&room, Instant::now()).unwrap().remove(0);
    (room, bmc)
}

fn ask(method: &str, path: &str, body: &Value) -> Asked {
    let both = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        authorization: Some(format!("Basic {both}")),
        body: body.to_string().into_bytes(),
        ..Asked::default()
    }
}

fn answered(exchange: Exchange) -> Answer {
    match exchange {
        Exchange::After(_, answer) => answer,
        Exchange::Never => panic!("there is no answer"),
    }
}

fn send(bmc: &Bmc, method: &str, path: &str, body: &Value, now: Duration) -> u16 {
    answered(bmc.receive(&ask(method, path, body), now)).status
}

fn get(bmc: &Bmc, path: &str, now: Duration) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut asked = ask("GET", path, &Value::Null);
    query.clone_into(&mut asked.query);
    let answer = answered(bmc.receive(&asked, now));
    assert_eq!(answer.status, 200, "{path}");
    serde_json::from_slice(&answer.body).unwrap()
}

fn login(bmc: &Bmc, user: &str, password: &str, now: Duration) -> Answer {
    let body = json!({ "UserName": user, "Password": password });
    let asked = Asked {
        authorization: None,
        ..ask("POST", SESSIONS, &body)
    };
    answered(bmc.receive(&asked, now))
}

fn with_token(bmc: &Bmc, token: &str, now: Duration) -> u16 {
    let asked = Asked {
        authorization: None,
        token: Some(token.to_owned()),
        ..ask("GET", SYSTEM, &Value::Null)
    };
    answered(bmc.receive(&asked, now)).status
}

fn token(answer: &Answer) -> String {
    let mut headers = answer.headers.iter();
    let found = headers.find(|(name, _)| *name == "x-auth-token");
    found.unwrap().1.clone()
}

#[test]
fn sessions_are_few_and_end_when_they_are_not_used() {
    let bmc = alone(BmcModel::Classic);
    let tokens: Vec<String> = (0..4)
        .map(|_| token(&login(&bmc, USER, PASSWORD, at(0))))
        .collect();
    assert_eq!(login(&bmc, USER, PASSWORD, at(0)).status, 503);
    assert_eq!(with_token(&bmc, &tokens[0], at(1000)), 200);
    assert_eq!(with_token(&bmc, &tokens[1], at(1900)), 401, "it has ended");
    assert_eq!(with_token(&bmc, &tokens[0], at(1900)), 200, "it was used");
    let path = format!("{SESSIONS}/1");
    assert_eq!(send(&bmc, "DELETE", &path, &Value::Null, at(1900)), 204);
    assert_eq!(with_token(&bmc, &tokens[0], at(1900)), 401);
    let truth = bmc.truth(Detail::Summary);
    assert_eq!((truth.counts.logins, truth.counts.sessions_max), (4, 4));
    assert_eq!(truth.counts.sessions_refused, 1);
}

#[test]
fn the_account_is_locked_after_wrong_logins_whatever_the_password_and_opens_by_itself() {
    let bmc = alone(BmcModel::Classic);
    for _ in 0..4 {
        assert_eq!(login(&bmc, USER, "wrong", at(0)).status, 401);
    }
    assert_eq!(login(&bmc, USER, PASSWORD, at(0)).status, 201);
    // A right one has forgotten the wrong ones; those with a request count as well.
    let mut wrong = ask("GET", SYSTEM, &Value::Null);
    wrong.authorization = Some(format!("Basic {}", STANDARD.encode("demo:wrong")));
    for _ in 0..5 {
        assert_eq!(answered(bmc.receive(&wrong, at(1))).status, 401);
    }
    assert_eq!(login(&bmc, USER, PASSWORD, at(2)).status, 401);
    assert_eq!(login(&bmc, "nobody", "x", at(2)).status, 401);
    assert_eq!(login(&bmc, USER, PASSWORD, at(302)).status, 201);
    let truth = bmc.truth(Detail::Summary);
    assert_eq!((truth.wrong_logins, truth.lockouts), (10, 1));
}

#[test]
fn the_root_needs_no_login_and_everything_else_does() {
    let bmc = alone(BmcModel::Classic);
    let nobody = |path: &str| {
        let asked = Asked {
            authorization: None,
            ..ask("GET", path, &Value::Null)
        };
        answered(bmc.receive(&asked, at(0))).status
    };
    assert_eq!((nobody("/redfish"), nobody("/redfish/v1/")), (200, 200));
    assert_eq!(nobody(SYSTEM), 401);
    assert_eq!(nobody("/elsewhere"), 404);
    assert_eq!(bmc.truth(Detail::Summary).wrong_logins, 0);
}

/// Every link in a document, followed.
fn follow(bmc: &Bmc, document: &Value, seen: &mut Vec<String>) {
    match document {
        Value::Object(object) => {
            for (key, value) in object {
                match value.as_str() {
                    // What begins after a # is in the same document.
                    Some(path) if key == "@odata.id" && !path.contains('#') => {
                        let path = path.trim_end_matches('/').to_owned();
                        if !seen.contains(&path) {
                            seen.push(path.clone());
                            follow(bmc, &get(bmc, &path, at(1)), seen);
                        }
                    }
                    _ => follow(bmc, value, seen),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|one| follow(bmc, one, seen)),
        _ => {}
    }
}

#[test]
fn every_link_leads_somewhere_in_both_models() {
    for (model, expect) in [(BmcModel::Classic, 9), (BmcModel::Modern, 45)] {
        let bmc = alone(model);
        let mut seen = Vec::new();
        follow(&bmc, &get(&bmc, "/redfish/v1", at(1)), &mut seen);
        assert!(seen.len() >= expect, "{}: {seen:?}", seen.len());
    }
}

#[test]
fn the_modern_model_gives_members_with_their_collection_and_the_classic_one_does_not() {
    for (model, path, key) in [
        (BmcModel::Modern, "/redfish/v1/Chassis/1/Sensors", "Reading"),
        (BmcModel::Classic, "/redfish/v1/Chassis", "@odata.id"),
    ] {
        let bmc = alone(model);
        let path = format!("{path}?$expand=.($levels=1)");
        let members = get(&bmc, &path, at(1))["Members"].clone();
        let is_whole = members[0].get("Id").is_some();
        assert_eq!(is_whole, model == BmcModel::Modern);
        assert!(members[0].get(key).is_some(), "{members}");
    }
}

#[test]
fn power_takes_its_time_and_each_order_is_counted() {
    let bmc = alone(BmcModel::Classic);
    let state = |now| get(&bmc, SYSTEM, now)["PowerState"].clone();
    let reset = |kind: &str, now| send(&bmc, "POST", RESET, &json!({ "ResetType": kind }), now);
    assert_eq!(state(at(0)), "On");
    assert_eq!(reset("GracefulShutdown", at(0)), 204);
    assert_eq!(state(at(1)), "PoweringOff");
    assert_eq!(state(at(6)), "Off");
    let power = get(&bmc, "/redfish/v1/Chassis/1/Power", at(6));
    assert_eq!(
        power.pointer("/PowerControl/0/PowerConsumedWatts"),
        Some(&json!(14))
    );
    assert_eq!(reset("ForceOff", at(7)), 409);
    assert_eq!(reset("PushPowerButton", at(7)), 400);
    assert_eq!(reset("On", at(7)), 204);
    assert_eq!(state(at(8)), "PoweringOn");
    assert_eq!(state(at(10)), "On");
    assert_eq!(reset("PowerCycle", at(20)), 204);
    assert_eq!(state(at(22)), "PoweringOn", "it is off, and comes back");
    assert_eq!(state(at(25)), "On");
    let actions = bmc.truth(Detail::Summary).actions;
    let counted = |reset| {
        actions
            .get(&reset)
            .map(|count| (count.received, count.done))
    };
    assert_eq!(counted(Reset::GracefulShutdown), Some((1, 1)));
    assert_eq!(counted(Reset::ForceOff), Some((1, 0)));
    assert_eq!(counted(Reset::On), Some((1, 1)));
    assert_eq!(counted(Reset::PowerCycle), Some((1, 1)));
}

#[test]
fn settings_are_changed_by_those_who_saw_them_as_they_are() {
    let bmc = alone(BmcModel::Classic);
    let tag = get(&bmc, SYSTEM, at(0))["@odata.etag"].clone();
    let patch = |body: Value, tag: Option<&Value>| {
        let mut asked = ask("PATCH", SYSTEM, &body);
        asked.tag = tag.map(|tag| tag.as_str().unwrap().to_owned());
        answered(bmc.receive(&asked, at(1))).status
    };
    assert_eq!(patch(json!({ "IndicatorLED": "Lit" }), Some(&tag)), 204);
    assert_eq!(patch(json!({ "IndicatorLED": "Off" }), Some(&tag)), 412);
    let boot = json!({ "Boot": { "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" } });
    assert_eq!(patch(boot, None), 204);
    let wrong = json!({ "Boot": { "BootSourceOverrideTarget": "Floppy" } });
    assert_eq!(patch(wrong, None), 400);
    let system = get(&bmc, SYSTEM, at(2));
    assert_eq!(system["IndicatorLED"], "Lit");
    assert_eq!(system["Boot"]["BootSourceOverrideTarget"], "Pxe");
    // The next start uses it up.
    send(
        &bmc,
        "POST",
        RESET,
        &json!({ "ResetType": "ForceRestart" }),
        at(3),
    );
    let system = get(&bmc, SYSTEM, at(5));
    assert_eq!(system["Boot"]["BootSourceOverrideTarget"], "None");
}

#[test]
fn a_limit_of_the_power_is_kept_in_both_models() {
    for (model, path, body) in [
        (
            BmcModel::Classic,
            "/redfish/v1/Chassis/1/Power",
            json!({ "PowerControl": [{ "PowerLimit": { "LimitInWatts": 200 } }] }),
        ),
        (
            BmcModel::Modern,
            "/redfish/v1/Chassis/1/EnvironmentMetrics",
            json!({ "PowerLimitWatts": { "SetPoint": 200 } }),
        ),
    ] {
        let bmc = alone(model);
        assert_eq!(send(&bmc, "PATCH", path, &body, at(0)), 204);
        let truth = bmc.truth(Detail::Summary);
        assert_eq!(truth.power_limit, Some(200.0));
        assert!(truth.watts <= 200.0, "{}", truth.watts);
    }
}

#[test]
fn an_outlet_that_goes_off_takes_the_input_of_its_supply_and_the_last_one_the_bmc() {
    let (room, bmc) = in_room();
    let supplies = |now| get(&bmc, "/redfish/v1/Chassis/1/Power", now)["PowerSupplies"].clone();
    let before = supplies(at(0));
    assert!(
        before[0]["PowerInputWatts"].as_i64().unwrap() > 50,
        "{before}"
    );
    let session = token(&login(&bmc, USER, PASSWORD, at(0)));
    room.lock().switch(0, 0, Command::Off);
    let after = supplies(at(1));
    assert_eq!(after[0]["PowerInputWatts"], 0);
    assert_eq!(after[0]["LineInputVoltage"], 0);
    assert_eq!(after[0]["Status"]["Health"], "Critical");
    assert_eq!(after[1]["Status"]["Health"], "OK");
    assert!(after[1]["PowerInputWatts"].as_i64() > before[1]["PowerInputWatts"].as_i64());
    assert_eq!(get(&bmc, SYSTEM, at(1))["Status"]["Health"], "Warning");
    room.lock().switch(1, 0, Command::Off);
    bmc.tick(at(2));
    let asked = ask("GET", SYSTEM, &Value::Null);
    assert_eq!(bmc.receive(&asked, at(2)), Exchange::Never);
    // It starts once it has power again, and nobody is logged in.
    room.lock().switch(0, 0, Command::On);
    bmc.tick(at(3));
    assert_eq!(bmc.receive(&asked, at(4)), Exchange::Never);
    assert_eq!(with_token(&bmc, &session, at(63)), 401);
    assert_eq!(get(&bmc, SYSTEM, at(63))["PowerState"], "On");
}

#[test]
fn a_machine_that_is_switched_off_draws_little_from_its_outlets_and_its_inlet_is_that_of_the_rack()
{
    let (room, bmc) = in_room();
    let reset = json!({ "ResetType": "ForceOff" });
    assert_eq!(send(&bmc, "POST", RESET, &reset, at(0)), 204);
    bmc.tick(at(1));
    assert!(room.lock().pdus[0].outlets[0].power.0 < 10.0);
    let thermal = get(&bmc, "/redfish/v1/Chassis/1/Thermal", at(1));
    let inlet = room.lock().racks[0].inlet.0;
    let told = thermal["Temperatures"][0]["ReadingCelsius"]
        .as_f64()
        .unwrap();
    assert!((told - inlet).abs() <= 0.5, "{told} {inlet}");
    assert_eq!(thermal["Temperatures"][1]["Status"]["State"], "Absent");
}

#[test]
fn faults_do_what_they_are_called() {
    let thermal = "/redfish/v1/Chassis/1/Thermal";
    let faulty = |fault: &str| {
        let bmc = alone(BmcModel::Classic);
        bmc.order(fault.parse().unwrap()).unwrap();
        bmc
    };
    let read = ask("GET", thermal, &Value::Null);
    assert_eq!(faulty("silent").receive(&read, at(0)), Exchange::Never);
    let slow = faulty("slow-part=30s");
    let delay = |path: &str| match slow.receive(&ask("GET", path, &Value::Null), at(0)) {
        Exchange::After(delay, _) => delay,
        Exchange::Never => panic!("there is no answer"),
    };
    assert_eq!((delay(thermal), delay(SYSTEM)), (at(30), at(0)));
    for fault in ["truncated", "garbage"] {
        let answer = answered(faulty(fault).receive(&read, at(0)));
        assert_eq!(answer.status, 200);
        assert!(
            serde_json::from_slice::<Value>(&answer.body).is_err(),
            "{fault}"
        );
    }
    let off = json!({ "ResetType": "ForceOff" });
    for (fault, status) in [("lying", 204), ("refusing", 409)] {
        let bmc = faulty(fault);
        assert_eq!(send(&bmc, "POST", RESET, &off, at(0)), status);
        assert_eq!(get(&bmc, SYSTEM, at(9))["PowerState"], "On", "{fault}");
        let count = bmc.truth(Detail::Summary).actions[&Reset::ForceOff];
        assert_eq!((count.received, count.done), (1, 0));
    }
    assert_eq!(
        login(&faulty("sessions-full"), USER, PASSWORD, at(0)).status,
        503
    );
    assert_eq!(
        send(&faulty("basic-refused"), "GET", SYSTEM, &Value::Null, at(0)),
        401
    );
    let moody = faulty("moody=1");
    assert_eq!(send(&moody, "GET", SYSTEM, &Value::Null, at(0)), 401);
    assert_eq!(moody.truth(Detail::Summary).wrong_logins, 0);
    let fans = get(&faulty("fan-failed"), thermal, at(0))["Fans"].clone();
    assert_eq!(
        (&fans[0]["Reading"], &fans[0]["Status"]["Health"]),
        (&json!(0), &json!("Critical"))
    );
    let power = get(
        &faulty("supply-failed"),
        "/redfish/v1/Chassis/1/Power",
        at(0),
    );
    assert_eq!(power["PowerSupplies"][0]["Status"]["Health"], "Critical");
}

#[test]
fn a_restart_takes_the_sessions_and_its_time() {
    let bmc = alone(BmcModel::Classic);
    let session = token(&login(&bmc, USER, PASSWORD, at(0)));
    bmc.order("restart=60s".parse().unwrap()).unwrap();
    assert_eq!(bmc.truth(Detail::Summary).faults, ["restart=60000ms"]);
    let asked = ask("GET", SYSTEM, &Value::Null);
    assert_eq!(bmc.receive(&asked, at(59)), Exchange::Never);
    assert_eq!(with_token(&bmc, &session, at(62)), 401);
    assert!(
        !bmc.truth(Detail::Summary)
            .faults
            .contains(&"restart".to_owned())
    );
}

#[test]
fn what_a_bmc_cannot_have_is_refused() {
    let bmc = alone(BmcModel::Classic);
    for fault in [
        "input-lost",
        "half-table",
        "certificate-changed",
        "bypass",
        "mute-sets",
    ] {
        assert!(bmc.order(fault.parse().unwrap()).is_err(), "{fault}");
    }
}

#[test]
fn conversations_and_their_rate_are_counted() {
    let mut tally = Tally::default();
    for at in [0, 100, 200, 1150] {
        tally.begin(Duration::from_millis(at));
    }
    tally.end();
    tally.begin(Duration::from_millis(1180));
    let counts = tally.counts;
    assert_eq!((counts.requests, counts.conversations_max), (5, 4));
    assert_eq!(counts.requests_per_second_max, 3);
}
