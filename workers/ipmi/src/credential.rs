//! Credentials of BMCs. Pure.

use std::{collections::BTreeMap, fmt};

use utakata_worker_sdk::model::{suggest, target::Secret};

use crate::lan::{Privilege, Suite};

/// The keys of a credential.
pub const KEYS: [&str; 5] = ["user", "password", "key", "suite", "privilege"];
/// The longest password and key of a BMC.
const PASSWORD_MAX: usize = 20;
/// The longest name of a user.
const USER_MAX: usize = 16;

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credential {
    pub user: Vec<u8>,
    pub password: Vec<u8>,
    /// The key of the BMC (K_g). Absent: it has none, and the password is in its place.
    pub key: Option<Vec<u8>>,
    /// The suites to be tried, in order.
    pub suites: Vec<Suite>,
    /// The rights that control asks for.
    pub privilege: Privilege,
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
    let value = |key: &str| {
        let value = values.get(key).map(Secret::reveal);
        value.filter(|text| !text.is_empty())
    };
    let Some(user) = value("user") else {
        return Err("IPMI needs a credential with a user and a password".into());
    };
    let secret = |key: &'static str| match value(key) {
        Some(text) if text.len() > PASSWORD_MAX => Err(format!(
            "the {key} of a BMC has at most {PASSWORD_MAX} bytes"
        )),
        text => Ok(text.map(|text| text.as_bytes().to_vec())),
    };
    if user.len() > USER_MAX {
        return Err(format!("the user of a BMC has at most {USER_MAX} bytes"));
    }
    let suites = match value("suite") {
        None => vec![Suite::Sha256, Suite::Sha1],
        Some("17") => vec![Suite::Sha256],
        Some("3") => vec![Suite::Sha1],
        Some(_) => return Err("suite is neither 17 nor 3".into()),
    };
    let privilege = match value("privilege") {
        None | Some("operator") => Privilege::Operator,
        Some("administrator") => Privilege::Administrator,
        Some(_) => return Err("privilege is neither operator nor administrator".into()),
    };
    Ok(Credential {
        user: user.as_bytes().to_vec(),
        password: secret("password")?.unwrap_or_default(),
        key: secret("key")?,
        suites,
        privilege,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_says_who_logs_in_and_how() {
        let of = |pairs: &[(&str, &str)]| {
            let values = pairs
                .iter()
                .map(|(key, value)| ((*key).into(), Secret::new(*value)));
            parse(&values.collect())
        };
        let plain = of(&[("user", "admin"), ("password", "hidden")]).unwrap();
        assert_eq!(plain.suites, [Suite::Sha256, Suite::Sha1]);
        assert_eq!(plain.privilege, Privilege::Operator);
        let old = of(&[("user", "admin"), ("password", "hidden"), ("suite", "3")]);
        assert_eq!(old.unwrap().suites, [Suite::Sha1]);
        for pairs in [
            &[("password", "hidden")][..],
            &[("user", "a"), ("password", "hidden-and-longer-than-20")],
            &[("user", "a-name-of-17-byte"), ("password", "hidden")],
            &[("user", "a"), ("suite", "0")],
            &[("user", "a"), ("privilege", "oem")],
            &[("usr", "hidden")],
        ] {
            let error = of(pairs).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
