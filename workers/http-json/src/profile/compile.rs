//! Compiles the file format into what decoding needs. Pure.

use utakata_profile::{
    Template,
    form::Keyed,
    json::{
        Condition,
        form::{conditions, read},
        pointer,
    },
};
use utakata_worker_http::Method;
use utakata_worker_sdk::model::suggest;

use super::{
    Control, Document, Error, Probe, Profile,
    file::{self, File},
};

/// Compiles the text of a profile. `file` is used in errors; `name` is the profile's own.
pub fn compile(name: &str, file: &str, text: &str) -> Result<Profile, Error> {
    let form: File = toml::from_str(text).map_err(|error| Error::parse(file, text, &error))?;
    let at = |byte: usize, problem: String| Error::at(file, text, byte, problem);
    let named = &form.states;
    let recognise = form.r#match.as_ref().map(|form| {
        let compiled = probe(form.get_ref());
        compiled.map_err(|problem| at(form.span().start, problem))
    });
    let documents = form.get.iter().map(|(key, form)| {
        let compiled = document(form.get_ref());
        let document = compiled.map_err(|problem| at(form.span().start, problem))?;
        Ok((key.clone(), document))
    });
    let reads = form.read.iter().map(|one| {
        let start = one.span().start;
        // A profile that includes another one may read its documents.
        let is_known = |place: &&String| form.get.contains_key(*place) || !form.include.is_empty();
        let mut places = one.get_ref().r#in.0.iter();
        if let Some(unknown) = places.find(|place| !is_known(place)) {
            let hint = suggest::hint(unknown, form.get.keys().map(String::as_str));
            let problem = format!("there is no place \"{unknown}\" in [get]: {hint}");
            return Err(at(start, problem));
        }
        read(one.get_ref(), named).map_err(|problem| at(start, problem))
    });
    let controls = form.control.iter().map(|(action, form)| {
        let compiled = control(form).map_err(|problem| {
            let byte = text.find(&format!("control.{action}")).unwrap_or(0);
            at(byte, format!("control \"{action}\": {problem}"))
        });
        Ok((action.clone(), compiled?))
    });
    Ok(Profile {
        name: name.into(),
        recognise: recognise.transpose()?,
        documents: documents.collect::<Result<_, Error>>()?,
        reads: reads.collect::<Result<_, Error>>()?,
        controls: controls.collect::<Result<_, Error>>()?,
        description: form.description,
        include: form.include,
    })
}

fn probe(form: &file::Match) -> Result<Probe, String> {
    if form.when.0.is_empty() {
        return Err(
            "\"match\" needs a condition: when = { at = \"/model\", absent = false }".into(),
        );
    }
    Ok(Probe {
        uri: path(&form.get)?,
        when: conditions(&form.when.0)?,
    })
}

fn document(form: &file::Get) -> Result<Document, String> {
    let (uri, is_optional) = match form {
        file::Get::Path(uri) => (uri, false),
        file::Get::Document(form) => (&form.uri, form.or_absent),
    };
    let uri = path(uri)?;
    Ok(Document { uri, is_optional })
}

fn path(text: &str) -> Result<String, String> {
    let is_path = text.starts_with('/') && !text.contains(char::is_whitespace);
    match is_path {
        true => Ok(text.into()),
        false => Err(format!("\"{text}\" is no path, as in \"/api/status\"")),
    }
}

fn control(form: &file::Control) -> Result<Control, String> {
    let known = ["POST", "PUT", "PATCH", "DELETE"];
    let method = match form.method.as_str() {
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        other => {
            let hint = suggest::hint(other, known);
            return Err(format!("\"{other}\" changes nothing: {hint}"));
        }
    };
    let body = form.body.as_ref().map(serde_json::to_value).transpose();
    let done = form.done.as_ref().map(|form| {
        let Keyed { own, shared } = form;
        let condition = Condition {
            at: pointer(&own.at)?,
            test: shared.compile()?,
        };
        Ok::<_, String>((Template::parse(&path(&own.get)?), condition))
    });
    Ok(Control {
        method,
        path: Template::parse(&path(&form.path)?),
        body: body.map_err(|error| error.to_string())?,
        ok: form.ok.clone(),
        done: done.transpose()?,
    })
}
