//! The cluster in which workers run as pods, for those who ask before it has to.

pub use utakata_execution_kubernetes::{Finding, examine};
