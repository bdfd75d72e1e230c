//! Set values are visible to Debian's snmpget, and refusals are reported as such.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use serde_json::json;
use utakata_tests::servers::Snmpd;
use utakata_worker_sdk::model::OutcomeStatus;

use crate::{
    device::{Device, community, text, values},
    relay::{Fate, Relay, Way, is},
};

const STATE: &str = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4";
const OWN: &str = "1.3.6.1.4.1.8072.9999.9999";
const SET: u8 = 0xa3;

#[tokio::test]
async fn an_outlet_is_switched_and_read_back() {
    let snmpd = Snmpd::start().unwrap();
    let credential = values(&[
        ("community", Snmpd::READ),
        ("community_write", Snmpd::WRITE),
    ]);
    let device = Device::new("apc-pdu", snmpd.address(), credential);
    let only = json!({ "metrics": ["utakata.outlet.state"] });
    for (action, command, raw, state) in [
        ("outlet-off", "off", "2", "off"),
        ("outlet-on", "on", "1", "on"),
    ] {
        let answer = device.run(action, json!({ "outlet": 3 })).await.unwrap();
        assert_eq!(
            answer.result,
            Some(json!({ "outlet": 3, "command": command }))
        );
        let said = snmpd
            .client()
            .unwrap()
            .value(&format!("{STATE}.3"))
            .unwrap();
        assert_eq!(said, raw);
        let readings = device.run("read", only.clone()).await.unwrap().readings;
        assert_eq!(readings.len(), 8);
        assert_eq!(
            text(&readings, "utakata.outlet.state", &[("outlet", "3")]),
            state
        );
        assert_eq!(
            text(
                &readings,
                "utakata.outlet.state",
                &[("hw.name", "Outlet 4")]
            ),
            "on"
        );
    }
}

#[tokio::test]
async fn an_outlet_is_cycled_by_a_user_of_v3_too() {
    let snmpd = Snmpd::start().unwrap();
    let credential = values(&[
        ("user", Snmpd::USER),
        ("auth_password", Snmpd::AUTH_SECRET),
        ("priv_password", Snmpd::PRIVACY_SECRET),
    ]);
    let device = Device::new("apc-pdu", snmpd.address(), credential);
    device
        .run("outlet-cycle", json!({ "outlet": 8 }))
        .await
        .unwrap();
    assert_eq!(
        snmpd
            .client()
            .unwrap()
            .value(&format!("{STATE}.8"))
            .unwrap(),
        "3"
    );
}

#[tokio::test]
async fn every_type_is_set_as_it_was_written() {
    let snmpd = Snmpd::start().unwrap();
    let device = Device::new("snmp", snmpd.address(), community(Snmpd::WRITE));
    for (oid, kind, value, said) in [
        (format!("{OWN}.1.0"), "integer", json!(-7), "-7"),
        (
            format!("{OWN}.2.0"),
            "unsigned",
            json!(4_000_000_000_u64),
            "4000000000",
        ),
        (format!("{OWN}.3.0"), "string", json!("zwölf"), "zwölf"),
        (
            format!("{OWN}.4.0"),
            "oid",
            json!("1.3.6.1.4.1.318"),
            "1.3.6.1.4.1.318",
        ),
        (
            "1.3.6.1.2.1.1.6.0".into(),
            "string",
            json!("rack A1"),
            "rack A1",
        ),
    ] {
        let parameters = json!({ "oid": oid, "type": kind, "value": value });
        device
            .run("set", parameters)
            .await
            .unwrap_or_else(|failure| panic!("{oid}: {failure:?}"));
        assert_eq!(snmpd.client().unwrap().value(&oid).unwrap(), said);
    }
}

