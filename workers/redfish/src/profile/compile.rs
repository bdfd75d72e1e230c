//! Compiles the file format into what decoding needs. Pure.

use serde_json::Value as Json;
use utakata_profile::{
    Source, form,
    json::{
        form::{condition, read},
        pointer,
    },
};
use utakata_worker_sdk::model::suggest;

use super::{
    Content, Control, Error, Request, Segment, Talk,
    file::{self, File},
};

/// Compiles the keys of a file.
pub fn compile(keys: &File, source: &Source<'_>) -> Result<Content, Error> {
    let patterns = source.named(&keys.r#match.root, |pattern| {
        form::pattern(&format!("^(?:{pattern})$"))
    });
    let recognise = patterns?
        .into_iter()
        .map(|(key, pattern)| (format!("/{}", key.trim_start_matches('/')), pattern));
    let talk = talk(&keys.talk).map_err(|problem| source.wrong_in("[talk]", problem));
    Ok(Content {
        recognise: recognise.collect(),
        talk: talk?,
        find: source.named(&keys.find, segments)?,
        reads: source.each(&keys.read, |form| read(form, source.states()))?,
        controls: source.controls(&keys.control, control)?,
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
