//! What waits, what runs, and who runs it.

pub(crate) mod attempts;
pub(crate) mod breaker;
pub(crate) mod bucket;
pub(crate) mod lanes;
pub(crate) mod select;
