//! Secrets in the store, and the key that seals them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The key that seals secrets in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretsView {
    /// The name of the key, as in its file.
    pub key: String,
    /// The time from which on it is used.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// The file with the key, on the machine of the logic environment; or the key of Vault that
    /// wraps it.
    pub file: String,
    /// The key as Vault has wrapped it, with the version of Vault's key: `vault:v1:...`. Vault alone
    /// opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped: Option<String>,
    /// The number of credentials that are sealed with it, which is all of them.
    pub credentials: u64,
    /// The public key that signs heads of the audit trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail_key: Option<String>,
    /// The key by which environments know the messages of this site. It can be given to them
    /// beforehand (`execution.site_key`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_key: Option<String>,
    /// `false` if secrets from before they were sealed may be left in the files of the store. The
    /// next start tries again to remove them.
    pub is_scrubbed: bool,
}
