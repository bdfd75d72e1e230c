//! Decides what becomes of the workers of a kind.

pub(crate) mod demand;
pub(crate) mod failures;
pub(crate) mod places;
pub(crate) mod plan;