#[tokio::test]
async fn a_refusal_is_a_failure_that_names_the_object_and_the_reason() {
    let snmpd = Snmpd::start().unwrap();
    let device = Device::new("snmp", snmpd.address(), community(Snmpd::WRITE));
    for (oid, kind, value, part) in [
        (
            "1.3.6.1.2.1.1.3.0",
            "timeticks",
            json!(1),
            "cannot be written",
        ),
        (
            "1.3.6.1.4.1.8072.9999.9999.1.0",
            "string",
            json!("x"),
            "wants another type",
        ),
        (
            "1.3.6.1.4.1.8072.9999.9999.77.0",
            "integer",
            json!(1),
            "has no",
        ),
    ] {
        let parameters = json!({ "oid": oid, "type": kind, "value": value });
        let failure = device.run("set", parameters).await.unwrap_err();
        assert_eq!(failure.status, OutcomeStatus::Failed);
        assert_eq!(&*failure.problem.code, "device-refused", "{failure:?}");
        let message = &failure.problem.message;
        assert!(message.contains(part) && message.contains(oid), "{message}");
    }
    let reader = Device::new("apc-pdu", snmpd.address(), community(Snmpd::READ));
    let failure = reader
        .run("outlet-off", json!({ "outlet": 1 }))
        .await
        .unwrap_err();
    let message = &failure.problem.message;
    assert!(
        message.contains("rPDUOutletControlOutletCommand"),
        "{message}"
    );
    assert!(message.contains("community_write"), "{message}");
    let failure = reader
        .run("outlet-off", json!({ "outlet": 99 }))
        .await
        .unwrap_err();
    assert!(
        failure.problem.message.contains("has no rPDU"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_set_whose_answer_is_lost_is_unknown_and_sent_once_if_it_is_once() {
    for (action, status, at_least, at_most) in [
        ("outlet-cycle", OutcomeStatus::Unknown, 1, 1),
        ("outlet-off", OutcomeStatus::Unknown, 2, 5),
    ] {
        let snmpd = Snmpd::start().unwrap();
        let sets = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&sets);
        let mut lost = false;
        let relay = Relay::start(snmpd.address(), move |way, message| {
            if way == Way::There && is(message, SET) {
                counted.fetch_add(1, Ordering::SeqCst);
                lost = true;
            }
            if lost && way == Way::Back {
                Fate::Lose
            } else {
                Fate::Pass
            }
        })
        .await;
        let device = Device::new("apc-pdu", relay.address, community(Snmpd::WRITE));
        let timeout = std::time::Duration::from_secs(3);
        let failure = device
            .run_within(timeout, action, json!({ "outlet": 2 }))
            .await
            .unwrap_err();
        assert_eq!(failure.status, status, "{failure:?}");
        let sent = sets.load(Ordering::SeqCst);
        assert!((at_least..=at_most).contains(&sent), "{action}: {sent}");
    }
}

#[tokio::test]
async fn a_control_of_a_target_that_is_not_there_fails_for_sure() {
    let snmpd = Snmpd::start().unwrap();
    let device = Device::new("apc-pdu", snmpd.address(), community(Snmpd::WRITE));
    drop(snmpd);
    let failure = device
        .run("outlet-off", json!({ "outlet": 1 }))
        .await
        .unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed);
    assert_eq!(&*failure.problem.code, "unreachable", "{failure:?}");
}

/// An alteration of the answer to a SET.
#[derive(Debug, Clone, Copy)]
enum Bend {
    /// Replaces the error status.
    Status(u8),
    /// Replaces the value: the last byte of the answer.
    Value(u8),
    /// Replaces the type by one of the same length: the tag of the value.
    Type(u8),
}

/// A v2c answer with one binding whose value has one byte.
fn bent(answer: &[u8], bend: Bend) -> Vec<u8> {
    let mut answer = answer.to_vec();
    let end = answer.len();
    match bend {
        Bend::Value(value) => answer[end - 1] = value,
        Bend::Type(tag) => answer[end - 3] = tag,
        Bend::Status(status) => {
            // The PDU has a length of one byte, its id, then the status: 02 01 00.
            let pdu = 7 + usize::from(answer[6]);
            let number = usize::from(answer[pdu + 3]);
            let at = pdu + 4 + number;
            assert_eq!(answer[at..at + 3], [0x02, 0x01, 0x00], "{answer:x?}");
            answer[at + 2] = status;
        }
    }
    answer
}

/// A device whose answers to SET are altered, and whose first ones are lost.
async fn liar(snmpd: &Snmpd, lost: u32, bend: Bend) -> (Relay, Arc<AtomicU32>) {
    let sets = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&sets);
    let mut is_set = false;
    let relay = Relay::start(snmpd.address(), move |way, message| match way {
        Way::There => {
            is_set = is(message, SET);
            if is_set {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            Fate::Pass
        }
        Way::Back if !is_set => Fate::Pass,
        Way::Back if counted.load(Ordering::SeqCst) <= lost => Fate::Lose,
        Way::Back => Fate::Replace(bent(message, bend)),
    });
    (relay.await, sets)
}

#[tokio::test]
async fn what_an_answer_to_a_set_does_not_prove_is_unknown() {
    for (action, lost, bend, status, says) in [
        (
            "outlet-cycle",
            0,
            Bend::Status(5),
            OutcomeStatus::Unknown,
            "genErr",
        ),
        (
            "outlet-cycle",
            0,
            Bend::Status(14),
            OutcomeStatus::Unknown,
            "commitFailed",
        ),
        (
            "outlet-cycle",
            0,
            Bend::Status(15),
            OutcomeStatus::Unknown,
            "undoFailed",
        ),
        (
            "outlet-cycle",
            0,
            Bend::Status(99),
            OutcomeStatus::Unknown,
            "may have done it",
        ),
        (
            "outlet-cycle",
            0,
            Bend::Status(17),
            OutcomeStatus::Failed,
            "cannot be written",
        ),
        (
            "outlet-cycle",
            0,
            Bend::Status(12),
            OutcomeStatus::Failed,
            "this value",
        ),
        (
            "outlet-cycle",
            0,
            Bend::Value(1),
            OutcomeStatus::Unknown,
            "without an error",
        ),
        (
            "outlet-off",
            0,
            Bend::Value(1),
            OutcomeStatus::Unknown,
            "without an error",
        ),
        (
            "outlet-cycle",
            0,
            Bend::Type(0x42),
            OutcomeStatus::Unknown,
            "without an error",
        ),
        // The unanswered one was done: the refusal concerns the other one.
        (
            "outlet-off",
            1,
            Bend::Status(12),
            OutcomeStatus::Unknown,
            "2 times",
        ),
    ] {
        let snmpd = Snmpd::start().unwrap();
        let (relay, sets) = liar(&snmpd, lost, bend).await;
        let device = Device::new("apc-pdu", relay.address, community(Snmpd::WRITE));
        let failure = device
            .run(action, json!({ "outlet": 2 }))
            .await
            .unwrap_err();
        assert_eq!(failure.status, status, "{action} {bend:?}: {failure:?}");
        let message = &failure.problem.message;
        assert!(message.contains(says), "{action} {bend:?}: {message}");
        assert_eq!(sets.load(Ordering::SeqCst), lost + 1, "{action} {bend:?}");
    }
}

#[tokio::test]
async fn what_is_read_back_is_the_outlet_that_was_set_and_no_other() {
    let snmpd = Snmpd::start().unwrap();
    let device = Device::new("apc-pdu", snmpd.address(), community(Snmpd::READ));
    let three = json!({ "metrics": ["utakata.outlet.state"], "outlet": 3 });
    let readings = device.run("read", three).await.unwrap().readings;
    assert_eq!(readings.len(), 1, "{readings:?}");
    let named = [("outlet", "3"), ("hw.name", "Outlet 3")];
    assert_eq!(text(&readings, "utakata.outlet.state", &named), "on");
    let none = json!({ "metrics": ["utakata.outlet.state"], "outlet": 99 });
    let failure = device.run("read", none).await.unwrap_err();
    assert_eq!(&*failure.problem.code, "device-refused");
}

/// Two Raritan PDUs behind one address; outlet 3 of the second is off.
fn linked() -> String {
    let mut lines = String::new();
    for (unit, outlet) in [1, 2]
        .iter()
        .flat_map(|unit| (1..=4).map(move |one| (unit, one)))
    {
        let state = if (*unit, outlet) == (2, 3) { 8 } else { 7 };
        lines.push_str(&format!(
            "override -rw .{PX}.4.1.2.1.2.{unit}.{outlet} integer 1\n\
             override .{PX}.4.1.2.1.3.{unit}.{outlet} integer {state}\n\
             override .{PX}.3.5.3.1.3.{unit}.{outlet} octet_str \"{unit}/{outlet}\"\n"
        ));
    }
    lines
}

const PX: &str = "1.3.6.1.4.1.13742.6";

#[tokio::test]
async fn outlets_of_linked_units_have_names_of_their_own_in_readings_and_in_control() {
    let snmpd = Snmpd::start_with(&linked()).unwrap();
    let device = Device::new("raritan-pdu", snmpd.address(), community(Snmpd::WRITE));
    let state = "utakata.outlet.state";
    let all = device
        .run("read", json!({ "metrics": [state] }))
        .await
        .unwrap()
        .readings;
    assert_eq!(all.len(), 8);
    for (outlet, name, expect) in [(json!(3), "1/3", "on"), (json!("2.3"), "2/3", "off")] {
        let shown = outlet
            .as_str()
            .map_or_else(|| outlet.to_string(), String::from);
        let named = [("outlet", shown.as_str()), ("hw.name", name)];
        assert_eq!(text(&all, state, &named), expect);
        let parameters = json!({ "metrics": [state], "outlet": outlet });
        let one = device.run("read", parameters).await.unwrap().readings;
        assert_eq!(one.len(), 1, "{one:?}");
        assert_eq!(text(&one, state, &named), expect);
    }
    device
        .run("outlet-off", json!({ "outlet": "2.4" }))
        .await
        .unwrap();
    device
        .run("outlet-cycle", json!({ "outlet": 1 }))
        .await
        .unwrap();
    let client = snmpd.client().unwrap();
    let operation = |index: &str| client.value(&format!("{PX}.4.1.2.1.2.{index}")).unwrap();
    let all = ["1.1", "2.1", "1.4", "2.4"].map(operation);
    assert_eq!(all, ["2", "1", "1", "0"]);
}
