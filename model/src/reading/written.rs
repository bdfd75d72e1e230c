//! A reading as it is written in JSON: with what was measured beside its value.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

use super::{Attributes, Measurand, Quality, Reading, ReadingValue, shared};
use crate::MetricName;

/// One value of one metric.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = Reading)]
pub(super) struct Written {
    /// The metric of the value.
    #[serde(deserialize_with = "shared::deserialize_metric")]
    metric: MetricName,
    /// The attributes that distinguish it from others: `hw.id`, `hw.name`,
    /// `network.interface.name`, `outlet`, ...
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    attributes: Attributes,
    /// The observed value.
    value: ReadingValue,
    /// The UCUM unit of the value; empty for a state.
    #[serde(default, deserialize_with = "shared::deserialize_text")]
    #[schema(value_type = String)]
    unit: Arc<str>,
    /// The extent to which the value can be trusted.
    #[serde(default)]
    quality: Quality,
}

impl From<Written> for Reading {
    fn from(written: Written) -> Self {
        let of = Measurand {
            metric: written.metric,
            attributes: written.attributes,
            unit: written.unit,
        };
        Self {
            of: shared::measurand(of),
            value: written.value,
            quality: written.quality,
        }
    }
}

impl Serialize for Reading {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Parts<'a> {
            metric: &'a MetricName,
            #[serde(skip_serializing_if = "Attributes::is_empty")]
            attributes: &'a Attributes,
            value: &'a ReadingValue,
            #[serde(skip_serializing_if = "str::is_empty")]
            unit: &'a str,
            quality: Quality,
        }
        let parts = Parts {
            metric: &self.metric,
            attributes: &self.attributes,
            value: &self.value,
            unit: &self.unit,
            quality: self.quality,
        };
        parts.serialize(to)
    }
}

impl utoipa::PartialSchema for Reading {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <Written as utoipa::PartialSchema>::schema()
    }
}

impl utoipa::ToSchema for Reading {
    fn name() -> Cow<'static, str> {
        "Reading".into()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        <Written as utoipa::ToSchema>::schemas(schemas);
    }
}
