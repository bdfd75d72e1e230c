//! The number of workers of a release in an environment, and their lifetime.

use std::{num::NonZeroU64, time::Duration};

use serde::{Deserialize, Serialize};

use super::limits::Memory;
use crate::duration;

/// The youngest age at which a worker may be replaced.
const AGE_LEAST: Duration = Duration::from_secs(1);

/// The number of workers of a release that an environment keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PoolSize {
    /// The smallest number of workers.
    pub min: u32,
    /// The largest number of workers, not counting one that replaces another.
    pub max: u32,
    /// The number of workers kept started and idle beyond the busy ones, for the next burst.
    pub reserve: u32,
    /// The tasks for which a worker is used.
    #[serde(skip_serializing_if = "Lifetime::is_pool")]
    pub lifetime: Lifetime,
    /// The conditions for replacing a worker by a fresh one.
    #[serde(skip_serializing_if = "Recycle::is_never")]
    pub recycle: Recycle,
}

/// The tasks for which a worker is used.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Lifetime {
    /// Many tasks, several at a time.
    #[default]
    Pool,
    /// A single task: each gets a fresh worker from the reserve.
    Task,
}

/// The conditions for replacing a worker by a fresh one. The first to be met counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recycle {
    /// The number of tasks after which it is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    pub tasks: Option<NonZeroU64>,
    /// The age at which it is replaced.
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
    /// Returns true if it is [`Lifetime::Pool`].
    pub fn is_pool(&self) -> bool {
        *self == Self::Pool
    }
}

impl Recycle {
    /// Returns true if no condition is set.
    pub fn is_never(&self) -> bool {
        *self == Self::default()
    }

    /// Returns true if the age is long enough for a worker to have done something.
    pub fn is_possible(&self) -> bool {
        self.age.is_none_or(|age| age >= AGE_LEAST)
    }
}
