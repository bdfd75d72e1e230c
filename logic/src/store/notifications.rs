//! The stored notifications of devices.

use async_trait::async_trait;
use jiff::Timestamp;
use utakata_model::Notification;

use super::Error;

/// The notifications of devices: what a call has written survives a crash, so that informs can be
/// acknowledged.
#[async_trait]
pub trait Notifications: Send + Sync {
    /// Writes notifications, replacing those of the same zone, source and key.
    async fn put_notifications(&self, rows: &[Notification]) -> Result<(), Error>;

    /// Returns all notifications. One that cannot be read is left out.
    async fn notifications(&self) -> Result<Vec<Notification>, Error>;

    /// Deletes the notifications that last came before a time.
    async fn drop_notifications(&self, before: Timestamp) -> Result<(), Error>;
}
