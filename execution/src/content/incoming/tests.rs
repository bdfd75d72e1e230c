use proptest::prelude::*;

use super::*;

const AGAIN: Duration = Duration::from_secs(2);
const PART: u64 = MAX_PART as u64;

fn bytes(from: u64, to: u64) -> Arc<[u8]> {
    (from..to).map(|at| (at % 251) as u8).collect()
}

#[test]
fn only_a_window_of_parts_is_requested_and_each_again_when_it_is_late() {
    let now = Instant::now();
    let mut incoming = Incoming::new(20 * PART, PART / 2, AGAIN);
    let first: Vec<u64> = (0..8).map(|n| PART / 2 + n * PART).collect();
    assert_eq!(incoming.ask(now), first);
    assert_eq!(incoming.ask(now + AGAIN / 2), [0u64; 0]);
    assert_eq!(incoming.again_at(), Some(now + AGAIN));
    // The first came: one more is asked for.
    let at = first[0];
    let writes = incoming.take(at, bytes(at, at + PART)).unwrap();
    assert_eq!(writes, [bytes(at, at + PART)]);
    assert_eq!(incoming.ask(now), [PART / 2 + 8 * PART]);
    // The others are late; after that they have twice as long.
    assert_eq!(incoming.ask(now + AGAIN).len(), 8);
    assert_eq!(
        incoming.ask(now + AGAIN * 3 - Duration::from_millis(1)),
        [0u64; 0]
    );
    assert_eq!(incoming.ask(now + AGAIN * 3).len(), 8);
}

#[test]
fn what_cannot_be_is_a_lie_and_what_nobody_waits_for_is_ignored() {
    let incoming = || {
        let mut incoming = Incoming::new(PART + 10, 0, AGAIN);
        incoming.ask(Instant::now());
        incoming
    };
    let size = PART + 10;
    let lie = incoming().take(PART, bytes(0, 11)).unwrap_err();
    assert_eq!(lie, Lie::Long { size });
    let lie = incoming().take(0, bytes(0, 0)).unwrap_err();
    assert_eq!(lie, Lie::Short { at: 0, size });
    let mut incoming = incoming();
    assert_eq!(incoming.take(7, bytes(0, 5000)), Ok(vec![]));
    assert_eq!(incoming.take(PART, bytes(PART, size)), Ok(vec![]));
    assert_eq!(incoming.take(PART, bytes(PART, size)), Ok(vec![]), "twice");
    assert_eq!(incoming.take(0, bytes(0, PART)).unwrap().len(), 2);
    assert!(incoming.is_complete());
    assert!(Incoming::new(0, 0, AGAIN).is_complete());
}

proptest! {
    #[test]
    fn whatever_is_lost_duplicated_overtaken_or_short_the_file_is_whole(
        size in 0u64..PART * 12,
        here in 0u64..PART * 12,
        fates in prop::collection::vec((0u8..4, any::<u16>(), 1u64..=PART), 1..400),
    ) {
        let here = here.min(size);
        let mut incoming = Incoming::new(size, here, AGAIN);
        let mut file = bytes(0, here).to_vec();
        let mut now = Instant::now();
        let mut under_way: Vec<u64> = Vec::new();
        // After all that goes wrong comes a good end.
        let good = std::iter::repeat_n((0, 0, PART), 100);
        for (fate, which, length) in fates.into_iter().chain(good) {
            under_way.extend(incoming.ask(now));
            if under_way.is_empty() {
                now += MAX_RETRY;
                continue;
            }
            let which = usize::from(which) % under_way.len();
            let from = match fate {
                // Lost.
                1 => { under_way.swap_remove(which); continue; }
                // Doubled: it will come once more.
                2 => under_way[which],
                _ => under_way.swap_remove(which),
            };
            let end = size.min(from + length);
            let at = incoming.written();
            prop_assert_eq!(at, file.len() as u64);
            for write in incoming.take(from, bytes(from, end)).unwrap() {
                file.extend_from_slice(&write);
            }
        }
        prop_assert!(incoming.is_complete());
        prop_assert!(file == *bytes(0, size), "the bytes are others");
    }
}
