use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;
use utakata_model::reading::Attributes;

use super::*;
use crate::{
    Collection,
    json::{Resource, decode, form},
    states::Named,
};

fn wanted(pointers: &[&str]) -> Wanted {
    let mut wanted = Wanted::default();
    pointers.iter().for_each(|pointer| wanted.add(pointer));
    wanted.complete()
}

fn check(pointers: &[&str], document: &Json, expect: &Json) {
    let parsed = wanted(pointers).parse(document.to_string().as_bytes());
    assert_eq!(parsed.unwrap(), *expect, "{pointers:?}");
}

#[test]
fn only_what_is_wanted_is_there_and_in_its_place() {
    let document = json!({
        "Reading": 3.5, "Name": "Inlet", "Status": { "State": "Enabled", "Health": "OK" },
        "Limits": [{ "High": 1, "Low": 2 }, { "High": 3, "Low": 4 }], "Big": [[1], [2]],
    });
    check(&["/Reading"], &document, &json!({ "Reading": 3.5 }));
    check(
        &["/Status/Health", "/Nothing"],
        &document,
        &json!({ "Status": { "Health": "OK" } }),
    );
    check(
        &["/Limits/1/Low"],
        &document,
        &json!({ "Limits": [null, { "Low": 4 }] }),
    );
    check(
        &["/Limits/*/High", "/Limits/0/Low"],
        &document,
        &json!({ "Limits": [{ "High": 1, "Low": 2 }, { "High": 3 }] }),
    );
    check(
        &["/Limits"],
        &document,
        &json!({ "Limits": document["Limits"] }),
    );
    check(&[""], &document, &document);
}

#[test]
fn a_key_with_an_open_end_is_wanted_whatever_it_ends_with() {
    let document = json!({ "temp2_input": 41, "name": "a", "deep": { "x": 1 } });
    check(&["/temp*_input"], &document, &document);
}

#[test]
fn scalars_on_the_way_are_kept_and_members_are_like_resources() {
    check(
        &["/Thermal/@odata.id"],
        &json!({ "Thermal": "/redfish/v1/Thermal", "Power": {} }),
        &json!({ "Thermal": "/redfish/v1/Thermal" }),
    );
    let wanted = wanted(&["/Id"]).with_members("Members");
    for (document, expect) in [
        (
            json!({ "Members": [{ "Id": "1", "x": 1 }], "y": 2 }),
            json!({ "Members": [{ "Id": "1" }] }),
        ),
        (
            json!({ "Members": { "Id": "1", "x": 1 } }),
            json!({ "Members": { "Id": "1" } }),
        ),
        (json!({ "Members": null }), json!({ "Members": null })),
    ] {
        let parsed = wanted.parse(document.to_string().as_bytes()).unwrap();
        assert_eq!(parsed, expect);
    }
}

#[test]
fn members_do_not_multiply_what_is_wanted() {
    let mut all = Wanted::default();
    for name in 0..100 {
        all.add(&format!("/List/{name}x/value"));
        all.add(&format!("/{name}x/*/deep"));
    }
    fn size(wanted: &Wanted) -> usize {
        let parts = wanted.named.values();
        let more = wanted.each.iter().chain(&wanted.items);
        1 + parts
            .chain(more.map(AsRef::as_ref))
            .map(size)
            .sum::<usize>()
    }
    let (one, with) = (size(&all), size(&all.clone().with_members("Members")));
    assert!(with <= 3 * one + 10, "{one} {with}");
}

#[test]
fn what_is_no_json_is_none_wherever_the_mistake_is() {
    let wanted = wanted(&["/a"]);
    for text in [
        "{\"a\": 1",
        "{\"b\": [1,}, \"a\": 1}",
        "",
        "{} x",
        "{\"b\": nul}",
    ] {
        assert!(wanted.parse(text.as_bytes()).is_err(), "{text}");
    }
    assert_eq!(wanted.parse(b"[1]").unwrap(), json!([null]));
}

