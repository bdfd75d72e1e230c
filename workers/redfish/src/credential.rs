//! Credentials of services. Pure.

use std::{collections::BTreeMap, fmt};

use utakata_worker_http::{Fingerprint, Trust, tls};
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

/// The rule for the service's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Rule {
    FirstSeen,
    Pinned(Fingerprint),
    /// Signed by these authorities, in PEM. Absent: by those of the system.
    Authorities(Option<String>),
    Anything,
}

/// A credential.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credential {
    /// The user and the password. Absent: nobody.
    pub login: Option<(String, String)>,
    pub auth: Auth,
    pub rule: Rule,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credential ***")
    }
}

impl Rule {
    /// Returns the trust that the rule begins with.
    ///
    /// # Errors
    /// A sentence about authorities that are none.
    pub fn trust(&self) -> Result<Trust, String> {
        Ok(match self {
            Self::FirstSeen => Trust::FirstSeen(Default::default()),
            Self::Pinned(fingerprint) => Trust::Pinned(*fingerprint),
            Self::Authorities(pem) => tls::authorities(pem.as_deref())?,
            Self::Anything => Trust::Anything,
        })
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
    let value = |key: &str| {
        values
            .get(key)
            .map(Secret::reveal)
            .filter(|text| !text.is_empty())
    };
    let login = match (value("user"), value("password")) {
        (Some(user), password) => Some((user.into(), password.unwrap_or_default().into())),
        (None, None) => None,
        (None, Some(_)) => return Err("the credential has a password and no user".into()),
    };
    let auth = match value("auth") {
        None | Some("session") => Auth::Session,
        Some("basic") => Auth::Basic,
        Some(_) => return Err("auth is neither session nor basic".into()),
    };
    let fingerprint = value("fingerprint").map(str::parse).transpose()?;
    let ca = value("ca").map(String::from);
    let rule = match (value("tls"), fingerprint, ca) {
        (None | Some("first-seen"), Some(fingerprint), None) => Rule::Pinned(fingerprint),
        (None | Some("ca"), None, Some(pem)) => Rule::Authorities(Some(pem)),
        (Some("ca"), None, None) => Rule::Authorities(None),
        (None | Some("first-seen"), None, None) => Rule::FirstSeen,
        (Some("unchecked"), None, None) => Rule::Anything,
        (Some("first-seen" | "ca" | "unchecked") | None, ..) => {
            return Err("tls, ca and fingerprint contradict each other".into());
        }
        (Some(_), ..) => return Err("tls is none of first-seen, ca, unchecked".into()),
    };
    Ok(Credential { login, auth, rule })
}

#[cfg(test)]
mod tests {
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
