//! Credentials of servers: a user with a password, or a token; and the rule for the certificate.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::header::{self, HeaderName};
use utakata_worker_sdk::model::{suggest, target::Secret};

use crate::rule::{Rule, given};

/// The keys of a credential, besides those of the rule.
const KEYS: [&str; 3] = ["user", "password", "token"];

/// The proof of the one who asks.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Login {
    Nobody,
    /// A user and a password, with each request.
    Basic(String, String),
    /// A token, with each request.
    Bearer(String),
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credential {
    pub login: Login,
    pub rule: Rule,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credential ***")
    }
}

impl Credential {
    /// Parses the values of a credential.
    ///
    /// # Errors
    /// A sentence about the mistake, without any secret.
    pub fn parse(values: &BTreeMap<String, Secret>) -> Result<Self, String> {
        let known = || KEYS.into_iter().chain(Rule::KEYS);
        if let Some(key) = values.keys().find(|key| !known().any(|one| one == *key)) {
            let hint = suggest::hint(key, known());
            return Err(format!("the credential has no \"{key}\": {hint}"));
        }
        let value = |key: &str| given(values, key);
        let login = match (value("user"), value("password"), value("token")) {
            (None, None, None) => Login::Nobody,
            (Some(user), password, None) => {
                Login::Basic(user.into(), password.unwrap_or_default().into())
            }
            (None, None, Some(token)) => Login::Bearer(token.into()),
            (None, Some(_), None) => return Err("the credential has a password and no user".into()),
            (_, _, Some(_)) => return Err("the credential has a token besides a user".into()),
        };
        let rule = Rule::of(value)?;
        Ok(Self { login, rule })
    }

    /// The header by which the server knows who asks.
    pub fn header(&self) -> Option<(HeaderName, String)> {
        let value = match &self.login {
            Login::Nobody => return None,
            Login::Basic(user, password) => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
            Login::Bearer(token) => format!("Bearer {token}"),
        };
        Some((header::AUTHORIZATION, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Credential, String> {
        let values = pairs
            .iter()
            .map(|(key, value)| ((*key).into(), Secret::new(*value)));
        Credential::parse(&values.collect())
    }

    #[test]
    fn a_credential_says_who_asks() {
        for (pairs, header) in [
            (&[][..], None),
            (
                &[("user", "a"), ("password", "b")],
                Some("Basic YTpi"), // typos: on purpose
            ),
            (&[("token", "t"), ("tls", "unchecked")], Some("Bearer t")),
        ] {
            let header = header.map(|text| (header::AUTHORIZATION, text.to_owned()));
            assert_eq!(of(pairs).unwrap().header(), header, "{pairs:?}");
        }
        for pairs in [
            &[("password", "hidden")][..],
            &[("user", "a"), ("token", "hidden")],
            &[("usr", "hidden")],
            &[("tls", "maybe")],
        ] {
            let error = of(pairs).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
