//! The metric that an object becomes in a profile, according to its MIB and the walk. Pure.

use async_snmp::Value;
use utakata_worker_snmp::value;

use super::{
    mibs::{Object, Syntax},
    naming,
    quantity::{self, Quantity},
};
use crate::walk::Walk;

/// Values that devices send for "not available", if they are numbers that hardly occur by chance.
const SENTINELS: [i64; 6] = [
    -32_768,
    32_767,
    65_535,
    2_147_483_647,
    -2_147_483_648,
    4_294_967_295,
];
/// Conventions of objects that say nothing about the equipment.
const ADMINISTRATIVE: [&str; 4] = ["RowStatus", "StorageType", "TestAndIncr", "RowPointer"];
/// Words in the names of limits, which are not readings, whether settable or not.
const LIMITS: [&str; 5] = ["threshold", "thresholds", "limit", "setpoint", "hysteresis"];
/// Words in the names of settings, among settable objects.
const SETTINGS: [&str; 12] = [
    "config", "cfg", "setting", "delay", "interval", "timeout", "enable", "enabled", "max", "min",
    "low", "high",
];
/// Words in the names of commands, among settable states.
const COMMANDS: [&str; 8] = [
    "command", "control", "cmd", "ctrl", "reset", "reboot", "test", "action",
];
/// The most values of the walk shown in a comment.
const SAMPLES: usize = 3;

/// The meaning of an object in a profile.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    Metric(Metric),
    /// A text that names the row.
    Name,
    /// It becomes nothing, for this reason.
    LeftOut(&'static str),
}

/// The metric made from an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metric {
    /// Its name; `None`: derived from the name of the object.
    pub name: Option<&'static str>,
    /// Its other keys and values, as TOML.
    pub keys: Vec<(&'static str, String)>,
    /// Guesses for a person to check.
    pub guesses: Vec<String>,
}

/// Returns the meaning of an object, and values of it for a comment.
pub fn of(object: &Object, walk: &Walk, is_column: bool) -> (Meaning, String) {
    let values: Vec<&Value> = walk.under(&object.oid).map(|(_, value)| value).collect();
    let samples: Vec<String> = values.iter().copied().take(SAMPLES).map(sample).collect();
    (meaning(object, &values, is_column), samples.join(", "))
}

fn meaning(object: &Object, values: &[&Value], is_column: bool) -> Meaning {
    if ADMINISTRATIVE.contains(&object.convention.as_str()) {
        return Meaning::LeftOut("it is for the agent's own administration");
    }
    if object.syntax == Syntax::Other {
        return Meaning::LeftOut("it is neither a number nor a text");
    }
    let is_name = is_column && object.syntax == Syntax::Text && is_name(&object.name);
    if is_name
        && values
            .iter()
            .any(|value| value::as_text(value).is_some_and(|t| !t.is_empty()))
    {
        return Meaning::Name;
    }
    if has_word(&object.name, &LIMITS) {
        return Meaning::LeftOut("it is a limit");
    }
    if object.is_settable && has_word(&object.name, &SETTINGS) {
        return Meaning::LeftOut("it is a setting");
    }
    if object.is_settable && !object.names.is_empty() && has_word(&object.name, &COMMANDS) {
        return Meaning::LeftOut("it is a command: see [control.NAME]");
    }
    if !object.names.is_empty() {
        return Meaning::Metric(states(object));
    }
    let is_number = values.iter().all(|value| is_number(value));
    match object.syntax {
        Syntax::Text | Syntax::Unknown if !is_number => text(object),
        Syntax::Ticks => Meaning::Metric(Metric {
            keys: vec![
                ("unit", quoted("s")),
                ("factor", "0.01".into()),
                ("min", "0".into()),
            ],
            ..Metric::default()
        }),
        _ => Meaning::Metric(number(object, values)),
    }
}

