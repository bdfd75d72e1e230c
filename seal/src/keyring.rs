//! The keys of the site that are at hand: the newest seals, all open.

use zeroize::Zeroizing;

use crate::{Error, KeyId, SealedCredential, SiteKey};
use utakata_model::Credential;

const HEAD: &str = "\
# Keys of the site, the newest last: they open the secrets in the store of utakata.
# Keep a copy of this file apart from the backups of the store. Without it they are lost; with
# both, anybody can read them. Older lines open older backups.
";

/// The keys of the site that are at hand. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyring {
    older: Vec<SiteKey>,
    newest: SiteKey,
}

/// The reason why a text is not a file of keys. It has nothing of the keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("line {line}: {reason}")]
    Line { line: usize, reason: &'static str },
    #[error("there is no key in it")]
    Empty,
}

impl Keyring {
    /// Creates a ring of one key.
    pub fn of(key: SiteKey) -> Self {
        Self {
            older: Vec::new(),
            newest: key,
        }
    }

    /// Reads the text of a file: a key on each line, the newest last.
    ///
    /// # Errors
    /// A line is no key, or there is none.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut keys = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |reason| ParseError::Line {
                line: at + 1,
                reason,
            };
            keys.push(SiteKey::from_line(line).map_err(wrong)?);
        }
        let newest = keys.pop().ok_or(ParseError::Empty)?;
        Ok(Self {
            older: keys,
            newest,
        })
    }

    /// Returns the text of a file with these keys.
    pub fn to_text(&self) -> Zeroizing<String> {
        let keys = self.older.iter().chain([&self.newest]);
        let lines: Vec<_> = keys.map(SiteKey::to_line).collect();
        let length = lines.iter().map(|line| line.len() + 1).sum::<usize>();
        let mut text = Zeroizing::new(String::with_capacity(HEAD.len() + length));
        text.push_str(HEAD);
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Returns all keys.
    pub fn keys(&self) -> impl Iterator<Item = &SiteKey> {
        self.older.iter().chain([&self.newest])
    }

    /// Adds a key, which becomes the newest.
    pub fn add(&mut self, key: SiteKey) {
        let before = std::mem::replace(&mut self.newest, key);
        self.older.push(before);
    }

    /// Returns the newest key.
    pub fn newest(&self) -> &SiteKey {
        &self.newest
    }

    /// Returns the key of that name.
    ///
    /// # Errors
    /// It is not here.
    pub fn find(&self, id: &KeyId) -> Result<&SiteKey, Error> {
        let mut keys = self.older.iter().chain([&self.newest]);
        let found = keys.find(|key| key.id() == id);
        found.ok_or_else(|| Error::NoKey(id.clone()))
    }

    /// Opens a credential.
    ///
    /// # Errors
    /// Its key is not here, or it was altered.
    pub fn open(&self, sealed: &SealedCredential) -> Result<Credential, Error> {
        sealed.open(self.find(&sealed.key)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let mut ring = Keyring::of(SiteKey::generate().unwrap());
        let first = ring.newest().clone();
        ring.add(SiteKey::generate().unwrap());
        let read = Keyring::parse(&ring.to_text()).unwrap();
        assert_eq!(read, ring);
        assert_eq!(read.find(first.id()), Ok(&first));
        assert_ne!(read.newest(), &first);
        let strange = SiteKey::generate().unwrap();
        let missing = Err(Error::NoKey(strange.id().clone()));
        assert_eq!(read.find(strange.id()), missing);
    }

    #[test]
    fn what_is_no_file_of_keys_is_refused_with_its_line_and_without_the_key() {
        let line = SiteKey::generate().unwrap().to_line().to_string();
        let words: Vec<&str> = line.split(' ').collect();
        let (id, key) = (words[1], words[2]);
        let other = SiteKey::generate().unwrap().to_line().to_string();
        let other = other.split(' ').nth(1).unwrap().to_owned();
        let check = |text: &str, expect: &str| {
            let error = Keyring::parse(text).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
            assert!(!error.contains(&key[..8]), "{error}");
        };
        check("", "no key");
        check("# only words\n\n", "no key");
        check(&format!("\n{key} {key}"), "line 2: it does not begin");
        check(&key[1..], "base64");
        check("utakata-site-key-1", "a name and a key");
        check(&format!("utakata-site-key-1 {id}"), "a name and a key");
        check(&format!("{line} more"), "a name and a key");
        check(&format!("utakata-site-key-1 {id} !{key}"), "base64");
        check(
            &format!("utakata-site-key-1 {id} {}", &key[..40]),
            "32 bytes",
        );
        check(
            &format!("utakata-site-key-1 {other} {key}"),
            "a character differs",
        );
    }

    #[test]
    fn a_key_that_another_tool_made_is_taken() {
        let key = SiteKey::generate().unwrap();
        let line = key.to_line();
        let bare = line.split(' ').nth(2).unwrap();
        assert_eq!(Keyring::parse(bare).unwrap().newest(), &key);
    }

    #[test]
    fn debug_shows_no_key() {
        let ring = Keyring::of(SiteKey::generate().unwrap());
        let shown = format!("{ring:?}");
        assert!(shown.contains(&ring.newest().id().to_string()));
        let line = ring.newest().to_line();
        assert!(!shown.contains(line.split(' ').nth(2).unwrap()));
    }
}
