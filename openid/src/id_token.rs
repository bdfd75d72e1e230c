//! ID tokens: whether one is the provider's, for us, and of now. Pure.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Error, keys::Keys};

/// The difference between clocks that is overlooked.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// The values that an ID token has to have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// The nonce that was sent; without one none is expected, as in the device flow.
    pub nonce: Option<&'a str>,
    pub now: Timestamp,
}

/// The claims of an ID token that was accepted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Accepted {
    pub subject: String,
    pub claims: Map<String, Value>,
}

/// The claims of every ID token (OpenID Connect Core 1.0, section 2).
#[derive(Debug, Deserialize)]
struct Standard {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    azp: Option<String>,
    nonce: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(all) => all,
        }
    }
}

/// Returns true if no known key can have signed a token, and newer ones may.
pub(crate) fn is_by_unknown_key(token: &str, keys: &Keys) -> bool {
    decode_header(token).is_ok_and(|header| {
        let mut fitting = keys.for_token(header.kid.as_deref(), header.alg);
        fitting.next().is_none()
    })
}

/// Accepts a token.
///
/// # Errors
/// The first objection.
pub(crate) fn accept(token: &str, keys: &Keys, expected: Expected<'_>) -> Result<Accepted, Error> {
    let claims = signed(token, keys)?;
    let standard: Standard = serde_json::from_value(Value::Object(claims.clone()))
        .map_err(|error| Error::refused(format!("the ID token lacks something: {error}")))?;
    match objection(&standard, expected) {
        Some(objection) => Err(Error::refused(objection)),
        None => Ok(Accepted {
            subject: standard.sub,
            claims,
        }),
    }
}

/// Returns the claims of a token that one of the keys has signed.
fn signed(token: &str, keys: &Keys) -> Result<Map<String, Value>, Error> {
    let header = decode_header(token)
        .map_err(|error| Error::refused(format!("the ID token is none: {error}")))?;
    let mut validation = Validation::new(header.alg);
    // Times and audience are compared below, with a clock that tests can set.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let mut fitting = keys.for_token(header.kid.as_deref(), header.alg);
    let found = fitting.find_map(|key| {
        let decoded = decode::<Map<String, Value>>(token, &key.key, &validation);
        decoded.ok().map(|decoded| decoded.claims)
    });
    found.ok_or_else(|| {
        let algorithm = header.alg;
        Error::refused(format!(
            "the ID token ({algorithm:?}) is not signed by a key of the provider"
        ))
    })
}

fn objection(standard: &Standard, expected: Expected<'_>) -> Option<String> {
    if standard.iss != expected.issuer {
        return Some(format!("the ID token is from \"{}\"", standard.iss));
    }
    let audience = standard.aud.all();
    if !audience.iter().any(|one| one == expected.client_id) {
        return Some(format!("the ID token is for {}", audience.join(", ")));
    }
    match &standard.azp {
        Some(party) if party != expected.client_id => {
            return Some(format!("the ID token was made for \"{party}\""));
        }
        None if audience.len() > 1 => {
            return Some("the ID token is for several, and does not say who asked for it".into());
        }
        _ => {}
    }
    if standard.sub.is_empty() || standard.sub.len() > 255 {
        return Some("the ID token does not say about whom it is".into());
    }
    if let Some(objection) = untimely(standard, expected.now) {
        return Some(objection);
    }
    let nonce = standard.nonce.as_deref();
    if expected.nonce.is_some() && nonce != expected.nonce {
        return Some("the ID token was made for another login".into());
    }
    None
}

fn untimely(standard: &Standard, now: Timestamp) -> Option<String> {
    let now = now.as_second() as f64;
    let skew = SKEW.as_secs() as f64;
    if standard.exp <= now - skew {
        return Some("the ID token has ended: are the clocks right?".into());
    }
    let begins = standard.nbf.unwrap_or(standard.iat).max(standard.iat);
    if begins > now + skew {
        return Some("the ID token is from the future: are the clocks right?".into());
    }
    None
}

#[cfg(test)]
mod tests;
