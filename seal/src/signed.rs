//! Messages that are signed: JSON whose last field has the signature of all that is before it.
//!
//! ```text
//! {"version":1,...,"signed":{"by":"KEY","life":7,"count":42,"signature":"..."}}
//! └──────────────── signed, together with its place ───────┘
//! ```
//!
//! So a signed message is still JSON, and who does not verify it ignores a field. Its place, such
//! as a topic, is signed along: it counts nowhere else.

use std::{collections::HashMap, fmt, str};

use aws_lc_rs::{
    digest,
    hkdf::{HKDF_SHA256, Salt},
    rand,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use utakata_model::Signer;
use zeroize::Zeroizing;

use crate::{
    Error,
    aead::{KEY_LEN, KeyBytes},
};

const OPENING: &[u8] = br#","signed":{"by":""#;
const LIFE: &str = r#"","life":"#;
const COUNT: &str = r#","count":"#;
const SIGNATURE: &[u8] = br#","signature":""#;
const CLOSING: &[u8] = br#""}}"#;
/// The length of a signature in base64url.
const SIGNATURE_LEN: usize = 86;
/// The length of a signer in base64url.
const SIGNER_LEN: usize = 43;
/// The most bytes from the opening to the signature: the signer, and two numbers.
const MAX_HEAD: usize = OPENING.len() + SIGNER_LEN + LIFE.len() + COUNT.len() + 40;
/// The purpose of the signature, so that it counts for no other.
const PURPOSE: &[u8] = b"utakata message 1\0";
/// The number of messages of a life whose order may be mixed on their way.
const WINDOW: u64 = 16_384;
/// The largest number of lives that are remembered.
const MAX_LIVES: usize = 2_000;

/// A key that signs messages (Ed25519). `Debug` shows its public half alone.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    signer: Signer,
}

/// The number of a message: the life of the process that signed it, and its count within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serial {
    pub life: u64,
    pub count: u64,
}

/// A message with a signature, which is not verified yet.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'p> {
    /// The signer that it names.
    pub signer: &'p str,
    pub serial: Serial,
    message: &'p [u8],
    signed: &'p [u8],
    signature: &'p [u8],
}

impl SigningKey {
    /// Derives the key from another secret, for this purpose.
    pub(crate) fn derive(secret: &KeyBytes, purpose: &[u8]) -> Option<Self> {
        let mut seed = Zeroizing::new([0; KEY_LEN]);
        let key = Salt::new(HKDF_SHA256, b"utakata").extract(secret.as_slice());
        let info = [purpose];
        key.expand(&info, HKDF_SHA256)
            .and_then(|key| key.fill(seed.as_mut_slice()))
            .ok()?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).ok()?;
        let signer = Signer(URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()));
        Some(Self { pair, signer })
    }

    /// Returns the public half.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    pub(crate) fn public_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Signs a message for its place. A message is a JSON object with a field.
    pub fn sign(&self, place: &str, serial: Serial, mut message: Vec<u8>) -> Vec<u8> {
        debug_assert_eq!(message.last(), Some(&b'}'), "it is no object");
        message.pop();
        message.extend_from_slice(OPENING);
        let Serial { life, count } = serial;
        message.extend_from_slice(format!("{}{LIFE}{life}{COUNT}{count}", self.signer).as_bytes());
        let signature = self.sign_bytes(&digest_of(place, &message));
        message.extend_from_slice(SIGNATURE);
        message.extend_from_slice(signature.as_bytes());
        message.extend_from_slice(CLOSING);
        message
    }

    /// Signs bytes that begin with their purpose.
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(bytes))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.signer)
    }
}

impl Serial {
    /// Returns the number of the first message of a new life.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn first() -> Result<Self, Error> {
        let mut life = [0; 8];
        rand::fill(&mut life).map_err(|_| Error::Chance)?;
        Ok(Self {
            life: u64::from_be_bytes(life),
            count: 0,
        })
    }
}

