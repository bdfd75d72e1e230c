//! A reference of all configuration keys, derived from the types themselves.

use toml::{Table, Value};
use utakata_model::settings::{self, Setting as _};

use super::{Config, InterConnect};

/// A key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Key {
    /// The full name: `logic.http.listen`.
    pub key: String,
    /// The type of its value.
    #[serde(rename = "type")]
    pub form: &'static str,
    /// The value when the key is not set.
    pub default: String,
    /// The effect of its value.
    pub meaning: &'static str,
}

/// Returns every key, in the order of the types.
#[expect(
    clippy::expect_used,
    reason = "a reference without its defaults would mislead"
)]
pub fn keys() -> Vec<Key> {
    let defaults = Table::try_from(full()).expect("the defaults have a form in TOML");
    let mut keys = Vec::new();
    Config::describe(settings::Key::default(), &mut keys);
    let key = |key: settings::Key| Key {
        default: default(&defaults, &key.name),
        key: key.name,
        form: key.form,
        meaning: key.meaning,
    };
    keys.into_iter().map(key).collect()
}

/// Returns all defaults, including those of tables that are absent unless set.
fn full() -> Config {
    Config {
        interconnect: InterConnect {
            amqp: Some(Default::default()),
            mqtt: Some(Default::default()),
        },
        ..Config::default()
    }
}

fn default(defaults: &Table, key: &str) -> String {
    let mut value: Option<&Value> = None;
    let mut table = Some(defaults);
    for part in key.split('.') {
        value = table.and_then(|table| table.get(part));
        table = value.and_then(Value::as_table);
    }
    match value {
        None => "(not set)".into(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds the keys of a table.
    fn leaves(table: &Table, above: &str, described: &[String], found: &mut Vec<String>) {
        for (key, value) in table {
            let path = settings::join(above, key);
            match value {
                Value::Table(table) if !described.contains(&path) => {
                    leaves(table, &path, described, found);
                }
                _ => found.push(path),
            }
        }
    }

    #[test]
    fn the_reference_has_every_key_that_can_be_written_and_says_what_each_means() {
        let keys = keys();
        let described: Vec<String> = keys.iter().map(|key| key.key.clone()).collect();
        let mut found = Vec::new();
        let defaults = Table::try_from(full()).unwrap();
        leaves(&defaults, "", &described, &mut found);
        for key in found {
            assert!(described.contains(&key), "{key} is not in the reference");
        }
        for key in keys {
            assert!(!key.meaning.is_empty() && !key.form.is_empty(), "{key:?}");
        }
    }
}
