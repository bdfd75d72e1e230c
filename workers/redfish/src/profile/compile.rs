//! Compiles the file format into what decoding needs. Pure.

use serde_json::Value as Json;
use utakata_profile::{
    form,
    json::{
        form::{condition, read},
        pointer,
    },
};
use utakata_worker_sdk::model::suggest;

use super::{
    Control, Error, Profile, Request, Segment, Talk,
    file::{self, File},
};

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
