//! The errors of the store.

use sqlx::migrate::{MigrateError, Migrator};
use utakata_model::CredentialName;

use super::Place;
use crate::code::Code;

/// An error of the store. Each names the store, and [`Error::cure`] gives the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be created or opened, or the database is read-only.
    #[error("the store {place} cannot be opened for writing: {reason}")]
    Unwritable {
        /// The place of the store.
        place: Place,
        /// The words of the system.
        reason: String,
    },
    /// Its content is damaged, or it is not a store.
    #[error("the store {place} is damaged: {reason}")]
    Damaged {
        /// The place of the store.
        place: Place,
        /// The damage that was found.
        reason: String,
    },
    /// It was written by a newer version of utakata.
    #[error(
        "the store {place} was written by a newer version of utakata (its schema is {theirs}, this \
         version knows {ours})"
    )]
    Newer {
        /// The place of the store.
        place: Place,
        /// The schema version of the store.
        theirs: i64,
        /// The newest schema version known to this program.
        ours: i64,
    },
    /// The disk is full.
    #[error("the disk is full: the store {place} cannot be written")]
    Full {
        /// The place of the store.
        place: Place,
    },
    /// A file of a release would use up the space that control needs.
    #[error(
        "the disk is full for this file of a release: next to the store {place} {} MiB must be \
         free, so that control can be recorded, and {} MiB are",
        needed >> 20, free >> 20
    )]
    FullForFile {
        /// The place of the store.
        place: Place,
        /// The bytes that must be free.
        needed: u64,
        /// The bytes that are free.
        free: u64,
    },
    /// Another process has locked it.
    #[error("the store {place} is in use by another process")]
    Busy {
        /// The place of the store.
        place: Place,
    },
    /// The disk failed.
    #[error("the disk of the store {place} fails: {reason}")]
    Disk {
        /// The place of the store.
        place: Place,
        /// The words of the library.
        reason: String,
    },
    /// Its file or database was removed or replaced while it was open.
    #[error("the store {place} is not the one that was opened: {reason}")]
    Replaced {
        /// The place of the store.
        place: Place,
        /// The difference that was found.
        reason: String,
    },
    /// Something that was written is missing.
    #[error("the store {place} has lost what was written: page {page} of the ledger is missing")]
    Lost {
        /// The place of the store.
        place: Place,
        /// The last page that was acknowledged.
        page: u64,
    },
    /// The database cannot be reached, or does not answer in time.
    #[error("the store {place} does not answer: {reason}")]
    Away {
        /// The place of the store.
        place: Place,
        /// The words of the system or the database.
        reason: String,
    },
    /// The database denies access, or a permission that is needed.
    #[error("the store {place} refuses: {reason}")]
    Refused {
        /// The place of the store.
        place: Place,
        /// The words of the database.
        reason: String,
    },
    /// The connection was lost, or the disk failed, during a commit; or nobody else can see it.
    #[error("it is not known whether it was written to the store {place}: {reason}")]
    InDoubt {
        /// The place of the store.
        place: Place,
        /// The words of the system or the database.
        reason: String,
    },
    /// The next page of the audit trail exists already, with other content.
    #[error("somebody else writes the ledger in {place}: page {page} of its trail is not ours")]
    OtherWriter {
        /// The place of the store.
        place: Place,
        /// The number of the page.
        page: u64,
    },
    /// Another member took the lease under which something was to be written.
    #[error("the lease {lease} of the store {place} was lost: its epoch is no longer {epoch}")]
    NotHolder {
        /// The place of the store.
        place: Place,
        lease: String,
        /// The epoch that was held.
        epoch: u64,
    },
    /// A row has invalid content.
    #[error("the store {place} has a {what} that cannot be read")]
    Row {
        /// The place of the store.
        place: Place,
        /// The name of what it should be.
        what: &'static str,
        /// The error of the parser.
        source: serde_json::Error,
    },
    /// A credential was to be written in clear, which is a mistake.
    #[error("the credential {credential} was not sealed, and is not written to the store {place}")]
    Clear {
        /// The place of the store.
        place: Place,
        credential: CredentialName,
    },
    /// Any other failure.
    #[error("the store {place} failed")]
    Failed {
        /// The place of the store.
        place: Place,
        /// The words of the library.
        source: sqlx::Error,
    },
}

