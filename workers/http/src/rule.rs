//! The rule for a server's certificate, as a credential states it. Pure.

use utakata_worker_sdk::model::target::Secret;

use crate::{Fingerprint, Trust, tls};

/// The rule for a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Rule {
    FirstSeen,
    Pinned(Fingerprint),
    /// Signed by these authorities, in PEM. Absent: by those of the system.
    Authorities(Option<String>),
    Anything,
}

impl Rule {
    /// The keys of a credential that state it.
    pub const KEYS: [&str; 3] = ["tls", "ca", "fingerprint"];

    /// Reads the rule from the values of a credential.
    ///
    /// # Errors
    /// A sentence about the mistake, without any secret.
    pub fn of<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<Self, String> {
        let fingerprint = value("fingerprint").map(str::parse).transpose()?;
        let ca = value("ca").map(String::from);
        match (value("tls"), fingerprint, ca) {
            (None | Some("first-seen"), Some(fingerprint), None) => Ok(Self::Pinned(fingerprint)),
            (None | Some("ca"), None, Some(pem)) => Ok(Self::Authorities(Some(pem))),
            (Some("ca"), None, None) => Ok(Self::Authorities(None)),
            (None | Some("first-seen"), None, None) => Ok(Self::FirstSeen),
            (Some("unchecked"), None, None) => Ok(Self::Anything),
            (Some("first-seen" | "ca" | "unchecked") | None, ..) => {
                Err("tls, ca and fingerprint contradict each other".into())
            }
            (Some(_), ..) => Err("tls is none of first-seen, ca, unchecked".into()),
        }
    }

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

/// Returns a value of a credential that is there and not empty.
pub fn given<'a>(
    values: &'a std::collections::BTreeMap<String, Secret>,
    key: &str,
) -> Option<&'a str> {
    let value = values.get(key).map(Secret::reveal);
    value.filter(|text| !text.is_empty())
}
