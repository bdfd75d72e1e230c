//! The life of an alarm, in every order of what can happen to it.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use utakata_alarm::{Change, Event, Facts, Hold, IsaState, Notice, Seen, isa};
use utakata_model::AlarmId;

#[derive(Debug, Clone, Copy)]
enum Act {
    Raise,
    End,
    Acknowledge,
    Shelve,
    Unshelve,
    Lock,
    Unlock,
    Explain,
    Unexplain,
    Suspect,
    Unsuspect,
    /// Another logic environment takes over: what was stored is read again.
    TakeOver,
    Wait,
}

const ACTS: [Act; 13] = [
    Act::Raise,
    Act::End,
    Act::Acknowledge,
    Act::Shelve,
    Act::Unshelve,
    Act::Lock,
    Act::Unlock,
    Act::Explain,
    Act::Unexplain,
    Act::Suspect,
    Act::Unsuspect,
    Act::TakeOver,
    Act::Wait,
];

fn seen(at: Timestamp) -> Seen {
    Seen {
        by: "ana".into(),
        at,
        why: None,
    }
}

/// Runs acts a minute apart, and checks after each what must always hold.
fn run(acts: &[Act]) -> Vec<Notice> {
    let cause = AlarmId::from_bytes([7; 16]);
    let mut now = Timestamp::from_second(1_000_000).unwrap();
    let (mut facts, mut notices) = (Facts::default(), Vec::new());
    for act in acts {
        now += SignedDuration::from_secs(60);
        let later = now + SignedDuration::from_secs(150);
        let event = match act {
            Act::Raise if facts.active => continue,
            Act::Raise => Event::Condition(Change::Raised),
            Act::End if !facts.active => continue,
            Act::End => Event::Condition(Change::Over),
            Act::Acknowledge => Event::Acknowledge(seen(now)),
            Act::Shelve => Event::Shelve(seen(now), later),
            Act::Unshelve => Event::Unshelve,
            Act::Lock => Event::Lock(Some(later)),
            Act::Unlock => Event::Lock(None),
            Act::Explain => Event::Cause(Some(cause)),
            Act::Unexplain => Event::Cause(None),
            Act::Suspect => Event::Suspect(now + SignedDuration::from_secs(10)),
            Act::Unsuspect => Event::Unsuspect,
            Act::TakeOver => {
                let stored = serde_json::to_string(&facts).unwrap();
                facts = serde_json::from_str(&stored).unwrap();
                continue;
            }
            Act::Wait => {
                now += SignedDuration::from_secs(200);
                Event::Nothing
            }
        };
        notices.extend(facts.on(event, now));
        check(&facts, &notices, now, acts);
    }
    notices
}

fn check(facts: &Facts, notices: &[Notice], now: Timestamp, acts: &[Act]) {
    let is_held = facts.held.by(now) != Hold::None;
    // What is so and held back by nothing is known; what is over is not still announced.
    assert!(!facts.active || is_held || facts.told, "{acts:?} {facts:?}");
    assert!(facts.active || !facts.told, "{acts:?} {facts:?}");
    // Over is told of what was told, once.
    let mut told = false;
    for notice in notices {
        match notice {
            Notice::Raised => told = true,
            Notice::Over => assert!(std::mem::replace(&mut told, false), "{acts:?} {notices:?}"),
        }
    }
    assert_eq!(told, facts.told, "{acts:?} {facts:?}");
    let state = isa(facts.active, facts.seen.is_some(), facts.held.by(now));
    assert!(!facts.active || state != IsaState::Normal, "{acts:?}");
}

#[test]
fn every_order_of_up_to_four_acts_keeps_what_must_hold() {
    let mut orders: Vec<Vec<Act>> = vec![vec![]];
    for _ in 0..4 {
        let longer = orders.iter().flat_map(|order| {
            ACTS.iter()
                .map(|act| order.iter().copied().chain([*act]).collect())
        });
        orders = longer.collect();
        for order in &orders {
            run(order);
        }
    }
    assert_eq!(orders.len(), ACTS.len().pow(4));
}

#[test]
fn what_is_still_wrong_at_the_end_of_a_hold_is_told_anew() {
    use Act::{Acknowledge, End, Explain, Lock, Raise, Shelve, Unexplain, Unlock, Unshelve, Wait};
    use Notice::{Over, Raised};
    for (acts, expect) in [
        (vec![Raise, End], vec![Raised, Over]),
        (vec![Lock, Raise, End], vec![]),
        (vec![Lock, Raise, Unlock], vec![Raised]),
        (vec![Lock, Raise, Wait], vec![Raised]),
        (vec![Raise, Lock, End], vec![Raised, Over]),
        (vec![Raise, Lock, Unlock], vec![Raised, Raised]),
        (vec![Raise, Shelve, Wait], vec![Raised, Raised]),
        (
            vec![Raise, Shelve, Unshelve, End],
            vec![Raised, Raised, Over],
        ),
        (vec![Explain, Raise, End], vec![]),
        (vec![Explain, Raise, Unexplain], vec![Raised]),
        (vec![Raise, Acknowledge, End], vec![Raised, Over]),
        (vec![Shelve, Lock, Raise, Unshelve, Unlock], vec![Raised]),
    ] {
        assert_eq!(run(&acts), expect, "{acts:?}");
    }
}

proptest! {
    #[test]
    fn any_long_order_keeps_what_must_hold(
        acts in prop::collection::vec(prop::sample::select(ACTS.to_vec()), 1..60),
    ) {
        run(&acts);
    }
}
