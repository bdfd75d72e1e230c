//! Everything that outlives the process, noun by noun. Each noun has a trait of its own; a
//! [`Store`] implements all of them.
//!
//! `sql` implements the store in SQL, the same for both databases; [`sqlite`] and [`postgres`] add
//! what is specific to each.

mod alarm;
mod audit;
mod batch;
mod catalogue;
pub mod copy;
mod credential;
mod desired;
mod discovery;
mod environments;
mod error;
mod inventory;
mod json;
mod lease;
mod ledger;
mod migrations;
mod notifications;
mod number;
mod packed;
mod people;
mod place;
pub mod postgres;
mod readings;
mod release;
mod row;
mod rows;
mod sealing;
mod smart;
mod snapshot;
mod sql;
pub mod sqlite;
mod task;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;

pub use alarm::{AlarmChangeRow, AlarmRow, AlarmWrites, Alarms};
pub use audit::Audit;
pub use batch::{AuditPage, LateReadBack, OperationProgress, TaskProgress, WriteBatch};
pub use catalogue::Catalogue;
pub use credential::StoredCredential;
pub use desired::{Desired, KindRow, KindsDesired, OrderRow, Orders};
pub use discovery::Discovery;
pub use environments::{Environments, KeyRow};
pub use error::Error;
pub use inventory::{Change, Contents, Inventory};
pub use lease::{Fence, Held, Lease, LeaseRequest, Leases, Member};
pub use ledger::{Ledger, OperationRow, TaskFilter, TaskRow};
pub use notifications::Notifications;
pub use people::{
    ConfirmedRow, LinkRow, LoginRow, People, PeopleChange, PeopleRows, PrincipalRow, TokenRow,
};
pub use place::{Database, Place};
pub use readings::{ReadingRow, Readings};
pub use release::{PutRelease, ReleaseRow, ShippedRelease, room_for_file};
pub use sealing::{Seal, Sealing, WrappedKey};
pub use smart::{KeyedWrites, PolicyLogRow, PolicyLogWrites, Smart};
pub use snapshot::{Snapshot, Visit, WrittenLock, WrittenOperation, WrittenTask};
pub use task::ControlTask;

use crate::config;

/// Opens the configured store: the database of the URL, or the SQLite file.
///
/// # Errors
/// As for [`postgres::Postgres::open`] and [`sqlite::Sqlite::open`].
pub async fn open(config: &config::Store, file: &Path) -> Result<Arc<dyn Store>, Error> {
    Ok(match &config.url {
        Some(url) => Arc::new(postgres::Postgres::open(url).await?),
        None => Arc::new(sqlite::Sqlite::open(file).await?),
    })
}

/// A store. What a call has written survives a crash once the call has returned, except for the
/// latest readings.
#[async_trait]
pub trait Store:
    Inventory
    + Sealing
    + Ledger
    + Audit
    + Readings
    + Notifications
    + People
    + Leases
    + Desired
    + Catalogue
    + Environments
    + Alarms
    + Smart
    + Discovery
    + 'static
{
    /// Closes the store cleanly. It is not used afterwards.
    async fn close(&self);
}
