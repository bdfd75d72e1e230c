//! People and programs that have access.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{
    Binding, GroupName, Holder, OperationId, PersonName, Role, Selector, TokenName, Verb,
    target::Secret,
};
use utoipa::ToSchema;

/// A person, or a service acting on its own behalf, without the tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// The name recorded with every request.
    pub name: PersonName,
    /// True for a service.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub service: bool,
    /// The time at which it was made. Absent for `admin`, whose token is in a file of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub made: Option<Timestamp>,
    /// The person who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonName>,
    /// The roles, by name. `admin` needs none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Binding>,
    /// The tokens, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<TokenView>,
    /// The one at the identity provider who is this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkView>,
}

/// Somebody at the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkView {
    /// The provider.
    pub issuer: String,
    /// The provider's own name for them, which is never another's.
    pub subject: String,
    /// The person who said that this is them: themselves, if they came when the name was free.
    pub by: PersonName,
    /// The groups of their last login.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
}

/// Body of `PUT /v1/people/{name}/link`: somebody at the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// The provider's own name for them: the claim `sub`.
    #[schema(min_length = 1, max_length = 255)]
    pub subject: String,
}

/// A token, without the token itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// The person or service to whom it belongs.
    pub owner: PersonName,
    /// The name, unique among those of the owner.
    pub name: TokenName,
    /// The time at which it was made.
    #[schema(value_type = String, format = "date-time")]
    pub made: Timestamp,
    /// The person who made it.
    pub by: PersonName,
    /// Those who could have acted as that person: the maker of the token that was used, the maker of
    /// the token by which that one was made, and so on. Without `admin`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<PersonName>,
    /// The person who has confirmed that the owner has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<PersonName>,
    /// The time from which it is not accepted any more. Absent if it does not end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub ends: Option<Timestamp>,
    /// The last time that it was used, to the hour. Absent if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub used: Option<Timestamp>,
    /// True if it was made by a login.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub login: bool,
}

/// Body of `PUT /v1/bindings/{name}`: a role for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBinding {
    /// The person or service, or a group of the identity provider.
    pub who: Holder,
    /// The role that is given.
    pub role: Role,
    /// The targets where it counts. Empty means all, and everything that is no target.
    #[serde(default, skip_serializing_if = "Selector::is_everything")]
    pub selector: Selector,
}

/// A built-in role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoleView {
    /// The name of the role.
    pub name: Role,
    /// The rights that it gives.
    pub rights: Vec<Verb>,
}

impl WrongTokens {
    /// Returns true if there were none.
    pub fn is_none(&self) -> bool {
        self.count == 0
    }
}

/// The tokens that were not valid, as one logic environment has seen them since its start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WrongTokens {
    /// The number of requests with a token that nobody has, or that has ended.
    pub count: u64,
    /// The last of these requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub last: Option<Timestamp>,
    /// The address from which the last of them came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub from: Option<std::net::IpAddr>,
}

/// A person with a new token, which is shown only this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewToken {
    /// The name of the person or service.
    pub name: PersonName,
    /// The bearer token.
    pub token: Secret,
    /// The time from which it is not accepted any more. Absent if it does not end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub ends: Option<Timestamp>,
}

/// Answer to `GET /v1/me`: the person who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The name recorded with every request.
    pub name: PersonName,
    /// The roles, by name. `admin` needs none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Binding>,
    /// The rights that come of them, and the targets on which they count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<RightView>,
    /// The groups that count for this token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
    /// The token of the request; absent if it is the one in the server's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenView>,
    /// The last control request of theirs that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
}

/// A right of somebody, and where it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RightView {
    /// The right that they have.
    pub right: Verb,
    /// It counts on the targets of each of these selectors. Absent where it counts on all targets,
    /// and on everything that is no target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Selector>>,
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
