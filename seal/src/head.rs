//! Heads of the audit trail, signed by the site: whoever rewrites the trail cannot make one that fits.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, Salt},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{SiteKey, aead::KEY_LEN};

/// The first word of a head's text, with the version of its form.
const WORD: &str = "utakata-head-1";

/// The key that signs heads. It follows from the key of the site, so that one file has both.
pub struct HeadKey(Ed25519KeyPair);

/// The public half of the key that signs heads, in base64.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeadSigner(String);

/// The number and hash of a page of the audit trail, with the signature of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    pub page: u64,
    /// The hash of the page, in hexadecimal.
    pub hash: String,
    pub signer: HeadSigner,
    signature: String,
}

/// A text that is not a signed head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    #[error("it is not a signed head of an audit trail")]
    Form,
    #[error("its signature is wrong: it was not published by the site whose key it names")]
    Signature,
}

impl SiteKey {
    /// Returns the key that signs heads of the audit trail.
    pub fn head_key(&self) -> Option<HeadKey> {
        let mut seed = Zeroizing::new([0; KEY_LEN]);
        let key = Salt::new(HKDF_SHA256, b"utakata").extract(self.bytes.as_slice());
        let info = [b"audit head".as_slice()];
        key.expand(&info, HKDF_SHA256)
            .and_then(|key| key.fill(seed.as_mut_slice()))
            .ok()?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice());
        pair.ok().map(HeadKey)
    }
}

impl HeadKey {
    /// Returns the public half.
    pub fn signer(&self) -> HeadSigner {
        HeadSigner(URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref()))
    }

    /// Signs the head of a trail: the number of its last page, and the hash of that.
    pub fn sign(&self, page: u64, hash: &str) -> SignedHead {
        let signature = self.0.sign(&signed_bytes(page, hash));
        SignedHead {
            page,
            hash: hash.to_owned(),
            signer: self.signer(),
            signature: URL_SAFE_NO_PAD.encode(signature.as_ref()),
        }
    }
}

impl fmt::Debug for HeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeadKey({})", self.signer())
    }
}

impl SignedHead {
    /// Finds all heads in a text, such as a log, each with the number of its line.
    pub fn find_in(text: &str) -> impl Iterator<Item = (usize, Result<Self, HeadError>)> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_:".contains(c);
        text.lines().enumerate().flat_map(move |(at, line)| {
            // Whatever stands before it: quotes, colours of a terminal.
            let heads = line.match_indices(WORD).map(|(start, _)| &line[start..]);
            heads.map(move |rest| {
                let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
                (at + 1, rest[..end].parse())
            })
        })
    }
}

/// The bytes that are signed. A hash has no zero byte.
fn signed_bytes(page: u64, hash: &str) -> Vec<u8> {
    let page = page.to_be_bytes();
    [WORD.as_bytes(), b"\0", page.as_slice(), hash.as_bytes()].concat()
}

impl FromStr for HeadSigner {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let bytes = URL_SAFE_NO_PAD.decode(text);
        match bytes.is_ok_and(|bytes| bytes.len() == 32) {
            true => Ok(Self(text.to_owned())),
            false => Err(HeadError::Form),
        }
    }
}

impl fmt::Display for HeadSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for SignedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            page,
            hash,
            signer,
            signature,
        } = self;
        write!(f, "{WORD}:{page}:{hash}:{signer}:{signature}")
    }
}

impl FromStr for SignedHead {
    type Err = HeadError;

    /// Reads a head and verifies its signature.
    fn from_str(text: &str) -> Result<Self, HeadError> {
        let parts: Vec<&str> = text.split(':').collect();
        let [WORD, page, hash, signer, signature] = parts[..] else {
            return Err(HeadError::Form);
        };
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let page = page.parse().map_err(|_| HeadError::Form)?;
        let signer: HeadSigner = signer.parse()?;
        let key = URL_SAFE_NO_PAD.decode(&signer.0);
        let (Ok(key), Ok(bytes), true) = (key, URL_SAFE_NO_PAD.decode(signature), is_hash) else {
            return Err(HeadError::Form);
        };
        UnparsedPublicKey::new(&ED25519, key)
            .verify(&signed_bytes(page, hash), &bytes)
            .map_err(|_| HeadError::Signature)?;
        Ok(Self {
            page,
            hash: hash.to_owned(),
            signer,
            signature: signature.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> (HeadKey, SignedHead) {
        let key = SiteKey::generate().unwrap().head_key().unwrap();
        let head = key.sign(812, &"0a".repeat(32));
        (key, head)
    }

    #[test]
    fn a_head_is_found_in_a_log_and_is_what_was_signed() {
        let (key, head) = head();
        let log = format!(
            "INFO started\nnov 30 le-1 utakata: INFO head of the audit trail head={head} \
             x=1\n{{\"head\":\"{head}\"}}\n\u{1b}[2m=\u{1b}[0m{head}\n"
        );
        let found: Vec<_> = SignedHead::find_in(&log).collect();
        let lines = [2, 3, 4].map(|line| (line, Ok(head.clone())));
        assert_eq!(found, lines);
        assert_eq!(head.signer, key.signer());
        assert_eq!(head.signer.to_string().parse(), Ok(head.signer));
    }

    #[test]
    fn the_same_site_key_signs_with_the_same_key() {
        let key = SiteKey::generate().unwrap();
        let signer = || key.head_key().unwrap().signer();
        assert_eq!(signer(), signer());
        assert_ne!(signer(), head().1.signer);
    }

    #[test]
    fn an_altered_head_is_refused() {
        let (_, head) = head();
        let (_, other) = self::head();
        let text = head.to_string();
        let parts: Vec<&str> = text.split(':').collect();
        let with = |at: usize, part: &str| {
            let mut parts = parts.clone();
            parts[at] = part;
            parts.join(":").parse::<SignedHead>()
        };
        assert_eq!(with(1, "813"), Err(HeadError::Signature));
        assert_eq!(with(2, &"0b".repeat(32)), Err(HeadError::Signature));
        assert_eq!(with(3, &other.signer.0), Err(HeadError::Signature));
        assert_eq!(with(4, &other.signature), Err(HeadError::Signature));
        assert_eq!(with(1, "many"), Err(HeadError::Form));
        assert_eq!(with(2, "0a"), Err(HeadError::Form));
        assert_eq!(with(3, "short"), Err(HeadError::Form));
        assert_eq!("".parse::<SignedHead>(), Err(HeadError::Form));
    }
}