#[test]
fn what_is_wanted_of_each_is_wanted_of_the_named_of_each() {
    // The second pointer is for members of every list, also of one that the first one names.
    let document = json!({ "a": { "x": { "b": 1, "c": 2, "d": 3 } } });
    let expect = json!({ "a": { "x": { "b": 1, "c": 2 } } });
    check(&["/*/x/b", "/a/*/c"], &document, &expect);
}

#[test]
fn what_is_skipped_may_hold_what_cannot_be_kept() {
    let wanted = wanted(&["/a"]);
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let bad: [&[u8]; 4] = [b"\"\xff\"", b"\"\\ud800\"", b"1e999", deep.as_bytes()];
    for bad in bad {
        let with = |name: &str| [b"{\"a\":1,\"", name.as_bytes(), b"\":", bad, b"}"].concat();
        assert_eq!(wanted.parse(&with("b")).unwrap(), json!({ "a": 1 }));
        assert!(wanted.parse(&with("a")).is_err());
    }
}

/// The names of members of documents, and of steps of pointers.
const NAMES: [&str; 12] = [
    "a",
    "b",
    "ab",
    "a1",
    "1",
    "0",
    "01",
    "+1",
    "a~1b",
    "~0",
    "Members",
    "@odata.id",
];
/// Steps to more than one.
const OPEN: [&str; 4] = ["*", "a*", "*1", "a*b"];
/// Values, as texts of JSON: the last four can be skipped and not be kept.
const SCALARS: [&str; 16] = [
    "null",
    "true",
    "-1",
    "0",
    "2.50",
    "1e3",
    "18446744073709551615",
    "\"\"",
    "\"nan\"",
    "\"57.0\"",
    "\"kW\"",
    "\"\\u00e9 a\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "1e999",
    "-1e400",
];

/// A pointer whose steps may be open; the last, or any.
fn pointer(is_open: bool) -> impl Strategy<Value = String> {
    let step = || prop_oneof![5 => select(&NAMES), 1 => select(&OPEN)];
    let steps = match is_open {
        true => vec(step().boxed(), 1..4).boxed(),
        false => (vec(select(&NAMES).boxed(), 0..3), step())
            .prop_map(|(mut steps, last)| {
                steps.push(last);
                steps
            })
            .boxed(),
    };
    steps.prop_map(|steps| format!("/{}", steps.join("/")))
}

fn condition() -> impl Strategy<Value = Json> {
    let test = select(vec![
        json!({ "absent": true }),
        json!({ "absent": false }),
        json!({ "not": ["kW", 0] }),
        json!({ "is": [-1, "true"], "or_absent": true }),
        json!({ "above": -2 }),
        json!({ "unlike": "a" }),
    ]);
    (pointer(false), test).prop_map(|(at, mut test)| {
        test["at"] = at.into();
        test
    })
}

fn metric() -> impl Strategy<Value = Json> {
    let meaning = select(vec![
        json!({ "metric": "hw.power", "unit": "W", "units": { "kW": 1000.0 } }),
        json!({ "metric": "hw.temperature", "unit": "Cel" }),
        json!({ "metric": "hw.model", "text": true }),
        json!({ "metric": "hw.status", "states": { "kW": "ok", "true": "failed" } }),
    ]);
    let unit_at = prop_oneof![pointer(false), Just("unit".to_owned())];
    (
        meaning,
        pointer(false),
        vec(pointer(false), 0..2),
        vec(condition(), 0..2),
        proptest::option::of(unit_at),
    )
        .prop_map(|(mut metric, at, or, when, unit_at)| {
            metric["at"] = at.into();
            metric["or"] = or.into();
            metric["when"] = when.into();
            if let (Some(unit_at), true) = (unit_at, metric.get("units").is_some()) {
                metric["unit_at"] = unit_at.into();
            }
            metric
        })
}

