//! The binding of an answer of the provider to the browser that asked.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest as _, Sha256};

/// Three texts that nobody else can know (43 characters or more, of the alphabet of base64url).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Comes back with the browser: the answer is to a question of this browser.
    pub state: String,
    /// Comes back in the ID token: the token was made for this question.
    pub nonce: String,
    /// Is shown with the code: a code is worth nothing to somebody who has read it (RFC 7636).
    pub verifier: String,
}

impl Challenge {
    /// Returns what the provider keeps until the verifier is shown.
    pub(crate) fn code_challenge(&self) -> String {
        BASE64.encode(Sha256::digest(&self.verifier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let challenge = Challenge {
            state: String::new(),
            nonce: String::new(),
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
        };
        assert_eq!(
            challenge.code_challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
