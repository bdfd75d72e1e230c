//! The meaning of a device's values, for every protocol: the part of a profile that knows nothing
//! of OIDs, registers or paths.
//!
//! A worker hands over what the device sent as a [`Raw`]. A [`Meaning`], compiled from the keys of
//! [`form::Value`], turns it into a reading, or finds that there is none or that it cannot be read.
//! Everything here is pure, except that a [`Library`]
//! reads the files of its release.

pub mod collection;
pub mod condition;
pub mod content;
pub mod convert;
pub mod error;
pub mod form;
pub mod json;
pub mod library;
pub mod meaning;
pub mod number;
pub mod raw;
pub mod release;
pub mod sentinel;
pub mod states;
pub mod template;
pub mod text;

pub use collection::{Collection, Filter};
pub use condition::Test;
pub use content::{Content, Profile, Source};
pub use convert::Convert;
pub use error::Error;
pub use library::Library;
pub use meaning::{Interpretation, Meaning, Scaling};
pub use raw::{Literal, Raw};
pub use regex::Regex as Pattern;
pub use states::Names;
pub use template::Template;
