use std::sync::Arc;

use jiff::Timestamp;
use utakata_model::{Measurand, Quality, Reading, ReadingValue};

use super::*;

fn reading(name: &str, seconds: i64, value: f64) -> ReadingView {
    ReadingView {
        target: name.parse().unwrap(),
        time: Timestamp::from_second(seconds).unwrap(),
        heard: None,
        reading: Reading {
            of: Measurand {
                metric: "hw.power".parse().unwrap(),
                attributes: Attributes::new(),
                unit: "W".into(),
            }
            .into(),
            value: ReadingValue::Number(value),
            quality: Quality::Good,
        },
    }
}

fn view(sort: Sort) -> View {
    View::new(Filter::default(), sort, false)
}

fn names(view: &mut View, room: usize) -> Vec<String> {
    let (shown, _) = view.look(room);
    shown.iter().map(|view| view.target.to_string()).collect()
}

#[test]
fn what_moves_goes_first_and_all_else_is_in_the_order_that_people_count_in() {
    let mut view = view(Sort::Changed);
    view.fill(vec![
        reading("pdu-10", 1, 0.0),
        reading("pdu-2", 1, 0.0),
        reading("pdu-1", 1, 0.0),
    ]);
    assert_eq!(names(&mut view, 9), ["pdu-1", "pdu-2", "pdu-10"]);
    view.fill(vec![reading("pdu-1", 2, 0.0), reading("pdu-10", 2, 5.0)]);
    assert_eq!(names(&mut view, 9), ["pdu-10", "pdu-1", "pdu-2"]);
    assert_eq!(names(&mut view, 1), ["pdu-10"]);
}

#[test]
fn an_older_reading_that_comes_later_changes_nothing() {
    let mut view = view(Sort::Name);
    view.fill(vec![reading("a", 2, 200.0), reading("a", 1, 100.0)]);
    let (shown, all) = view.look(10);
    assert_eq!((shown.len(), all), (1, 1));
    assert_eq!(shown[0].reading.value, ReadingValue::Number(200.0));
}

#[test]
fn keys_sort_scroll_and_search() {
    let mut view = view(Sort::Name);
    view.fill(
        (0..10)
            .map(|at| reading(&format!("t-{at}"), at, -(at as f64)))
            .collect(),
    );
    assert_eq!(names(&mut view, 3), ["t-0", "t-1", "t-2"]);
    for (key, expect) in [
        (Key::Down, ["t-1", "t-2", "t-3"]),
        (Key::PageDown, ["t-3", "t-4", "t-5"]),
        (Key::End, ["t-7", "t-8", "t-9"]),
        (Key::Down, ["t-7", "t-8", "t-9"]),
        (Key::Up, ["t-6", "t-7", "t-8"]),
        (Key::Home, ["t-0", "t-1", "t-2"]),
        // By value, largest first; then by age, newest first; reversed.
        (Key::Character('s'), ["t-0", "t-1", "t-2"]),
        (Key::Character('s'), ["t-9", "t-8", "t-7"]),
        (Key::Character('r'), ["t-0", "t-1", "t-2"]),
    ] {
        assert_eq!(view.key(key), Then::GoOn);
        assert_eq!(names(&mut view, 3), expect, "{key:?}");
    }
    for character in "/T-7".chars() {
        view.key(Key::Character(character));
    }
    assert_eq!(names(&mut view, 3), ["t-7"]);
    assert!(view.help(80).starts_with("/T-7_"), "{}", view.help(80));
    // While a search is typed, q is a letter.
    assert_eq!(view.key(Key::Character('q')), Then::GoOn);
    view.key(Key::Escape);
    assert_eq!(names(&mut view, 3).len(), 3);
    assert_eq!(view.key(Key::Character('q')), Then::End);
}

#[test]
fn a_total_goes_before_its_parts_and_parts_by_their_numbers() {
    let mut view = view(Sort::Name);
    let outlet = |number: &str, name: &str| {
        let mut reading = reading("pdu-1", 1, 0.0);
        let pairs = [("hw.name", name), ("outlet", number)];
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        let of = Arc::make_mut(&mut reading.reading.of);
        of.attributes = pairs
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        reading
    };
    view.fill(vec![
        outlet("10", "Outlet 10"),
        outlet("2", "a server"),
        outlet("1", "storage"),
        outlet("", "pdu-1"),
    ]);
    let (shown, _) = view.look(9);
    let outlets: Vec<Option<&str>> = shown
        .iter()
        .map(|view| view.reading.attributes.get("outlet").map(AsRef::as_ref))
        .collect();
    assert_eq!(outlets, [None, Some("1"), Some("2"), Some("10")]);
}
