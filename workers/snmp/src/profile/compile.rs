//! From the form on disk to what decoding needs. Pure.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use async_snmp::Oid;
use serde_json::Value as Json;
use toml::Spanned;
use utakata_worker_sdk::model::suggest;

use super::{
    Attribute, ColumnMetric, Condition, Control, Error, Given, IndexPart, Instance, Kind, Meaning,
    Names, Observe, ObservedScalar, Operand, Profile, Raw, Recognise, Scalar, Source, Table,
    Wanted,
    file::{self, ColumnRef, File, Text},
    instance::parameter,
};
use crate::value;

/// Compiles the text of a profile. `file` is named in errors; `name` is the profile's own.
pub fn compile(name: &str, file: &str, text: &str) -> Result<Profile, Error> {
    let form: File = toml::from_str(text).map_err(|error| Error::parse(file, text, &error))?;
    let wrong = |span: Range<usize>, problem: String| Error::at(file, text, span.start, problem);
    let scalars = form
        .scalar
        .iter()
        .map(|metric| scalar(metric.get_ref()).map_err(|problem| wrong(metric.span(), problem)));
    let tables = form.table.iter().map(|form| {
        table(form.get_ref())
            .map_err(|(span, problem)| wrong(span.unwrap_or_else(|| form.span()), problem))
    });
    let observes = form.observe.iter().map(|(action, form)| {
        let scalars = form.scalar.iter().map(|metric| {
            observed(metric.get_ref()).map_err(|problem| wrong(metric.span(), problem))
        });
        let scalars = scalars.collect::<Result<_, _>>()?;
        Ok((action.clone(), Observe { scalars }))
    });
    let controls = form.control.iter().map(|(action, form)| {
        let compiled = control(form).map_err(|problem| {
            let byte = text.find(&format!("control.{action}")).unwrap_or(0);
            Error::at(file, text, byte, format!("control \"{action}\": {problem}"))
        });
        compiled.map(|control| (action.clone(), control))
    });
    Ok(Profile {
        name: name.into(),
        scalars: scalars.collect::<Result<_, _>>()?,
        tables: tables.collect::<Result<_, _>>()?,
        observes: observes.collect::<Result<_, _>>()?,
        controls: controls.collect::<Result<_, _>>()?,
        description: form.description,
        include: form.include.into_iter().map(Spanned::into_inner).collect(),
        recognise: form.r#match.map(|form| Recognise {
            system: form.system.into_iter().map(|oid| oid.0).collect(),
            present: form.present.into_iter().map(|oid| oid.0).collect(),
        }),
    })
}

fn scalar(form: &file::Metric) -> Result<Scalar, String> {
    let instance = instance(form)?;
    let Some(oid) = instance.as_oid() else {
        return Err(format!(
            "the scalar \"{}\" cannot have parameters: those are for [observe.NAME]",
            form.metric
        ));
    };
    let mut oids = vec![oid];
    for other in &form.or.0 {
        match other {
            ColumnRef::Oid(oid) => oids.push(oid.clone()),
            ColumnRef::Number(_) => return Err("\"or\" of a scalar is an OID".into()),
        }
    }
    Ok(Scalar {
        oids,
        meaning: meaning(form)?,
    })
}

/// Where a scalar is read.
fn instance(form: &file::Metric) -> Result<&Instance, String> {
    let Some(oid) = &form.oid else {
        return Err(format!("the scalar \"{}\" needs an oid", form.metric));
    };
    let of_tables = [
        ("column", form.column.is_some()),
        ("scale", form.scale.is_some()),
        ("precision", form.precision.is_some()),
        ("times", form.times.is_some()),
        ("when", !form.when.0.is_empty()),
    ];
    if let Some((key, _)) = of_tables.iter().find(|(_, given)| *given) {
        return Err(format!(
            "the scalar \"{}\" cannot have \"{key}\": that is for tables",
            form.metric
        ));
    }
    Ok(&oid.0)
}

fn observed(form: &file::Metric) -> Result<ObservedScalar, String> {
    if !form.or.0.is_empty() {
        return Err("\"or\" is not for the scalars of an action".into());
    }
    let mut meaning = meaning(form)?;
    let is_constant = |text: &str| parameter(text).is_none();
    meaning.attributes.retain(|(_, text)| is_constant(text));
    let attributes = form.attributes.iter();
    Ok(ObservedScalar {
        instance: instance(form)?.clone(),
        meaning,
        attributes: attributes
            .filter_map(|(key, text)| Some((Arc::from(key.as_str()), parameter(text)?.into())))
            .collect(),
    })
}

