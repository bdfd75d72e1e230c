//! Names of raw values.

use std::{collections::BTreeMap, sync::Arc};

use utakata_model::suggest;

use crate::{
    form::States,
    raw::{Literal, Raw},
};

/// Names of raw values. There are few, so a list is fastest.
#[derive(Debug, Clone, Default)]
pub struct Names(pub Vec<(Literal, Arc<str>)>);

/// The maps of states in a profile: `[states.NAME]`.
pub type Named = BTreeMap<String, BTreeMap<String, String>>;

impl Names {
    /// Returns the names in a map.
    pub fn of_map(states: &BTreeMap<String, String>) -> Self {
        let pairs = states
            .iter()
            .map(|(raw, name)| (literal(raw), Arc::from(name.as_str())));
        Self(pairs.collect())
    }

    /// Compiles the names given in one place: a map, or the name of one. Errors: the
    /// sentence that names the nearest one.
    pub fn compile(states: &States, named: &Named) -> Result<Self, String> {
        match states {
            States::Map(map) => Ok(Self::of_map(map)),
            States::Name(name) => named.get(name).map(Self::of_map).ok_or_else(|| {
                let hint = suggest::hint(name, named.keys().map(String::as_str));
                format!("there are no [states.{name}]: {hint}")
            }),
        }
    }

    /// Returns the name of a raw value.
    pub fn name(&self, raw: &Raw<'_>) -> Option<&Arc<str>> {
        self.0
            .iter()
            .find(|(known, _)| known.is(raw))
            .map(|(_, name)| name)
    }
}

/// Parses the key of a map as a raw value, since keys in TOML are texts.
pub fn literal(key: &str) -> Literal {
    key.parse()
        .map_or_else(|_| Literal::Text(key.into()), Literal::Number)
}
