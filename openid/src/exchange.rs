//! The answers of the endpoints at which codes become tokens (RFC 6749, RFC 8628). Pure.

use std::time::Duration;

use serde::Deserialize;

use crate::Error;

/// The pause between questions where the provider names none.
const INTERVAL: u64 = 5;
/// The longest pause that a provider can ask for.
const MAX_INTERVAL: u64 = 120;

/// The code with which somebody logs in on another device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCode {
    /// The code that becomes a token once the person has agreed.
    pub device_code: String,
    /// The code that the person types.
    pub user_code: String,
    /// The address at which they type it.
    pub verification_uri: String,
    /// The address with the code in it.
    pub verification_uri_complete: Option<String>,
    /// The time for which both codes are good.
    pub lasts: Duration,
    /// The shortest pause between two questions whether the person has agreed.
    pub interval: Duration,
}

#[derive(Deserialize)]
struct DeviceAnswer {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

/// The tokens that came of a code.
#[derive(Debug, Deserialize)]
pub(crate) struct Tokens {
    pub id_token: Option<String>,
    pub access_token: String,
}

/// A refusal by the provider.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

/// A refusal by the provider, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The person has not agreed yet.
    Pending,
    /// The same, and we ask too often.
    SlowDown,
    Expired,
    /// The provider refuses us, not the person.
    Us(String),
    Other(String),
}

/// Reads the answer to a request for a device code.
pub(crate) fn device_code(bytes: &[u8]) -> Result<DeviceCode, String> {
    let answer: DeviceAnswer = serde_json::from_slice(bytes)
        .map_err(|error| format!("its answer with a code cannot be read: {error}"))?;
    let interval = answer.interval.unwrap_or(INTERVAL).clamp(1, MAX_INTERVAL);
    Ok(DeviceCode {
        device_code: answer.device_code,
        user_code: answer.user_code,
        verification_uri: answer.verification_uri,
        verification_uri_complete: answer.verification_uri_complete,
        lasts: Duration::from_secs(answer.expires_in.min(3600)),
        interval: Duration::from_secs(interval),
    })
}

/// Reads a refusal; `None` if it is no answer of such an endpoint.
pub(crate) fn refusal(bytes: &[u8]) -> Option<Refused> {
    let refusal: Refusal = serde_json::from_slice(bytes).ok()?;
    let Refusal {
        error,
        error_description: said,
    } = refusal;
    let text = match said {
        Some(said) => format!("{error}: {said}"),
        None => error.clone(),
    };
    Some(match error.as_str() {
        "authorization_pending" => Refused::Pending,
        "slow_down" => Refused::SlowDown,
        "expired_token" => Refused::Expired,
        "invalid_client" | "unauthorized_client" | "unsupported_grant_type" | "invalid_scope" => {
            Refused::Us(text)
        }
        _ => Refused::Other(text),
    })
}

impl Refused {
    /// Returns the error where the person is not waited for.
    pub(crate) fn into_error(self, issuer: &str) -> Error {
        match self {
            Self::Expired => Error::Expired,
            Self::Us(reason) => Error::Unfit {
                issuer: issuer.to_owned(),
                reason,
            },
            Self::Other(reason) => Error::refused(reason),
            Self::Pending | Self::SlowDown => Error::refused("it is not agreed to yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let of = |error: &str| {
            let text = format!(r#"{{"error":"{error}","error_description":"so"}}"#);
            refusal(text.as_bytes()).unwrap()
        };
        assert_eq!(of("authorization_pending"), Refused::Pending);
        assert_eq!(of("slow_down"), Refused::SlowDown);
        assert_eq!(of("expired_token"), Refused::Expired);
        let us = Refused::Us("invalid_client: so".into());
        assert_eq!(of("invalid_client"), us);
        let other = Refused::Other("access_denied: so".into());
        assert_eq!(of("access_denied"), other);
        assert_eq!(refusal(b"<html>"), None);
    }

    #[test]
    fn a_device_code_has_a_pause_and_an_end() {
        let answer = br#"{"device_code":"d","user_code":"U","verification_uri":"https://x",
            "expires_in":900}"#;
        let code = device_code(answer).unwrap();
        assert_eq!(code.interval, Duration::from_secs(5));
        assert_eq!(code.lasts, Duration::from_secs(900));
        assert!(device_code(b"{}").is_err());
    }
}