/// The columns of a table while it is compiled.
struct Columns {
    entry: Oid,
    columns: Vec<Oid>,
    joins: Vec<Oid>,
}

impl Columns {
    fn position(&mut self, of: &ColumnRef) -> usize {
        let oid = match of {
            ColumnRef::Number(number) => self.entry.child(*number),
            ColumnRef::Oid(oid) => oid.clone(),
        };
        place(&mut self.columns, oid)
    }
}

fn place(list: &mut Vec<Oid>, oid: Oid) -> usize {
    list.iter()
        .position(|known| *known == oid)
        .unwrap_or_else(|| {
            list.push(oid);
            list.len() - 1
        })
}

type Place = Option<Range<usize>>;

fn table(form: &file::Table) -> Result<Table, (Place, String)> {
    let mut columns = Columns {
        entry: form.entry.0.clone(),
        columns: Vec::new(),
        joins: Vec::new(),
    };
    let mut metrics = Vec::new();
    for metric in &form.metric {
        let compiled = column_metric(metric.get_ref(), &mut columns);
        metrics.push(compiled.map_err(|problem| (Some(metric.span()), problem))?);
    }
    let here = |problem| (None, problem);
    let when = conditions(&form.when.0, &mut columns).map_err(here)?;
    let mut attributes = Vec::new();
    for (key, form) in &form.attributes {
        let compiled = attribute(form, &mut columns)
            .map_err(|problem| (None, format!("the attribute \"{key}\" {problem}")))?;
        attributes.push((Arc::from(key.as_str()), compiled));
    }
    Ok(Table {
        columns: columns.columns,
        joins: columns.joins,
        when,
        row: form
            .row
            .as_deref()
            .map(Instance::parse_index)
            .transpose()
            .map_err(here)?,
        attributes,
        metrics,
    })
}

fn column_metric(form: &file::Metric, columns: &mut Columns) -> Result<ColumnMetric, String> {
    let Some(column) = &form.column else {
        return Err(format!(
            "the metric \"{}\" of a table needs a column",
            form.metric
        ));
    };
    if form.oid.is_some() {
        return Err("\"oid\" is for scalars: a metric of a table has a column".into());
    }
    let mut positions = vec![columns.position(column)];
    positions.extend(form.or.0.iter().map(|other| columns.position(other)));
    Ok(ColumnMetric {
        columns: positions,
        scale: form.scale.as_ref().map(|of| columns.position(of)),
        precision: form.precision.as_ref().map(|of| columns.position(of)),
        times: form.times.as_ref().map(|of| columns.position(of)),
        when: conditions(&form.when.0, columns)?,
        meaning: meaning(form)?,
    })
}

fn conditions(forms: &[file::Condition], columns: &mut Columns) -> Result<Vec<Condition>, String> {
    forms.iter().map(|form| condition(form, columns)).collect()
}

fn condition(form: &file::Condition, columns: &mut Columns) -> Result<Condition, String> {
    let of = match (&form.column, form.index) {
        (Some(column), None) => Operand::Column(columns.position(column)),
        (None, Some(part)) if part > 0 => Operand::Index(part - 1),
        _ => return Err("a condition has either a column, or an index counted from 1".into()),
    };
    let given = (form.is.0.as_slice(), form.not.0.as_slice(), form.absent);
    let (values, wanted) = match given {
        (values @ [_, ..], [], None) => (values, Wanted::OneOf),
        ([], values @ [_, ..], None) => (values, Wanted::NoneOf),
        ([], [], Some(true)) => (&[][..], Wanted::Absent),
        ([], [], Some(false)) => (&[][..], Wanted::Present),
        _ => return Err("a condition has one of \"is\", \"not\" and \"absent\"".into()),
    };
    Ok(Condition {
        of,
        values: values.iter().map(raw).collect(),
        wanted,
    })
}

fn raw(text: &Text) -> Raw {
    match text {
        Text::Number(number) => Raw::Number(*number),
        Text::Text(text) => Raw::Text(text.as_bytes().into()),
    }
}

fn names(states: &BTreeMap<String, String>) -> Names {
    let pairs = states.iter().map(|(raw, name)| {
        let raw = raw
            .parse()
            .map_or_else(|_| Raw::Text(raw.as_bytes().into()), Raw::Number);
        (raw, Arc::from(name.as_str()))
    });
    Names(pairs.collect())
}

