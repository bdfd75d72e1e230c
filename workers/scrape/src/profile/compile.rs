//! Compiles the file format into what decoding needs. Pure.

use std::{collections::BTreeMap, sync::Arc};

use utakata_profile::{Meaning, Names, form::Keyed, states::Named};

use super::{
    Attribute, Condition, Error, Metric, Profile,
    file::{self, File},
};

/// Compiles the text of a profile. `file` is used in errors; `name` is the profile's own.
pub fn compile(name: &str, file: &str, text: &str) -> Result<Profile, Error> {
    let form: File = toml::from_str(text).map_err(|error| Error::parse(file, text, &error))?;
    let mut families: BTreeMap<String, Vec<Metric>> = BTreeMap::new();
    for one in &form.family {
        let family = one.get_ref();
        let metric = metric(family, &form.states)
            .map_err(|problem| Error::at(file, text, one.span().start, problem))?;
        families
            .entry(family.own.name.clone())
            .or_default()
            .push(metric);
    }
    Ok(Profile {
        name: name.into(),
        recognise: form.r#match.family.0,
        families,
        description: form.description,
        include: form.include,
    })
}

fn metric(form: &file::Family, named: &Named) -> Result<Metric, String> {
    let Keyed { own, shared } = form;
    if own.name.is_empty() {
        let name = shared.metric.as_ref().map_or("?", |name| name.as_str());
        return Err(format!(
            "\"{name}\" needs the name of a sample: name = \"node_load1\""
        ));
    }
    let attributes = own
        .labels
        .iter()
        .map(|(key, form)| Ok((Arc::from(key.as_str()), attribute(form, named)?)));
    Ok(Metric {
        when: own.when.0.iter().map(condition).collect::<Result<_, _>>()?,
        attributes: attributes.collect::<Result<_, String>>()?,
        label: own.label.clone(),
        meaning: Meaning::compile(shared, named)?,
    })
}

fn condition(form: &file::Condition) -> Result<Condition, String> {
    let Keyed { own, shared } = form;
    if own.label.is_empty() {
        return Err("a condition needs the name of a label: label = \"fstype\"".into());
    }
    Ok(Condition {
        label: own.label.clone(),
        test: shared.compile()?,
    })
}

fn attribute(form: &file::Label, named: &Named) -> Result<Attribute, String> {
    Ok(match form {
        file::Label::One(label) => Attribute {
            labels: vec![label.clone()],
            names: Names::default(),
        },
        file::Label::Several(labels) => Attribute {
            labels: labels.clone(),
            names: Names::default(),
        },
        file::Label::Named(form) => Attribute {
            labels: vec![form.label.clone()],
            names: Names::compile(&form.names, named)?,
        },
    })
}
