//! The keys of a type, taken from its `Deserialize` so that nobody writes them twice.

use serde::{
    Deserialize, Deserializer,
    de::{Visitor, value::Error},
    forward_to_deserialize_any,
};

/// Returns the names of the fields of a struct, and nothing for any other type.
pub fn of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // There is nothing to read: this always ends in an error, and has named the fields by then.
    let _ = T::deserialize(Fields(&mut keys));
    keys
}

struct Fields<'k>(&'k mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("it has no keys"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::{Credential, Schedule};

    #[test]
    fn the_keys_of_a_type_are_its_fields() {
        assert_eq!(super::of::<Credential>(), ["name", "values"]);
        let schedule = ["name", "selector", "interval", "action", "parameters"];
        assert_eq!(super::of::<Schedule>(), schedule);
        assert!(super::of::<String>().is_empty());
    }
}
