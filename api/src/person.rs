//! People: who may ask.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{OperationId, PersonName, target::Secret};
use utoipa::ToSchema;

/// A person, or a program that acts for itself, without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// The name that stands with what they asked for.
    pub name: PersonName,
    /// The time they got their token; absent for `admin`, whose token is in a file of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub made: Option<Timestamp>,
}

/// A person who has a new token: it is told this once, and never again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewToken {
    /// Whose.
    pub name: PersonName,
    /// The token.
    pub token: Secret,
}

/// Answer to `GET /v1/me`: who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The name that stands with what they ask for.
    pub name: PersonName,
    /// The last control that they asked for and were refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
}

/// Control that somebody asked for and was refused: nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refusal {
    /// Sorts after the operations that there were then, and before those that came since.
    pub id: OperationId,
    /// The time.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// The action, and on what.
    pub what: String,
    /// The reason it was refused.
    pub why: String,
}
