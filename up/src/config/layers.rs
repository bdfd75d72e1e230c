//! Layers of the configuration: each may set a part of it, and later ones win.

use std::{fs, path::PathBuf};

use toml::{Table, Value};

use super::{Config, Error};
use crate::hints;

/// The prefix of variables that set a key, as in `UTAKATA__LOGIC__HTTP__LISTEN`.
const PREFIX: &str = "UTAKATA__";
/// The prefix of variables that name a file with the value of a key. A password in a file is
/// readable by fewer than one in an environment.
const FILE_PREFIX: &str = "UTAKATA_FILE__";

/// One key that a variable or a flag sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The name of the variable or the flag, for messages.
    pub origin: String,
    /// The parts of the key.
    pub key: Vec<String>,
    /// The value, as text or in a file.
    pub given: Given,
}

/// The place of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Here, as text.
    Text(String),
    /// In this file, which may end with a line break.
    File(PathBuf),
}

impl Override {
    /// A flag that sets a key such as `logic.http.listen`.
    pub fn flag(origin: &str, key: &str, text: &impl ToString) -> Self {
        Self {
            origin: origin.into(),
            key: key.split('.').map(ToOwned::to_owned).collect(),
            given: Given::Text(text.to_string()),
        }
    }
}

/// Returns the overrides among environment variables, sorted by name.
pub fn from_environment(variables: impl Iterator<Item = (String, String)>) -> Vec<Override> {
    let mut overrides: Vec<Override> = variables
        .filter_map(|(name, text)| {
            let (key, given) = match name.strip_prefix(FILE_PREFIX) {
                Some(key) => (key, Given::File(text.into())),
                None => (name.strip_prefix(PREFIX)?, Given::Text(text)),
            };
            let key = key.split("__").map(str::to_lowercase).collect();
            Some(Override {
                origin: name,
                key,
                given,
            })
        })
        .collect();
    overrides.sort_by(|a, b| a.origin.cmp(&b.origin));
    overrides
}

/// Reads the values that overrides keep in files.
pub fn read(overrides: &[Override]) -> Result<Vec<(&Override, String)>, Error> {
    let value = |one: &Override| match &one.given {
        Given::Text(text) => Ok(text.clone()),
        Given::File(path) => match fs::read_to_string(path) {
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(source) => Err(Error::ValueFile {
                origin: one.origin.clone(),
                path: path.clone(),
                source,
            }),
        },
    };
    let mut read = Vec::with_capacity(overrides.len());
    for one in overrides {
        read.push((one, value(one)?));
    }
    Ok(read)
}

/// Parses a file's text and applies overrides to it.
#[expect(
    clippy::expect_used,
    reason = "without the defaults a text could be taken for a number"
)]
pub fn lay(file: &str, text: &str, overrides: &[(&Override, String)]) -> Result<Config, Error> {
    let wrong = |error: toml::de::Error| at(file, text, &error);
    let mut config: Config = toml::from_str(text).map_err(wrong)?;
    let mut table: Table = toml::from_str(text).map_err(wrong)?;
    let defaults = Table::try_from(Config::default()).expect("the defaults have a form in TOML");
    for (one, given) in overrides {
        let told = |problem: String| Error::Override {
            origin: one.origin.clone(),
            problem,
        };
        let value = value(given, find(&defaults, &one.key));
        put(&mut table, &one.key, value).map_err(told)?;
        config = table
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| told(hints::plain(error.message())))?;
    }
    Ok(config)
}

fn at(file: &str, text: &str, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Error::File {
        file: file.into(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        problem: hints::plain(error.message()),
    }
}

fn find<'a>(table: &'a Table, key: &[String]) -> Option<&'a Value> {
    let (last, path) = key.split_last()?;
    let mut table = table;
    for part in path {
        table = table.get(part)?.as_table()?;
    }
    table.get(last)
}

/// Interprets a value: text where the default is text; otherwise TOML, or text if it is not TOML.
fn value(text: &str, default: Option<&Value>) -> Value {
    let as_text = || Value::String(text.into());
    if default.is_some_and(Value::is_str) {
        return as_text();
    }
    let parsed = toml::from_str::<Table>(&format!("value = {text}"));
    let parsed = parsed.ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(as_text)
}

fn put(table: &mut Table, key: &[String], value: Value) -> Result<(), String> {
    let Some((last, path)) = key.split_last() else {
        return Err("it names no key".into());
    };
    let mut table = table;
    for part in path {
        let entry = table
            .entry(part.clone())
            .or_insert_with(|| Value::Table(Table::new()));
        table = entry
            .as_table_mut()
            .ok_or_else(|| format!("\"{part}\" has no keys below it"))?;
    }
    table.insert(last.clone(), value);
    Ok(())
}
