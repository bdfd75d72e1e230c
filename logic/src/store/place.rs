//! Where a store is, as people know it, and what is kept in it as JSON.

use std::{fmt, path::Path, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::Error;

/// Where a store is, without any password. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file.
    File(Arc<Path>),
    /// A database of PostgreSQL.
    Database(Arc<Database>),
}

/// A database of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// The host that it is on.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its name.
    pub name: String,
    /// As whom it is used.
    pub user: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Database(database) => {
                let Database {
                    host, port, name, ..
                } = &**database;
                write!(f, "{name} on {host}:{port}")
            }
        }
    }
}

impl Place {
    /// What the JSON of a column says.
    pub(super) fn parse<T: DeserializeOwned>(
        &self,
        what: &'static str,
        text: &str,
    ) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|source| self.wrong(what, source))
    }

    /// A value as the JSON of a column.
    pub(super) fn json(&self, what: &'static str, value: &impl Serialize) -> Result<String, Error> {
        serde_json::to_string(value).map_err(|source| self.wrong(what, source))
    }

    pub(super) fn wrong(&self, what: &'static str, source: serde_json::Error) -> Error {
        Error::Row {
            place: self.clone(),
            what,
            source,
        }
    }
}
