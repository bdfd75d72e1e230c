//! The numbers of the series of a source. Sources whose series have the same names in the same order,
//! as devices of one model have, share them.

use std::{
    collections::{HashMap, HashSet},
    hash::BuildHasher as _,
    sync::Arc,
};

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
    names: Arc<Names>,
    /// The hash of the last text of each series that has any in the present file of the journal, by
    /// number.
    texts: Vec<(ColumnId, u64)>,
    /// The file for which the texts hold.
    file: u64,
    /// The rows since all texts were written.
    rows: u32,
}

/// Hashes of the names of series, by number; 0 of a number that is missing, which is never given
/// again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Names {
    /// Of everything that names a series.
    full: Vec<u64>,
    /// Of what tells a series from others, without descriptions.
    identities: Vec<u64>,
}

/// The names of all sources, those that are alike once.
#[derive(Debug, Default)]
pub struct SharedNames {
    known: HashSet<Arc<Names>>,
    /// The number of them at which those that nobody has any more are forgotten.
    full_at: usize,
}

impl SharedNames {
    fn share(&mut self, mut names: Names) -> Arc<Names> {
        if let Some(known) = self.known.get(&names) {
            return Arc::clone(known);
        }
        if self.known.len() >= self.full_at {
            self.known.retain(|names| Arc::strong_count(names) > 1);
            self.full_at = 64.max(2 * self.known.len());
        }
        names.full.shrink_to_fit();
        names.identities.shrink_to_fit();
        let names = Arc::new(names);
        self.known.insert(Arc::clone(&names));
        names
    }
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
        shared: &mut SharedNames,
    ) -> Result<Self, Error> {
        let mut names = Names::default();
        for entry in dictionary.entries(source, "")? {
            names.full.resize(entry.number as usize, 0);
            names.identities.resize(entry.number as usize, 0);
            names.full.push(name(hasher, &entry));
            names.identities.push(identity(hasher, &entry));
        }
        Ok(Self {
            source,
            names: shared.share(names),
            texts: Vec::new(),
            file: 0,
            rows: 0,
        })
    }

    /// Begins a row in a file of the journal.
    pub fn begin_row(&mut self, file: u64) {
        self.rows += 1;
        if self.file != file || self.rows >= ROWS_PER_KEY {
            self.texts.clear();
            (self.file, self.rows) = (file, 0);
        }
    }

    /// Returns the number of a series, if it is known as such; probably the one at `expected`.
    pub fn find(&self, hash: u64, expected: usize) -> Option<usize> {
        let names = &self.names.full;
        if names.get(expected) == Some(&hash) {
            return Some(expected);
        }
        names.iter().position(|name| *name == hash)
    }

    /// Returns true if a text is another than before, and remembers it.
    pub fn is_new_text(&mut self, number: ColumnId, hash: u64) -> bool {
        match self.texts.binary_search_by_key(&number, |(at, _)| *at) {
            Ok(at) => std::mem::replace(&mut self.texts[at].1, hash) != hash,
            Err(at) => {
                if self.texts.len() == self.texts.capacity() {
                    self.texts.reserve_exact(1.max(self.texts.len() / 4));
                }
                self.texts.insert(at, (number, hash));
                true
            }
        }
    }

    /// Gives numbers to readings that are not known: to a new series a new one, and to one whose
    /// description has changed its old one. Returns what the dictionary must learn.
    pub fn learn(
        &mut self,
        hasher: &RandomState,
        shared: &mut SharedNames,
        unknown: &[(u64, &Reading)],
    ) -> Vec<Entry> {
        let mut names = Names::clone(&self.names);
        let known = names.identities.iter().enumerate();
        let mut numbers: HashMap<u64, usize> = known.map(|(at, hash)| (*hash, at)).collect();
        let mut learned = Vec::new();
        for (hash, reading) in unknown {
            let mut entry = Entry {
                number: 0,
                metric: reading.metric.clone(),
                unit: reading.unit.clone(),
                attributes: reading.attributes.clone(),
            };
            let identity = identity(hasher, &entry);
            let next = names.full.len();
            let number = match numbers.get(&identity) {
                Some(number) => *number,
                None if next >= MAX_SERIES => continue,
                None => next,
            };
            if number == next {
                numbers.insert(identity, next);
                names.identities.push(identity);
                names.full.push(*hash);
            } else {
                names.full[number] = *hash;
            }
            entry.number = ColumnId::try_from(number).unwrap_or(ColumnId::MAX);
            learned.push(entry);
        }
        self.names = shared.share(names);
        learned
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

#[cfg(test)]
mod tests {
    use utakata_model::{Measurand, Quality, ReadingValue};

    use super::*;

    fn reading(metric: &str, name: &str) -> Reading {
        let of = Measurand {
            metric: metric.parse().unwrap(),
            attributes: [
                ("hw.id".into(), "1".into()),
                ("hw.name".into(), name.into()),
            ]
            .into(),
            unit: "W".into(),
        };
        Reading {
            of: of.into(),
            value: ReadingValue::Number(1.0),
            quality: Quality::Good,
        }
    }

    #[test]
    fn sources_alike_share_the_names_of_their_series_until_one_is_described_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let dictionary = Dictionary::of_folder(folder.path()).unwrap();
        let (hasher, mut shared) = (RandomState::default(), SharedNames::default());
        let mut load = |source| SeriesMap::load(&dictionary, source, &hasher, &mut shared).unwrap();
        let mut maps: Vec<SeriesMap> = (1..=100).map(&mut load).collect();
        let readings = [reading("hw.power", "inlet"), reading("hw.energy", "inlet")];
        let named = |readings: &[Reading]| -> Vec<(u64, Reading)> {
            let each = readings.iter();
            each.map(|one| (hash(&hasher, one), one.clone())).collect()
        };
        let learn = |map: &mut SeriesMap, shared: &mut SharedNames, readings: &[Reading]| {
            let named = named(readings);
            let unknown: Vec<(u64, &Reading)> = named.iter().map(|(at, one)| (*at, one)).collect();
            let learned = map.learn(&hasher, shared, &unknown);
            learned.iter().map(|entry| entry.number).collect::<Vec<_>>()
        };
        for map in &mut maps {
            assert_eq!(learn(map, &mut shared, &readings), [0, 1]);
            assert_eq!(map.find(hash(&hasher, &readings[1]), 1), Some(1));
        }
        assert!(
            maps.iter()
                .all(|map| Arc::ptr_eq(&map.names, &maps[0].names))
        );
        // It keeps its number, and the others keep theirs.
        let renamed = [reading("hw.power", "feed A")];
        assert_eq!(learn(&mut maps[0], &mut shared, &renamed), [0]);
        assert_eq!(maps[0].find(hash(&hasher, &renamed[0]), 0), Some(0));
        assert_eq!(maps[1].find(hash(&hasher, &renamed[0]), 0), None);
        assert!(!Arc::ptr_eq(&maps[0].names, &maps[1].names));
        assert!(Arc::ptr_eq(&maps[1].names, &maps[99].names));
    }

    #[test]
    fn a_source_takes_little_more_than_its_place() {
        assert!(size_of::<SeriesMap>() <= 48, "{}", size_of::<SeriesMap>());
    }
}
