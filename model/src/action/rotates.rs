//! Rotation: a control action that gives the user of a credential another password.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ActionName;

/// The characters of new passwords, unless a manifest says otherwise: letters and digits that are
/// not mistaken for each other, and two that no shell, XML or URL minds.
const CHARACTERS: &str = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_";

/// The way in which an action gives the user of a target's credential another password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotates {
    /// The field of the credential that has the password.
    pub field: String,
    /// The secret parameter of the action that takes the new one.
    pub parameter: String,
    /// The number of characters of a new one.
    #[serde(default = "length")]
    pub length: usize,
    /// The characters that a new one may have. It has one at the least of each of their classes:
    /// small letters, capital letters, digits, others.
    #[serde(default = "characters")]
    pub characters: String,
    /// The observe action that logs in, by which a password is tried.
    pub login: ActionName,
    /// The parameters of that action.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub login_parameters: BTreeMap<String, Value>,
}

fn length() -> usize {
    20
}

fn characters() -> String {
    CHARACTERS.to_owned()
}
