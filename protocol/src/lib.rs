//! The protocol between a worker and its manager: messages, versions, the clock of a go, and the
//! way to the model.

#![warn(missing_docs)]

pub mod clock;
mod convert;
#[allow(missing_docs, clippy::all, clippy::allow_attributes_without_reason, unused_qualifications, reason = "generated from proto/worker.proto")]
#[rustfmt::skip]
#[path = "generated/utakata.worker.v1.rs"]
pub mod v1;
pub mod version;

pub use convert::{Malformed, outcome_status, reading_from_wire, reading_to_wire};
pub use version::{SUPPORTED, VersionError, WITH_GO, negotiate};

/// The environment variable that tells a worker where its manager listens:
/// `unix:/path/of/socket`, `http://host:port` or `https://host:port`.
pub const ENDPOINT_VARIABLE: &str = "UTAKATA_ENDPOINT";
/// The environment variable with the certificate, as PEM, of the one authority that a worker
/// believes at `https://`.
pub const AUTHORITY_VARIABLE: &str = "UTAKATA_AUTHORITY";
/// The environment variable with the one-time token of the worker's hello.
pub const TOKEN_VARIABLE: &str = "UTAKATA_TOKEN";
/// The environment variable with the file that holds the token, where it is in no variable.
pub const TOKEN_FILE_VARIABLE: &str = "UTAKATA_TOKEN_FILE";
/// The environment variable that tells a worker the folder of its release.
pub const RELEASE_VARIABLE: &str = "UTAKATA_RELEASE";
/// Keeps Python from writing its bytecode beside its modules: what lies in the folder of a release
/// is the release, and with one file more it would be another one.
pub const NO_BYTECODE: (&str, &str) = ("PYTHONDONTWRITEBYTECODE", "1");
/// The largest message, in bytes, that either side takes.
pub const MESSAGE_MAX: usize = 16 * 1024 * 1024;
