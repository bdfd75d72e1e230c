//! The place of a store, for people.

use std::{fmt, path::Path, sync::Arc};

/// The place of a store, without any password. Cheap to clone.
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
    pub host: String,
    pub port: u16,
    /// The name of the database.
    pub name: String,
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