fn read() -> impl Strategy<Value = Read> {
    let each = proptest::option::weighted(0.7, prop_oneof![pointer(true), Just(String::new())]);
    let name = || {
        prop_oneof![
            pointer(false),
            select(vec!["#".to_owned(), "#1".to_owned()])
        ]
    };
    (
        each,
        vec(condition(), 0..2),
        any::<bool>(),
        (name(), vec(name(), 0..2)),
        vec(metric(), 1..4),
    )
        .prop_map(|(each, when, rest, (at, or), metric)| {
            let form = json!({
                "in": "x", "each": each, "when": when, "rest": rest, "metric": metric,
                "attributes": { "hw.id": { "at": at, "or": or }, "hw.type": "y" },
            });
            let form: form::Read = serde_json::from_value(form).unwrap();
            form::read(&form, &Named::default()).unwrap()
        })
}

/// A document, as its text: names may come twice, and be written with escapes.
fn document() -> impl Strategy<Value = String> {
    let name = || {
        let name = select(&NAMES).prop_map(|name| name.replace("~1", "/").replace("~0", "~"));
        let with_escapes = |name: String| match name.as_str() {
            "a" => "\\u0061".to_owned(),
            _ => name,
        };
        prop_oneof![9 => name.clone(), 1 => name.prop_map(with_escapes)]
    };
    let scalar = prop_oneof![60 => select(&SCALARS[..12]), 1 => select(&SCALARS[12..])];
    let value = scalar.prop_map(str::to_owned);
    value.prop_recursive(5, 60, 6, move |inner| {
        let member =
            (name(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\": {value}"));
        prop_oneof![
            1 => vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
            2 => vec(member, 0..7).prop_map(|all| format!("{{{}}}", all.join(", "))),
        ]
    })
}

/// The damage to the text of a document.
#[derive(Debug, Clone)]
enum Damage {
    None,
    End(prop::sample::Index),
    Byte(prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => Just(Damage::None),
        1 => any::<prop::sample::Index>().prop_map(Damage::End),
        2 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        2 => (any::<prop::sample::Index>(), select(b"{}[],:\"\\0e-+. nN".as_slice()))
            .prop_map(|(at, byte)| Damage::Byte(at, byte)),
    ]
}

/// The readings of a document, and what cannot be read of it.
fn told(reads: &[Read], document: &Json) -> String {
    let of = Attributes::default();
    let resource = Resource {
        place: "x",
        path: "/x",
        of: &of,
        document,
    };
    let mut all = Collection::default();
    decode(reads.iter(), &[resource], &mut all);
    format!("{:?} {:?}", all.readings, all.unread)
}

/// Returns true if it is an error of a value that may be skipped, not of the form of the document.
fn is_of_a_value(error: &serde_json::Error) -> bool {
    let text = error.to_string();
    [
        "surrogate",
        "unicode",
        "hex escape",
        "out of range",
        "recursion limit",
    ]
    .iter()
    .any(|part| text.contains(part))
}

proptest! {
    #[test]
    fn the_parts_of_a_document_say_what_the_whole_says(
        reads in vec(read(), 1..4),
        text in document(),
        damage in damage(),
        has_members in any::<bool>(),
    ) {
        let mut text = text.into_bytes();
        match damage {
            Damage::None => {}
            Damage::End(at) => text.truncate(at.index(text.len())),
            Damage::Byte(at, byte) => {
                let at = at.index(text.len());
                text[at] = byte;
            }
        }
        let mut wanted = Wanted::default();
        reads.iter().for_each(|read| wanted.add_read(read));
        let wanted = match has_members {
            true => wanted.with_members("Members"),
            false => wanted.complete(),
        };
        let parts = wanted.parse(&text);
        match serde_json::from_slice::<Json>(&text) {
            Ok(whole) => prop_assert_eq!(told(&reads, &parts.unwrap()), told(&reads, &whole)),
            Err(error) => prop_assert!(parts.is_err() || is_of_a_value(&error), "{error}: {parts:?}"),
        }
    }
}
