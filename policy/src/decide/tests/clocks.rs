//! Clocks that are set back.

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_time_that_lies_further_ahead_than_it_can_was_written_under_another_clock() {
    // What settles when the clock is set back is over, and not a day later.
    let mut policy = shed();
    policy["act"][0]["expects"] = Value::Null;
    let mut table = Table::new(policy);
    let acts = table.pass(15, 920.0);
    table.set_fate(&acts, Fate::Done);
    table.pass(1, 920.0);
    table.now -= DAY;
    let again = table.pass(20, 920.0);
    assert_eq!(again.word, Word::Act, "{}", again.why);
    table.set_fate(&again, Fate::Done);

    // So does what it yields to, and it hands back.
    table.pass(1, 920.0);
    table.state.yields = table.now.checked_add(DAY * 30).ok();
    let again = table.pass(30, 1000.0);
    assert!(!again.why.contains("yields"), "{}", again.why);
    table.set_fate(&again, Fate::Done);
    table.pass(1, 650.0);
    table.now -= DAY;
    let back = table.pass(90, 650.0);
    assert_eq!(back.word, Word::Back, "{}", back.why);
    // A time that is as far ahead as it can be is waited for.
    table.set_fate(&back, Fate::Done);
    let waits = table.pass(20, 650.0);
    assert!(waits.why.contains("handed back in"), "{}", waits.why);
}

#[test]
fn an_effect_that_is_looked_for_when_the_clock_is_set_back_is_looked_for_anew() {
    let mut policy = shed();
    policy["stop_after"] = json!(1);
    let mut table = Table::new(policy);
    // It can do no more than it does at first.
    table.view.candidates[0].drain(..2);
    let acts = table.pass(15, 920.0);
    table.set_fate(&acts, Fate::Done);
    table.pass(1, 920.0);
    table.now -= DAY;
    let looks = table.pass(25, 920.0);
    assert_ne!(looks.word, Word::Stop, "{}", looks.why);
    let mut seen = (0..10).map(|_| table.pass(1, 920.0).word);
    assert!(
        seen.any(|word| word == Word::Stop),
        "it is missed in the end"
    );
}

#[test]
fn what_settles_after_handing_back_holds_the_next_act_back_as_long() {
    // The hand-back settles for 30 seconds, and an act for 20.
    let mut table = Table::new(shed());
    let acts = table.pass(15, 920.0);
    table.set_fate(&acts, Fate::Done);
    table.pass(25, 840.0);
    let back = table.pass(70, 650.0);
    assert_eq!(back.word, Word::Back, "{}", back.why);
    table.set_fate(&back, Fate::Done);
    let mut waits = 0;
    while table.pass(1, 990.0).acts.is_empty() {
        waits += 1;
        assert!(waits < 60);
    }
    assert!(waits >= 29, "{waits}");
}
