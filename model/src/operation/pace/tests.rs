//! Paces, as people and programs write them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn a_number_or_a_share_at_a_time_is_read_and_counted() {
    for (text, targets, expect) in [
        ("10", 3, 10),
        ("1", 20_000, 1),
        ("25%", 20_000, 5_000),
        ("25%", 10, 3),
        ("1%", 10, 1),
        ("1%", 0, 1),
        ("100%", 7, 7),
        ("007", 7, 7),
    ] {
        let amount: AtATime = text.parse().unwrap();
        assert_eq!(amount.of(targets), expect, "{text} of {targets}");
    }
    for text in [
        "",
        "0",
        "-1",
        "+1",
        "1.5",
        "0%",
        "101%",
        "%",
        "ten",
        "1 %",
        "4294967296",
    ] {
        let error = text.parse::<AtATime>().unwrap_err();
        assert!(error.to_string().contains("10 or 25%"), "{text}: {error}");
    }
}

#[test]
fn so_many_per_label_are_read() {
    for (text, max, label) in [("1/rack", 1, "rack"), ("12/site/row", 12, "site/row")] {
        let limit: AtMost = text.parse().unwrap();
        assert_eq!((limit.max.get(), limit.label.as_str()), (max, label));
        assert_eq!(limit.to_string(), text);
    }
    for text in ["", "rack", "rack=1", "0/rack", "1/", "1/a b", "x/rack"] {
        assert!(text.parse::<AtMost>().is_err(), "{text}");
    }
}

#[test]
fn a_pace_has_this_form_on_the_wire() {
    let pace = Pace {
        at_a_time: Some("25%".parse().unwrap()),
        at_most: vec!["1/rack".parse().unwrap()],
        order_by: Some("u".into()),
        stop_after: NonZeroU32::new(3),
    };
    let json = json!({
        "at_a_time": "25%",
        "at_most": [{ "label": "rack", "max": 1 }],
        "order_by": "u",
        "stop_after": 3,
    });
    assert_eq!(serde_json::to_value(&pace).unwrap(), json);
    assert_eq!(serde_json::from_value::<Pace>(json).unwrap(), pace);
    assert_eq!(
        serde_json::to_value(Pace::default()).unwrap(),
        json!({}),
        "no limits say nothing"
    );
    assert_eq!(
        serde_json::from_value::<Pace>(json!({})).unwrap(),
        Pace::default()
    );
    assert!(Pace::default().is_unlimited() && !pace.is_unlimited());
}

#[test]
fn a_pace_that_could_never_continue_is_refused() {
    for (json, says) in [
        (json!({ "at_a_time": "0" }), "write for example 10 or 25%"),
        (json!({ "at_a_time": 10 }), "expected a string"),
        (
            json!({ "at_most": [{ "label": "rack", "max": 0 }] }),
            "nonzero",
        ),
        (
            json!({ "at_most": [{ "label": "a b", "max": 1 }] }),
            "the key of a label",
        ),
        (json!({ "order_by": "" }), "the key of a label"),
        (json!({ "stop_after": 0 }), "nonzero"),
        (json!({ "stopafter": 1 }), "unknown field `stopafter`"),
    ] {
        let error = serde_json::from_value::<Pace>(json.clone()).unwrap_err();
        assert!(error.to_string().contains(says), "{json}: {error}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(number in 1u32.., percent in 1u32..=100) {
        for text in [number.to_string(), format!("{percent}%")] {
            let amount: AtATime = text.parse().unwrap();
            prop_assert_eq!(amount.to_string(), text);
        }
    }

    #[test]
    fn a_share_is_at_least_one_and_never_more_than_all(
        percent in 1u32..=100,
        targets in 1usize..100_000,
    ) {
        let amount: AtATime = format!("{percent}%").parse().unwrap();
        let share = amount.of(targets);
        prop_assert!((1..=targets).contains(&share));
        prop_assert!(share * 100 >= targets * percent as usize);
    }
}
