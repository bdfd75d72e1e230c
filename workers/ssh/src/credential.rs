//! Credentials of hosts: who logs in, and which host key is the right one. Pure.

use std::{collections::BTreeMap, fmt};

use utakata_worker_sdk::model::{suggest, target::Secret};

/// The keys of a credential.
pub const KEYS: [&str; 6] = [
    "user",
    "password",
    "private_key",
    "passphrase",
    "host_key",
    "trust",
];

/// The way in which a user logs in.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Login {
    /// Nothing: some hosts let anybody in by name.
    Nothing,
    Password(String),
    /// A private key in the form of OpenSSH or PEM, and its passphrase.
    Key(String, Option<String>),
}

/// The rule for the key of a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Rule {
    /// This one: its SHA-256 as `ssh-keygen -l` writes it, `SHA256:...`.
    Pinned(String),
    /// The first that is seen, and no other after it.
    FirstSeen,
    /// Nothing is said: none is right, and the one that is seen is told.
    Unsaid,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credential {
    pub user: String,
    pub login: Login,
    pub rule: Rule,
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
        return Err("SSH needs a credential with a user".into());
    };
    let passphrase = value("passphrase").map(String::from);
    let login = match (value("password"), value("private_key")) {
        (Some(password), None) => Login::Password(password.into()),
        (None, Some(key)) => Login::Key(key.into(), passphrase),
        (None, None) => Login::Nothing,
        (Some(_), Some(_)) => return Err("the credential has both password and private_key".into()),
    };
    let rule = match (value("host_key"), value("trust")) {
        (Some(key), None | Some("host-key")) => Rule::Pinned(fingerprint(key)?),
        (None, Some("first-seen")) => Rule::FirstSeen,
        (None, None | Some("host-key")) => Rule::Unsaid,
        (Some(_), Some("first-seen")) => {
            return Err("host_key and trust = first-seen contradict each other".into());
        }
        (_, Some(_)) => return Err("trust is neither host-key nor first-seen".into()),
    };
    Ok(Credential {
        user: user.into(),
        login,
        rule,
    })
}

/// The fingerprint in a text: itself, or that of a public key as `ssh-keyscan` prints it.
fn fingerprint(text: &str) -> Result<String, String> {
    let wrong = || {
        "host_key is a fingerprint as `ssh-keygen -l` prints it (SHA256:...), or a public key as \
         `ssh-keyscan` does"
            .to_owned()
    };
    if let Some(hash) = text.trim().strip_prefix("SHA256:") {
        let hash = hash.trim_end_matches('=');
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/".contains(c);
        return match hash.len() == 43 && hash.chars().all(is_base64) {
            true => Ok(format!("SHA256:{hash}")),
            false => Err(wrong()),
        };
    }
    // The name of the host may come before the key.
    let words: Vec<&str> = text.split_whitespace().collect();
    let key = words.windows(2).find_map(|pair| {
        let key = russh::keys::PublicKey::from_openssh(&pair.join(" "));
        key.ok()
    });
    let key = key.ok_or_else(wrong)?;
    Ok(key.fingerprint(Default::default()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINT: &str = "SHA256:tcvCHiWtqxkDDXVtCBCUzmZKrdQrE7TuDN0hI1oVZ5I";
    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK5fuaFDbFcvCZl6uZfnPWUmHnZcNbYBiQKqQKtsDTJb";

    fn of(pairs: &[(&str, &str)]) -> Result<Credential, String> {
        let values = pairs
            .iter()
            .map(|(key, value)| ((*key).into(), Secret::new(*value)));
        parse(&values.collect())
    }

    #[test]
    fn a_credential_says_who_logs_in_and_which_host_is_the_right_one() {
        let with = |more: &[(&'static str, &'static str)]| {
            let mut all = vec![("user", "ops"), ("password", "hidden")];
            all.extend(more);
            of(&all)
        };
        let pinned = Rule::Pinned(PRINT.into());
        for (more, rule) in [
            (&[][..], Rule::Unsaid),
            (&[("trust", "first-seen")], Rule::FirstSeen),
            (&[("host_key", PRINT)], pinned),
        ] {
            assert_eq!(with(more).unwrap().rule, rule, "{more:?}");
        }
        let scanned = format!("10.0.3.7 {KEY} comment");
        let Rule::Pinned(found) = of(&[
            ("user", "ops"),
            ("password", "hidden"),
            ("host_key", &scanned),
        ])
        .unwrap()
        .rule
        else {
            panic!("a public key is a rule");
        };
        assert!(found.starts_with("SHA256:") && found.len() == PRINT.len());
        for pairs in [
            &[("password", "hidden")][..],
            &[
                ("user", "ops"),
                ("password", "hidden"),
                ("private_key", "x"),
            ],
            &[("user", "ops"), ("password", "hidden"), ("host_key", "x")],
            &[("user", "ops"), ("password", "hidden"), ("trust", "all")],
            &[("usr", "hidden")],
        ] {
            let error = of(pairs).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
