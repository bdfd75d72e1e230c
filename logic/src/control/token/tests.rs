//! Plans of two outlets, changed one thing at a time.

use proptest::prelude::*;
use utakata_model::{Kind, ReleaseDigest, TargetName};

use super::*;

/// A plan that is owned, to be changed.
#[derive(Debug, Clone)]
struct Case {
    selector: String,
    action: &'static str,
    parameters: Value,
    pace: Pace,
    priority: Priority,
    touched: Vec<(Target, ReleaseId, Option<ReadingValue>)>,
}

impl Case {
    fn token(&self) -> PlanToken {
        let requested = PlannedRequest {
            selector: &self.selector.parse().unwrap(),
            action: &ActionName::new(self.action).unwrap(),
            parameters: &self.parameters,
            pace: &self.pace,
            priority: self.priority,
        };
        let touched = self.touched.iter().map(|(target, release, today)| Touched {
            target,
            release,
            today: today.as_ref(),
        });
        PlanToken::new(&requested, touched)
    }
}

fn release(digest: &str) -> ReleaseId {
    ReleaseId {
        kind: Kind::new("pdu").unwrap(),
        version: "1.0.0".into(),
        digest: ReleaseDigest(digest.into()),
    }
}

fn touched(name: &str) -> (Target, ReleaseId, Option<ReadingValue>) {
    let mut target = Target::new(
        TargetName::new(name).unwrap(),
        Kind::new("pdu").unwrap(),
        "192.0.2.1".into(),
    );
    target.labels.insert("rack".into(), "A1".into());
    (
        target,
        release("abc"),
        Some(ReadingValue::Text("on".into())),
    )
}

fn case() -> Case {
    Case {
        selector: "rack=A1".into(),
        action: "outlet-off",
        parameters: json!({ "outlet": 3, "delay": { "b": 1, "a": [1, 2] } }),
        pace: Pace::default(),
        priority: Priority::Routine,
        touched: vec![touched("pdu-1"), touched("pdu-2")],
    }
}

type Change = fn(&mut Case);

#[test]
fn each_ingredient_changes_the_token_and_is_reported() {
    let changes: [(&str, Change, Part); 20] = [
        (
            "selector",
            |case| case.selector = "rack=A2".into(),
            Part::Request,
        ),
        ("action", |case| case.action = "outlet-on", Part::Request),
        (
            "parameter",
            |case| case.parameters["outlet"] = json!(4),
            Part::Request,
        ),
        (
            "type",
            |case| case.parameters["outlet"] = json!("3"),
            Part::Request,
        ),
        (
            "order",
            |case| case.parameters["delay"]["a"] = json!([2, 1]),
            Part::Request,
        ),
        (
            "pace",
            |case| case.pace.order_by = Some("u".into()),
            Part::Request,
        ),
        (
            "priority",
            |case| case.priority = Priority::Urgent,
            Part::Request,
        ),
        ("one less", |case| drop(case.touched.pop()), Part::Targets),
        (
            "one more",
            |case| case.touched.push(touched("pdu-3")),
            Part::Targets,
        ),
        (
            "name",
            |case| case.touched[1] = touched("pdu-9"),
            Part::Targets,
        ),
        (
            "kind",
            |case| case.touched[0].0.kind = Kind::new("ups").unwrap(),
            Part::Targets,
        ),
        (
            "address",
            |case| case.touched[0].0.address = "192.0.2.2".into(),
            Part::Targets,
        ),
        (
            "zone",
            |case| case.touched[0].0.zone = "far".parse().unwrap(),
            Part::Targets,
        ),
        (
            "label",
            |case| case.touched[0].0.labels.clear(),
            Part::Targets,
        ),
        (
            "pin",
            |case| case.touched[0].0.pin = Some("1.0.0".into()),
            Part::Targets,
        ),
        (
            "credential",
            |case| case.touched[0].0.credential = Some("lab".parse().unwrap()),
            Part::Targets,
        ),
        (
            "digest",
            |case| case.touched[0].1 = release("abd"),
            Part::Releases,
        ),
        (
            "version",
            |case| case.touched[0].1.version = "1.0.1".into(),
            Part::Releases,
        ),
        (
            "value",
            |case| case.touched[0].2 = Some(ReadingValue::Text("off".into())),
            Part::Values,
        ),
        ("no value", |case| case.touched[0].2 = None, Part::Values),
    ];
    let shown = case().token();
    let mut tokens = vec![shown.clone()];
    for (name, change, part) in changes {
        let mut now = case();
        change(&mut now);
        let now = now.token();
        let changed = shown.check(&now).unwrap_err();
        assert_eq!(changed.what, [part], "{name}");
        assert!(!changed.to_string().is_empty());
        assert!(!tokens.contains(&now), "{name}");
        tokens.push(now);
    }
}

#[test]
fn nothing_else_changes_it() {
    let shown = case().token();
    let mut same = case();
    same.touched.reverse();
    same.selector = " rack = A1 ".into();
    same.parameters = serde_json::from_str(r#"{"delay":{"a":[1,2],"b":1},"outlet":3}"#).unwrap();
    assert_eq!(same.token(), shown);
    assert_eq!(shown.check(&same.token()), Ok(()));
}

#[test]
fn several_changes_are_reported_together() {
    let shown = case().token();
    let mut now = case();
    now.action = "outlet-on";
    now.touched[0].1 = release("abd");
    now.touched[1].2 = None;
    let changed = shown.check(&now.token()).unwrap_err();
    assert_eq!(changed.what, [Part::Request, Part::Releases, Part::Values]);
    assert_eq!(changed.to_string().matches("; ").count(), 2);
    let vague = PlanToken {
        whole: "a".repeat(WHOLE),
        ..shown.clone()
    };
    let changed = shown.check(&vague).unwrap_err();
    assert_eq!(changed.to_string(), "it is not the plan that was shown");
}

#[test]
fn a_token_is_short_and_stays_as_it_is() {
    let token = case().token();
    // Shown to people and kept by programs: a new version of utakata may not change it unseen.
    assert_eq!(token.to_string(), GOLDEN);
    assert_eq!(GOLDEN.parse::<PlanToken>(), Ok(token.clone()));
    assert_eq!(format!(" {} ", GOLDEN.to_uppercase()).parse(), Ok(token));
    for text in [
        "",
        "plan-",
        "plan-abcdefgh",
        "plan-abcdefgh-abc",
        "plan-abcdefg1-abcdefghijkl",
    ] {
        let error = text.parse::<PlanToken>().unwrap_err();
        assert!(error.to_string().contains("looks like"), "{text}");
    }
}

const GOLDEN: &str = "plan-ur3pbyeq-4lvjlafpgb4x";

#[test]
fn the_characters_are_those_of_rfc_4648() {
    for (text, expect) in [("f", "my"), ("foobar", "mzxw6ytboi")] {
        assert_eq!(base32(text.as_bytes(), expect.len()), expect);
    }
}

proptest! {
    #[test]
    fn any_other_parameter_makes_another_token(one in any::<i64>(), other in any::<i64>()) {
        let with = |outlet: i64| {
            let mut case = case();
            case.parameters["outlet"] = json!(outlet);
            case.token()
        };
        prop_assert_eq!(with(one) == with(other), one == other);
    }
}
