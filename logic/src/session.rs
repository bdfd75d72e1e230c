//! Sessions of browsers: a sealed text in place of a token. Pure.
//!
//! Nothing is stored. The seal is made with the token of `admin`, which all logic environments of a
//! site share, over the hash of the person's own token: so each of them accepts a session, none can
//! be made by somebody who has only the store, and a session ends with the token that it was made
//! from.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use utakata_model::{PersonName, target::Secret};

use crate::token::TokenHash;

/// The lifetime of a session: a shift, and its handover.
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_hours(12);

/// The lifetime of the session of somebody who may do nothing but see: that of a screen on a wall.
pub(crate) const LIFETIME_OF_SEEING: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The use of the seal, so that it means nothing elsewhere.
const PURPOSE: &[u8] = b"utakata session 1";

/// A session that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opened {
    /// The hash of the token that it was made from.
    pub token: TokenHash,
    pub until: Timestamp,
}

impl Opened {
    /// Returns true if it is one of somebody who may do nothing but see: it lasts longer than others
    /// ever do.
    pub(crate) fn is_of_seeing(&self, now: Timestamp) -> bool {
        self.until.duration_since(now) > LIFETIME
    }
}

/// The key of the seals.
pub(crate) struct SessionKey(Hmac<Sha256>);

impl SessionKey {
    /// Creates the key of a site from the token of `admin`.
    #[allow(clippy::expect_used, reason = "a key of HMAC has any length")]
    pub(crate) fn new(admin: &Secret) -> Self {
        let key = Hmac::new_from_slice(admin.reveal().as_bytes());
        Self(key.expect("a key of HMAC has any length"))
    }

    /// Makes a session of a person, who has a token of this hash, until a time.
    pub(crate) fn seal(&self, name: &PersonName, token: TokenHash, until: Timestamp) -> String {
        let until = until.as_second();
        let seal = self.mac(name, token, until).finalize().into_bytes();
        let name = BASE64.encode(name.as_str());
        format!("{name}.{until}.{}", BASE64.encode(seal))
    }

    /// Opens a session, if it is one and lasts, made from one of the tokens that its person has.
    pub(crate) fn open(
        &self,
        session: &str,
        now: Timestamp,
        tokens_of: impl FnOnce(&PersonName) -> Vec<TokenHash>,
    ) -> Option<Opened> {
        let mut parts = session.split('.');
        let (name, until, seal) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let name = String::from_utf8(BASE64.decode(name).ok()?).ok()?;
        let name: PersonName = name.parse().ok()?;
        let until: i64 = until.parse().ok()?;
        let seal = BASE64.decode(seal).ok()?;
        if now.as_second() >= until {
            return None;
        }
        let token = tokens_of(&name).into_iter().find(|token| {
            let mac = self.mac(&name, *token, until);
            mac.verify_slice(&seal).is_ok()
        })?;
        let until = Timestamp::from_second(until).ok()?;
        Some(Opened { token, until })
    }

    fn mac(&self, name: &PersonName, token: TokenHash, until: i64) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in [
            PURPOSE,
            name.as_str().as_bytes(),
            until.to_string().as_bytes(),
            token.to_string().as_bytes(),
        ] {
            mac.update(part);
            // No name has a line break in it: no two sessions have the same text.
            mac.update(b"\n");
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_session_is_that_of_its_person_until_it_ends_or_the_token_does() {
        let key = SessionKey::new(&Secret::new("the token of admin"));
        let ana: PersonName = "ana.b".parse().unwrap();
        let token = TokenHash::of("the token of ana");
        let session = key.seal(&ana, token, at(1000));
        let opened = |session: &str, now: i64, tokens: &[TokenHash]| {
            let opened = key.open(session, at(now), |name| {
                assert_eq!(*name, ana);
                tokens.to_vec()
            });
            opened.map(|opened| {
                assert_eq!(opened.until, at(1000));
                opened.token
            })
        };
        let other = TokenHash::of("another token of ana");
        assert_eq!(opened(&session, 999, &[token]), Some(token));
        assert_eq!(opened(&session, 999, &[other, token]), Some(token));
        assert_eq!(opened(&session, 1000, &[token]), None);
        assert_eq!(opened(&session, 999, &[]), None);
        assert_eq!(opened(&session, 999, &[other]), None);
        let elsewhere = SessionKey::new(&Secret::new("another token of admin"));
        assert_eq!(elsewhere.open(&session, at(999), |_| vec![token]), None);
    }

    #[test]
    fn a_session_that_lasts_longer_than_a_shift_is_for_seeing_only() {
        let token = TokenHash::of("the token of ana");
        for (lasts, expect) in [(LIFETIME, false), (LIFETIME_OF_SEEING, true)] {
            let until = at(1000) + lasts;
            let opened = Opened { token, until };
            assert_eq!(opened.is_of_seeing(at(1000)), expect, "{lasts:?}");
        }
    }

    #[test]
    fn no_text_but_the_sealed_one_is_a_session() {
        let key = SessionKey::new(&Secret::new("the token of admin"));
        let token = TokenHash::of("the token of ana");
        let name: PersonName = "ana".parse().unwrap();
        let session = key.seal(&name, token, at(1000));
        let longer = session.replace(".1000.", ".2000.");
        let of_ben = session.replace("YW5h", "YmVu");
        assert_ne!(of_ben, session);
        let cut = &session[..session.len() - 1];
        let more = format!("{session}.x");
        for wrong in [
            "",
            "..",
            "a.b.c",
            &longer,
            &of_ben,
            cut,
            &more,
            "YW5h.1000.",
        ] {
            assert_eq!(key.open(wrong, at(1), |_| vec![token]), None, "{wrong}");
        }
    }
}
