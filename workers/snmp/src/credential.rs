//! The credential: a community, or a user of SNMPv3. Pure.

use std::{collections::BTreeMap, fmt};

use async_snmp::{AuthProtocol, CommunityVersion, PrivProtocol};
use utakata_worker_sdk::model::{suggest, target::Secret};

/// The shortest password of a user (RFC 3414, section 11.2).
const PASSWORD_MIN: usize = 8;

/// The values that a credential may have.
pub const KEYS: [&str; 9] = [
    "version",
    "community",
    "community_write",
    "user",
    "auth",
    "auth_password",
    "priv",
    "priv_password",
    "context",
];

/// Authentication protocols by name. The schema of the shipped releases is made of these names: see
/// `tests/it/credential.rs`.
pub const AUTH: [(&str, AuthProtocol); 7] = [
    ("MD5", AuthProtocol::Md5),
    ("SHA", AuthProtocol::Sha1),
    ("SHA-1", AuthProtocol::Sha1),
    ("SHA-224", AuthProtocol::Sha224),
    ("SHA-256", AuthProtocol::Sha256),
    ("SHA-384", AuthProtocol::Sha384),
    ("SHA-512", AuthProtocol::Sha512),
];

/// Privacy protocols by name. The keys of AES-192 and AES-256 are extended as Net-SNMP does by
/// default (draft-blumenthal-aes-usm); `-C` selects Cisco's method
/// (draft-reeder-snmpv3-usm-3desede).
pub const PRIVACY: [(&str, PrivProtocol); 8] = [
    ("DES", PrivProtocol::Des),
    ("3DES", PrivProtocol::Des3),
    ("AES", PrivProtocol::Aes128),
    ("AES-128", PrivProtocol::Aes128),
    ("AES-192", PrivProtocol::Aes192Blumenthal),
    ("AES-256", PrivProtocol::Aes256Blumenthal),
    ("AES-192-C", PrivProtocol::Aes192Reeder),
    ("AES-256-C", PrivProtocol::Aes256Reeder),
];

/// A credential for SNMP.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A community (v1, v2c).
    Community {
        version: CommunityVersion,
        /// The community for reading.
        read: String,
        /// The community for writing, if it differs.
        write: Option<String>,
    },
    /// A user (v3).
    User(User),
}

/// A user of SNMPv3.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct User {
    pub name: String,
    /// The context, which is usually empty.
    pub context: String,
    /// The authentication protocol and its password.
    pub auth: Option<(AuthProtocol, String)>,
    /// The privacy protocol and its password.
    pub privacy: Option<(PrivProtocol, String)>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Community { .. } => "community ***",
            Self::User(_) => "user ***",
        })
    }
}

/// The reason why a credential cannot be used. Never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An unknown key.
    #[error("the credential has a value \"{key}\", which SNMP does not know: {hint}")]
    Key {
        key: String,
        /// A suggestion of what may have been meant.
        hint: String,
    },
    /// An unknown value.
    #[error("the credential's {key} is \"{value}\": {hint}")]
    Value {
        key: &'static str,
        /// The value, which is not a secret.
        value: String,
        /// A suggestion of what may have been meant.
        hint: String,
    },
    /// A value is missing.
    #[error("the credential has {has} but no {missing}: set it, or remove {has}")]
    Missing {
        /// The value that is given.
        has: &'static str,
        /// The value that it requires.
        missing: &'static str,
    },
    /// A password too short for SNMPv3.
    #[error(
        "the credential's {key} is shorter than {PASSWORD_MIN} characters, which SNMPv3 refuses"
    )]
    Short { key: &'static str },
}

/// Parses the values of a credential; an empty one means v2c with the community `public`.
pub fn parse(values: &BTreeMap<String, Secret>) -> Result<Credential, Error> {
    if let Some(key) = values.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(Error::Key {
            key: key.clone(),
            hint: suggest::hint(key, KEYS),
        });
    }
    let value = |key: &str| {
        values
            .get(key)
            .map(Secret::reveal)
            .filter(|text| !text.is_empty())
    };
    let version = match value("version") {
        None if value("user").is_some() => "3",
        None => "2c",
        Some(version) => version.trim_start_matches('v'),
    };
    match version {
        "1" => Ok(community(CommunityVersion::V1, value)),
        "2" | "2c" => Ok(community(CommunityVersion::V2c, value)),
        "3" => user(value).map(Credential::User),
        other => Err(Error::Value {
            key: "version",
            value: other.into(),
            hint: "known are: 1, 2c, 3".into(),
        }),
    }
}

fn community<'a>(version: CommunityVersion, value: impl Fn(&str) -> Option<&'a str>) -> Credential {
    Credential::Community {
        version,
        read: value("community").unwrap_or("public").into(),
        write: value("community_write").map(String::from),
    }
}

fn user<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<User, Error> {
    let Some(name) = value("user") else {
        return Err(Error::Missing {
            has: "version 3",
            missing: "user",
        });
    };
    let auth = secured(&value, ("auth", "auth_password"), "SHA-256", &AUTH)?;
    let privacy = secured(&value, ("priv", "priv_password"), "AES-128", &PRIVACY)?;
    if privacy.is_some() && auth.is_none() {
        return Err(Error::Missing {
            has: "priv",
            missing: "auth_password",
        });
    }
    Ok(User {
        name: name.into(),
        context: value("context").unwrap_or_default().into(),
        auth,
        privacy,
    })
}

/// Returns a protocol and its password, if there is a password.
fn secured<'a, P: Copy>(
    value: &impl Fn(&str) -> Option<&'a str>,
    (protocol_key, password_key): (&'static str, &'static str),
    default: &'static str,
    known: &[(&'static str, P)],
) -> Result<Option<(P, String)>, Error> {
    let named = value(protocol_key).filter(|name| !name.eq_ignore_ascii_case("none"));
    let password = match (value(password_key), named) {
        (None, None) => return Ok(None),
        (None, Some(_)) => {
            return Err(Error::Missing {
                has: protocol_key,
                missing: password_key,
            });
        }
        (Some(password), _) => password,
    };
    if password.len() < PASSWORD_MIN {
        return Err(Error::Short { key: password_key });
    }
    let name = named.unwrap_or(default);
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_uppercase();
    let wanted = plain(name);
    match known.iter().find(|(name, _)| plain(name) == wanted) {
        Some((_, protocol)) => Ok(Some((*protocol, password.into()))),
        None => Err(Error::Value {
            key: protocol_key,
            value: name.into(),
            hint: suggest::hint(name, known.iter().map(|(name, _)| *name)),
        }),
    }
}

#[cfg(test)]
mod tests;
