//! Compiles the file format into what reading needs. Pure.

use std::time::Duration;

use utakata_profile::{
    Meaning, Source, Template,
    form::{self, Keyed, States},
    states::Named,
};
use utakata_worker_sdk::model::{duration, suggest};

use super::{
    Content, Control, Error, Place, Point, Probe, Reading, Talk,
    file::{self, File, Registers},
};
use crate::{
    frame::{REGISTERS_MAX, Table},
    value::{Kind, Words},
};

const TABLES: [(&str, Table); 4] = [
    ("holding", Table::Holding),
    ("input", Table::Input),
    ("coil", Table::Coil),
    ("discrete", Table::Discrete),
];

/// Compiles the keys of a file.
pub fn compile(keys: &File, source: &Source<'_>) -> Result<Content, Error> {
    let of_talk = |problem: String| source.wrong_in("[talk]", problem);
    let words = words(keys.talk.words.as_deref())
        .map_err(of_talk)?
        .unwrap_or_default();
    let named = source.states();
    Ok(Content {
        recognise: source.one(keys.r#match.as_ref(), |form| probe(form, words))?,
        talk: talk(&keys.talk).map_err(of_talk)?,
        points: source.each(&keys.point, |form| point(form, words, named))?,
        controls: source.controls(&keys.control, |form| control(form, words))?,
    })
}

fn talk(form: &file::Talk) -> Result<Talk, String> {
    let usual = Talk::default();
    let max = form.max.unwrap_or(usual.max);
    if !(1..=REGISTERS_MAX).contains(&max) {
        return Err(format!(
            "\"max\" is 1 to {REGISTERS_MAX} registers, not {max}"
        ));
    }
    let pause = form.pause.as_deref().map(duration::parse).transpose();
    let pause: Option<Duration> = pause.map_err(|error| format!("\"pause\": {error}"))?;
    Ok(Talk {
        gap: form.gap.unwrap_or(usual.gap),
        max,
        pause: pause.unwrap_or(usual.pause),
    })
}

fn words(name: Option<&str>) -> Result<Option<Words>, String> {
    match name {
        None => Ok(None),
        Some("big") => Ok(Some(Words::Big)),
        Some("little") => Ok(Some(Words::Little)),
        Some(other) => {
            let hint = suggest::hint(other, ["big", "little"]);
            Err(format!("there is no order of words \"{other}\": {hint}"))
        }
    }
}

fn table(name: Option<&str>) -> Result<Table, String> {
    let Some(name) = name else {
        return Ok(Table::Holding);
    };
    let known = TABLES.iter().find(|(known, _)| *known == name);
    known.map(|(_, table)| *table).ok_or_else(|| {
        let hint = suggest::hint(name, TABLES.map(|(known, _)| known));
        format!("there is no table \"{name}\": {hint}")
    })
}

fn kind(name: Option<&str>, count: Option<u16>) -> Result<Kind, String> {
    match (name, count) {
        (None, None) => Ok(Kind::U16),
        (None | Some("text"), Some(count)) if (1..=REGISTERS_MAX).contains(&count) => {
            Ok(Kind::Text(count))
        }
        (Some("text"), None) => Err("a text needs its number of registers: count = 8".into()),
        (_, Some(count)) => Err(format!(
            "\"count\" is for texts of 1 to {REGISTERS_MAX}, not {count}"
        )),
        (Some(name), None) => {
            let known = Kind::NAMES.iter().find(|(known, _)| *known == name);
            known.map(|(_, kind)| *kind).ok_or_else(|| {
                let names = Kind::NAMES.iter().map(|(known, _)| *known);
                let hint = suggest::hint(name, names.chain(["text"]).collect::<Vec<_>>());
                format!("there is no type \"{name}\": {hint}")
            })
        }
    }
}

fn place(form: &Registers, usual: Words, name: &str) -> Result<Place, String> {
    let Some(at) = form.at else {
        return Err(format!("\"{name}\" needs an address: at = 0x9001"));
    };
    let place = Place {
        table: table(form.table.as_deref())?,
        at,
        kind: kind(form.r#type.as_deref(), form.count)?,
        words: words(form.words.as_deref())?.unwrap_or(usual),
    };
    check(place)
}

fn check(place: Place) -> Result<Place, String> {
    let count = place.kind.registers();
    if place.at.checked_add(count - 1).is_none() {
        return Err("it ends beyond the last register".into());
    }
    if place.table.is_bits() && count != 1 {
        return Err("a bit is not of several registers".into());
    }
    Ok(place)
}

fn probe(form: &file::Probe, usual: Words) -> Result<Probe, String> {
    let Keyed { own, shared } = form;
    Ok(Probe {
        place: place(own, usual, "match")?,
        test: shared.compile()?,
    })
}

fn point(form: &file::Point, usual: Words, named: &Named) -> Result<Point, String> {
    let Keyed { own, shared } = form;
    let name = shared.metric.as_ref().map_or("?", |name| name.as_str());
    let place = place(own, usual, name)?;
    if own.bits.is_empty() {
        let reading = Reading::Value(Meaning::compile(shared, named)?);
        return Ok(Point { place, reading });
    }
    if !shared.unit.is_empty() || !shared.states.is_empty() {
        return Err(format!(
            "\"{name}\" is made of bits: it has neither unit nor states"
        ));
    }
    let bits = place.kind.registers() * 16;
    if let Some(bit) = own.bits.iter().find(|bit| bit.bit >= u32::from(bits)) {
        return Err(format!("\"{name}\" has no bit {}", bit.bit));
    }
    let text = form::Value {
        text: true,
        states: States::default(),
        ..shared.clone()
    };
    Ok(Point {
        place,
        reading: Reading::Bits {
            meaning: Meaning::compile(&text, named)?,
            first: own
                .bits
                .iter()
                .map(|bit| (bit.bit, bit.is.clone()))
                .collect(),
            otherwise: own.r#else.clone().unwrap_or_else(|| "ok".into()),
        },
    })
}

fn control(form: &file::Control, usual: Words) -> Result<Control, String> {
    let place = check(Place {
        table: table(form.table.as_deref())?,
        at: form.at,
        kind: kind(form.r#type.as_deref(), None)?,
        words: words(form.words.as_deref())?.unwrap_or(usual),
    })?;
    if !matches!(place.table, Table::Holding | Table::Coil) {
        return Err("only holding registers and coils are written".into());
    }
    let value = match &form.value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(on) => u8::from(*on).to_string(),
        _ => return Err("its value is a number, or a text with a parameter".into()),
    };
    let factor = form.factor.unwrap_or(1.0);
    if factor == 0.0 || !factor.is_finite() {
        return Err("its factor divides, and cannot be 0".into());
    }
    let many = match form.function {
        None => false,
        Some(6) => false,
        Some(16) => true,
        Some(other) => {
            return Err(format!(
                "a register is written by function 6 or 16, not {other}"
            ));
        }
    };
    Ok(Control {
        place,
        value: Template::parse(&value),
        factor,
        offset: form.offset,
        many,
    })
}
