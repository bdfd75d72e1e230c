//! Values that are kept as JSON, and what is said of those that cannot be read.

use serde::{
    Serialize,
    de::{DeserializeOwned, IntoDeserializer, value::StrDeserializer},
};

use super::{Error, Place};

impl Place {
    /// The value of a column of JSON.
    pub(super) fn parse<T: DeserializeOwned>(
        &self,
        what: &'static str,
        text: &str,
    ) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|source| self.wrong(what, source))
    }

    /// The value of a column that is a word: a name, an identifier.
    pub(super) fn word<T: DeserializeOwned>(
        &self,
        what: &'static str,
        text: &str,
    ) -> Result<T, Error> {
        let word: StrDeserializer<'_, serde_json::Error> = text.into_deserializer();
        T::deserialize(word).map_err(|source| self.wrong(what, source))
    }

    /// A value as the JSON of a column.
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
