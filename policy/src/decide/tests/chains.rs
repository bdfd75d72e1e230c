//! Policies whose acts lead to each other's.

use super::*;

fn table(name: &str) -> Table {
    let mut policy = shed();
    policy["name"] = json!(name);
    policy["act"][0]["expects"] = Value::Null;
    let mut table = Table::new(policy);
    // One outlet is enough at a time.
    for candidate in &mut table.view.candidates[0] {
        candidate.gives = Some(60.0);
    }
    table
}

/// Lets a policy act, after the acts of another one that it looks at.
fn after(table: &mut Table, other: Option<&Table>) -> Decided {
    let acted = other.into_iter().flat_map(|other| &other.state.acted);
    table.view.causes = acted.map(|one| one.cause.clone()).collect();
    if let Some(other) = other {
        table.now = table.now.max(other.now);
    }
    // It begins anew: an act among many of one reason has led to nothing more.
    table.pass(1, 750.0);
    let decided = table.pass(40, 905.0);
    table.set_fate(&decided, Fate::Done);
    decided
}

fn names(decided: &Decided) -> Vec<&str> {
    let because = decided.acts.iter().flat_map(|one| &one.because);
    because.map(PolicyName::as_str).collect()
}

#[test]
fn policies_that_lead_to_each_others_acts_stop() {
    let (mut one, mut other) = (table("one"), table("other"));
    assert!(names(&after(&mut one, None)).is_empty());
    assert_eq!(names(&after(&mut other, Some(&one))), ["one"]);
    assert_eq!(names(&after(&mut one, Some(&other))), ["other", "one"]);
    let stops = after(&mut other, Some(&one));
    assert_eq!(stops.word, Word::Stop, "{}", stops.why);
    assert!(
        stops.why.contains("one, other, one, other"),
        "{}",
        stops.why
    );
    assert!(stops.acts.is_empty());
}

#[test]
fn an_act_long_ago_has_led_to_nothing() {
    let (mut one, mut other) = (table("one"), table("other"));
    after(&mut one, None);
    other.now = one.now + Duration::from_secs(120);
    let acted = one.state.acted.iter().map(|one| one.cause.clone());
    other.view.causes = acted.collect();
    let acts = other.pass(40, 905.0);
    assert_eq!(acts.word, Word::Act, "{}", acts.why);
    assert!(names(&acts).is_empty());
}

#[test]
fn a_chain_of_others_that_is_too_long_holds_it_back_until_their_effects_are_over() {
    let mut last = table("last");
    let chain = ["c", "b", "a"].map(|name| name.parse().unwrap());
    last.view.causes = vec![Cause {
        at: last.now,
        lasts: Duration::from_secs(60),
        chain: chain.to_vec(),
    }];
    for _ in 0..30 {
        let holds = last.pass(1, 905.0);
        assert_eq!(holds.word, Word::Hold, "{}", holds.why);
        if holds.why.contains("of others") {
            assert!(holds.why.contains("a, b, c, last"), "{}", holds.why);
            assert!(holds.needs.iter().any(|one| one.contains("3 policies")));
        }
    }
    last.pass(60, 500.0);
    assert_eq!(last.pass(60, 905.0).word, Word::Act);
}

#[test]
fn in_shadow_nothing_is_led_to() {
    let mut table = table("one");
    table.mode = Mode::Shadow;
    assert!(!table.pass(40, 905.0).acts.is_empty());
    assert!(table.state.acted.is_empty());
}

#[test]
fn what_an_act_is_expected_to_move_is_its_effect_as_well() {
    let mut table = Table::new(shed());
    table.pass(40, 905.0);
    let acted = &table.state.acted[0];
    let names: Vec<&str> = acted.targets.iter().map(TargetName::as_str).collect();
    assert_eq!(names, ["pdu-1", "pdu-2"]);
    assert_eq!(acted.cause.lasts, Duration::from_secs(60));
}

#[test]
fn policies_that_act_at_the_same_time_for_reasons_of_their_own_go_on() {
    let (mut one, mut other) = (table("one"), table("other"));
    for round in 0..4 {
        let causes = |table: &Table| {
            let acted = table.state.acted.iter();
            acted.map(|one| one.cause.clone()).collect::<Vec<Cause>>()
        };
        one.view.causes = causes(&other);
        other.view.causes = causes(&one);
        for table in [&mut one, &mut other] {
            let acts = table.pass(40, 905.0);
            assert_eq!(acts.word, Word::Act, "{round}: {}", acts.why);
            table.set_fate(&acts, Fate::Done);
        }
    }
}