impl Error {
    /// Returns the remedy.
    pub fn cure(&self) -> String {
        match self {
            Self::Unwritable { place, .. } => unwritable(place),
            Self::Damaged { place, .. } | Self::Row { place, .. } => damaged(place),
            Self::Newer { .. } => {
                "start the newer version, or choose another store (--data, or logic.store.url)"
                    .into()
            }
            Self::Full { place } | Self::FullForFile { place, .. } => {
                format!("make room on the disk of {}", disk(place))
            }
            Self::Disk { place, .. } => format!(
                "look at the system's log for errors of the disk of {}; it is tried again by \
                 itself",
                disk(place)
            ),
            Self::Replaced { place, .. } => replaced(place),
            Self::Lost { .. } => {
                "the ledger is read again, and what had not ended is left to a person: see \
                 `utakata task list --state unsettled`; then find out why the disk or the \
                 database loses what it has confirmed"
                    .into()
            }
            Self::Busy { place } => format!(
                "end the process that has {place} open, such as a backup or a shell of sqlite3"
            ),
            Self::Away { .. } => {
                "see that PostgreSQL runs there and can be reached from here; it is tried again \
                 by itself"
                    .into()
            }
            Self::Refused { place, .. } => refused(place),
            Self::InDoubt { place, .. } => {
                format!("it is retried until that is known; look at {}", disk(place))
            }
            Self::OtherWriter { .. } => {
                "end the other logic environment that uses this store, then start this one again"
                    .into()
            }
            Self::NotHolder { .. } => {
                "ask again: the logic environment that has the lease now answers".into()
            }
            Self::Failed { .. } | Self::Clear { .. } => {
                "try again; if it persists, look at the log and report it with the message".into()
            }
        }
    }

    /// Returns the code of the problem.
    pub fn code(&self) -> Code {
        match self {
            Self::Unwritable { .. } => Code::StoreUnwritable,
            Self::Damaged { .. } | Self::Row { .. } => Code::StoreDamaged,
            Self::Newer { .. } => Code::StoreNewer,
            Self::Full { .. } | Self::FullForFile { .. } => Code::DiskFull,
            Self::Disk { .. } => Code::DiskError,
            Self::Replaced { .. } => Code::StoreReplaced,
            Self::Lost { .. } => Code::StoreLost,
            Self::Away { .. } => Code::StoreAway,
            Self::Refused { .. } => Code::StoreRefused,
            Self::InDoubt { .. } => Code::StoreInDoubt,
            Self::OtherWriter { .. } => Code::StoreOtherWriter,
            Self::NotHolder { .. } => Code::LeaseLost,
            Self::Busy { .. } | Self::Failed { .. } | Self::Clear { .. } => Code::StoreFailed,
        }
    }

    /// Returns true if it may resolve by itself, so that a caller that has not begun yet waits.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Busy { .. })
    }

    /// Returns true if a batch in doubt remains in doubt when its repetition meets this error: only
    /// what the database has examined is certain.
    pub fn leaves_in_doubt(&self) -> bool {
        match self {
            Self::OtherWriter { .. } | Self::NotHolder { .. } | Self::Lost { .. } => false,
            Self::Failed { source, .. } => {
                let refused = source.as_database_error();
                !refused.is_some_and(|error| error.is_unique_violation())
            }
            _ => true,
        }
    }

    /// Classifies an error of a migration.
    pub(super) fn migrating(
        place: &Place,
        migrations: &Migrator,
        error: MigrateError,
        sort: fn(&Place, sqlx::Error) -> Self,
    ) -> Self {
        let place = place.clone();
        match error {
            MigrateError::VersionMissing(theirs) | MigrateError::VersionTooNew(theirs, _) => {
                let versions = migrations.iter().map(|migration| migration.version);
                let ours = versions.fold(0, i64::max);
                Self::Newer {
                    place,
                    theirs,
                    ours,
                }
            }
            MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => {
                let reason = format!("the step {version} to its form was not done as it is known");
                Self::Damaged { place, reason }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                sort(&place, error)
            }
            error => Self::Failed {
                place,
                source: error.into(),
            },
        }
    }
}

fn unwritable(place: &Place) -> String {
    match place {
        Place::File(path) => format!(
            "make {} a folder in which this user can write, or choose another with --data",
            path.parent().unwrap_or(path).display()
        ),
        Place::Database(_) => {
            "choose a database that can be written, not a standby, in logic.store.url".into()
        }
    }
}

fn replaced(place: &Place) -> String {
    match place {
        Place::File(_) => format!(
            "put the file back, and it continues by itself; or end this logic environment, restore \
             {place} with `utakata store restore`, and start it again"
        ),
        Place::Database(_) => format!(
            "put the database back, and it continues by itself; or end all logic environments, \
             restore {place} from a backup, say so with `utakata store mark-restored`, and start \
             them again"
        ),
    }
}

fn damaged(place: &Place) -> String {
    match place {
        Place::File(path) => format!(
            "restore {} from a backup, or move it (with the files beside it that end in -wal \
             and -shm) away and apply your documents again",
            path.display()
        ),
        Place::Database(_) => format!("restore the database {place} from a backup"),
    }
}

fn refused(place: &Place) -> String {
    match place {
        Place::File(path) => format!("give this user the file {}", path.display()),
        Place::Database(database) => format!(
            "check user, password, database and certificate in logic.store.url; the database {} \
             should belong to the user {}",
            database.name, database.user
        ),
    }
}

fn disk(place: &Place) -> String {
    match place {
        Place::File(path) => path.parent().unwrap_or(path).display().to_string(),
        Place::Database(database) => format!("PostgreSQL on {}", database.host),
    }
}
