//! Selectors, by tables and properties.

use proptest::prelude::*;

use super::*;
use crate::{Kind, TargetName, Zone};

fn target() -> Target {
    let mut target = Target::new(
        TargetName::new("pdu-1").unwrap(),
        Kind::new("apc-pdu").unwrap(),
        "127.0.0.1:161".into(),
    );
    target.labels.insert("room".into(), "A".into());
    target.labels.insert("rack".into(), "A1".into());
    target.zone = Zone::default();
    target
}

#[test]
fn a_selector_means_the_targets_that_hold_all_its_terms() {
    for (text, expected) in [
        ("", true),
        ("kind=apc-pdu", true),
        ("kind==apc-pdu", true),
        ("kind = apc-pdu , room = A", true),
        ("kind=apc-pdu,room=A,rack in (A1,A2)", true),
        ("rack in (A2, A3)", false),
        ("rack notin (A2,A3)", true),
        ("rack!=A1", false),
        ("row!=1", true),
        ("row=1", false),
        ("room", true),
        ("row", false),
        ("!row", true),
        ("!room", false),
        ("name=pdu-1", true),
        ("zone=default", true),
        ("kind=snmp", false),
    ] {
        let selector: Selector = text.parse().unwrap();
        assert_eq!(selector.matches(&target()), expected, "{text}");
    }
}

#[test]
fn a_wrong_selector_names_the_place() {
    for (text, position) in [
        ("=a", 1),
        ("kind=", 6),
        ("kind=a,", 8),
        ("rack in A1", 9),
        ("rack in (A1", 12),
        ("a b", 3),
        ("!", 2),
        ("a=b=c", 4),
        ("a=\"b", 5),
    ] {
        let error = text.parse::<Selector>().unwrap_err();
        assert_eq!(error.position, position, "{error}");
    }
}

proptest! {
    #[test]
    fn any_value_that_a_label_may_have_can_be_selected(value in "\\PC{0,12}", other in "\\PC{0,4}") {
        let mut target = target();
        target.labels.insert("note".into(), value.clone());
        crate::label::validate(&target.labels).unwrap();
        let term = |test| Selector { terms: vec![Term { key: "note".into(), test }] };
        for selector in [
            term(Test::In(BTreeSet::from([value.clone()]))),
            term(Test::In(BTreeSet::from([value, other]))),
        ] {
            let read: Selector = selector.to_string().parse().unwrap();
            prop_assert_eq!(&read, &selector);
            prop_assert!(read.matches(&target));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
        let _ = text.parse::<Selector>();
    }

    #[test]
    fn what_is_written_is_read_back(text in "(!?[a-z]{1,4}|[a-z]{1,4}(=|!=)[A-Z0-9]{1,3}|[a-z]{1,4} (in|notin) \\([A-Z]{1,2},[a-z]{1,2}\\))(,[a-z]{1,3}=[a-z]{1,3}){0,3}") {
        let selector: Selector = text.parse().unwrap();
        prop_assert_eq!(selector.to_string().parse::<Selector>().unwrap(), selector);
    }
}

#[test]
fn a_selector_that_is_larger_than_anybody_means_is_refused_and_shown_in_part() {
    let many = "a,".repeat(TERMS_MAX) + "a";
    let long = format!("name in ({}a)", "abcdefghi,".repeat(LENGTH_MAX / 10));
    for (text, is_too_large) in [("a,b=c", false), (&many, true), (&long, false)] {
        let selector: Selector = text.parse().unwrap();
        assert_eq!(selector.check_size().is_err(), is_too_large, "{text:.20}");
    }
    let values: Vec<String> = (0..LENGTH_MAX / 8).map(|at| format!("{at:09}")).collect();
    let selector: Selector = format!("name in ({})", values.join(",")).parse().unwrap();
    assert_eq!(selector.check_size(), Err(TooLarge));
    let wrong = "a,".repeat(100_000) + "(";
    let error = wrong.parse::<Selector>().unwrap_err();
    assert!(
        error.to_string().len() < 400 && error.position == 200_001,
        "{error}"
    );
}

#[test]
fn no_name_at_all_is_no_target_and_comes_back() {
    let none = Selector::of_names([]);
    assert!(!none.matches(&target()));
    assert_eq!(none.to_string().parse(), Ok(none));
    // A text that would match every target is never read as a list left empty.
    assert!("name notin ()".parse::<Selector>().is_err());
}
