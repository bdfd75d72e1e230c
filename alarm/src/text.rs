//! The sentence of an alarm: a text with names in braces.

use utakata_model::{ReadingValue, Target, reading::Attributes, suggest};

/// The names that stand for facts about the alarm.
const NAMES: [&str; 5] = ["target", "kind", "value", "unit", "rule"];

/// A text with names in braces, taken apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Target,
    Kind,
    Unit,
    Rule,
    Value(Form),
    Label(String),
    Attribute(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Plain,
    Percent,
    Duration,
}

/// The facts that a text can name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a> {
    pub rule: &'a str,
    pub name: &'a str,
    pub target: Option<&'a Target>,
    pub attributes: &'a Attributes,
    pub value: Option<&'a ReadingValue>,
    pub unit: &'a str,
}

impl Template {
    /// Takes a text apart. `attributes` are the names of attributes that the rule has.
    ///
    /// # Errors
    /// A brace is not closed, or a name is unknown.
    pub(crate) fn parse(text: &str, attributes: &[&str]) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let Some((name, after)) = after.split_once('}') else {
                return Err(format!("a brace is not closed: {{{after}"));
            };
            parts.push(part(name, attributes)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    pub(crate) fn render(&self, words: Words<'_>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Target => text.push_str(words.name),
                Part::Kind => {
                    text.push_str(
                        words
                            .target
                            .map_or("utakata", |target| target.kind.as_str()),
                    );
                }
                Part::Unit => text.push_str(words.unit),
                Part::Rule => text.push_str(words.rule),
                Part::Value(form) => text.push_str(&value(words.value, *form, words.unit)),
                Part::Label(key) => {
                    let found = words.target.and_then(|target| target.value(key));
                    text.push_str(found.unwrap_or("?"));
                }
                Part::Attribute(key) => {
                    text.push_str(words.attributes.get(key.as_str()).map_or("?", |text| text));
                }
            }
        }
        text
    }
}

fn part(name: &str, attributes: &[&str]) -> Result<Part, String> {
    let (name, form) = name.split_once(':').unwrap_or((name, ""));
    let form = match (name, form) {
        (_, "") => Form::Plain,
        ("value", "percent") => Form::Percent,
        ("value", "duration") => Form::Duration,
        _ => {
            return Err(format!(
                "{{{name}:{form}}} has no such form: only {{value:percent}} and {{value:duration}}"
            ));
        }
    };
    if let Some(key) = name.strip_prefix("label.") {
        return Ok(Part::Label(key.to_owned()));
    }
    if let Some(key) = name.strip_prefix("attribute.") {
        return Ok(Part::Attribute(key.to_owned()));
    }
    Ok(match name {
        "target" => Part::Target,
        "kind" => Part::Kind,
        "unit" => Part::Unit,
        "rule" => Part::Rule,
        "value" => Part::Value(form),
        name if attributes.contains(&name) => Part::Attribute(name.to_owned()),
        name => {
            let known = NAMES.iter().copied().chain(attributes.iter().copied());
            let known: Vec<&str> = known.chain(["label.rack", "attribute.outlet"]).collect();
            let hint = suggest::hint(name, known);
            return Err(format!("there is no {{{name}}}: {hint}"));
        }
    })
}

fn value(value: Option<&ReadingValue>, form: Form, unit: &str) -> String {
    match (value, form) {
        (None, _) => "an unknown value".into(),
        (Some(ReadingValue::Text(text)), _) => text.to_string(),
        (Some(ReadingValue::Number(value)), Form::Percent) => {
            format!("{} %", number(value * 100.0))
        }
        (Some(ReadingValue::Number(value)), Form::Duration) => seconds(*value),
        (Some(ReadingValue::Number(value)), Form::Plain) => match sign(unit) {
            "" => number(*value),
            unit => format!("{} {unit}", number(*value)),
        },
    }
}

/// Returns a unit as people write it.
fn sign(unit: &str) -> &str {
    match unit {
        "1" => "",
        "Cel" => "°C",
        "V.A" => "VA",
        unit if unit.starts_with('{') => unit.trim_matches(['{', '}']),
        unit => unit,
    }
}

/// Returns a number with as many digits as people read.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

fn seconds(value: f64) -> String {
    match value {
        value if value >= 7_200.0 => format!("{} h", number((value / 3_600.0).round())),
        value if value >= 120.0 => format!("{} min", number((value / 60.0).round())),
        value => format!("{} s", number(value.round())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_facts_and_an_unknown_name_is_refused() {
        let attributes: Attributes = [("phase".into(), "2".into())].into();
        let found = |text: &str, value: f64, unit: &str| {
            let template = Template::parse(text, &["phase"]).unwrap();
            template.render(Words {
                rule: "r",
                name: "pdu-1",
                target: None,
                attributes: &attributes,
                value: Some(&ReadingValue::Number(value)),
                unit,
            })
        };
        for (text, value, unit, expect) in [
            (
                "{target} phase {phase} carries {value:percent}",
                0.914,
                "1",
                "pdu-1 phase 2 carries 91.4 %",
            ),
            ("{value} at {target}", 27.25, "Cel", "27.2 °C at pdu-1"),
            ("{value:duration} left", 660.0, "s", "11 min left"),
            ("{label.rack}", 1.0, "", "?"),
            ("no names", 1.0, "", "no names"),
        ] {
            assert_eq!(found(text, value, unit), expect);
        }
        for (wrong, expect) in [
            ("{taget}", "there is no {taget}: did you mean \"target\"?"),
            ("{target", "a brace is not closed: {target"),
            (
                "{value:percents}",
                "{value:percents} has no such form: only {value:percent} and {value:duration}",
            ),
        ] {
            assert_eq!(Template::parse(wrong, &[]).unwrap_err(), expect);
        }
    }
}
