//! Logging in: what whoever logs in keeps until they come back, sealed.
//!
//! Nothing is stored. Every logic environment of a site has the same key, so that people may come
//! back to another than the one that sent them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use utakata_model::target::Secret;
use utakata_openid::Challenge;

use crate::token;

/// The time that somebody may take at the provider.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// The key of what is sealed.
pub(crate) struct LoginKey(Hmac<Sha256>);

/// The secret of a browser that is at the provider: random bytes, and their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seed {
    random: String,
    until: i64,
}

impl Seed {
    /// Makes one.
    ///
    /// # Errors
    /// The operating system has no random numbers.
    pub(crate) fn generate(now: Timestamp) -> Result<Self, getrandom::Error> {
        Ok(Self {
            random: token::generate()?.reveal().to_owned(),
            until: (now + PATIENCE).as_second(),
        })
    }

    /// Reads one, if it has not ended.
    pub(crate) fn read(text: &str, now: Timestamp) -> Option<Self> {
        let (random, until) = text.split_once('.')?;
        let until: i64 = until.parse().ok()?;
        (now.as_second() < until).then(|| Self {
            random: random.to_owned(),
            until,
        })
    }

    /// Returns the text that the browser keeps.
    pub(crate) fn text(&self) -> String {
        format!("{}.{}", self.random, self.until)
    }

    /// Returns the number of seconds for which it is good.
    pub(crate) const fn seconds() -> i64 {
        PATIENCE.as_secs()
    }
}

impl LoginKey {
    /// Creates the key of a site from the token of `admin`; without one there is none.
    pub(crate) fn new(admin: &Secret) -> Option<Self> {
        let admin = admin.reveal().as_bytes();
        let key = Hmac::new_from_slice(admin).ok()?;
        (!admin.is_empty()).then_some(Self(key))
    }

    /// Returns what is asked of the provider for a browser with a seed: nobody else can know it.
    pub(crate) fn challenge(&self, seed: &Seed) -> Challenge {
        let until = seed.until.to_string();
        let derived = |purpose: &str| {
            let mac = self.mac(&["utakata login 1", purpose, &seed.random, &until]);
            BASE64.encode(mac.finalize().into_bytes())
        };
        Challenge {
            state: derived("state"),
            nonce: derived("nonce"),
            verifier: derived("verifier"),
        }
    }

    /// Seals the code of a device: only those that this site has asked for are passed on.
    pub(crate) fn seal_code(&self, code: &str, until: Timestamp) -> String {
        let until = until.as_second().to_string();
        let mac = self.mac(&["utakata device 1", code, &until]);
        let seal = BASE64.encode(mac.finalize().into_bytes());
        format!("{}.{until}.{seal}", BASE64.encode(code))
    }

    /// Opens the code of a device, and its end.
    pub(crate) fn open_code(&self, text: &str) -> Option<(String, Timestamp)> {
        let mut parts = text.splitn(3, '.');
        let (code, until, seal) = (parts.next()?, parts.next()?, parts.next()?);
        let code = String::from_utf8(BASE64.decode(code).ok()?).ok()?;
        let mac = self.mac(&["utakata device 1", &code, until]);
        mac.verify_slice(&BASE64.decode(seal).ok()?).ok()?;
        let until = Timestamp::from_second(until.parse().ok()?).ok()?;
        Some((code, until))
    }

    fn mac(&self, parts: &[&str]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in parts {
            // With their lengths, so that no two lists of parts are the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
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

    fn key(admin: &str) -> LoginKey {
        LoginKey::new(&Secret::new(admin)).unwrap()
    }

    #[test]
    fn a_browser_comes_back_to_any_of_the_site_in_time_with_what_nobody_else_knows() {
        let seed = Seed::generate(at(1000)).unwrap();
        let kept = seed.text();
        assert_eq!(Seed::read(&kept, at(1599)), Some(seed.clone()));
        assert_eq!(Seed::read(&kept, at(1600)), None);
        let asked = key("admin").challenge(&seed);
        assert_eq!(key("admin").challenge(&seed), asked);
        assert_ne!(key("other").challenge(&seed), asked);
        let longer = Seed::read(&kept.replace(".1600", ".9999"), at(1599)).unwrap();
        assert_ne!(key("admin").challenge(&longer), asked);
        let texts = [&asked.state, &asked.nonce, &asked.verifier];
        assert!(texts.iter().all(|text| text.len() == 43), "{texts:?}");
        assert_ne!(asked.state, asked.nonce);
        for wrong in ["", "x", "x.", "x.y", ".1600"] {
            assert!(Seed::read(wrong, at(1)).is_none_or(|seed| seed.random.is_empty()));
        }
        assert!(LoginKey::new(&Secret::new("")).is_none());
    }

    #[test]
    fn only_a_code_of_this_site_is_passed_on() {
        let sealed = key("admin").seal_code("device.code", at(1000));
        let opened = key("admin").open_code(&sealed);
        assert_eq!(opened, Some(("device.code".into(), at(1000))));
        assert_eq!(key("other").open_code(&sealed), None);
        let later = sealed.replace(".1000.", ".2000.");
        let other = sealed.replacen(&BASE64.encode("device.code"), &BASE64.encode("other"), 1);
        for wrong in ["", "..", &later, &other, &sealed[1..]] {
            assert_eq!(key("admin").open_code(wrong), None, "{wrong}");
        }
    }
}
