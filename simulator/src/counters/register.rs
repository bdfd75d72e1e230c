//! The register of a counter: for each token, the number of commands and of effects.
//!
//! Pure: times come in with the effects.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Bound;

use serde::{Serialize, Serializer};

use crate::moment::Moment;

/// The maximum length of a token.
pub const LONGEST: usize = 64;

/// The two classes of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// An effect each time: doing it twice is wrong.
    Mark,
    /// A value that replaces the previous one: doing it twice makes no difference.
    Put,
}

/// The token of one control action: 1 to 64 printable ASCII characters.
///
/// Stored as the index of its row (RFC 2578, section 7.7): its length, then its bytes. Tokens are
/// therefore in the order of a walk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(Box<[u8]>);

/// The reason why bytes are not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// The token is empty or too long.
    Length,
    /// The token is not printable ASCII.
    Character,
}

/// The number of times a token was received and carried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// SETs received, with or without an effect.
    pub received: u32,
    /// The number of effects.
    pub done: u32,
    /// The times of the first and of the last effect.
    pub times: Option<(Moment, Moment)>,
}

/// All commands that a device has received.
#[derive(Debug, Default)]
pub struct Register {
    marks: Tally,
    puts: Tally,
}

/// All commands of one class that a device has received.
#[derive(Debug, Default)]
pub struct Tally {
    tokens: BTreeMap<Token, Count>,
    last: Option<Token>,
    sum: Sum,
}

/// The sum of the commands of one class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// The number of different tokens.
    pub tokens: u64,
    /// SETs received, with or without an effect.
    pub received: u64,
    /// The number of effects.
    pub done: u64,
    /// Tokens with more than one effect.
    pub repeated: u64,
}

/// The truth about a token.
#[derive(Debug, Clone, Serialize)]
pub struct TokenTruth {
    pub token: Token,
    pub class: Class,
    /// SETs received, with or without an effect.
    pub received: u32,
    /// The number of effects.
    pub done: u32,
    /// The time of the first effect.
    pub first_unix_ms: Option<Moment>,
    /// The time of the last effect.
    pub last_unix_ms: Option<Moment>,
}

impl Token {
    /// Parses the token in a SET.
    pub fn parse(bytes: &[u8]) -> Result<Self, Mistake> {
        if !(1..=LONGEST).contains(&bytes.len()) {
            return Err(Mistake::Length);
        }
        if !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(Mistake::Character);
        }
        let length = u8::try_from(bytes.len()).map_err(|_| Mistake::Length)?;
        Ok(Self([&[length], bytes].concat().into()))
    }

    /// Returns the token as text.
    pub fn as_str(&self) -> &str {
        let bytes = self.0.get(1..).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Returns the index of its row.
    pub fn index(&self) -> impl Iterator<Item = u32> {
        self.0.iter().copied().map(u32::from)
    }
}

impl Borrow<[u8]> for Token {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl Register {
    /// Returns the commands of a class.
    pub fn of(&self, class: Class) -> &Tally {
        match class {
            Class::Mark => &self.marks,
            Class::Put => &self.puts,
        }
    }

    /// Counts a SET that was received.
    pub fn received(&mut self, class: Class, token: &Token) {
        let tally = self.of_mut(class);
        tally.sum.received += 1;
        let count = tally.tokens.entry(token.clone()).or_insert_with(|| {
            tally.sum.tokens += 1;
            Count::default()
        });
        count.received += 1;
    }

    /// Counts an effect.
    pub fn done(&mut self, class: Class, token: &Token, at: Moment) {
        let tally = self.of_mut(class);
        tally.sum.done += 1;
        let count = tally.tokens.entry(token.clone()).or_default();
        count.done += 1;
        tally.sum.repeated += u64::from(count.done == 2);
        count.times = Some((count.times.map_or(at, |(first, _)| first), at));
        tally.last = Some(token.clone());
    }

    /// Returns the truth about every token.
    pub fn truth(&self) -> Vec<TokenTruth> {
        let of = |class| {
            let tokens = self.of(class).tokens.iter();
            tokens.map(move |(token, count)| TokenTruth {
                token: token.clone(),
                class,
                received: count.received,
                done: count.done,
                first_unix_ms: count.times.map(|(first, _)| first),
                last_unix_ms: count.times.map(|(_, last)| last),
            })
        };
        of(Class::Mark).chain(of(Class::Put)).collect()
    }

    fn of_mut(&mut self, class: Class) -> &mut Tally {
        match class {
            Class::Mark => &mut self.marks,
            Class::Put => &mut self.puts,
        }
    }
}

impl Tally {
    /// The last token that took effect.
    pub fn last(&self) -> Option<&Token> {
        self.last.as_ref()
    }

    /// Returns the totals.
    pub fn sum(&self) -> Sum {
        self.sum
    }

    /// Returns the number of effects of a token: 0 if it never had one.
    pub fn done(&self, token: &Token) -> u32 {
        self.tokens.get(token).map_or(0, |count| count.done)
    }

    /// Returns the first token with an effect after the index `after`.
    pub fn next(&self, after: &[u32]) -> Option<(&Token, u32)> {
        // No token contains a byte of 255: an index with a larger number is past every row with
        // this prefix.
        let after: Vec<u8> = after
            .iter()
            .map(|arc| u8::try_from(*arc).unwrap_or(u8::MAX))
            .collect();
        let from = (Bound::Excluded(after.as_slice()), Bound::Unbounded);
        self.tokens
            .range::<[u8], _>(from)
            .find(|(_, count)| count.done > 0)
            .map(|(token, count)| (token, count.done))
    }
}
