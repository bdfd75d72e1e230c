//! People and programs that have access.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{OperationId, PersonName, target::Secret};
use utoipa::ToSchema;

/// A person, or a program acting on its own behalf, without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// The name recorded with every request.
    pub name: PersonName,
    /// The time at which the token was made. Absent for `admin`, whose token is in a file of the
    /// server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub made: Option<Timestamp>,
}

/// A person with a new token, which is shown only this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewToken {
    /// The name of the person.
    pub name: PersonName,
    /// The bearer token.
    pub token: Secret,
}

/// Answer to `GET /v1/me`: the person who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The name recorded with every request.
    pub name: PersonName,
    /// The last control request of theirs that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
}

/// A control request that was refused; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refusal {
    /// The identifier, which sorts the refusal among operations by time.
    pub id: OperationId,
    /// The time of the refusal.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// The action and its targets.
    pub what: String,
    /// The reason why it was refused.
    pub why: String,
}

/// Answer to `POST /v1/session`: the session of a browser, whose text is in a cookie only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The person whose session it is.
    pub name: PersonName,
    /// The time at which it ends, at the latest.
    #[schema(value_type = String, format = "date-time")]
    pub expires: Timestamp,
}
