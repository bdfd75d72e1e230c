//! Why the store could not do as asked.

use sqlx::migrate::{MigrateError, Migrator};

use super::{Page, Place};

/// Why the store could not do as asked. Each names the store, and [`Error::cure`] what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be made or opened, or the database is for reading only.
    #[error("the store {place} cannot be opened for writing: {reason}")]
    Unwritable {
        /// Where it is.
        place: Place,
        /// What the system says.
        reason: String,
    },
    /// Its content is damaged, or it is no store.
    #[error("the store {place} is damaged: {reason}")]
    Damaged {
        /// Where it is.
        place: Place,
        /// What was found.
        reason: String,
    },
    /// A newer version of utakata wrote it.
    #[error(
        "the store {place} was written by a newer version of utakata (its form is {theirs}, this \
         version knows {ours})"
    )]
    Newer {
        /// Where it is.
        place: Place,
        /// Its form.
        theirs: i64,
        /// The newest form that this program knows.
        ours: i64,
    },
    /// No space is left.
    #[error("the disk is full: the store {place} cannot be written")]
    Full {
        /// Where it is.
        place: Place,
    },
    /// A file of a release would take the room that control needs.
    #[error(
        "the disk is full for this file of a release: beside the store {place} {} MiB must be \
         free, so that control can be written down, and {} MiB are",
        needed >> 20, free >> 20
    )]
    FullForFile {
        /// Where it is.
        place: Place,
        /// How many bytes must be free.
        needed: u64,
        /// How many are.
        free: u64,
    },
    /// Another process has it and does not let go.
    #[error("the store {place} is in use by another process")]
    Busy {
        /// Where it is.
        place: Place,
    },
    /// The disk did not do as asked.
    #[error("the disk of the store {place} fails: {reason}")]
    Disk {
        /// Where it is.
        place: Place,
        /// What the library says.
        reason: String,
    },
    /// Its file or database was taken away or replaced while it was open.
    #[error("the store {place} is not the one that was opened: {reason}")]
    Replaced {
        /// Where it is.
        place: Place,
        /// What was found.
        reason: String,
    },
    /// What was written is not there any more.
    #[error("the store {place} has lost what was written: page {page} of the ledger is gone")]
    Lost {
        /// Where it is.
        place: Place,
        /// The last page that was acknowledged.
        page: u64,
    },
    /// A database that is not reached, or does not answer in time.
    #[error("the store {place} does not answer: {reason}")]
    Away {
        /// Where it is.
        place: Place,
        /// What the system or the database says.
        reason: String,
    },
    /// The database does not let this user in, or not do what is needed.
    #[error("the store {place} refuses: {reason}")]
    Refused {
        /// Where it is.
        place: Place,
        /// What the database says.
        reason: String,
    },
    /// The connection was lost, or the disk failed, while something was committed; or nobody
    /// else can see it.
    #[error("nobody knows whether it was written to the store {place}: {reason}")]
    InDoubt {
        /// Where it is.
        place: Place,
        /// What the system or the database says.
        reason: String,
    },
    /// A page of the audit trail is there already, and it is another one.
    #[error("somebody else writes the ledger in {place}: page {page} of its trail is not ours")]
    OtherWriter {
        /// Where it is.
        place: Place,
        /// The number of the page.
        page: u64,
    },
    /// Somebody else took the lease under which a page was to be written.
    #[error("the lease {lease} of the store {place} was lost: its epoch is no longer {epoch}")]
    NotHolder {
        /// Where it is.
        place: Place,
        /// The lease.
        lease: String,
        /// The epoch that it had.
        epoch: u64,
    },
    /// A row is not what it should be.
    #[error("the store {place} has a {what} that cannot be read")]
    Row {
        /// Where it is.
        place: Place,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Anything else.
    #[error("the store {place} did not work")]
    Failed {
        /// Where it is.
        place: Place,
        /// What the library says.
        source: sqlx::Error,
    },
}

impl Error {
    /// What to do.
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

    /// The word for it, as in `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unwritable { .. } => "store-unwritable",
            Self::Damaged { .. } | Self::Row { .. } => "store-damaged",
            Self::Newer { .. } => "store-newer",
            Self::Full { .. } | Self::FullForFile { .. } => "disk-full",
            Self::Disk { .. } => "disk-error",
            Self::Replaced { .. } => "store-replaced",
            Self::Lost { .. } => "store-lost",
            Self::Away { .. } => "store-away",
            Self::Refused { .. } => "store-refused",
            Self::InDoubt { .. } => "store-in-doubt",
            Self::OtherWriter { .. } => "store-other-writer",
            Self::NotHolder { .. } => "lease-lost",
            Self::Busy { .. } | Self::Failed { .. } => "store-failed",
        }
    }

    /// Whether it may pass by itself: who has not begun yet waits for that.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Busy { .. })
    }

    /// Whether a page that was in doubt still is, when this is what its repetition met: only what
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

    /// Another page of the trail has the number of this one.
    pub(super) fn other_writer(place: &Place, page: &Page) -> Self {
        Self::OtherWriter {
            place: place.clone(),
            page: page.audit.as_ref().map_or(0, |audit| audit.page),
        }
    }

    /// The page before this one is not there any more.
    pub(super) fn lost(place: &Place, page: &Page) -> Self {
        Self::Lost {
            place: place.clone(),
            page: page.audit.as_ref().map_or(0, |audit| audit.page - 1),
        }
    }

    /// The lease of this page is somebody else's.
    pub(super) fn not_holder(place: &Place, page: &Page) -> Self {
        let fence = page.under.as_ref();
        Self::NotHolder {
            place: place.clone(),
            lease: fence.map(|fence| fence.lease.clone()).unwrap_or_default(),
            epoch: fence.map_or(0, |fence| fence.epoch),
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
                let ours = migrations.iter().map(|migration| migration.version).max();
                let ours = ours.unwrap_or_default();
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

/// What a library says, with all that is behind it.
pub(super) fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(&format!(": {more}"));
        }
        source = error.source();
    }
    text
}
