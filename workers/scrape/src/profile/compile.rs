//! Compiles the file format into what decoding needs. Pure.

use std::{collections::BTreeMap, sync::Arc};

use utakata_profile::{Meaning, Names, Source, form::Keyed, states::Named};

use super::{
    Attribute, Condition, Content, Error, Metric,
    file::{self, File},
};

/// Compiles the keys of a file.
pub fn compile(keys: &File, source: &Source<'_>) -> Result<Content, Error> {
    let mut families: BTreeMap<String, Vec<Metric>> = BTreeMap::new();
    let metrics = source.each(&keys.family, |form| {
        Ok((form.own.name.clone(), metric(form, source.states())?))
    });
    for (name, metric) in metrics? {
        families.entry(name).or_default().push(metric);
    }
    Ok(Content {
        recognise: keys.r#match.family.0.clone(),
        families,
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