/// A number; unknown properties are guessed.
fn number(object: &Object, values: &[&Value]) -> Metric {
    let mut guesses = Vec::new();
    let by_units = quantity::of_units(&object.units);
    let by_name = || quantity::of_name(&object.name);
    let mut found = match (by_units, object.units.is_empty()) {
        (Some(found), _) => Some(found),
        (None, true) => by_name().filter(|_| object.syntax != Syntax::Counter),
        (None, false) => None,
    };
    let is_by_name = object.units.is_empty() && found.is_some();
    if is_by_name {
        guesses.push("the unit, by the name: the MIB has none".to_owned());
    }
    // A hint next to UNITS with a scale of their own repeats the same scale.
    let hint = quantity::of_hint(&object.hint).filter(|hint| *hint < 1.0);
    if let (Some(found), Some(hint)) = (&mut found, hint)
        && !quantity::is_scaled(&object.units)
    {
        found.scale(hint);
    }
    let raw = numbers(object, values);
    if let Some(found) = &mut found
        && let Some(factor) = raw.iter().copied().find_map(|raw| found.rescaled(raw))
    {
        guesses.push(format!(
            "the factor, by the walk: {} would not be plausible",
            raw_of(&raw)
        ));
        found.factor = factor;
    }
    let mut keys = Vec::new();
    match &found {
        Some(found) => keys.extend(keys_of(found)),
        None => {
            let unit = own_unit(object);
            if object.units.is_empty() && object.syntax != Syntax::Counter {
                guesses.push("a mere number: neither the MIB nor the name says of what".to_owned());
            }
            keys.push(("unit", quoted(&unit)));
            if let Some(hint) = hint {
                keys.push(("factor", number_text(hint)));
            }
        }
    }
    invalid(object, values, found.as_ref(), &mut keys, &mut guesses);
    Metric {
        name: found.and_then(|found| found.metric(&object.name)),
        keys,
        guesses,
    }
}

/// Returns the keys of a quantity.
fn keys_of(found: &Quantity) -> Vec<(&'static str, String)> {
    let mut keys = vec![("unit", quoted(found.base.unit))];
    if (found.factor - 1.0).abs() > f64::EPSILON {
        keys.push(("factor", number_text(found.factor)));
    }
    if found.offset.abs() > f64::EPSILON {
        keys.push(("offset", number_text(found.offset)));
    }
    let limits = [("min", found.base.min), ("max", found.base.max)];
    let limits = limits
        .into_iter()
        .filter_map(|(key, limit)| Some((key, limit?)));
    keys.extend(limits.map(|(key, limit)| (key, number_text(limit))));
    keys
}

/// The numbers in the walk, without those that probably mean "not available".
fn numbers(object: &Object, values: &[&Value]) -> Vec<f64> {
    let meant = values
        .iter()
        .filter(|value| match value::as_integer(value) {
            Some(raw) => {
                let is_none = SENTINELS.contains(&raw) || raw == -1 && names_minus_one(object);
                !is_none
            }
            None => true,
        });
    meant.filter_map(|value| value::as_number(value)).collect()
}

fn raw_of(raw: &[f64]) -> String {
    raw.first().map(f64::to_string).unwrap_or_default()
}

