//! The parts that answers have in common, each once in memory: a room of 100,000 devices says
//! `hw.temperature`, `Cel` and `hw.id=inlet` a million times a minute.
//!
//! Each thread remembers so many of the latest texts. One that is not found is made anew, and means
//! the same.

use std::{borrow::Cow, cell::RefCell, collections::HashSet, fmt, hash::Hash, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::{Attributes, Measurand};
use crate::{MetricName, NameError, Recognition};

/// The most texts, names, sets of attributes and recognitions that a thread remembers, of each.
const REMEMBERED: usize = 16_384;
/// The longest text that is worth it, in bytes: longer ones are serial numbers and descriptions.
const LONGEST: usize = 64;

thread_local! {
    static TEXTS: RefCell<HashSet<Arc<str>>> = RefCell::default();
    static METRICS: RefCell<HashSet<MetricName>> = RefCell::default();
    static ATTRIBUTES: RefCell<HashSet<Attributes>> = RefCell::default();
    static MEASURANDS: RefCell<HashSet<Arc<Measurand>>> = RefCell::default();
    static RECOGNITIONS: RefCell<HashSet<Arc<Recognition>>> = RefCell::default();
}

/// Returns a text, which others like it may share.
pub fn text(text: &str) -> Arc<str> {
    if text.len() > LONGEST {
        return text.into();
    }
    TEXTS.with_borrow_mut(|known| match known.get(text) {
        Some(known) => Arc::clone(known),
        None => remember(known, text.into()),
    })
}

/// Returns the name of a metric, which others like it may share.
///
/// # Errors
/// It is no name.
pub fn metric(text: &str) -> Result<MetricName, NameError> {
    METRICS.with_borrow_mut(|known| match known.get(text) {
        Some(known) => Ok(known.clone()),
        None => Ok(remember(known, MetricName::new(text)?)),
    })
}

/// Returns attributes, which others like them may share.
pub fn attributes<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Attributes {
    let pairs = pairs.into_iter();
    let made: Attributes = pairs.map(|(key, value)| (text(key), text(value))).collect();
    ATTRIBUTES.with_borrow_mut(|known| match known.get(&made) {
        Some(known) => known.clone(),
        None => remember(known, made),
    })
}

/// Returns what was measured, which readings of other times and other targets may share.
pub fn measurand(made: Measurand) -> Arc<Measurand> {
    MEASURANDS.with_borrow_mut(|known| match known.get(&made) {
        Some(known) => Arc::clone(known),
        None => remember(known, Arc::new(made)),
    })
}

/// Returns what a target was recognised as, which others of its model share.
pub fn recognition(made: Recognition) -> Arc<Recognition> {
    RECOGNITIONS.with_borrow_mut(|known| match known.get(&made) {
        Some(known) => Arc::clone(known),
        None => remember(known, Arc::new(made)),
    })
}

fn remember<T: Clone + Eq + Hash>(known: &mut HashSet<T>, new: T) -> T {
    if known.len() >= REMEMBERED {
        // What is frequent is soon known again.
        known.clear();
    }
    known.insert(new.clone());
    new
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                let pairs = pairs.iter().map(|(key, text)| (&**key, &**text));
                Ok(attributes(pairs))
            }
        }
        from.deserialize_map(Texts)
    }
}

pub(super) fn deserialize_text<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    let found = Cow::<str>::deserialize(from)?;
    Ok(text(&found))
}

pub(super) fn deserialize_metric<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<MetricName, D::Error> {
    let found = Cow::<str>::deserialize(from)?;
    metric(&found).map_err(serde::de::Error::custom)
}

pub(crate) fn deserialize_recognition<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Arc<Recognition>>, D::Error> {
    let found = Option::<Recognition>::deserialize(from)?;
    Ok(found.map(recognition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_texts_are_once_in_memory_and_a_flood_of_new_ones_is_bounded() {
        assert!(Arc::ptr_eq(&text("Cel"), &text("Cel")));
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(&*text(&long), long);
        for number in 0..3 * REMEMBERED {
            assert_eq!(&*text(&number.to_string()), number.to_string());
        }
        assert!(TEXTS.with_borrow(|known| known.len() <= REMEMBERED));
        assert!(metric("no name").is_err());
        assert_eq!(metric("hw.power").unwrap().as_str(), "hw.power");
        let inlet = || attributes([("hw.type", "air"), ("hw.id", "inlet")]);
        assert_eq!(inlet(), inlet());
        assert_eq!(&*inlet()["hw.id"], "inlet");
    }
}
