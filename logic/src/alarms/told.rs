//! The place up to which a channel has told, stored: after a restart it goes on there.

use super::parts::Parts;
use crate::store::{self, AlarmWrites};

/// Returns the number after which a channel goes on: a new one begins with what comes.
pub(super) async fn begin(parts: &Parts, channel: &str) -> Result<u64, store::Error> {
    if let Some(number) = last(parts, channel).await? {
        return Ok(number);
    }
    let number = parts.store.last_alarm_change().await?;
    // If it is not stored, it begins with what comes once more.
    let _ = remember(parts, channel, number).await;
    Ok(number)
}

/// Returns the number that is stored of a channel.
pub(super) async fn last(parts: &Parts, channel: &str) -> Result<Option<u64>, store::Error> {
    let told = parts.store.alarms_told().await?;
    let found = told.into_iter().find(|(known, _)| known == channel);
    Ok(found.map(|(_, number)| number))
}

/// Stores the number of the last change that a channel has told.
pub(super) async fn remember(parts: &Parts, channel: &str, number: u64) -> Result<(), String> {
    let mut writes = AlarmWrites::default();
    writes.told.insert(channel.to_owned(), number);
    let stored = parts.ledger.put_alarms(writes, Vec::new()).await;
    stored.map_err(|error| {
        tracing::debug!(channel, %error, "the number of the last alarm that was told is not stored");
        error.to_string()
    })
}
