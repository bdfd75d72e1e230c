//! Compiles the file format into what decoding needs. Pure.

use std::sync::Arc;

use serde_json::Value as Json;
use utakata_profile::{
    Meaning, Names,
    form::{self, Keyed},
    states::Named,
};
use utakata_worker_sdk::model::suggest;

use super::{
    Attribute, Condition, Control, Error, Metric, Profile, Read, Request, Segment, Talk,
    file::{self, File},
};

/// The pointer to the unit of a reading (DSP0268, Sensor).
const UNIT: &str = "/ReadingUnits";

/// Compiles the text of a profile. `file` is used in errors; `name` is the profile's own.
pub fn compile(name: &str, file: &str, text: &str) -> Result<Profile, Error> {
    let form: File = toml::from_str(text).map_err(|error| Error::parse(file, text, &error))?;
    let at = |byte: usize, problem: String| Error::at(file, text, byte, problem);
    let named = &form.states;
    let recognise = form.r#match.root.iter().map(|(key, pattern)| {
        let compiled = form::pattern(&format!("^(?:{})$", pattern.get_ref()));
        let pattern = compiled.map_err(|problem| at(pattern.span().start, problem))?;
        Ok((format!("/{}", key.trim_start_matches('/')), pattern))
    });
    let find = form.find.iter().map(|(key, place)| {
        let found = segments(place.get_ref());
        Ok((
            key.clone(),
            found.map_err(|problem| at(place.span().start, problem))?,
        ))
    });
    let reads = form
        .read
        .iter()
        .map(|form| read(form.get_ref(), named).map_err(|problem| at(form.span().start, problem)));
    let controls = form.control.iter().map(|(action, form)| {
        let compiled = control(form).map_err(|problem| {
            let byte = text.find(&format!("control.{action}")).unwrap_or(0);
            at(byte, format!("control \"{action}\": {problem}"))
        });
        Ok((action.clone(), compiled?))
    });
    let talk = talk(&form.talk).map_err(|problem| at(text.find("[talk]").unwrap_or(0), problem))?;
    Ok(Profile {
        name: name.into(),
        recognise: recognise.collect::<Result<_, Error>>()?,
        talk,
        find: find.collect::<Result<_, Error>>()?,
        reads: reads.collect::<Result<_, Error>>()?,
        controls: controls.collect::<Result<_, Error>>()?,
        description: form.description,
        include: form.include,
    })
}

fn talk(form: &file::Talk) -> Result<Talk, String> {
    let slash = match form.slash.as_deref() {
        None => None,
        Some("as-given") => Some(false),
        Some("add") => Some(true),
        Some(other) => {
            let hint = suggest::hint(other, ["as-given", "add"]);
            return Err(format!("\"slash\" is not \"{other}\": {hint}"));
        }
    };
    let expand = form.expand;
    Ok(Talk { expand, slash })
}

fn segments(form: &file::Find) -> Result<Option<Vec<Segment>>, String> {
    let path = match form {
        file::Find::Path(path) => path,
        file::Find::Nowhere(false) => return Ok(None),
        file::Find::Nowhere(true) => return Err("a place is a path of links, or false".into()),
    };
    let segment = |part: &str| match part {
        "" => Err(format!(
            "\"{path}\" is no path of links, as in \"Chassis/*/Sensors/*\""
        )),
        "*" => Ok(Segment::Members),
        name => Ok(Segment::Name(name.into())),
    };
    path.split('/')
        .map(segment)
        .collect::<Result<_, _>>()
        .map(Some)
}

fn read(form: &file::Read, named: &Named) -> Result<Read, String> {
    if form.r#in.0.is_empty() {
        return Err("a read needs a place of [find]: in = \"sensors\"".into());
    }
    let attributes = form
        .attributes
        .iter()
        .map(|(key, form)| Ok((Arc::from(key.as_str()), attribute(form, named)?)));
    Ok(Read {
        places: form.r#in.0.clone(),
        each: form.each.as_deref().map(pointer).transpose()?,
        when: conditions(&form.when.0)?,
        is_rest: form.rest,
        attributes: attributes.collect::<Result<_, String>>()?,
        metrics: form
            .metric
            .0
            .iter()
            .map(|form| metric(form, named))
            .collect::<Result<_, _>>()?,
    })
}

fn metric(form: &file::Metric, named: &Named) -> Result<Metric, String> {
    let Keyed { own, shared } = form;
    let name = shared.metric.as_ref().map_or("?", |name| name.as_str());
    let Some(at) = &own.at else {
        return Err(format!("\"{name}\" needs a place: at = \"/Reading\""));
    };
    let all = [at].into_iter().chain(&own.or.0);
    let units = (!own.units.is_empty()).then(|| {
        let at = own.unit_at.clone().unwrap_or_else(|| UNIT.into());
        let factors = own.units.iter();
        (
            at,
            factors
                .map(|(unit, factor)| (unit.clone(), *factor))
                .collect(),
        )
    });
    Ok(Metric {
        at: all.map(|at| pointer(at)).collect::<Result<_, _>>()?,
        when: conditions(&own.when.0)?,
        units,
        meaning: Meaning::compile(shared, named)?,
    })
}

fn conditions(forms: &[file::Condition]) -> Result<Vec<Condition>, String> {
    forms.iter().map(condition).collect()
}

fn condition(form: &file::Condition) -> Result<Condition, String> {
    let Keyed { own, shared } = form;
    Ok(Condition {
        at: pointer(&own.at)?,
        test: shared.compile()?,
    })
}

fn attribute(form: &file::Attribute, named: &Named) -> Result<Attribute, String> {
    Ok(match form {
        file::Attribute::Constant(text) => Attribute::Constant(text.as_str().into()),
        file::Attribute::Value(value) => {
            let all = [&value.at].into_iter().chain(&value.or.0);
            Attribute::Value {
                at: all
                    .map(|at| {
                        if at == "#" {
                            Ok(at.clone())
                        } else {
                            pointer(at)
                        }
                    })
                    .collect::<Result<_, _>>()?,
                last: value.last.clone(),
                names: Names::compile(&value.names, named)?,
            }
        }
    })
}

/// A JSON pointer (RFC 6901) that is not empty.
fn pointer(text: &str) -> Result<String, String> {
    match text.starts_with('/') {
        true => Ok(text.into()),
        false => Err(format!(
            "\"{text}\" is no place: it begins with a slash, as in \"/Reading\""
        )),
    }
}

fn control(form: &file::Control) -> Result<Control, String> {
    let json = |table: &toml::Table| serde_json::to_value(table).map_err(|error| error.to_string());
    let request = match (&form.action, &form.patch) {
        (Some(name), None) => {
            let body = form.body.as_ref().map(json).transpose()?;
            Request::Action(
                name.clone(),
                body.unwrap_or_else(|| Json::Object(Default::default())),
            )
        }
        (None, Some(file::Patch::One(body))) => Request::Patch(vec![(None, json(body)?)]),
        (None, Some(file::Patch::Several(several))) => {
            let bodies = several.iter().map(|one| {
                let when = one.when.as_ref().map(condition).transpose()?;
                Ok((when, json(&one.body)?))
            });
            Request::Patch(bodies.collect::<Result<_, String>>()?)
        }
        _ => return Err("it needs \"action\" (with a body) or \"patch\"".into()),
    };
    Ok(Control {
        on: form.on.clone(),
        has: form.has.as_deref().map(pointer).transpose()?,
        request,
        done: form.done.as_ref().map(condition).transpose()?,
        allowed: form.allowed.clone(),
    })
}
