//! Compiles the file format into what decoding needs. Pure.

use utakata_profile::{
    Meaning, Source,
    form::{self, Keyed},
    states::Named,
};
use utakata_worker_sdk::model::suggest;

use super::{
    Content, Control, Correction, Error,
    file::{self, File},
};

/// The orders of Chassis Control (IPMI 2.0, 28.3).
const ORDERS: [(&str, u8); 5] = [
    ("power-down", 0),
    ("power-up", 1),
    ("power-cycle", 2),
    ("hard-reset", 3),
    ("soft-shutdown", 5),
];

/// Compiles the keys of a file.
pub fn compile(keys: &File, source: &Source<'_>) -> Result<Content, Error> {
    let recognise = keys.r#match.clone();
    Ok(Content {
        recognise: recognise.map(|form| (form.manufacturer, form.product)),
        corrections: source.each(&keys.sensor, |form| correction(form, source.states()))?,
        controls: source.controls(&keys.control, control)?,
    })
}

fn correction(form: &file::Sensor, named: &Named) -> Result<Correction, String> {
    let Keyed { own, shared } = form;
    if own.name.is_none() && own.kind.is_none() {
        return Err("a sensor needs its name or its kind: name = \"Margin$\"".into());
    }
    let name = own.name.as_deref().map(form::pattern).transpose()?;
    let meaning = match own.skip {
        true => None,
        false => Some(Meaning::compile(shared, named)?),
    };
    Ok(Correction {
        name,
        kind: own.kind,
        meaning,
    })
}

fn control(form: &file::Control) -> Result<Control, String> {
    match (&form.chassis, form.identify, form.boot) {
        (Some(order), false, false) => {
            let known = ORDERS.iter().find(|(name, _)| name == order);
            let Some((_, number)) = known else {
                let hint = suggest::hint(order, ORDERS.map(|(name, _)| name));
                return Err(format!("there is no chassis order \"{order}\": {hint}"));
            };
            let done = match form.done.as_deref() {
                None => None,
                Some("on") => Some(true),
                Some("off") => Some(false),
                Some(_) => return Err("\"done\" is \"on\" or \"off\"".into()),
            };
            Ok(Control::Chassis {
                order: *number,
                done,
            })
        }
        (None, true, false) => Ok(Control::Identify),
        (None, false, true) => Ok(Control::Boot),
        _ => Err("it needs one of \"chassis\", \"identify\", \"boot\"".into()),
    }
}
