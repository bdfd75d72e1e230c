//! The release `drill`: an instance selected by the text in its index, and SETs that nobody
//! answers.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use serde_json::json;
use utakata_tests::servers::Snmpd;
use utakata_worker_sdk::model::{OutcomeStatus, Quality, ReadingValue};

use crate::{
    device::{Device, community, number},
    relay::{Fate, Relay, Way, is},
};

const DRILL: &str = "1.3.6.1.4.1.8072.9999.9999.7";
const SET: u8 = 0xa3;

/// A Debian agent that holds the value of a counter after `a-1` was marked.
fn snmpd() -> Snmpd {
    let (token, twice, never) = ("3.97.45.49", "3.97.45.50", "3.97.45.48");
    let lines = format!(
        "override -rw .{DRILL}.2.1.0 octet_str \"a-1\"\n\
         override -rw .{DRILL}.2.2.0 octet_str \"(none)\"\n\
         override .{DRILL}.3.1.1.{token} uinteger 1\n\
         override .{DRILL}.3.1.2.{token} uinteger 0\n\
         override .{DRILL}.3.1.1.{twice} uinteger 2\n\
         override .{DRILL}.3.1.2.{twice} uinteger 0\n\
         override .{DRILL}.3.1.1.{never} uinteger 0\n\
         override .{DRILL}.3.1.2.{never} uinteger 0\n"
    );
    Snmpd::start_with(&lines).unwrap()
}

#[tokio::test]
async fn an_instance_is_read_by_the_text_in_its_index_and_0_is_a_reading() {
    let snmpd = snmpd();
    for version in ["1", "2c"] {
        let mut credential = community(Snmpd::READ);
        credential.extend(crate::device::values(&[("version", version)]));
        let device = Device::new("drill", snmpd.address(), credential);
        let answer = device.run("seen", json!({ "token": "a-1" })).await.unwrap();
        let with = [("token", "a-1")];
        assert_eq!(answer.readings.len(), 3);
        assert_eq!(number(&answer.readings, "utakata.drill.marks", &with), 1.0);
        assert_eq!(number(&answer.readings, "utakata.drill.puts", &with), 0.0);
        let absent = device.run("seen", json!({ "token": "a" })).await;
        let failure = absent.unwrap_err();
        assert_eq!(failure.status, OutcomeStatus::Failed);
        assert_eq!(&*failure.problem.code, "device-refused", "{failure:?}");
        let message = &failure.problem.message;
        assert!(
            message.contains(&format!("{DRILL}.3.1.1.1.97")),
            "{message}"
        );
    }
}

#[tokio::test]
async fn marked_once_and_never_are_told_apart_for_sure_and_twice_is_neither() {
    let snmpd = snmpd();
    let device = Device::new("drill", snmpd.address(), community(Snmpd::READ));
    for (token, state, quality) in [
        ("a-0", "no", Quality::Good),
        ("a-1", "yes", Quality::Good),
        ("a-2", "2", Quality::Suspect),
    ] {
        let answer = device.run("seen", json!({ "token": token })).await.unwrap();
        let marked = answer.readings.iter();
        let marked = marked.filter(|one| one.metric.as_str() == "utakata.drill.marked");
        let marked: Vec<_> = marked.map(|one| (&one.value, one.quality)).collect();
        let expect = ReadingValue::Text(state.into());
        assert_eq!(marked, [(&expect, quality)], "{token}");
    }
}

#[tokio::test]
async fn a_mark_and_a_put_set_their_token() {
    let snmpd = snmpd();
    let device = Device::new("drill", snmpd.address(), community(Snmpd::WRITE));
    for (action, object) in [("mark", 1), ("put", 2), ("blind-mark", 1)] {
        let answer = device.run(action, json!({ "token": action })).await;
        assert_eq!(answer.unwrap().result, Some(json!({ "token": action })));
        let said = snmpd.client().unwrap();
        let said = said.value(&format!("{DRILL}.2.{object}.0")).unwrap();
        assert_eq!(said, action);
    }
}

#[tokio::test]
async fn a_mute_device_is_told_a_mark_once_and_a_put_again_and_both_are_unknown() {
    for (action, at_least, at_most) in [("mark", 1, 1), ("blind-mark", 1, 1), ("put", 2, 4)] {
        let snmpd = snmpd();
        let sets = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&sets);
        let mut is_lost = false;
        let relay = Relay::start(snmpd.address(), move |way, message| {
            if way == Way::There {
                is_lost = is(message, SET);
                counted.fetch_add(u32::from(is_lost), Ordering::SeqCst);
            }
            match way {
                Way::Back if is_lost => Fate::Lose,
                _ => Fate::Pass,
            }
        })
        .await;
        let device = Device::new("drill", relay.address, community(Snmpd::WRITE));
        let failure = device.run(action, json!({ "token": "t" })).await;
        assert_eq!(failure.unwrap_err().status, OutcomeStatus::Unknown);
        let sent = sets.load(Ordering::SeqCst);
        assert!((at_least..=at_most).contains(&sent), "{action}: {sent}");
    }
}
