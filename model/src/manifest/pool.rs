//! How many workers of a release an environment keeps, and for how long.

use std::{num::NonZeroU64, time::Duration};

use serde::{Deserialize, Serialize};

use super::limits::Memory;
use crate::duration;

/// The shortest age at which a worker can be replaced.
const AGE_LEAST: Duration = Duration::from_secs(1);

/// The number of workers of a release that an environment keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PoolSize {
    /// Never fewer than this.
    pub min: u32,
    /// Never more than this, but for the one that takes the place of another.
    pub max: u32,
    /// Started and idle beyond those that work, for the next burst.
    pub reserve: u32,
    /// The lifetime of a worker.
    #[serde(skip_serializing_if = "Lifetime::is_pool")]
    pub lifetime: Lifetime,
    /// The conditions for replacing a worker by a fresh one.
    #[serde(skip_serializing_if = "Recycle::is_never")]
    pub recycle: Recycle,
}

/// The lifetime of a worker.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Lifetime {
    /// For many tasks, many at once.
    #[default]
    Pool,
    /// For one task: each has a fresh worker, out of the reserve.
    Task,
}

/// The conditions for replacing a worker by a fresh one: whichever comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recycle {
    /// After so many tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    pub tasks: Option<NonZeroU64>,
    /// After so long.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1h")]
    pub age: Option<Duration>,
    /// The memory above which it is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "256MiB")]
    pub memory: Option<Memory>,
}

impl Default for PoolSize {
    fn default() -> Self {
        Self {
            min: 1,
            max: 4,
            reserve: 0,
            lifetime: Lifetime::Pool,
            recycle: Recycle::default(),
        }
    }
}

impl Lifetime {
    /// Returns whether it is [`Lifetime::Pool`].
    pub fn is_pool(&self) -> bool {
        *self == Self::Pool
    }
}

impl Recycle {
    /// Returns whether nothing makes it happen.
    pub fn is_never(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether the age is one at which something was done before.
    pub fn is_possible(&self) -> bool {
        self.age.is_none_or(|age| age >= AGE_LEAST)
    }
}
