//! Compiles the file format into what decoding needs. Pure.

mod by;
mod control;
mod place;
mod table;

use std::{ops::Range, sync::Arc};

use async_snmp::Oid;
use toml::Spanned;
use utakata_profile::{form::pattern, states::Named};

use super::{
    Error, Instance, Meaning, Observe, ObservedScalar, Profile, Recognise, Scalar,
    file::{self, ColumnRef, File},
    instance::parameter,
};
use place::Scalars;

/// Compiles the text of a profile. `file` is used in errors; `name` is the profile's own.
pub fn compile(name: &str, file: &str, text: &str) -> Result<Profile, Error> {
    let form: File = toml::from_str(text).map_err(|error| Error::parse(file, text, &error))?;
    let wrong = |span: Range<usize>, problem: String| Error::at(file, text, span.start, problem);
    let named = &form.states;
    let scalars = form.scalar.iter().map(|metric| {
        scalar(metric.get_ref(), named).map_err(|problem| wrong(metric.span(), problem))
    });
    let tables = form.table.iter().map(|form| {
        table::table(form.get_ref(), named)
            .map_err(|(span, problem)| wrong(span.unwrap_or_else(|| form.span()), problem))
    });
    let observes = form.observe.iter().map(|(action, form)| {
        let scalars = form.scalar.iter().map(|metric| {
            observed(metric.get_ref(), named).map_err(|problem| wrong(metric.span(), problem))
        });
        let scalars = scalars.collect::<Result<_, _>>()?;
        Ok((action.clone(), Observe { scalars }))
    });
    let controls = form.control.iter().map(|(action, form)| {
        let compiled = control::control(form).map_err(|problem| {
            let byte = text.find(&format!("control.{action}")).unwrap_or(0);
            Error::at(file, text, byte, format!("control \"{action}\": {problem}"))
        });
        compiled.map(|control| (action.clone(), control))
    });
    let recognise = form
        .r#match
        .as_ref()
        .map(|form| recognise(form.get_ref()).map_err(|problem| wrong(form.span(), problem)));
    Ok(Profile {
        name: name.into(),
        scalars: scalars.collect::<Result<_, _>>()?,
        tables: tables.collect::<Result<_, _>>()?,
        observes: observes.collect::<Result<_, _>>()?,
        controls: controls.collect::<Result<_, _>>()?,
        recognise: recognise.transpose()?,
        notifications: named_oids(&form.notification),
        objects: named_oids(&form.object),
        description: form.description,
        include: form.include.into_iter().map(Spanned::into_inner).collect(),
    })
}

fn named_oids(forms: &std::collections::BTreeMap<String, file::OidText>) -> Vec<(Arc<str>, Oid)> {
    let named = forms.iter();
    named
        .map(|(name, oid)| (Arc::from(name.as_str()), oid.0.clone()))
        .collect()
}

fn recognise(form: &file::Match) -> Result<Recognise, String> {
    let oids = |list: &[file::OidText]| list.iter().map(|oid| oid.0.clone()).collect();
    let compiled = |text: &Option<String>| text.as_deref().map(pattern).transpose();
    Ok(Recognise {
        system: oids(&form.system),
        present: oids(&form.present),
        description: compiled(&form.description)?,
        except_system: oids(&form.except.system),
        except_description: compiled(&form.except.description)?,
    })
}

fn scalar(form: &file::Metric, named: &Named) -> Result<Scalar, String> {
    let instance = instance(form)?;
    let Some(oid) = instance.as_oid() else {
        return Err(format!(
            "the scalar \"{}\" cannot have parameters: those are for [observe.NAME]",
            name(form)
        ));
    };
    let mut oids = vec![oid];
    for other in &form.own.or.0 {
        match other {
            ColumnRef::Oid(oid) => oids.push(oid.clone()),
            ColumnRef::Number(_) => return Err("\"or\" of a scalar is an OID".into()),
        }
    }
    let mut beside = Scalars::default();
    let when = place::conditions(&form.own.when.0, &mut beside)?;
    let unit_of = form.own.unit_of.as_ref();
    let unit_of = unit_of.map(|form| place::unit_of(form, &mut beside));
    let meaning = Meaning::compile(&form.shared, named)?;
    let largest = form.own.largest.0.iter().map(|other| {
        let mut keys = form.shared.clone();
        keys.factor = Some(other.factor);
        Ok((other.oid.0.clone(), Meaning::compile(&keys, named)?))
    });
    Ok(Scalar {
        oids,
        largest: largest.collect::<Result<_, String>>()?,
        when,
        unit_of: unit_of.transpose()?,
        meaning,
        beside: beside.oids,
    })
}

/// The name of a metric, for errors.
fn name(form: &file::Metric) -> &str {
    form.shared
        .metric
        .as_ref()
        .map_or("?", |name| name.as_str())
}

/// Returns the instance of a scalar.
fn instance(form: &file::Metric) -> Result<&Instance, String> {
    let own = &form.own;
    let Some(oid) = &own.oid else {
        return Err(format!("the scalar \"{}\" needs an oid", name(form)));
    };
    let of_tables = [
        ("column", own.column.is_some()),
        ("scale", own.scale.is_some()),
        ("scale_form", own.scale_form.is_some()),
        ("precision", own.precision.is_some()),
        ("times", own.times.is_some()),
        ("divide_by", own.divide_by.is_some()),
        ("by", own.by.is_some()),
    ];
    if let Some((key, _)) = of_tables.iter().find(|(_, given)| *given) {
        return Err(format!(
            "the scalar \"{}\" cannot have \"{key}\": that is for tables",
            name(form)
        ));
    }
    Ok(&oid.0)
}

fn observed(form: &file::Metric, named: &Named) -> Result<ObservedScalar, String> {
    let own = &form.own;
    let beyond = [
        ("or", own.or.0.is_empty()),
        ("largest", own.largest.0.is_empty()),
        ("when", own.when.0.is_empty()),
        ("unit_of", own.unit_of.is_none()),
    ];
    if let Some((key, _)) = beyond.iter().find(|(_, is_unused)| !is_unused) {
        return Err(format!("\"{key}\" is not for the scalars of an action"));
    }
    let mut meaning = Meaning::compile(&form.shared, named)?;
    let is_constant = |text: &str| parameter(text).is_none();
    meaning.attributes.retain(|(_, text)| is_constant(text));
    let attributes = form.shared.attributes.iter();
    Ok(ObservedScalar {
        instance: instance(form)?.clone(),
        meaning,
        attributes: attributes
            .filter_map(|(key, text)| Some((Arc::from(key.as_str()), parameter(text)?.into())))
            .collect(),
    })
}
