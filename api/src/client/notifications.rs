//! Notifications that devices sent.

use serde::Serialize;
use utakata_model::{Notification, Selector};

use super::{Client, Error};

/// A query for notifications.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NotificationQuery {
    /// Selects the targets that sent them.
    pub selector: Selector,
    /// The beginning of the names of the notifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// If true, only notifications of senders that are no targets.
    pub unknown: bool,
}

impl Client {
    /// Returns the notifications that match, the latest first.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn notifications(
        &self,
        query: &NotificationQuery,
    ) -> Result<Vec<Notification>, Error> {
        self.all("/v1/notifications", query).await
    }
}