/// The values in the walk that mean "not available".
fn invalid(
    object: &Object,
    values: &[&Value],
    found: Option<&Quantity>,
    keys: &mut Vec<(&'static str, String)>,
    guesses: &mut Vec<String>,
) {
    if object.syntax == Syntax::Counter {
        return;
    }
    let seen: Vec<i64> = values
        .iter()
        .filter_map(|value| value::as_integer(value))
        .collect();
    let mut none: Vec<i64> = SENTINELS
        .into_iter()
        .filter(|raw| seen.contains(raw))
        .collect();
    let cannot_be_negative = found.is_some_and(|found| found.base.min == Some(0.0));
    let is_named = names_minus_one(object);
    if is_named || (seen.contains(&-1) && cannot_be_negative) {
        none.push(-1);
    }
    if none.is_empty() {
        return;
    }
    let listed: Vec<String> = none.iter().map(i64::to_string).collect();
    let by = match is_named {
        true => "by the walk or the description",
        false => "by the walk",
    };
    guesses.push(format!(
        "{} means that there is no value, {by}",
        listed.join(", ")
    ));
    keys.push(("invalid", format!("[{}]", listed.join(", "))));
}

/// Returns true if the description seems to say that -1 is not a value.
fn names_minus_one(object: &Object) -> bool {
    const NONE: [&str; 7] = [
        "not ",
        "unavailable",
        "unknown",
        "invalid",
        "absent",
        "n/a",
        "no ",
    ];
    let text = object.description.to_lowercase();
    let Some((_, after)) = text.split_once("-1") else {
        return false;
    };
    // -10 is an ordinary number.
    !after.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && NONE.iter().any(|word| text.contains(word))
}

/// The unit of a number whose quantity is unknown: its UNITS as a UCUM annotation.
fn own_unit(object: &Object) -> String {
    let word: String = object
        .units
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    match word.trim_matches('_') {
        "" if object.syntax == Syntax::Counter => "{count}".into(),
        "" => "1".into(),
        word => format!("{{{word}}}"),
    }
}

/// Returns a named state.
fn states(object: &Object) -> Metric {
    let names = object.names.iter();
    let names = names.map(|(raw, label)| format!("{raw} = {}", quoted(&naming::snake(label))));
    let names: Vec<String> = names.collect();
    let words = naming::words(&object.name);
    let is_status = words
        .last()
        .is_some_and(|word| ["status", "state", "health", "condition"].contains(&word.as_str()));
    let mut guesses = Vec::new();
    if is_status {
        guesses.push("hw.status, by the name: its states are best ok, degraded, failed".to_owned());
    }
    Metric {
        name: is_status.then_some("hw.status"),
        keys: vec![("states", format!("{{ {} }}", names.join(", ")))],
        guesses,
    }
}

/// A text that is not a number.
fn text(object: &Object) -> Meaning {
    const KNOWN: [(&[&str], &str); 3] = [
        (&["serial"], "hw.serial_number"),
        (&["manufacturer", "vendor", "mfg"], "hw.vendor"),
        (&["model", "product"], "hw.model"),
    ];
    if ["MacAddress", "PhysAddress", "DateAndTime"].contains(&object.convention.as_str()) {
        return Meaning::LeftOut("it is bytes and no text");
    }
    let words = naming::words(&object.name);
    let has = |parts: &[&str]| words.iter().any(|word| parts.contains(&word.as_str()));
    let known = KNOWN.iter().find(|(parts, _)| has(parts));
    Meaning::Metric(Metric {
        name: known.map(|(_, metric)| *metric),
        keys: vec![("text", "true".into())],
        guesses: known
            .map(|(_, metric)| format!("{metric}, by the name"))
            .into_iter()
            .collect(),
    })
}

fn is_name(name: &str) -> bool {
    let words = naming::words(name);
    let last = words.last().map(String::as_str);
    matches!(
        last,
        Some("name" | "label" | "descr" | "description" | "alias")
    )
}

fn has_word(name: &str, known: &[&str]) -> bool {
    let words = naming::words(name);
    words.iter().any(|word| known.contains(&word.as_str()))
}

fn is_number(value: &Value) -> bool {
    value::as_number(value).is_some()
}

/// Returns a TOML string.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}

/// A TOML number, as an integer where it is whole.
fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.1}");
    }
    number.to_string()
}

/// A value of the walk, shortened and made printable.
fn sample(value: &Value) -> String {
    let text = value::as_text(value).unwrap_or_else(|| value::type_name(value).into());
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(24)
        .collect();
    match value {
        Value::OctetString(_) => format!("\"{text}\""),
        _ => text,
    }
}
