//! Control as an operator uses it: guards, plans, locks, waiting.

use crate::program::Place;

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Returns the plan once everything has been read: a first value changes it, too.
fn planned(place: &Place, control: &[&str]) -> serde_json::Value {
    let dry = [control, &["--dry-run"]].concat();
    place.until(&dry, |plan| {
        let targets = plan["targets"].as_array()?;
        let is_seen = |one: &serde_json::Value| one["today"].is_string();
        targets.iter().all(is_seen).then(|| plan.clone())
    })
}

#[test]
fn a_plan_that_was_shown_is_done_exactly_or_not_at_all() {
    let place = Place::new();
    let up = place.up_with(&["--demo"]);
    place.until_served("apc-pdu");
    let off = words("control kind=apc-pdu outlet-off -p outlet=4");
    let with = |more: &str| place.run(&[&off[..], &words(more)].concat());
    let plan = planned(&place, &off);
    assert_eq!(plan["targets"].as_array().unwrap().len(), 4, "{plan}");
    let token = format!("--yes --plan {}", plan["token"].as_str().unwrap());
    let done = with(&token);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let again = with(&token);
    assert_eq!(again.code, 2, "{}{}", again.out, again.err);
    assert!(
        again.err.contains("the values of the plan"),
        "{}",
        again.err
    );
    let unexpected = with("--expect 3");
    assert_eq!(unexpected.code, 2, "{}", unexpected.err);
    let paced = with("--expect 4 --at-most 1/rack --at-a-time 50% --order-by rack --stop-after 1");
    assert_eq!(paced.code, 0, "{}{}", paced.out, paced.err);
    for wrong in [
        "--at-a-time 0",
        "--at-most rack",
        "--order-by a=b",
        "--stop-after 0",
    ] {
        assert_eq!(with(wrong).code, 2, "{wrong}");
    }
    let keyed = |outlet: &str| {
        let parameter = format!("outlet={outlet}");
        place.run(&[
            "control",
            "pdu-a1-a",
            "outlet-on",
            "-p",
            &parameter,
            "--key",
            "t7",
        ])
    };
    assert_eq!(
        (keyed("4").code, keyed("4").code, keyed("5").code),
        (0, 0, 2)
    );
    let operations = place.json(&["operation", "list"]);
    assert_eq!(operations.as_array().unwrap().len(), 3, "{operations}");
    assert_eq!(up.stop(), 0, "{}", place.told());
}

#[test]
fn what_waits_is_reported_with_who_can_change_it() {
    let place = Place::new();
    let up = place.up_with(&["--demo"]);
    place.until_served("apc-pdu");
    let run = |line: &str| place.run(&words(line));
    let locked = place.run(&[
        "target", "lock", "pdu-a1-b", "--why", "a fan", "--for", "2h",
    ]);
    assert_eq!(locked.code, 0, "{}", locked.err);
    assert!(run("target show pdu-a1-b").out.contains("by admin until"));
    assert!(run("target locks").out.contains("a fan"));
    assert_eq!(run("target lock pdu-a1-b --why x").code, 2);
    let waits = run("control rack=A1,kind=apc-pdu outlet-off -p outlet=4 --timeout 3s --yes");
    assert_eq!(waits.code, 3, "{}{}", waits.out, waits.err);
    assert!(
        waits.err.contains("locked pdu-a1-b: a fan"),
        "{}",
        waits.err
    );
    assert!(waits.err.contains("utakata target unlock"), "{}", waits.err);
    let explained = place.json(&["operation", "explain", "last"]);
    assert_eq!(explained["waits_for"], "lock", "{explained}");
    assert_eq!(run("operation pause last").code, 0);
    let again = run("operation pause last");
    assert_eq!(again.code, 1);
    assert!(again.err.contains("is paused"), "{}", again.err);
    assert!(
        run("operation explain last")
            .out
            .contains("paused by admin")
    );
    let waiting = place.json(&words("task list --state planned"));
    let task = waiting[0]["id"].as_str().unwrap();
    let end = &task[task.len() - 6..];
    assert!(run(&format!("task explain {end}")).out.contains("since"));
    let known = run(&format!("task settle {end} succeeded --why looked"));
    assert!(known.err.contains("is known"), "{}", known.err);
    assert_eq!(run(&format!("task cancel {end} --why late")).code, 0);
    assert_eq!(run("target unlock pdu-a1-b").code, 0);
    let over = run("operation cancel last");
    assert!(over.err.contains("is over"), "{}", over.err);
    assert_eq!(up.stop(), 0, "{}", place.told());
}

#[test]
fn control_is_undone_and_its_trail_is_whole() {
    let place = Place::new();
    let up = place.up_with(&["--demo"]);
    place.until_served("apc-pdu");
    let run = |line: &str| place.run(&words(line));
    planned(
        &place,
        &words("control kind=apc-pdu outlet-off -p outlet=4"),
    );
    assert_eq!(run("control pdu-a1-a outlet-off -p outlet=4 --yes").code, 0);
    let off = run("control kind=apc-pdu outlet-off -p outlet=4 --yes");
    assert_eq!(off.code, 0, "{}{}", off.out, off.err);
    let dry = run("operation undo last --dry-run");
    assert_eq!(dry.code, 0, "{}", dry.err);
    assert!(dry.err.contains("pdu-a1-a is left out"), "{}", dry.err);
    let unexpected = run("operation undo last --yes --expect 4");
    assert_eq!(unexpected.code, 2, "{}", unexpected.err);
    let back = run("operation undo last --yes --expect 3");
    assert_eq!(back.code, 0, "{}{}", back.out, back.err);
    let plan = place.json(&words(
        "control kind=apc-pdu outlet-on -p outlet=4 --dry-run",
    ));
    let today = plan["targets"].as_array().unwrap().iter();
    let today: Vec<_> = today.map(|one| one["today"].as_str().unwrap()).collect();
    assert_eq!(today, ["off", "on", "on", "on"]);
    assert_eq!(
        run("control pdu-a1-a outlet-cycle -p outlet=4 --yes").code,
        0
    );
    let never = run("operation undo last --yes");
    assert_eq!(never.code, 1);
    assert!(never.err.contains("does not declare how"), "{}", never.err);

    let listed = place.json(&["audit", "list", "--about", "pdu-a1-a"]);
    let listed = listed.as_array().unwrap();
    let newest = &listed[0]["operation"];
    assert_eq!(newest["action"], "outlet-cycle", "{listed:?}");
    assert!(
        listed
            .iter()
            .all(|line| !line["what"].as_str().unwrap().starts_with("task."))
    );
    let listed = run("audit list --by nobody");
    assert!(
        listed.err.contains("nothing of that since"),
        "{}",
        listed.err
    );

    let whole = run("audit verify");
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    let head = place.json(&["audit", "head"]);
    let hash = head["hash"].as_str().unwrap().to_owned();
    let exported = run("audit export");
    let last = exported.out.lines().last().unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["hash"], *hash);
    let store = place.data().join("store.db");
    let offline = [
        "audit",
        "verify",
        "--head",
        &hash,
        "--store",
        store.to_str().unwrap(),
    ];
    assert_eq!(place.run(&offline).code, 0, "while it is written");
    assert_eq!(up.stop(), 0, "{}", place.told());
    let done = place.run(&offline);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let other = "0".repeat(64);
    let anew = [
        "audit",
        "verify",
        "--head",
        &other,
        "--store",
        store.to_str().unwrap(),
    ];
    let anew = place.run(&anew);
    assert_eq!(anew.code, 1);
    assert!(anew.out.contains("rewritten since"), "{}", anew.out);
}
