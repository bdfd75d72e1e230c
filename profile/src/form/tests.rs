//! A protocol other than SNMP: registers, with the shared keys.

use serde::Deserialize;
use toml::Spanned;
use utakata_model::{Quality, ReadingValue};

use super::{Keyed, Value};
use crate::{Error, Interpretation, Meaning, Raw, Scaling, states::Named};

keys! {
    /// The place of a point.
    pub struct Place {
        /// The number of its first register.
        pub register: Option<u16>,
        /// The number of its registers.
        pub words: Option<u8>,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    states: Named,
    point: Vec<Spanned<Keyed<Place, Value>>>,
}

fn compile(text: &str) -> Result<Vec<(u16, Meaning)>, Error> {
    let file: File = toml::from_str(text).map_err(|error| Error::parse("p.toml", text, &error))?;
    let points = file.point.iter().map(|point| {
        let wrong = |problem| Error::at("p.toml", text, point.span().start, problem);
        let keyed = point.get_ref();
        let meaning = Meaning::compile(&keyed.shared, &file.states).map_err(wrong)?;
        let register = keyed.own.register;
        Ok((
            register.ok_or_else(|| wrong("a point needs its register".into()))?,
            meaning,
        ))
    });
    points.collect()
}

#[test]
fn a_protocol_of_registers_has_the_same_language() {
    let points = compile(
        "[states.pump]\n0 = \"off\"\n1 = \"on\"\n\
         [[point]]\nregister = 100\nmetric = \"hw.temperature\"\nunit = \"Cel\"\nfactor = 0.1\n\
         [[point]]\nregister = 101\nmetric = \"my.pump\"\nstates = \"pump\"\n",
    );
    let points = points.unwrap();
    // A gateway sends registers without sign.
    let registers = [(100, 235), (100, 0xffce), (100, 0x8000), (101, 1)];
    let read = |(register, word): &(u16, u64)| {
        let (_, meaning) = points.iter().find(|(known, _)| known == register)?;
        match meaning.read(&Raw::Unsigned(*word, 16), &Scaling::NONE) {
            Interpretation::Reading(value, Quality::Good) => Some(value),
            _ => None,
        }
    };
    let found: Vec<Option<ReadingValue>> = registers.iter().map(read).collect();
    let number = |number| Some(ReadingValue::Number(number));
    let expect = [
        number(23.5),
        number(-5.0),
        None,
        Some(ReadingValue::Text("on".into())),
    ];
    assert_eq!(found, expect);
}

#[test]
fn a_key_of_neither_is_reported_at_its_line_with_the_nearest_of_both() {
    for (key, expect) in [
        (
            "regster = 1",
            "p.toml:3: there is no key \"regster\" here: did you mean \"register\"?",
        ), // typos: on purpose
        (
            "unti = \"W\"",
            "p.toml:3: there is no key \"unti\" here: did you mean \"unit\"?",
        ), // typos: on purpose
    ] {
        let text = format!("[[point]]\nmetric = \"a\"\n{key}\n");
        assert_eq!(compile(&text).unwrap_err().to_string(), expect);
    }
    let error = compile("[[point]]\nregister = 1\nmetric = \"a\"\n").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("p.toml:1: \"a\" needs a unit"),
        "{error}"
    );
    let error = compile("[[point]]\nmetric = \"a\"\nregister = \"x\"\n").unwrap_err();
    assert!(error.to_string().starts_with("p.toml:3:"), "{error}");
}