impl<'p> Signed<'p> {
    /// Finds the signature of a message; `None` if it has none.
    pub fn find(payload: &'p [u8]) -> Option<Self> {
        let rest = payload.strip_suffix(CLOSING)?;
        let (rest, signature) = rest.split_at_checked(rest.len().checked_sub(SIGNATURE_LEN)?)?;
        let signed = rest.strip_suffix(SIGNATURE)?;
        let from = signed.len().saturating_sub(MAX_HEAD);
        let mut windows = signed[from..].windows(OPENING.len());
        let at = from + windows.rposition(|window| window == OPENING)?;
        let head = str::from_utf8(&signed[at + OPENING.len()..]).ok()?;
        let (signer, numbers) = head.split_at_checked(SIGNER_LEN)?;
        let (life, count) = numbers.strip_prefix(LIFE)?.split_once(COUNT)?;
        Some(Self {
            signer,
            serial: Serial {
                life: life.parse().ok()?,
                count: count.parse().ok()?,
            },
            message: &signed[..at],
            signed,
            signature,
        })
    }

    /// Returns true if its signer has signed it for this place.
    pub fn is_right(&self, place: &str) -> bool {
        verify(self.signer, &digest_of(place, self.signed), self.signature)
    }

    /// Returns the message without its signature.
    pub fn message(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.message.len() + 1);
        message.extend_from_slice(self.message);
        message.push(b'}');
        message
    }

    /// Returns the signer that it names.
    pub fn by(&self) -> Signer {
        Signer(self.signer.to_owned())
    }
}

/// Returns true if this signer has signed these bytes.
pub(crate) fn verify(signer: &str, bytes: &[u8], signature: impl AsRef<[u8]>) -> bool {
    let (key, signature) = (
        URL_SAFE_NO_PAD.decode(signer),
        URL_SAFE_NO_PAD.decode(signature),
    );
    let (Ok(key), Ok(signature)) = (key, signature) else {
        return false;
    };
    let key = UnparsedPublicKey::new(&ED25519, key);
    key.verify(bytes, &signature).is_ok()
}

/// The bytes that are signed. Ed25519 reads what it signs twice, and not as fast as SHA-256.
fn digest_of(place: &str, signed: &[u8]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&(place.len() as u64).to_be_bytes());
    context.update(place.as_bytes());
    context.update(signed);
    [PURPOSE, context.finish().as_ref()].concat()
}

/// The numbers of the messages that came, so that none counts twice.
#[derive(Debug, Default)]
pub struct Serials {
    lives: HashMap<(Signer, u64), Window>,
    /// Rises with each message, to know the lives that are silent.
    moment: u64,
}

#[derive(Debug)]
struct Window {
    highest: u64,
    /// A bit for each of the latest numbers, at its remainder.
    seen: Box<[u64]>,
    moment: u64,
}

impl Serials {
    /// Notes a message. Returns false if it came before, or is too old to know.
    pub fn is_new(&mut self, signer: &Signer, serial: Serial) -> bool {
        self.moment += 1;
        let moment = self.moment;
        let key = (signer.clone(), serial.life);
        if !self.lives.contains_key(&key) {
            self.make_room();
        }
        let window = self.lives.entry(key).or_insert_with(|| Window {
            highest: serial.count,
            seen: vec![0; (WINDOW / 64) as usize].into(),
            moment,
        });
        window.moment = moment;
        window.is_new(serial.count)
    }

    fn make_room(&mut self) {
        if self.lives.len() < MAX_LIVES {
            return;
        }
        let mut moments: Vec<u64> = self.lives.values().map(|one| one.moment).collect();
        let (_, middle, _) = moments.select_nth_unstable(MAX_LIVES / 2);
        let middle = *middle;
        self.lives.retain(|_, one| one.moment > middle);
    }
}

impl Window {
    fn is_new(&mut self, count: u64) -> bool {
        if count > self.highest {
            let skipped = (self.highest + 1..=count).rev().take(WINDOW as usize);
            skipped.for_each(|one| self.put(one, false));
            self.highest = count;
        } else if self.highest - count >= WINDOW || self.has(count) {
            return false;
        }
        self.put(count, true);
        true
    }

    fn has(&self, count: u64) -> bool {
        let at = count % WINDOW;
        self.seen[(at / 64) as usize] & (1 << (at % 64)) != 0
    }

    fn put(&mut self, count: u64, seen: bool) {
        let at = count % WINDOW;
        let bits = &mut self.seen[(at / 64) as usize];
        match seen {
            true => *bits |= 1 << (at % 64),
            false => *bits &= !(1 << (at % 64)),
        }
    }
}

#[cfg(test)]
mod tests;
