//! Paths of the command line, made absolute on the way in.
//!
//! Workers run in the folders of their releases, and a program can be replaced: a path that is
//! passed on must mean the same file in another working directory. Paths in the configuration are
//! made absolute in [`crate::config`].

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};

/// Parses a path, relative to the working directory.
pub fn absolute() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(std::path::absolute)
}
