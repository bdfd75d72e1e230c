//! Why the store could not do as asked.

use std::path::{Path, PathBuf};

/// Why the store could not do as asked. Each names the file, and [`Error::cure`] what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be made or opened.
    #[error("the store {} cannot be opened for writing: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file is damaged, or it is no store.
    #[error("the store {} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A newer version of utakata wrote it.
    #[error(
        "the store {} was written by a newer version of utakata (its form is {theirs}, this \
         version knows {ours})",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its form.
        theirs: i64,
        /// The newest form that this program knows.
        ours: i64,
    },
    /// No space is left.
    #[error("the disk is full: the store {} cannot be written", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Another process has it and does not let go.
    #[error("the store {} is in use by another process", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// A row is not what it should be.
    #[error("the store {} has a {what} that cannot be read", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Anything else.
    #[error("the store {} did not work", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What the library says.
        source: sqlx::Error,
    },
}

impl Error {
    /// What to do.
    pub fn cure(&self) -> String {
        match self {
            Self::Unwritable { path, .. } => format!(
                "make {} a folder in which this user may write, or choose another with --data",
                folder(path)
            ),
            Self::Damaged { path, .. } | Self::Row { path, .. } => format!(
                "restore {} from a backup, or move it (with the files beside it that end in -wal \
                 and -shm) away and apply your documents again",
                path.display()
            ),
            Self::Newer { .. } => {
                "start the newer version, or choose another folder with --data".into()
            }
            Self::Full { path } => format!("make room on the disk of {}", folder(path)),
            Self::Busy { path } => format!(
                "end the process that has {} open, such as a backup or a shell of sqlite3",
                path.display()
            ),
            Self::Failed { .. } => {
                "try again; if it stays, look at the log and report it with the message".into()
            }
        }
    }

    /// The word for it, as in `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unwritable { .. } => "store-unwritable",
            Self::Damaged { .. } | Self::Row { .. } => "store-damaged",
            Self::Newer { .. } => "store-newer",
            Self::Full { .. } => "disk-full",
            Self::Busy { .. } | Self::Failed { .. } => "store-failed",
        }
    }

    /// Sorts what sqlx says by SQLite's result code, <https://sqlite.org/rescode.html>.
    pub(super) fn from_sqlx(path: &Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        let sqlx::Error::Database(error) = &source else {
            return Self::Failed { path, source };
        };
        let code: i32 = error
            .code()
            .and_then(|code| code.parse().ok())
            .unwrap_or_default();
        let reason = error.message().to_owned();
        match code & 0xff {
            5 | 6 => Self::Busy { path },
            8 | 14 => Self::Unwritable { path, reason },
            10 | 11 | 26 => Self::Damaged { path, reason },
            13 => Self::Full { path },
            _ => Self::Failed { path, source },
        }
    }
}

fn folder(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}
