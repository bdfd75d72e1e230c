//! The errors of the store.

use sqlx::migrate::{MigrateError, Migrator};

use super::Place;
use crate::code::Code;

/// An error of the store. Each names the store, and [`Error::cure`] what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be made or opened, or the database is for reading only.
    #[error("the store {place} cannot be opened for writing: {reason}")]
    Unwritable {
        /// The place of the store.
        place: Place,
        /// The words of the system.
        reason: String,
    },
    /// Its content is damaged, or it is no store.
    #[error("the store {place} is damaged: {reason}")]
    Damaged {
        /// The place of the store.
        place: Place,
        /// The finding.
        reason: String,
    },
    /// A newer version of utakata wrote it.
    #[error(
        "the store {place} was written by a newer version of utakata (its form is {theirs}, this \
         version knows {ours})"
    )]
    Newer {
        /// The place of the store.
        place: Place,
        /// The form of the store.
        theirs: i64,
        /// The newest form that this program knows.
        ours: i64,
    },
    /// No space is left.
    #[error("the disk is full: the store {place} cannot be written")]
    Full {
        /// The place of the store.
        place: Place,
    },
    /// A file of a release would take the room that control needs.
    #[error(
        "the disk is full for this file of a release: beside the store {place} {} MiB must be \
         free, so that control can be written down, and {} MiB are",
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
    /// Another process has it and does not let go.
    #[error("the store {place} is in use by another process")]
    Busy {
        /// The place of the store.
        place: Place,
    },
    /// The disk did not do as asked.
    #[error("the disk of the store {place} fails: {reason}")]
    Disk {
        /// The place of the store.
        place: Place,
        /// The words of the library.
        reason: String,
    },
    /// Its file or database was taken away or replaced while it was open.
    #[error("the store {place} is not the one that was opened: {reason}")]
    Replaced {
        /// The place of the store.
        place: Place,
        /// The finding.
        reason: String,
    },
    /// Something that was written is not there any more.
    #[error("the store {place} has lost what was written: page {page} of the ledger is gone")]
    Lost {
        /// The place of the store.
        place: Place,
        /// The last page that was acknowledged.
        page: u64,
    },
    /// A database that is not reached, or does not answer in time.
    #[error("the store {place} does not answer: {reason}")]
    Away {
        /// The place of the store.
        place: Place,
        /// The words of the system or the database.
        reason: String,
    },
    /// The database does not let this user in, or not do what is needed.
    #[error("the store {place} refuses: {reason}")]
    Refused {
        /// The place of the store.
        place: Place,
        /// The words of the database.
        reason: String,
    },
    /// The connection was lost, or the disk failed, while something was committed; or nobody
    /// else can see it.
    #[error("nobody knows whether it was written to the store {place}: {reason}")]
    InDoubt {
        /// The place of the store.
        place: Place,
        /// The words of the system or the database.
        reason: String,
    },
    /// A page of the audit trail is there already, and it is another one.
    #[error("somebody else writes the ledger in {place}: page {page} of its trail is not ours")]
    OtherWriter {
        /// The place of the store.
        place: Place,
        /// The number of the page.
        page: u64,
    },
    /// Somebody else took the lease under which something was to be written.
    #[error("the lease {lease} of the store {place} was lost: its epoch is no longer {epoch}")]
    NotHolder {
        /// The place of the store.
        place: Place,
        /// The lease.
        lease: String,
        /// The epoch that it had.
        epoch: u64,
    },
    /// A row is not what it should be.
    #[error("the store {place} has a {what} that cannot be read")]
    Row {
        /// The place of the store.
        place: Place,
        /// The name of what it should be.
        what: &'static str,
        /// The error of the parser.
        source: serde_json::Error,
    },
    /// Anything else.
    #[error("the store {place} did not work")]
    Failed {
        /// The place of the store.
        place: Place,
        /// The words of the library.
        source: sqlx::Error,
    },
}

impl Error {
    /// The cure.
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
            Self::InDoubt { place, .. } => format!(
                "it is tried again by itself until that is known; look at {}",
                disk(place)
            ),
            Self::OtherWriter { .. } => {
                "end the other logic environment that uses this store, then start this one again"
                    .into()
            }
            Self::NotHolder { .. } => {
                "ask again: the logic environment that has the lease now answers".into()
            }
            Self::Failed { .. } => {
                "try again; if it stays, look at the log and report it with the message".into()
            }
        }
    }

    /// The code of it.
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
            Self::Busy { .. } | Self::Failed { .. } => Code::StoreFailed,
        }
    }

    /// Returns true if it may pass by itself: who has not begun yet waits for that.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Busy { .. })
    }

    /// Returns true if a batch that was in doubt still is, when this is what its repetition met: only what
    /// the database has looked at is certain.
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

    /// Sorts what went wrong while the store was brought to the newest form.
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
            "make {} a folder in which this user may write, or choose another with --data",
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
            "put the file back, and it goes on by itself; or end this logic environment, restore \
             {place} with `utakata store restore`, and start it again"
        ),
        Place::Database(_) => format!(
            "put the database back, and it goes on by itself; or end all logic environments, \
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
