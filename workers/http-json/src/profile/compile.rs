//! Compiles the file format into what decoding needs. Pure.

use utakata_profile::{
    Source, Template,
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
    Content, Control, Document, Error, Identity, Probe, Said,
    file::{self, File},
};

/// Compiles the keys of a file.
pub fn compile(keys: &File, source: &Source<'_>) -> Result<Content, Error> {
    let reads = source.each(&keys.read, |form| {
        // A profile that includes another one may read its documents.
        let is_known = |place: &&String| keys.get.contains_key(*place) || source.includes();
        if let Some(unknown) = form.r#in.0.iter().find(|place| !is_known(place)) {
            let hint = suggest::hint(unknown, keys.get.keys().map(String::as_str));
            return Err(format!("there is no place \"{unknown}\" in [get]: {hint}"));
        }
        read(form, source.states())
    });
    Ok(Content {
        recognise: source.one(keys.r#match.as_ref(), probe)?,
        documents: source.named(&keys.get, document)?,
        reads: reads?,
        controls: source.controls(&keys.control, control)?,
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
        identity: form.identity.as_ref().map(identity).transpose()?,
    })
}

fn identity(form: &file::Identity) -> Result<Identity, String> {
    let said = |said: &file::Said| match said {
        file::Said::Always(text) => Ok(Said::Always(text.clone())),
        file::Said::At(form) => pointer(&form.at).map(Said::At),
    };
    let keys = [
        ("vendor", &form.vendor),
        ("model", &form.model),
        ("serial", &form.serial),
        ("uuid", &form.uuid),
        ("name", &form.name),
    ];
    let keys = keys.into_iter();
    let all = keys.filter_map(|(key, form)| Some((key, form.as_ref()?)));
    let all = all.map(|(key, form)| Ok::<_, String>((key, said(form)?)));
    Ok(Identity {
        uri: form.get.as_deref().map(path).transpose()?,
        said: all.collect::<Result<_, _>>()?,
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