fn meaning(form: &file::Metric) -> Result<Meaning, String> {
    let attributes = form.attributes.iter();
    Ok(Meaning {
        metric: form.metric.clone(),
        unit: form.unit.as_str().into(),
        reading: kind(form)?,
        invalid: form.invalid.0.iter().map(raw).collect(),
        attributes: attributes
            .map(|(key, text)| (Arc::from(key.as_str()), Arc::from(text.as_str())))
            .collect(),
    })
}

fn kind(form: &file::Metric) -> Result<Kind, String> {
    let numeric = form.factor.is_some() || form.min.is_some() || form.max.is_some();
    if form.text || !form.states.is_empty() {
        if numeric || !form.unit.is_empty() {
            return Err(format!(
                "\"{}\" is a {}: it cannot have a unit, a factor or limits",
                form.metric,
                if form.text { "text" } else { "state" }
            ));
        }
        if form.text {
            return Ok(Kind::Text);
        }
        return Ok(Kind::State {
            names: names(&form.states),
            other: form.other.as_deref().map(Arc::from),
        });
    }
    if form.unit.is_empty() {
        return Err(format!(
            "\"{}\" needs a unit (UCUM; \"1\" for a ratio), states, or text = true",
            form.metric
        ));
    }
    let (multiply, divide) = fraction(form.factor.unwrap_or(1.0));
    Ok(Kind::Number {
        multiply,
        divide,
        offset: form.offset,
        range: (
            form.min.unwrap_or(f64::NEG_INFINITY),
            form.max.unwrap_or(f64::INFINITY),
        ),
    })
}

/// A factor as a whole divisor where it is one: 37 / 10 is 3.7, while 37 * 0.1 is not.
fn fraction(factor: f64) -> (f64, f64) {
    let divisor = (1.0 / factor).round();
    if factor.abs() < 1.0 && divisor.is_finite() && (divisor * factor - 1.0).abs() < 1e-12 {
        (1.0, divisor)
    } else {
        (factor, 1.0)
    }
}

fn attribute(form: &file::Attribute, columns: &mut Columns) -> Result<Attribute, String> {
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
        names: names(&row.states),
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
        (None, None, Some(oid)) => {
            let join = place(&mut columns.joins, oid.0.clone());
            match (row.by.0.as_slice(), &row.by_column) {
                ([], Some(column)) => Ok(Source::JoinColumn(join, columns.position(column))),
                ([], None) => Err("has a join: say \"by\" which parts of the index".into()),
                (parts, None) if !parts.contains(&0) => Ok(Source::JoinIndex(
                    join,
                    parts.iter().map(|part| part - 1).collect(),
                )),
                _ => Err("has a join by both, or by part 0: parts count from 1".into()),
            }
        }
        _ => Err("needs exactly one of column, index, join".into()),
    }
}

/// A part of the index, alone or of one of several units.
fn index_source(part: IndexPart, unit: Option<usize>) -> Result<Source, String> {
    match (part, unit) {
        (part, None) => Ok(Source::Index(part)),
        (IndexPart::Part(part), Some(unit)) if unit > 0 => {
            Ok(Source::UnitIndex(unit - 1, part - 1))
        }
        _ => Err("has a unit, which is a part of the index from 1, before another part".into()),
    }
}

fn control(form: &file::Control) -> Result<Control, String> {
    let kind = value::Kind::parse(&form.r#type).ok_or_else(|| {
        let hint = suggest::hint(&form.r#type, value::Kind::NAMES);
        format!("there is no type \"{}\": {hint}", form.r#type)
    })?;
    Ok(Control {
        oid: Instance::parse(&form.oid)?,
        object: form.object.clone(),
        kind,
        value: given(form, kind)?,
        result: form.result.clone(),
    })
}

fn given(form: &file::Control, kind: value::Kind) -> Result<Given, String> {
    let json = |value: &toml::Value| serde_json::to_value(value).map_err(|error| error.to_string());
    let named = form.value.as_str().and_then(parameter);
    match (named, form.values.is_empty()) {
        (Some(name), true) => Ok(Given::Parameter(name.into())),
        (Some(name), false) => {
            let mut words = BTreeMap::new();
            for (word, value) in &form.values {
                let value = json(value)?;
                kind.value(&value)?;
                words.insert(word.clone(), value);
            }
            Ok(Given::OneOf(name.into(), words))
        }
        (None, true) => {
            let value: Json = json(&form.value)?;
            kind.value(&value)?;
            Ok(Given::Constant(value))
        }
        (None, false) => Err("\"values\" need a value that names a parameter: \"{state}\"".into()),
    }
}
