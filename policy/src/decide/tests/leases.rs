//! Changes that targets take back by themselves, unless they are told again.

use super::*;

fn leased() -> Value {
    let mut policy = shed();
    policy["dead_man"] = json!({ "lease": "1m", "renew": "20s" });
    policy["act"][0]["expects"] = Value::Null;
    policy
}

/// A policy that has just changed two outlets, which are seen to be so.
fn changed() -> (Table, Decided) {
    let mut table = Table::new(leased());
    let acts = table.pass(15, 920.0);
    assert_eq!(acts.acts.len(), 2, "{}", acts.why);
    assert_eq!(acts.acts[0].lease, Some(Duration::from_secs(60)));
    table.set_fate(&acts, Fate::Done);
    let next = table.pass(1, 840.0);
    assert!(next.renewals.is_empty());
    (table, acts)
}

/// Sets the fate of what was told again.
fn renewals(table: &mut Table, decided: &Decided, fate: Fate) {
    let keys = decided.renewals.iter().map(|one| one.key.clone());
    table.view.fates.extend(keys.map(|key| (key, fate)));
}

fn changes(table: &Table) -> usize {
    let episode = table.state.episode.as_ref();
    episode.map_or(0, |episode| episode.changes.len())
}

#[test]
fn a_change_is_told_again_for_as_long_as_it_stands_and_what_was_before_is_handed_back() {
    let (mut table, acts) = changed();
    let mut told = Vec::new();
    for _ in 0..200 {
        let decided = table.pass(1, 840.0);
        assert!(decided.backs.is_empty() && decided.acts.is_empty());
        told.extend(decided.renewals.iter().cloned());
        renewals(&mut table, &decided, Fate::Done);
    }
    assert_eq!(told.len(), 2 * 10, "every twenty seconds, both");
    for renewal in &told {
        let first = acts.acts.iter().find(|one| one.key == renewal.renews);
        let first = first.expect("it renews the first of this target");
        assert_eq!(renewal.parameters, first.parameters);
        assert!(renewal.within <= Duration::from_secs(40));
    }
    let mut keys: Vec<&String> = told.iter().map(|one| &one.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), told.len(), "a key never comes twice");
    let mut backs = Vec::new();
    for _ in 0..120 {
        let decided = table.pass(1, 650.0);
        renewals(&mut table, &decided, Fate::Done);
        backs.extend(decided.backs);
    }
    assert_eq!(backs[0].undoes, acts.acts[1].key, "the newest first");
}

#[test]
fn what_nobody_has_renewed_is_over_and_never_begins_anew() {
    let (mut table, acts) = changed();
    // Whoever decides was gone for longer than the lease.
    table.now += Duration::from_secs(90);
    let after = table.pass(1, 840.0);
    assert!(after.renewals.is_empty(), "it would begin anew");
    assert_eq!(changes(&table), 2, "nobody has seen it yet");
    for one in &acts.acts {
        table.view.fates.insert(one.key.clone(), Fate::Foreign);
    }
    let seen = table.pass(1, 840.0);
    assert_eq!(changes(&table), 0, "{}", seen.why);
    assert_eq!(table.state.yields, None, "nobody else has changed it");
}

#[test]
fn what_a_target_holds_although_its_lease_is_over_is_handed_back() {
    let (mut table, acts) = changed();
    table.now += Duration::from_secs(130);
    let back = table.pass(1, 840.0);
    assert!(back.why.contains("after their lease"), "{}", back.why);
    let undone: Vec<&String> = back.backs.iter().map(|one| &one.undoes).collect();
    assert_eq!(undone, [&acts.acts[1].key, &acts.acts[0].key]);
}

#[test]
fn a_policy_that_cannot_see_renews_nothing_unless_it_acts_blind() {
    for (blind, renews) in [("hold", false), ("act", true)] {
        let mut policy = leased();
        policy["blind"] = json!(blind);
        policy["watch"]["load"]["fresh"] = json!("10s");
        let mut table = Table::new(policy);
        let acts = table.pass(15, 920.0);
        table.set_fate(&acts, Fate::Done);
        table.pass(1, 840.0);
        let mut told = 0;
        for _ in 0..50 {
            table.now += Duration::from_secs(1);
            let decided = table.step();
            if decided.evaluation.when.is_none() {
                told += decided.renewals.len();
                renewals(&mut table, &decided, Fate::Done);
            } else {
                assert!(decided.renewals.is_empty(), "its inputs were fresh so far");
            }
        }
        assert_eq!(told > 0, renews, "{blind}");
    }
}

#[test]
fn a_renewal_that_was_not_done_is_tried_again_until_the_lease_is_over() {
    let (mut table, _) = changed();
    let mut told = 0;
    for _ in 0..70 {
        let decided = table.pass(1, 840.0);
        told += decided.renewals.len();
        renewals(&mut table, &decided, Fate::NotDone);
    }
    assert_eq!(told, 2 * 2, "after twenty and forty seconds");
    assert_eq!(changes(&table), 2);
}

#[test]
fn a_change_by_somebody_else_within_the_lease_makes_it_yield() {
    let (mut table, acts) = changed();
    table
        .view
        .fates
        .insert(acts.acts[0].key.clone(), Fate::Foreign);
    table.pass(1, 840.0);
    assert!(table.state.yields.is_some());
    assert_eq!(changes(&table), 1);
}

#[test]
fn a_dead_man_that_cannot_be_renewed_in_time_is_refused() {
    for (dead_man, every, words) in [
        (json!({ "lease": "1m", "renew": "40s" }), "1s", "half"),
        (json!({ "lease": "1m", "renew": "0s" }), "1s", "at least 1s"),
        (
            json!({ "lease": "1m", "renew": "10s" }),
            "30s",
            "too seldom",
        ),
        (
            json!({ "lease": "10500ms", "renew": "2s" }),
            "1s",
            "whole seconds",
        ),
    ] {
        let mut policy = leased();
        policy["dead_man"] = dead_man;
        policy["every"] = json!(every);
        let policy: Policy = serde_json::from_str(&policy.to_string()).unwrap();
        let wrong = Compiled::new(policy).unwrap_err();
        assert!(
            wrong.iter().any(|one| one.message.contains(words)),
            "{wrong:?}"
        );
    }
}
