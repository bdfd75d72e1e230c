//! Attributes: the texts that distinguish the readings of a metric.

use std::{fmt, ops::Index, sync::Arc};

use serde::{Serialize, Serializer};

type Pair = (Arc<str>, Arc<str>);

/// Attributes of a reading, by key, in order.
///
/// There are few of a reading, and millions of readings in memory: they are in one piece of memory,
/// which all copies share. A tree takes 370 bytes for the first of them.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attributes(Arc<[Pair]>);

impl Attributes {
    /// Creates none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the text of a key.
    pub fn get(&self, key: &str) -> Option<&Arc<str>> {
        let found = self.find(key).ok()?;
        self.0.get(found).map(|(_, text)| text)
    }

    /// Returns true if there is a text of this key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the keys with their texts, by key.
    pub fn iter(&self) -> Iter<'_> {
        self.into_iter()
    }

    /// Returns the keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Returns the texts, by key.
    pub fn values(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(|(_, text)| text)
    }

    /// Sets the text of a key.
    pub fn insert(&mut self, key: Arc<str>, text: Arc<str>) {
        let pair = [(key, text)];
        *self = self.0.iter().cloned().chain(pair).collect();
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(key))
    }
}

/// The keys with their texts, by key.
pub type Iter<'a> = std::iter::Map<std::slice::Iter<'a, Pair>, fn(&Pair) -> (&Arc<str>, &Arc<str>)>;

impl<'a> IntoIterator for &'a Attributes {
    type Item = (&'a Arc<str>, &'a Arc<str>);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, text)| (key, text))
    }
}

/// Of several texts for a key, the last counts.
impl FromIterator<Pair> for Attributes {
    fn from_iter<I: IntoIterator<Item = Pair>>(pairs: I) -> Self {
        let mut all: Vec<Pair> = pairs.into_iter().collect();
        if !all.is_sorted_by(|one, next| one.0 < next.0) {
            // The sort is stable: the last of a key stays behind those before it.
            all.sort_by(|one, next| one.0.cmp(&next.0));
            all.dedup_by(|next, one| {
                let is_same = next.0 == one.0;
                if is_same {
                    std::mem::swap(&mut one.1, &mut next.1);
                }
                is_same
            });
        }
        Self(all.into())
    }
}

impl<const N: usize> From<[Pair; N]> for Attributes {
    fn from(pairs: [Pair; N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl Index<&str> for Attributes {
    type Output = Arc<str>;

    /// Returns the text of a key.
    ///
    /// # Panics
    /// There is none.
    #[allow(clippy::panic, reason = "as of every map that is indexed")]
    fn index(&self, key: &str) -> &Arc<str> {
        self.get(key)
            .unwrap_or_else(|| panic!("there is no attribute \"{key}\" in {self:?}"))
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_as_a_map_of_texts(pairs in prop::collection::vec(("[a-d]{1,2}", "[a-z]?"), 0..8)) {
            let pairs = pairs.iter();
            let pairs: Vec<Pair> = pairs.map(|(key, text)| (key.as_str().into(), text.as_str().into())).collect();
            let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
            let collected: Attributes = pairs.iter().cloned().collect();
            let mut inserted = Attributes::default();
            for (key, text) in &pairs {
                inserted.insert(Arc::clone(key), Arc::clone(text));
            }
            prop_assert_eq!(&inserted, &collected);
            prop_assert!(collected.iter().eq(map.iter()));
            for (key, text) in &map {
                prop_assert_eq!(collected.get(key), Some(text));
            }
            prop_assert!(!collected.contains_key("e"));
            let json = serde_json::to_string(&collected).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&map).unwrap());
            prop_assert_eq!(serde_json::from_str::<Attributes>(&json).unwrap(), collected);
        }
    }
}
