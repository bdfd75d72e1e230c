//! Credentials of services. Pure.

use std::{collections::BTreeMap, fmt};

use utakata_worker_http::rule::{self, Rule};
use utakata_worker_sdk::model::{suggest, target::Secret};

/// The keys of a credential.
pub const KEYS: [&str; 6] = ["user", "password", "auth", "tls", "ca", "fingerprint"];

/// The way in which a user logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// A session where the service has them, else [`Self::Basic`].
    Session,
    /// User and password with each request.
    Basic,
}

/// A user of a service.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct User {
    pub name: String,
    pub password: String,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credential {
    /// Absent: nobody.
    pub login: Option<User>,
    pub auth: Auth,
    pub rule: Rule,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("user ***")
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credential ***")
    }
}

/// Parses the values of a credential.
///
/// # Errors
/// A sentence about the mistake, without any secret.
pub fn parse(values: &BTreeMap<String, Secret>) -> Result<Credential, String> {
    if let Some(key) = values.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let hint = suggest::hint(key, KEYS);
        return Err(format!("the credential has no \"{key}\": {hint}"));
    }
    let value = |key: &str| rule::given(values, key);
    let login = match (value("user"), value("password")) {
        (Some(name), password) => Some(User {
            name: name.into(),
            password: password.unwrap_or_default().into(),
        }),
        (None, None) => None,
        (None, Some(_)) => return Err("the credential has a password and no user".into()),
    };
    let auth = match value("auth") {
        None | Some("session") => Auth::Session,
        Some("basic") => Auth::Basic,
        Some(_) => return Err("auth is neither session nor basic".into()),
    };
    let rule = Rule::of(value)?;
    Ok(Credential { login, auth, rule })
}

#[cfg(test)]
mod tests {
    use utakata_worker_http::Fingerprint;

    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Credential, String> {
        let values = pairs
            .iter()
            .map(|(key, value)| ((*key).into(), Secret::new(*value)));
        parse(&values.collect())
    }

    #[test]
    fn a_credential_has_a_login_and_a_rule_of_trust() {
        let print = Fingerprint::of(b"x").to_string();
        for (pairs, rule) in [
            (&[("user", "a"), ("password", "b")][..], Rule::FirstSeen),
            (&[("tls", "ca")], Rule::Authorities(None)),
            (&[("ca", "PEM")], Rule::Authorities(Some("PEM".into()))),
            (&[("tls", "unchecked")], Rule::Anything),
            (
                &[("fingerprint", &print)],
                Rule::Pinned(Fingerprint::of(b"x")),
            ),
        ] {
            assert_eq!(of(pairs).unwrap().rule, rule, "{pairs:?}");
        }
        for pairs in [
            &[("password", "hidden")][..],
            &[("usr", "a")],
            &[("tls", "maybe")],
            &[("tls", "unchecked"), ("ca", "PEM")],
            &[("fingerprint", "12")],
            &[("auth", "digest")],
        ] {
            let error = of(pairs).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
