use proptest::prelude::*;

use super::*;

fn now() -> Instant {
    static NOW: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *NOW.get_or_init(|| Instant::now() + Duration::from_secs(100_000))
}

fn ago(seconds: u64) -> Instant {
    now() - Duration::from_secs(seconds)
}

const NOTHING: Need = Need {
    least: 0,
    busy: 0,
    wanted: 0,
    live: 0,
    turn: Turn::None,
    is_control: false,
    is_tried: false,
};

/// With something to do for so many, of which it has some.
fn busy(busy: u32, live: u32) -> Need {
    let turn = match live {
        0 => Turn::Waits(ago(1)),
        _ => Turn::Has(ago(1)),
    };
    Need {
        busy,
        wanted: busy,
        live,
        turn,
        ..NOTHING
    }
}

fn idle(live: u32) -> Need {
    Need {
        wanted: live,
        live,
        turn: Turn::Has(ago(60)),
        ..NOTHING
    }
}

fn least(least: u32, need: Need) -> Need {
    Need {
        least,
        wanted: need.wanted.max(least),
        ..need
    }
}

/// A candidate that is to have so many.
fn tried(least: u32, live: u32) -> Need {
    Need {
        least: 1,
        busy: least,
        wanted: least,
        live,
        is_tried: true,
        ..NOTHING
    }
}

fn control(need: Need) -> Need {
    Need {
        is_control: true,
        ..need
    }
}

fn waits(seconds: u64) -> Need {
    Need {
        turn: Turn::Waits(ago(seconds)),
        ..busy(3, 0)
    }
}

fn has(seconds: u64) -> Need {
    Need {
        turn: Turn::Has(ago(seconds)),
        ..busy(3, 1)
    }
}

#[test]
fn places_are_shared_out_fairly() {
    for (what, max, needs, expect) in [
        ("nobody", 4, vec![], vec![]),
        ("enough for all", 9, vec![busy(5, 0), idle(2)], vec![5, 2]),
        (
            "a backlog and one task",
            4,
            vec![busy(1000, 4), busy(1, 0)],
            vec![3, 1],
        ),
        (
            "two backlogs",
            4,
            vec![busy(1000, 4), busy(1000, 0)],
            vec![2, 2],
        ),
        (
            "an odd one stays where it is",
            5,
            vec![busy(9, 2), busy(9, 3)],
            vec![2, 3],
        ),
        (
            "what one leaves others have",
            8,
            vec![busy(9, 0), busy(2, 0), busy(9, 0)],
            vec![3, 2, 3],
        ),
        ("idle ones yield", 4, vec![idle(4), busy(2, 0)], vec![2, 2]),
        (
            "min is kept",
            4,
            vec![least(2, idle(2)), busy(9, 4)],
            vec![2, 2],
        ),
        (
            "but nobody's min starves another",
            4,
            vec![least(9, idle(4)), busy(3, 0)],
            vec![3, 1],
        ),
        (
            "min before more",
            4,
            vec![least(3, busy(3, 0)), busy(9, 4)],
            vec![3, 1],
        ),
        (
            "whoever has its turn keeps it",
            1,
            vec![waits(2), has(3)],
            vec![0, 1],
        ),
        ("but not for ever", 1, vec![waits(2), has(6)], vec![1, 0]),
        (
            "the longest wait first",
            2,
            vec![waits(2), waits(9), waits(3)],
            vec![0, 1, 1],
        ),
        (
            "control does not wait for reads",
            1,
            vec![has(1), control(waits(0))],
            vec![0, 1],
        ),
        (
            "but for its turn",
            1,
            vec![control(has(1)), control(waits(3))],
            vec![1, 0],
        ),
        (
            "nor do reads for control for ever",
            1,
            vec![control(waits(3)), waits(31)],
            vec![0, 1],
        ),
    ] {
        let kinds: Vec<Vec<Need>> = needs.into_iter().map(|need| vec![need]).collect();
        let shares: Vec<u32> = divide(max, &kinds, now()).concat();
        assert_eq!(shares, expect, "{what}");
    }
}

#[test]
fn the_releases_of_a_kind_share_what_it_has() {
    for (what, max, kinds, expect) in [
        (
            "a candidate is tried beside a backlog",
            3,
            vec![vec![busy(1000, 3), tried(1, 0)], vec![busy(1000, 0)]],
            vec![vec![1, 1], vec![1]],
        ),
        (
            "a candidate that takes over halves the old one until it does",
            4,
            vec![vec![busy(4, 4), tried(4, 0)]],
            vec![vec![2, 2]],
        ),
        (
            "with one place whoever serves goes on",
            1,
            vec![vec![busy(4, 1), tried(1, 0)]],
            vec![vec![1, 0]],
        ),
        (
            "two releases are one kind",
            4,
            vec![vec![busy(9, 2), busy(9, 2)], vec![busy(9, 0)]],
            vec![vec![1, 1], vec![2]],
        ),
        (
            "releases of pinned targets take turns",
            1,
            vec![vec![has(6), waits(2)]],
            vec![vec![0, 1]],
        ),
    ] {
        assert_eq!(divide(max, &kinds, now()), expect, "{what}");
    }
}

