//! The place of a secret in the KV engine of HashiCorp Vault, as people write it.

use std::{fmt, str::FromStr};

/// The word in which a value of a credential begins that is such a place.
const SCHEME: &str = "vault:";
/// The part of the path of an API behind the mount (KV version 2).
const DATA: &str = "data";
const MAX_LEN: usize = 1024;

/// A field of a secret in Vault: `vault:PATH#FIELD`.
///
/// The path is that of `vault kv get`, of which the first part is the mount
/// (`secret/bmc/a1`), or that of the API (`team/kv/data/bmc/a1`), for mounts of several parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretPath {
    /// As written, without the field.
    written: String,
    field: String,
}

/// The reason why a text is no such place. It has nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// There is no field.
    #[error("write the field behind the path: vault:secret/bmc/a1#password")]
    Field,
    /// There is no path, or only a mount.
    #[error("write the mount and the path of the secret: vault:secret/bmc/a1#password")]
    Path,
    /// A part is empty, or leads elsewhere.
    #[error(
        "the parts of a path between / are neither empty nor . nor .., and have no ?, %, or space"
    )]
    Part,
    /// It is too long.
    #[error("a path has at most {MAX_LEN} bytes")]
    Length,
}

impl SecretPath {
    /// Reads a value of a credential; `None` if it is the secret itself.
    ///
    /// # Errors
    /// It begins as a place, and is none.
    pub fn of(value: &str) -> Option<Result<Self, PathError>> {
        value.strip_prefix(SCHEME).map(str::parse)
    }

    /// Returns the path as written, for people.
    pub fn path(&self) -> &str {
        &self.written
    }

    /// Returns the field of the secret.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns the path of the API, below `/v1/`.
    pub fn api(&self) -> String {
        let parts: Vec<&str> = self.written.split('/').collect();
        let inner = parts.get(1..parts.len().saturating_sub(1)).unwrap_or(&[]);
        match (inner.contains(&DATA), self.written.split_once('/')) {
            (false, Some((mount, rest))) => format!("{mount}/{DATA}/{rest}"),
            _ => self.written.clone(),
        }
    }
}

impl FromStr for SecretPath {
    type Err = PathError;

    /// Reads `PATH#FIELD`.
    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.len() > MAX_LEN {
            return Err(PathError::Length);
        }
        let (path, field) = text.split_once('#').ok_or(PathError::Field)?;
        if field.is_empty() || field.contains(['#', '\n']) {
            return Err(PathError::Field);
        }
        if !path.contains('/') {
            return Err(PathError::Path);
        }
        let is_part = |part: &str| {
            let is_plain = |c: char| c.is_ascii_graphic() && !"?%\\".contains(c);
            !["", ".", ".."].contains(&part) && part.chars().all(is_plain)
        };
        if !path.split('/').all(is_part) {
            return Err(PathError::Part);
        }
        Ok(Self {
            written: path.to_owned(),
            field: field.to_owned(),
        })
    }
}

impl fmt::Display for SecretPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}#{}", self.written, self.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_that_of_vault_kv_get_or_that_of_the_api() {
        for (written, api) in [
            ("secret/a", "secret/data/a"),
            ("secret/bmc/a1", "secret/data/bmc/a1"),
            ("secret/data/bmc/a1", "secret/data/bmc/a1"),
            ("team/kv/data/bmc/a1", "team/kv/data/bmc/a1"),
            ("secret/bmc/data", "secret/data/bmc/data"),
            ("data/a", "data/data/a"),
        ] {
            let value = format!("vault:{written}#password");
            let path = SecretPath::of(&value).unwrap().unwrap();
            assert_eq!(path.api(), api);
            assert_eq!((path.path(), path.field()), (written, "password"));
            assert_eq!(path.to_string(), value);
        }
    }

    #[test]
    fn what_is_no_place_is_refused_and_a_secret_is_left_alone() {
        assert_eq!(SecretPath::of("hunter2"), None);
        assert_eq!(SecretPath::of("Vault:a/b#c"), None);
        for (value, expect) in [
            ("vault:", PathError::Field),
            ("vault:secret/a", PathError::Field),
            ("vault:secret/a#", PathError::Field),
            ("vault:secret/a#b#c", PathError::Field),
            ("vault:secret#a", PathError::Path),
            ("vault:/secret/a#b", PathError::Part),
            ("vault:secret/../sys/a#b", PathError::Part),
            ("vault:secret/a?list=true#b", PathError::Part),
            ("vault:secret/a b#c", PathError::Part),
            ("vault:secret//a#c", PathError::Part),
        ] {
            assert_eq!(SecretPath::of(value), Some(Err(expect)), "{value}");
        }
        let long = format!("vault:secret/{}#b", "a".repeat(MAX_LEN));
        assert_eq!(SecretPath::of(&long), Some(Err(PathError::Length)));
    }
}
