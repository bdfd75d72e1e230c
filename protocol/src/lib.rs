//! The protocol between a worker and its manager: messages, versions, the clock of a go, and
//! conversions to the model.

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

/// The environment variable with the address at which the manager listens:
/// `unix:/path/of/socket`, `http://host:port` or `https://host:port`.
pub const ENDPOINT_VARIABLE: &str = "UTAKATA_ENDPOINT";
/// The environment variable with the certificate, as PEM, of the one authority that a worker
/// believes at `https://`.
pub const AUTHORITY_VARIABLE: &str = "UTAKATA_AUTHORITY";
/// The environment variable with the one-time token of the worker's hello.
pub const TOKEN_VARIABLE: &str = "UTAKATA_TOKEN";
/// The environment variable with the file that holds the token, where it is in no variable.
pub const TOKEN_FILE_VARIABLE: &str = "UTAKATA_TOKEN_FILE";
/// The environment variable with the folder of the worker's release.
pub const RELEASE_VARIABLE: &str = "UTAKATA_RELEASE";
/// The environment variable with the file, which is there already, in which a worker writes why it
/// ends before it was drained, where whoever runs it reads that.
pub const LAST_WORDS_VARIABLE: &str = "UTAKATA_LAST_WORDS";
/// The environment variable that keeps Python from writing bytecode beside its modules: the files
/// in the folder of a release are the release, and another file would make it another release.
pub const NO_BYTECODE: (&str, &str) = ("PYTHONDONTWRITEBYTECODE", "1");
/// The largest message that either side accepts, in bytes.
pub const MESSAGE_MAX: usize = 16 * 1024 * 1024;