#[test]
fn a_turn_begins_with_the_first_worker_and_a_wait_without_one() {
    let since = ago(9);
    for (turn, live, needs, expect) in [
        (Turn::None, 0, 0, Turn::None),
        (Turn::None, 0, 1, Turn::Waits(now())),
        (Turn::Waits(since), 0, 2, Turn::Waits(since)),
        (Turn::Waits(since), 0, 0, Turn::None),
        (Turn::Waits(since), 1, 2, Turn::Has(now())),
        (Turn::Has(since), 3, 0, Turn::Has(since)),
        (Turn::Has(since), 0, 1, Turn::Waits(now())),
    ] {
        assert_eq!(
            turn.after(live, needs, now()),
            expect,
            "{turn:?} {live} {needs}"
        );
    }
}

/// Kinds take turns as time passes: each has its place again and again.
#[test]
fn more_kinds_than_places_all_have_their_turn() {
    let mut turns = [Turn::None; 5];
    let mut had = [0; 5];
    let mut lives = [0; 5];
    for second in 0..100 {
        let at = now() + Duration::from_secs(second);
        for (turn, live) in turns.iter_mut().zip(lives) {
            *turn = turn.after(live, 1, at);
        }
        let need = |(turn, live): (&Turn, &u32)| {
            vec![Need {
                turn: *turn,
                ..busy(7, *live)
            }]
        };
        let kinds: Vec<Vec<Need>> = turns.iter().zip(&lives).map(need).collect();
        for (place, share) in divide(2, &kinds, at).concat().into_iter().enumerate() {
            lives[place] = share;
            had[place] += share;
        }
    }
    assert!(had.iter().all(|had| (25..=60).contains(had)), "{had:?}");
}

fn need() -> impl Strategy<Value = Need> {
    let turn = (0..60u64, 0..3).prop_map(|(seconds, which)| match which {
        0 => Turn::None,
        1 => Turn::Waits(ago(seconds)),
        _ => Turn::Has(ago(seconds)),
    });
    (
        0..5u32,
        0..9u32,
        0..9u32,
        0..9u32,
        turn,
        any::<bool>(),
        0..9,
    )
        .prop_map(|(least, busy, more, live, turn, is_control, tried)| Need {
            least,
            busy,
            wanted: least.max(busy) + more,
            live,
            turn,
            is_control,
            is_tried: tried == 0,
        })
}

proptest! {
    #[test]
    fn no_slot_is_lost_or_invented_and_nobody_starves(
        kinds in proptest::collection::vec(proptest::collection::vec(need(), 1..4), 0..8),
        max in 0..40u32,
    ) {
        let shares = divide(max, &kinds, now());
        let all: u32 = shares.iter().flatten().sum();
        let wanted: u32 = kinds.iter().flatten().map(|need| need.wanted).sum();
        prop_assert_eq!(all, max.min(wanted));
        for (need, share) in kinds.iter().flatten().zip(shares.iter().flatten()) {
            prop_assert!(share <= &need.wanted);
        }
        let of_kind: Vec<u32> = shares.iter().map(|shares| shares.iter().sum()).collect();
        let sum = |needs: &Vec<Need>, of: fn(&Need) -> u32| needs.iter().map(of).sum::<u32>();
        let first = |needs: &Vec<Need>| {
            u32::from(needs.iter().any(|need| need.busy > 0))
                + u32::from(needs.iter().any(|need| need.is_tried))
        };
        let firsts: u32 = kinds.iter().map(first).sum();
        for (one, share) in kinds.iter().zip(&of_kind) {
            if max >= firsts && one.iter().any(|need| need.busy > 0) {
                prop_assert!(*share > 0, "it has tasks and no worker");
            }
            for (other, more) in kinds.iter().zip(&of_kind) {
                if *more <= share + 1 {
                    continue;
                }
                // The other has clearly more: it must be owed that, or this one needs no more.
                let has_min = *share >= sum(one, |need| need.least).min(sum(one, |n| n.wanted));
                let owed = sum(other, |need| need.least).max(first(other));
                prop_assert!(has_min || *more <= owed, "below its min beside one with more");
                let has_busy = *share >= sum(one, |need| need.busy);
                prop_assert!(has_busy || *more <= owed, "below its fair share");
            }
        }
        // What was decided stays when it was done.
        let done: Vec<Vec<Need>> = kinds.iter().zip(&shares).map(|(needs, shares)| {
            let done = needs.iter().zip(shares).map(|(need, &live)| Need { live, ..*need });
            done.collect()
        }).collect();
        prop_assert_eq!(divide(max, &done, now()), shares);
    }
}
