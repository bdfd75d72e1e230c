//! Values stored as JSON, and errors for unreadable ones.

use serde::{
    Serialize,
    de::{DeserializeOwned, IntoDeserializer, value::StrDeserializer},
};

use super::{Error, Place};

impl Place {
    /// Parses a column with JSON.
    pub(super) fn parse<T: DeserializeOwned>(
        &self,
        what: &'static str,
        text: &str,
    ) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|source| self.wrong(what, source))
    }

    /// Parses a column with a word: a name or an identifier.
    pub(super) fn word<T: DeserializeOwned>(
        &self,
        what: &'static str,
        text: &str,
    ) -> Result<T, Error> {
        let word: StrDeserializer<'_, serde_json::Error> = text.into_deserializer();
        T::deserialize(word).map_err(|source| self.wrong(what, source))
    }

    /// Formats a value as JSON for a column.
    pub(super) fn json(&self, what: &'static str, value: &impl Serialize) -> Result<String, Error> {
        serde_json::to_string(value).map_err(|source| self.wrong(what, source))
    }

    pub(super) fn wrong(&self, what: &'static str, source: serde_json::Error) -> Error {
        Error::Row {
            place: self.clone(),
            what,
            source,
        }
    }
}
