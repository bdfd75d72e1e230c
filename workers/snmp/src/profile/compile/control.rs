//! Controls: the object to set, and the value.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use utakata_profile::template::Template;
use utakata_worker_sdk::model::suggest;

use crate::{
    profile::{Control, Instance, ValueSource, file, instance::parameter},
    value,
};

/// Compiles a control.
pub fn control(form: &file::Control) -> Result<Control, String> {
    let kind = value::Kind::parse(&form.r#type).ok_or_else(|| {
        let hint = suggest::hint(&form.r#type, value::Kind::NAMES);
        format!("there is no type \"{}\": {hint}", form.r#type)
    })?;
    Ok(Control {
        oid: Instance::parse(&form.oid)?,
        object: form.object.clone(),
        kind,
        value: given(form, kind)?,
        value_with: texts(form, kind)?,
        result: form.result.clone(),
    })
}

fn given(form: &file::Control, kind: value::Kind) -> Result<ValueSource, String> {
    let json = |value: &toml::Value| serde_json::to_value(value).map_err(|error| error.to_string());
    let named = form.value.as_str().and_then(parameter);
    match (named, form.values.is_empty()) {
        (Some(name), true) => Ok(ValueSource::Parameter(name.into())),
        (Some(name), false) => {
            let mut words = BTreeMap::new();
            for (word, value) in &form.values {
                let value = json(value)?;
                kind.value(&value)?;
                words.insert(word.clone(), value);
            }
            Ok(ValueSource::OneOf(name.into(), words))
        }
        (None, true) => {
            let value: Json = json(&form.value)?;
            kind.value(&value)?;
            Ok(ValueSource::Constant(value))
        }
        (None, false) => Err("\"values\" need a value that names a parameter: \"{state}\"".into()),
    }
}

/// Compiles the texts that are the value where a parameter is given.
fn texts(form: &file::Control, kind: value::Kind) -> Result<Vec<(String, Template)>, String> {
    let texts = form.value_with.iter().map(|(name, text)| {
        if kind != value::Kind::String {
            return Err("\"value_with\" has texts: the type is \"string\"".to_owned());
        }
        let text = Template::parse(text);
        let has_it = text.parameters().any(|one| one == name);
        match has_it {
            true => Ok((name.clone(), text)),
            false => Err(format!("the text for \"{name}\" has no {{{name}}}")),
        }
    });
    texts.collect()
}
