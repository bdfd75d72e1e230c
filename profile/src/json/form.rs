//! The keys of documents in a profile, as they are on disk (TOML), and their compilation.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use super::{Path, pointer};
use crate::{
    Meaning, Names,
    form::{self, Keyed, OneOrMany, States},
    keys,
    states::Named,
};

/// The pointer to the unit of a reading, unless a profile says otherwise (DSP0268, Sensor).
const UNIT: &str = "/ReadingUnits";

/// The readings of some documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The places where they are.
    pub r#in: OneOrMany<String>,
    /// The list in a document whose items are read.
    #[serde(default)]
    pub each: Option<String>,
    #[serde(default)]
    pub when: OneOrMany<Condition>,
    /// `true` if a thing that an earlier read has told by its name is not told again.
    #[serde(default)]
    pub rest: bool,
    #[serde(default)]
    pub attributes: BTreeMap<String, Attribute>,
    pub metric: OneOrMany<Metric>,
}

/// A metric of an item.
pub type Metric = Keyed<MetricKeys, form::Value>;

keys! {
    /// The place of a metric, and its conditions.
    pub struct MetricKeys {
        /// The pointer to the value.
        pub at: Option<String>,
        /// The pointers to use when there is no value there.
        pub or: OneOrMany<String>,
        pub when: OneOrMany<Condition>,
        /// The factors of the units that the document tells.
        pub units: BTreeMap<String, f64>,
        /// The pointer to that unit; `/ReadingUnits` unless said otherwise.
        pub unit_at: Option<String>,
    }
}

/// A condition on an item.
pub type Condition = Keyed<Operand, form::Condition>;

keys! {
    /// The operand of a condition.
    pub struct Operand {
        pub at: String,
    }
}

/// The origin of an attribute.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Attribute {
    Constant(String),
    Value(ValueOf),
}

/// A value of the item.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueOf {
    pub at: String,
    #[serde(default)]
    pub or: OneOrMany<String>,
    /// The mark after whose last occurrence the text begins.
    #[serde(default)]
    pub last: Option<String>,
    #[serde(default)]
    pub names: States,
}

/// Compiles the readings of some documents.
///
/// # Errors
/// A sentence about the mistake.
pub fn read(form: &Read, named: &Named) -> Result<super::Read, String> {
    if form.r#in.0.is_empty() {
        return Err("a read needs a place: in = \"sensors\"".into());
    }
    let attributes = form
        .attributes
        .iter()
        .map(|(key, form)| Ok((Arc::from(key.as_str()), attribute(form, named)?)));
    Ok(super::Read {
        places: form.r#in.0.clone(),
        each: form.each.as_deref().map(Path::parse).transpose()?,
        when: conditions(&form.when.0)?,
        is_rest: form.rest,
        attributes: attributes.collect::<Result<_, String>>()?,
        metrics: form
            .metric
            .0
            .iter()
            .map(|form| metric(form, named))
            .collect::<Result<_, _>>()?,
    })
}

/// Compiles a metric of an item.
///
/// # Errors
/// A sentence about the mistake.
pub fn metric(form: &Metric, named: &Named) -> Result<super::Metric, String> {
    let Keyed { own, shared } = form;
    let name = shared.metric.as_ref().map_or("?", |name| name.as_str());
    let Some(at) = &own.at else {
        return Err(format!("\"{name}\" needs a place: at = \"/Reading\""));
    };
    let all = [at].into_iter().chain(&own.or.0);
    let units = (!own.units.is_empty()).then(|| {
        let at = own.unit_at.clone().unwrap_or_else(|| UNIT.into());
        let factors = own.units.iter();
        (
            at,
            factors
                .map(|(unit, factor)| (unit.clone(), *factor))
                .collect(),
        )
    });
    Ok(super::Metric {
        at: all.map(|at| pointer(at)).collect::<Result<_, _>>()?,
        when: conditions(&own.when.0)?,
        units,
        meaning: Meaning::compile(shared, named)?,
    })
}

/// Compiles conditions on an item.
///
/// # Errors
/// A sentence about the mistake.
pub fn conditions(forms: &[Condition]) -> Result<Vec<super::Condition>, String> {
    forms.iter().map(condition).collect()
}

/// Compiles a condition on an item.
///
/// # Errors
/// A sentence about the mistake.
pub fn condition(form: &Condition) -> Result<super::Condition, String> {
    let Keyed { own, shared } = form;
    Ok(super::Condition {
        at: pointer(&own.at)?,
        test: shared.compile()?,
    })
}

/// Compiles the origin of an attribute.
///
/// # Errors
/// A sentence about the mistake.
pub fn attribute(form: &Attribute, named: &Named) -> Result<super::Attribute, String> {
    Ok(match form {
        Attribute::Constant(text) => super::Attribute::Constant(text.as_str().into()),
        Attribute::Value(value) => {
            let all = [&value.at].into_iter().chain(&value.or.0);
            super::Attribute::Value {
                at: all
                    .map(|at| {
                        if at.starts_with('#') {
                            Ok(at.clone())
                        } else {
                            pointer(at)
                        }
                    })
                    .collect::<Result<_, _>>()?,
                last: value.last.clone(),
                names: Names::compile(&value.names, named)?,
            }
        }
    })
}
