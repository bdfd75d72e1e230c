//! The name and the groups of somebody, as the provider has them. Pure.

use serde_json::{Map, Value};
use utakata_model::{GroupName, PersonName};

/// The largest number of groups that are kept of somebody.
const MAX_GROUPS: usize = 1000;
/// The claim that a name is taken from where there is no other.
const SECOND_NAME: &str = "email";

/// Somebody whom the provider knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The provider, and its own name for this person: both together are never another's.
    pub issuer: String,
    /// See [`Visitor::issuer`].
    pub subject: String,
    /// The name, if there is one that can be used here. It may become another's.
    pub name: Result<PersonName, BadName>,
    /// The groups.
    pub groups: Vec<GroupName>,
}

/// A reason why somebody has no name here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// The claim is not there.
    #[error("the provider says no \"{claim}\" of you")]
    None {
        /// The claim.
        claim: String,
    },
    /// The claim is no name here.
    #[error("\"{text:.80}\" is no name here: {reason}")]
    Unfit {
        /// The name at the provider.
        text: String,
        /// The objection.
        reason: String,
    },
}

/// Returns true if a claim is there.
pub(crate) fn has(claims: &Map<String, Value>, claim: &str) -> bool {
    find(claims, claim).is_some()
}

/// Returns a claim by its name, or by its path: `realm_access.roles`.
fn find<'c>(claims: &'c Map<String, Value>, claim: &str) -> Option<&'c Value> {
    if let Some(found) = claims.get(claim) {
        return Some(found);
    }
    let mut parts = claim.split('.');
    let first = claims.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// Returns the name of somebody: the claim in small letters, and of a mail address what is before
/// the @.
pub(crate) fn name(claims: &Map<String, Value>, claim: &str) -> Result<PersonName, BadName> {
    let text = |claim: &str| find(claims, claim).and_then(Value::as_str);
    let found = text(claim).filter(|text| !text.is_empty());
    let text = found
        .or_else(|| text(SECOND_NAME))
        .ok_or_else(|| BadName::None {
            claim: claim.to_owned(),
        })?;
    let unfit = |reason: String| BadName::Unfit {
        text: text.to_owned(),
        reason,
    };
    let name = match text.split_once('@') {
        Some((name, host)) if !host.contains('@') => name,
        _ => text,
    };
    // Two names that differ in the size of letters are one name to whoever reads them.
    let name = PersonName::new(name.to_ascii_lowercase());
    let name = name.map_err(|error| unfit(error.to_string()))?;
    match name == PersonName::admin() {
        true => Err(unfit("it is built in".into())),
        false => Ok(name),
    }
}

/// Returns the groups of somebody: each once; those that cannot be named in a role are left out.
pub(crate) fn groups(claims: &Map<String, Value>, claim: &str) -> Vec<GroupName> {
    let found = find(claims, claim);
    let several = found.and_then(Value::as_array).into_iter().flatten();
    let all = several.chain(found.filter(|found| found.is_string()));
    let texts = all.filter_map(Value::as_str);
    let mut groups: Vec<GroupName> = texts.filter_map(|text| text.parse().ok()).collect();
    groups.sort();
    groups.dedup();
    if groups.len() > MAX_GROUPS {
        tracing::warn!(
            groups = groups.len(),
            "somebody has more groups than are kept"
        );
        groups.truncate(MAX_GROUPS);
    }
    groups
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(claims) => claims,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn a_name_is_safe_small_and_without_its_mail_server() {
        for (value, expect) in [
            (json!({ "preferred_username": "ana" }), Some("ana")),
            (json!({ "preferred_username": "Ana.B" }), Some("ana.b")),
            (
                json!({ "preferred_username": "ana@corp.example" }),
                Some("ana"),
            ),
            (json!({ "email": "bo-2@corp.example" }), Some("bo-2")),
            (
                json!({ "preferred_username": "", "email": "bo@x" }),
                Some("bo"),
            ),
            (
                json!({ "preferred_username": "ana", "email": "bo@x" }),
                Some("ana"),
            ),
            (json!({ "preferred_username": "a@b@c" }), None),
            (json!({ "preferred_username": "ana b" }), None),
            (json!({ "preferred_username": "../ana" }), None),
            (json!({ "preferred_username": "アナ" }), None),
            (json!({ "preferred_username": "Admin" }), None),
            (json!({ "preferred_username": "admin@corp.example" }), None),
            (json!({ "preferred_username": ["ana"] }), None),
            (json!({}), None),
        ] {
            let found = name(&claims(value.clone()), "preferred_username");
            assert_eq!(
                found.as_ref().ok().map(PersonName::as_str),
                expect,
                "{value}"
            );
        }
        let nested = claims(json!({ "person": { "login": "zoe" } }));
        assert_eq!(name(&nested, "person.login").unwrap().as_str(), "zoe");
    }

    #[test]
    fn groups_are_what_can_be_named_each_once() {
        let groups = |value: Value, claim: &str| {
            let found = groups(&claims(value), claim);
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let several = json!({ "groups": ["netops", "/dc/night", "netops", 7, "", " x", "a\nb"] });
        assert_eq!(groups(several, "groups"), ["/dc/night", "netops"]);
        assert_eq!(groups(json!({ "groups": "netops" }), "groups"), ["netops"]);
        let roles = json!({ "realm_access": { "roles": ["dc"] } });
        assert_eq!(groups(roles, "realm_access.roles"), ["dc"]);
        let url = json!({ "https://id.example/groups": ["dc"] });
        assert_eq!(groups(url, "https://id.example/groups"), ["dc"]);
        assert_eq!(groups(json!({}), "groups"), [""; 0]);
        let many: Vec<String> = (0..1100).map(|number| format!("g{number}")).collect();
        assert_eq!(groups(json!({ "groups": many }), "groups").len(), 1000);
    }
}
