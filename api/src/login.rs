//! Logging in by an identity provider.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{GroupName, PersonName, target::Secret};
use utoipa::ToSchema;

/// Answer to `GET /v1/login`: the ways to log in besides tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginOptions {
    /// The name of the identity provider. Absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The address at which a browser begins. Absent if browsers use tokens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
}

/// Answer to `POST /v1/login/device`: a login that somebody agrees to in a browser, on any device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceLogin {
    /// The text with which `POST /v1/login/device/token` asks. It is as secret as a token.
    pub code: String,
    /// The code that the person compares or types.
    pub user_code: String,
    /// The address at which the person does so.
    pub verification_uri: String,
    /// The address with the code in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri_complete: Option<String>,
    /// The time until which it can be agreed to.
    #[schema(value_type = String, format = "date-time")]
    pub ends: Timestamp,
    /// The shortest pause between two questions, in seconds.
    pub interval: u64,
}

/// Body of `POST /v1/login/device/token`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceQuestion {
    /// The text of the login.
    #[schema(max_length = 8192)]
    pub code: String,
}

/// Answer to `POST /v1/login/device/token`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceAnswer {
    /// True if the pause between two questions has to be five seconds longer from now on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slow_down: bool,
    /// The login. Absent while the person has not agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<NewLogin>,
}

/// A login, with its token, which is shown only this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewLogin {
    /// The name of the person.
    pub name: PersonName,
    /// The bearer token.
    pub token: Secret,
    /// The time from which it is not accepted any more.
    #[schema(value_type = String, format = "date-time")]
    pub ends: Timestamp,
    /// The groups that count for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
}
