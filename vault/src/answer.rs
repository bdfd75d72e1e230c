//! The answers of Vault, and what becomes of those that say no. Pure.
//!
//! Status codes and bodies: "HTTP status codes" and "Error response" of the HTTP API, and the pages
//! of the transit and KV version 2 engines.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use utakata_model::target::Secret;

use crate::{Error, transport::Answer};

/// The longest text of Vault that is shown to people.
const MAX_REASON: usize = 300;

/// `{ "data": ... }`, around every answer.
#[derive(Deserialize)]
pub(crate) struct Data<T> {
    pub data: T,
    /// The seconds for which a lease lasts; 0 without one.
    #[serde(default)]
    pub lease_duration: u64,
}

#[derive(Deserialize)]
pub(crate) struct Wrapped {
    pub ciphertext: String,
}

#[derive(Deserialize)]
pub(crate) struct Unwrapped {
    pub plaintext: Secret,
}

/// A version of a secret of KV version 2; `None` where it was deleted.
#[derive(Deserialize)]
pub(crate) struct Version {
    pub data: Option<BTreeMap<String, Field>>,
}

/// A field: a text, or a number, which some write without quotes.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Field {
    Text(Secret),
    Number(serde_json::Number),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
pub(crate) struct Login {
    pub auth: Auth,
}

#[derive(Deserialize)]
pub(crate) struct Auth {
    pub client_token: Secret,
    /// In seconds; 0 for a token that does not end.
    #[serde(default)]
    pub lease_duration: u64,
}

#[derive(Default, Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<String>,
}

/// The request that an answer belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub address: &'a str,
    pub path: &'a str,
    pub what: What,
}

/// The purpose of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Login,
    Wrap,
    Unwrap,
    Read,
}

/// The capability of a policy that it takes.
pub(crate) fn capability(what: What) -> &'static str {
    match what {
        What::Read => "read",
        What::Login | What::Wrap | What::Unwrap => "update",
    }
}

/// Returns what an answer has, or the reason why it has nothing; `None` where the token, or what a
/// login takes, is not allowed this, which [`Error::Denied`] or [`Error::Unknown`] say.
pub(crate) fn read<T: DeserializeOwned>(
    answer: &Answer,
    asked: Asked<'_>,
) -> Option<Result<T, Error>> {
    match answer.status {
        200..=299 => Some(serde_json::from_slice(&answer.body).map_err(|error| {
            // The text of a parser can have a part of what it has read.
            asked.strange(format!("{:?} in line {}", error.classify(), error.line()))
        })),
        403 => None,
        _ => refused(answer, asked).map(Err),
    }
}

fn refused(answer: &Answer, asked: Asked<'_>) -> Option<Error> {
    let reason = reason(&answer.body);
    let (address, path) = (asked.address.to_owned(), asked.path.to_owned());
    let busy = |reason: String| Error::Busy {
        address: asked.address.to_owned(),
        reason,
    };
    let missing = |what| Error::Missing {
        address: asked.address.to_owned(),
        what,
        path: asked.path.to_owned(),
    };
    Some(match answer.status {
        503 if reason.to_lowercase().contains("sealed") => Error::Sealed { address },
        // 429, 472 and 473 are those of a standby that forwards nothing.
        429 | 472 | 473 | 500..=599 => busy(told(answer.status, &reason)),
        301..=308 => busy(
            "it is a standby that forwards nothing: let logic.vault.url be the address of the \
             active one, or of what stands before all"
                .into(),
        ),
        // A login that is refused is a bad request.
        400 | 401 if asked.what == What::Login => return None,
        404 if reason.contains("no handler") => missing("engine"),
        400 | 404 if reason.contains("encryption key not found") => missing("key"),
        404 if asked.what == What::Read => missing("secret"),
        404 => missing("engine"),
        400 if asked.what == What::Unwrap => Error::NotOpened {
            address,
            path,
            reason,
        },
        status => asked.strange(told(status, &reason)),
    })
}

impl Asked<'_> {
    pub(crate) fn strange(self, reason: String) -> Error {
        Error::Strange {
            address: self.address.to_owned(),
            path: self.path.to_owned(),
            reason,
        }
    }
}

fn told(status: u16, reason: &str) -> String {
    match reason.is_empty() {
        true => format!("status {status}"),
        false => format!("status {status}, {reason}"),
    }
}

/// Returns the errors of a body as one line of plain text.
fn reason(body: &[u8]) -> String {
    let errors: Errors = serde_json::from_slice(body).unwrap_or_default();
    let words = errors.errors.join("; ");
    let plain = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(MAX_REASON).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            body: Zeroizing::new(body.as_bytes().to_vec()),
        }
    }

    fn asked(what: What) -> Asked<'static> {
        Asked {
            address: "https://vault:8200",
            path: "transit/decrypt/utakata",
            what,
        }
    }

    #[test]
    fn each_refusal_says_which_and_at_which_address() {
        for (what, status, body, says, may_pass) in [
            (
                What::Unwrap,
                503,
                r#"{"errors":["Vault is sealed"]}"#,
                "Vault at https://vault:8200 is sealed",
                true,
            ),
            (
                What::Wrap,
                500,
                r#"{"errors":["internal error"]}"#,
                "cannot serve now: status 500, internal error",
                true,
            ),
            (
                What::Wrap,
                502,
                "<html>",
                "cannot serve now: status 502",
                true,
            ),
            (
                What::Wrap,
                429,
                r#"{"errors":["request path rate limit quota exceeded"]}"#,
                "quota",
                true,
            ),
            (What::Wrap, 307, "", "standby", true),
            (
                What::Unwrap,
                400,
                r#"{"errors":["encryption key not found"]}"#,
                "has no key at transit/decrypt/utakata",
                false,
            ),
            (
                What::Unwrap,
                400,
                r#"{"errors":["invalid ciphertext: unable to decrypt"]}"#,
                "does not open what transit/decrypt/utakata is to have wrapped",
                false,
            ),
            (
                What::Wrap,
                404,
                r#"{"errors":["no handler for route \"transit/encrypt/utakata\". route entry not found."]}"#,
                "has no engine at",
                false,
            ),
            (
                What::Read,
                404,
                r#"{"errors":[]}"#,
                "has no secret at",
                false,
            ),
            (
                What::Read,
                405,
                r#"{"errors":["unsupported operation"]}"#,
                "in another way",
                false,
            ),
        ] {
            let found = read::<Data<Unwrapped>>(&answer(status, body), asked(what));
            let error = found.unwrap().err().unwrap();
            assert!(error.to_string().contains(says), "{error}");
            assert_eq!(error.may_pass(), may_pass, "{error}");
            assert!(!error.cure().is_empty());
        }
        let denied = answer(
            403,
            r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#,
        );
        assert!(read::<Data<Unwrapped>>(&denied, asked(What::Unwrap)).is_none());
        let refused = answer(400, r#"{"errors":["invalid role or secret ID"]}"#);
        assert!(read::<Login>(&refused, asked(What::Login)).is_none());
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_repeated() {
        let body = r#"{"data":{"plaintext":["hunter2"]}}"#;
        let found = read::<Data<Unwrapped>>(&answer(200, body), asked(What::Unwrap));
        let error = found.unwrap().err().unwrap().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
