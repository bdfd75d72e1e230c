//! What a value of a device means, for every protocol: the part of a profile that knows no OIDs,
//! registers or paths.
//!
//! A worker hands over what the device sent as a [`Raw`]; a [`Meaning`], compiled from the keys
//! of [`form::Value`], makes a reading of it, or says that there is none, or that it cannot be
//! read. Everything here is pure.

pub mod condition;
pub mod convert;
pub mod error;
pub mod form;
pub mod meaning;
pub mod metric;
pub mod number;
pub mod raw;
pub mod sentinel;
pub mod states;
pub mod text;

pub use condition::Test;
pub use convert::Convert;
pub use error::Error;
pub use meaning::{Interpretation, Meaning, Scaling};
pub use raw::{Literal, Raw};
pub use regex::Regex as Pattern;
pub use states::Names;
