//! Compiles the file format into what decoding needs. Pure.

mod by;
mod control;
mod place;
mod table;

use std::sync::Arc;

use async_snmp::Oid;
use utakata_profile::{Source, form::pattern, states::Named};

use super::{
    Content, Error, Instance, Meaning, Observe, ObservedScalar, Recognise, Scalar,
    file::{self, ColumnRef, File},
    instance::parameter,
};
use place::Scalars;

/// Compiles the keys of a file.
pub fn compile(keys: &File, source: &Source<'_>) -> Result<Content, Error> {
    let named = source.states();
    let tables = keys.table.iter().map(|form| {
        table::table(form.get_ref(), named).map_err(|(span, problem)| {
            let span = span.unwrap_or_else(|| form.span());
            source.wrong(span.start, problem)
        })
    });
    let observes = keys.observe.iter().map(|(action, form)| {
        let scalars = source.each(&form.scalar, |metric| observed(metric, named))?;
        Ok((action.clone(), Observe { scalars }))
    });
    Ok(Content {
        scalars: source.each(&keys.scalar, |metric| scalar(metric, named))?,
        tables: tables.collect::<Result<_, _>>()?,
        observes: observes.collect::<Result<_, Error>>()?,
        controls: source.controls(&keys.control, control::control)?,
        recognise: source.one(keys.r#match.as_ref(), recognise)?,
        notifications: named_oids(&keys.notification),
        objects: named_oids(&keys.object),
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
