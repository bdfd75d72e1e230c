use async_snmp::Value;

use super::{
    meaning::{self, Meaning, Metric},
    *,
};
use mibs::Syntax;

fn object(name: &str, units: &str) -> Object {
    Object {
        name: name.into(),
        oid: Oid::from_slice(&[1, 3, 6, 1, 4, 1, 32473, 1]),
        is_settable: false,
        units: units.into(),
        hint: String::new(),
        names: Vec::new(),
        syntax: Syntax::Number,
        convention: String::new(),
        description: String::new(),
    }
}

/// Returns the meaning of an object with these values in the walk.
fn meant(object: &Object, values: &[i32]) -> Metric {
    let mut walk = Walk::default();
    for (row, value) in (1..).zip(values) {
        walk.objects
            .insert(object.oid.child(row), Value::Integer(*value));
    }
    match meaning::of(object, &walk, true).0 {
        Meaning::Metric(metric) => metric,
        other => panic!("{other:?}"),
    }
}

fn key<'a>(metric: &'a Metric, key: &str) -> Option<&'a str> {
    let mut keys = metric.keys.iter();
    keys.find(|(known, _)| *known == key)
        .map(|(_, value)| value.as_str())
}

#[test]
fn what_a_mib_says_is_no_guess_and_what_it_does_not_say_is_one() {
    let said = meant(&object("acmeInputVoltage", "0.1 Volts"), &[2304]);
    assert_eq!(
        (said.name, key(&said, "factor")),
        (Some("hw.voltage"), Some("0.1"))
    );
    assert_eq!(said.guesses, Vec::<String>::new());
    let named = meant(&object("acmeInputVoltage", ""), &[230]);
    assert_eq!(
        (named.name, key(&named, "factor")),
        (Some("hw.voltage"), None)
    );
    assert_eq!(named.guesses.len(), 1);
    let unknown = meant(&object("acmeThing", ""), &[230]);
    assert_eq!((unknown.name, key(&unknown, "unit")), (None, Some("\"1\"")));
    assert_eq!(unknown.guesses.len(), 1);
    let own = meant(&object("acmeThing", "widgets"), &[230]);
    assert_eq!(key(&own, "unit"), Some("\"{widgets}\""));
}

#[test]
fn a_walk_tells_what_is_not_a_value_and_what_is_tenths() {
    let sentinel = meant(&object("acmeLoad", "percent"), &[12, 65_535, -1]);
    assert_eq!(key(&sentinel, "invalid"), Some("[65535, -1]"));
    let tenths = meant(&object("acmeTemp", ""), &[-32_768, 235]);
    assert_eq!(key(&tenths, "factor"), Some("0.1"));
    let whole = meant(&object("acmeTemp", ""), &[23]);
    assert_eq!(key(&whole, "factor"), None);
    // A freezer may be at -1 degree.
    let cold = meant(&object("acmeTemp", "celsius"), &[-1]);
    assert_eq!(key(&cold, "invalid"), None);
    let mut described = object("acmeTemp", "celsius");
    described.description = "The value -1 means that it is not available.".into();
    assert_eq!(key(&meant(&described, &[4]), "invalid"), Some("[-1]"));
    described.description = "From -10 to 60, not in Kelvin.".into();
    assert_eq!(key(&meant(&described, &[4]), "invalid"), None);
}

#[test]
fn a_hint_counts_once() {
    let mut hinted = object("acmeTemp", "degrees Celsius");
    hinted.hint = "d-1".into();
    assert_eq!(key(&meant(&hinted, &[215]), "factor"), Some("0.1"));
    hinted.units = "0.1 degrees Celsius".into();
    assert_eq!(key(&meant(&hinted, &[215]), "factor"), Some("0.1"));
}
