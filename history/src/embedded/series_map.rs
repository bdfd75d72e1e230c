//! The numbers of the series of a source, in little memory: 16 bytes a series.

use std::{collections::HashMap, hash::BuildHasher as _};

use foldhash::fast::RandomState;
use utakata_model::{Reading, reading};

use crate::{
    dictionary::{Dictionary, Entry, Error, MAX_SERIES},
    row::{ColumnId, SourceId},
};

/// The series of a source.
#[derive(Debug)]
pub struct SeriesMap {
    pub source: SourceId,
    /// The hash of everything that names a series, by its number.
    names: Vec<u64>,
    /// The hash of the last text of a series in the present file of the journal; 0 if none.
    texts: Vec<u64>,
    /// The file for which the texts hold.
    file: u64,
    /// The rows since all texts were written.
    rows: u32,
    /// The numbers by the hash of what tells a series from others; only of a source that had
    /// something new.
    identities: Option<HashMap<u64, ColumnId>>,
}

/// All texts are written again after so many rows, so that the last rows can be read on their own.
pub const ROWS_PER_KEY: u32 = 8;

impl SeriesMap {
    /// Loads the series of a source.
    ///
    /// # Errors
    /// The dictionary cannot be read.
    pub fn load(
        dictionary: &Dictionary,
        source: SourceId,
        hasher: &RandomState,
    ) -> Result<Self, Error> {
        let mut names = Vec::new();
        for entry in dictionary.entries(source, "")? {
            // A number that is missing is never given again.
            names.resize(entry.number as usize, 0);
            names.push(name(hasher, &entry));
        }
        Ok(Self {
            source,
            texts: vec![0; names.len()],
            names,
            file: 0,
            rows: 0,
            identities: None,
        })
    }

    /// Begins a row in a file of the journal.
    pub fn begin_row(&mut self, file: u64) {
        self.rows += 1;
        if self.file != file || self.rows >= ROWS_PER_KEY {
            self.texts.fill(0);
            (self.file, self.rows) = (file, 0);
        }
    }

    /// Returns the number of a series, if it is known as such; probably the one at `expected`.
    pub fn find(&self, hash: u64, expected: usize) -> Option<usize> {
        if self.names.get(expected) == Some(&hash) {
            return Some(expected);
        }
        self.names.iter().position(|name| *name == hash)
    }

    /// Returns true if a text is another than before, and remembers it.
    pub fn is_new_text(&mut self, at: usize, hash: u64) -> bool {
        let hash = hash.max(1);
        match self.texts.get_mut(at) {
            Some(text) => std::mem::replace(text, hash) != hash,
            None => true,
        }
    }

    /// Gives numbers to readings that are not known: to a new series a new one, and to one whose
    /// description has changed its old one. Returns what the dictionary must learn.
    ///
    /// # Errors
    /// The dictionary cannot be read.
    pub fn learn(
        &mut self,
        dictionary: &Dictionary,
        hasher: &RandomState,
        unknown: &[(u64, &Reading)],
    ) -> Result<Vec<Entry>, Error> {
        if self.identities.is_none() {
            let entries = dictionary.entries(self.source, "")?;
            let known = entries
                .iter()
                .map(|entry| (identity(hasher, entry), entry.number));
            self.identities = Some(known.collect());
        }
        let identities = self.identities.get_or_insert_default();
        let mut learned = Vec::new();
        for (hash, reading) in unknown {
            let mut entry = Entry {
                number: 0,
                metric: reading.metric.clone(),
                unit: reading.unit.clone(),
                attributes: reading.attributes.clone(),
            };
            let next = ColumnId::try_from(self.names.len()).unwrap_or(ColumnId::MAX);
            let identity = identity(hasher, &entry);
            entry.number = match identities.get(&identity) {
                Some(number) => *number,
                None if self.names.len() >= MAX_SERIES => continue,
                None => next,
            };
            if entry.number == next {
                identities.insert(identity, next);
                self.names.push(*hash);
                self.texts.push(0);
            } else if let Some(name) = self.names.get_mut(entry.number as usize) {
                *name = *hash;
            }
            learned.push(entry);
        }
        Ok(learned)
    }
}

/// Returns the hash of everything that names the series of a reading.
pub fn hash(hasher: &RandomState, reading: &Reading) -> u64 {
    hasher.hash_one((reading.metric.as_str(), &*reading.unit, &reading.attributes))
}

fn name(hasher: &RandomState, entry: &Entry) -> u64 {
    hasher.hash_one((entry.metric.as_str(), &*entry.unit, &entry.attributes))
}

/// Returns the hash of what tells a series from others, without descriptions.
fn identity(hasher: &RandomState, entry: &Entry) -> u64 {
    let attributes: Vec<_> = reading::identity(&entry.attributes).collect();
    hasher.hash_one((entry.metric.as_str(), &*entry.unit, attributes))
}
