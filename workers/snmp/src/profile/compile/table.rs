//! Tables: columns by position, attributes, metrics.

use std::{ops::Range, sync::Arc};

use utakata_profile::states::Named;
use utakata_worker_sdk::model::{reading, suggest};

use super::{
    by,
    place::{self, Columns},
};
use crate::profile::{
    Attribute, ColumnMetric, IndexPart, Instance, Meaning, Names, ScaleForm, Source, Table, file,
};

/// The position of an error, if it is not that of the table.
type KeySpan = Option<Range<usize>>;

const SCALE_FORMS: [(&str, ScaleForm); 3] = [
    ("si", ScaleForm::Si),
    ("power-of-ten", ScaleForm::PowerOfTen),
    ("signed-divisor", ScaleForm::SignedDivisor),
];

/// Compiles a table. Errors: the position, and a sentence about the problem.
pub fn table(form: &file::Table, named: &Named) -> Result<Table, (KeySpan, String)> {
    let mut columns = Columns {
        entry: form.entry.0.clone(),
        columns: Vec::new(),
        joins: Vec::new(),
        beside: Vec::new(),
    };
    let mut metrics = Vec::new();
    for metric in &form.metric {
        let here = |problem| (Some(metric.span()), problem);
        for expanded in by::expand(metric.get_ref()).map_err(here)? {
            metrics.push(column_metric(&expanded, &mut columns, named).map_err(here)?);
        }
    }
    let here = |problem| (None, problem);
    let when = place::conditions(&form.when.0, &mut columns).map_err(here)?;
    let mut attributes = Vec::new();
    for (key, form) in &form.attributes {
        let compiled = attribute(form, &mut columns, named)
            .map_err(|problem| (None, format!("the attribute \"{key}\" {problem}")))?;
        attributes.push((Arc::from(key.as_str()), compiled));
    }
    // Descriptive attributes come last, so that the identifying ones are contiguous.
    attributes.sort_by_key(|(key, _): &(Arc<str>, _)| reading::is_description(key));
    let joined = columns
        .joins
        .iter()
        .map(|join| columns.columns.iter().position(|column| column == join));
    let row = form.row.as_deref().map(Instance::parse_index);
    Ok(Table {
        row: row.transpose().map_err(here)?,
        joined: joined.collect(),
        columns: columns.columns,
        joins: columns.joins,
        beside: columns.beside,
        when,
        attributes,
        metrics,
    })
}

fn column_metric(
    form: &file::Metric,
    columns: &mut Columns,
    named: &Named,
) -> Result<ColumnMetric, String> {
    let own = &form.own;
    let Some(column) = &own.column else {
        return Err(format!(
            "the metric \"{}\" of a table needs a column",
            super::name(form)
        ));
    };
    if own.oid.is_some() || !own.largest.0.is_empty() {
        return Err(
            "\"oid\" and \"largest\" are for scalars: a metric of a table has a column".into(),
        );
    }
    let mut positions = vec![columns.position(column)];
    positions.extend(own.or.0.iter().map(|other| columns.position(other)));
    let scale_form = scale_form(own)?;
    let unit_of = own.unit_of.as_ref();
    let unit_of = unit_of
        .map(|form| place::unit_of(form, columns))
        .transpose()?;
    let mut position = |of: &Option<file::ColumnRef>| of.as_ref().map(|of| columns.position(of));
    Ok(ColumnMetric {
        columns: positions,
        scale: position(&own.scale).map(|column| (column, scale_form)),
        precision: position(&own.precision),
        times: position(&own.times),
        divide_by: position(&own.divide_by),
        unit_of,
        when: place::conditions(&own.when.0, columns)?,
        meaning: Meaning::compile(&form.shared, named)?,
    })
}

fn scale_form(own: &file::MetricKeys) -> Result<ScaleForm, String> {
    let Some(word) = &own.scale_form else {
        return Ok(ScaleForm::Si);
    };
    if own.scale.is_none() {
        return Err("\"scale_form\" says how to understand \"scale\", which is not there".into());
    }
    let known = SCALE_FORMS.iter().find(|(known, _)| known == word);
    known.map(|(_, form)| *form).ok_or_else(|| {
        let hint = suggest::hint(word, SCALE_FORMS.map(|(known, _)| known));
        format!("no scale is \"{word}\": {hint}")
    })
}

fn attribute(
    form: &file::Attribute,
    columns: &mut Columns,
    named: &Named,
) -> Result<Attribute, String> {
    let row = match form {
        file::Attribute::Constant(text) => return Ok(Attribute::Constant(text.as_str().into())),
        file::Attribute::Row(row) => row,
    };
    let around = match &row.format {
        None => None,
        Some(format) => match format.split_once("{}") {
            Some((before, after)) => Some((before.into(), after.into())),
            None => return Err(format!("has the format \"{format}\" without {{}}")),
        },
    };
    Ok(Attribute::Row {
        source: source(row, columns)?,
        names: Names::compile(&row.states, named)?,
        around,
    })
}

fn source(row: &file::RowAttribute, columns: &mut Columns) -> Result<Source, String> {
    match (&row.column, row.index, &row.join) {
        (Some(column), None, None) => {
            let mut positions = vec![columns.position(column)];
            positions.extend(row.or.0.iter().map(|other| columns.position(other)));
            Ok(Source::Columns(positions))
        }
        (None, Some(part), None) => index_source(part, row.unit),
        (None, None, Some(oid)) => columns
            .join(&oid.0, &row.by.0, row.by_column.as_ref())
            .map(Source::Join),
        _ => Err("needs exactly one of column, index, join".into()),
    }
}

/// A component of the index, alone or within one of several units.
fn index_source(part: IndexPart, unit: Option<usize>) -> Result<Source, String> {
    match (part, unit) {
        (part, None) => Ok(Source::Index(part)),
        (IndexPart::Part(part), Some(unit)) if unit > 0 => {
            Ok(Source::UnitIndex(unit - 1, part - 1))
        }
        _ => Err("has a unit, which is a part of the index from 1, before another part".into()),
    }
}
