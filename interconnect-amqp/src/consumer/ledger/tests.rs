use jiff::SignedDuration;
use utakata_interconnect_conformance::sample::{self, Queue};

use super::*;

const NONE: [u32; 0] = [];

fn queue() -> Queue {
    Queue::new("hall-1", "apc-pdu").unwrap()
}

/// Messages 100, 101, ... of control, with this number of tasks each; tasks are numbered
/// consecutively.
fn ledger(sizes: &[usize]) -> Ledger<u32> {
    let mut ledger = Ledger::default();
    let mut from = 0;
    for (handle, size) in (100..).zip(sizes) {
        let tasks = queue().tasks(Class::Control, from..from + size);
        ledger.add(Class::Control, handle, tasks, false);
        from += size;
    }
    ledger
}

fn take(ledger: &mut Ledger<u32>, max: usize) -> Vec<(usize, bool)> {
    seen(&ledger.take(max, Timestamp::now()))
}

fn seen(taken: &Taken<u32>) -> Vec<(usize, bool)> {
    let see = |d: &Delivery| (sample::number(&d.task).unwrap(), d.redelivered);
    taken.deliveries.iter().map(see).collect()
}

/// Returns the tags of everything that can be taken.
fn tags(ledger: &mut Ledger<u32>) -> Vec<Tag> {
    let taken = ledger.take(99, Timestamp::now());
    taken.deliveries.iter().map(|d| d.tag).collect()
}

fn numbers(rest: &Rest<u32>) -> Vec<usize> {
    rest.tasks.iter().filter_map(sample::number).collect()
}

#[test]
fn a_message_is_done_when_all_of_its_tasks_are() {
    let mut ledger = ledger(&[2, 1]);
    let tags = tags(&mut ledger);
    assert_eq!(ledger.begun(), 2);
    assert_eq!(ledger.acknowledge(&[tags[1], Tag(9_999)]), NONE);
    assert_eq!(ledger.acknowledge(&[tags[1], tags[0], tags[2]]), [100, 101]);
    assert_eq!(ledger.acknowledge(&tags), NONE);
    assert_eq!(ledger.give_back(&tags), NONE);
    assert_eq!(ledger.begun(), 0);
}

#[test]
fn what_is_given_back_of_a_message_that_is_begun_comes_first_in_its_order_marked() {
    let mut ledger = ledger(&[5]);
    let taken = ledger.take(3, Timestamp::now());
    let tags: Vec<_> = taken.deliveries.iter().map(|d| d.tag).collect();
    assert_eq!(ledger.give_back(&[tags[1], tags[0]]), NONE);
    assert_eq!(ledger.acknowledge(&[tags[2]]), NONE);
    let again = take(&mut ledger, 9);
    assert_eq!(again, [(0, true), (1, true), (3, false), (4, false)]);
}

#[test]
fn a_message_that_is_given_back_whole_goes_to_its_queue() {
    let mut ledger = ledger(&[2, 3]);
    let taken = ledger.take(3, Timestamp::now());
    let tags: Vec<_> = taken.deliveries.iter().map(|d| d.tag).collect();
    assert_eq!(ledger.give_back(&tags), [100, 101]);
    assert!(ledger.is_empty());
    assert!(take(&mut ledger, 9).is_empty());
}

#[test]
fn who_leaves_returns_whole_messages_and_the_rests_of_those_that_are_begun() {
    let mut ledger = ledger(&[3, 2, 1]);
    let tags = tags(&mut ledger);
    ledger.acknowledge(&[tags[1], tags[5]]);
    ledger.give_back(&[tags[0]]);
    let returns = ledger.return_all();
    assert_eq!(returns.whole, [101]);
    let rests: Vec<_> = returns
        .rests
        .iter()
        .map(|r| (r.handle, r.is_all, numbers(r)))
        .collect();
    assert_eq!(rests, [(100, true, vec![0, 2])]);
    assert!(ledger.is_empty());
    assert_eq!(ledger.acknowledge(&tags), NONE);
}

#[test]
fn who_stalls_returns_what_waits_and_keeps_what_is_in_hand() {
    let mut ledger = ledger(&[3, 2]);
    ledger.add(
        Class::Observe,
        300,
        queue().tasks(Class::Observe, 7..9),
        false,
    );
    let taken = ledger.take(1, Timestamp::now());
    let returns = ledger.return_waiting();
    assert_eq!(returns.whole, [300, 101]);
    let rests: Vec<_> = returns
        .rests
        .iter()
        .map(|r| (r.handle, r.is_all, numbers(r)))
        .collect();
    assert_eq!(rests, [(100, false, vec![1, 2])]);
    assert!(ledger.is_empty());
    assert_eq!(ledger.acknowledge(&[taken.deliveries[0].tag]), [100]);
}

#[test]
fn what_is_left_of_a_message_whose_others_are_done_is_all_of_it() {
    let mut ledger = ledger(&[2]);
    let tags = tags(&mut ledger);
    ledger.acknowledge(&tags[..1]);
    ledger.give_back(&tags[1..]);
    let returns = ledger.return_waiting();
    assert_eq!(returns.whole, NONE);
    let rest = &returns.rests[0];
    assert_eq!((rest.handle, rest.is_all), (100, true));
    assert_eq!(numbers(&returns.rests[0]), [1]);
}

#[test]
fn control_comes_before_reads_and_reads_that_expired_do_not_come() {
    let mut ledger = Ledger::default();
    let past = -SignedDuration::from_secs(1);
    let reads = [
        vec![queue().expiring(Class::Observe, 0, past)],
        vec![
            queue().expiring(Class::Observe, 1, past),
            queue().task(Class::Observe, 2),
            queue().task(Class::Observe, 3),
        ],
    ];
    for (handle, tasks) in (200..).zip(reads) {
        ledger.add(Class::Observe, handle, tasks, false);
    }
    ledger.add(
        Class::Control,
        100,
        queue().tasks(Class::Control, 4..5),
        true,
    );
    let taken = ledger.take(2, Timestamp::now());
    assert_eq!(seen(&taken), [(4, true), (2, false)]);
    assert_eq!((taken.done, taken.expired), (vec![200], 2));
    let taken = ledger.take(2, Timestamp::now());
    assert_eq!(seen(&taken), [(3, false)]);
    assert_eq!((taken.done, taken.expired), (vec![201], 0));
    assert!(ledger.is_empty());
}
