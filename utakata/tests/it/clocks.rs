//! Times use the time zone of the terminal, and say so.

use jiff::{SignedDuration, Timestamp, ToSpan, Zoned, tz::TimeZone};

use crate::program::Place;

const TARGETS: &str = "type: target\nname: one\nkind: echo\naddress: x\n";

/// The minute that a clock in a zone shows in an hour, and the one a moment ago, each as it is
/// typed, with its next occurrence.
fn times(zone: &str) -> [(String, Timestamp); 2] {
    let now = Timestamp::now().to_zoned(TimeZone::get(zone).unwrap());
    let minute = |time: Zoned| time.strftime("%H:%M").to_string();
    let soon = now.checked_add(1.hour()).unwrap();
    let past = now.checked_sub(2.minutes()).unwrap();
    let at = |time: &Zoned| {
        let whole = time.datetime().with().second(0).subsec_nanosecond(0);
        whole.build().unwrap().to_zoned(now.time_zone().clone())
    };
    let tomorrow = past.datetime().checked_add(1.day()).unwrap();
    let tomorrow = tomorrow.to_zoned(now.time_zone().clone()).unwrap();
    [
        (minute(soon.clone()), at(&soon).unwrap().timestamp()),
        (minute(past), at(&tomorrow).unwrap().timestamp()),
    ]
}

#[test]
fn a_lock_lasts_until_the_time_that_the_clock_here_shows() {
    let place = Place::new();
    let up = place.up();
    let applied = place.run_with(&["apply", "-f", "-"], TARGETS);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let lock = |zone: &str, until: &str, format: &str| {
        let lock = ["target", "lock", "one", "--why", "hands in it", "--until"];
        place.run_in(zone, &[&lock[..], &[until, "-o", format]].concat())
    };
    for (zone, name) in [("America/New_York", "E"), ("Asia/Tokyo", "JST")] {
        for (typed, expect) in times(zone) {
            let locked = lock(zone, &typed, "json");
            assert_eq!(locked.code, 0, "{}", locked.err);
            let lane: serde_json::Value = serde_json::from_str(&locked.out).unwrap();
            let until: Timestamp = lane["lock"]["until"].as_str().unwrap().parse().unwrap();
            let off = until.duration_since(expect).abs();
            assert_eq!(off, SignedDuration::ZERO, "{zone} {typed}: {until}");
            // The confirmation repeats what was typed, with its zone.
            let told = lock(zone, &typed, "table");
            assert!(
                told.out.contains(&format!("{typed}:00 {name}")),
                "{}",
                told.out
            );
        }
    }
    let locks = place.run_in("Asia/Tokyo", &["target", "locks"]);
    assert!(locks.out.contains(" JST"), "{}", locks.out);
    let locks = place.run_in("UTC", &["target", "locks"]);
    assert!(locks.out.contains(" UTC"), "{}", locks.out);
    let unknown = lock("Mars/Olympus", "18:00", "table");
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.contains("no time zone that is known"),
        "{}",
        unknown.err
    );
    let told = place.run_in("Mars/Olympus", &["target", "locks"]);
    assert!(
        told.err.contains("times are in UTC") && told.out.contains(" UTC"),
        "{}",
        told.err
    );
    assert_eq!(up.stop(), 0, "{}", place.told());
}

#[test]
fn an_awaited_time_is_shown_in_the_time_zone_of_the_user() {
    let place = Place::new();
    let up = place.up();
    place.serve_echo(&["one"]);
    let lock = ["target", "lock", "one", "--why", "x", "--for", "26h"];
    assert_eq!(place.run(&lock).code, 0);
    let control = ["control", "one", "set", "--timeout", "0s"];
    assert_eq!(place.run(&control).code, 3);
    let gives_up = place.run(&["task", "explain", "last"]).out;
    assert!(
        gives_up.contains("the task expires before the lock does"),
        "{gives_up}"
    );
    let waits = place.run(&[&control[..], &["--within", "30h"]].concat());
    assert_eq!(waits.code, 3, "{}", waits.err);
    let until = place.json(&["operation", "explain", "last"])["until"].clone();
    let until: Timestamp = until.as_str().unwrap().parse().unwrap();
    for (zone, name) in [("Asia/Tokyo", "JST"), ("America/New_York", "E")] {
        let there = until.to_zoned(TimeZone::get(zone).unwrap());
        // In 26 hours it is another day everywhere.
        let expect = there.strftime("until %F %H:%M:%S ").to_string() + name;
        for arguments in [
            &["operation", "explain", "last"][..],
            &["task", "explain", "last"],
        ] {
            let told = place.run_in(zone, arguments);
            assert!(told.out.contains(&expect), "{expect}: {}", told.out);
        }
        let shown = place.run_in(zone, &["task", "show", "last"]);
        assert!(shown.out.contains(&format!(" {name}")), "{}", shown.out);
    }
    assert_eq!(up.stop(), 0, "{}", place.told());
}
