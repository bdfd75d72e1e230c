//! Statements with their values. Parameters are `$1`, `$2` in both databases.

use std::borrow::Cow;

use sqlx::{SqlSafeStr, SqlStr};

/// A value of a statement.
#[derive(Debug, Clone)]
pub(in crate::store) enum Value<'q> {
    Text(Cow<'q, str>),
    MaybeText(Option<Cow<'q, str>>),
    Number(i64),
    Flag(bool),
    Bytes(&'q [u8]),
    /// The texts in which [`Sql::among`](super::Sql::among) looks.
    Texts(Vec<String>),
}

/// A statement with its values.
#[derive(Debug)]
pub(in crate::store) struct Statement<'q> {
    pub sql: SqlStr,
    pub values: Vec<Value<'q>>,
}

/// A statement over many rows of values: `WITH fresh (COLUMNS) AS (ROWS) REST`.
#[derive(Debug)]
pub(in crate::store) struct Many<'q> {
    pub columns: &'static [Column],
    pub rest: &'static str,
    pub rows: Vec<Vec<Value<'q>>>,
}

/// A column: its name and values.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    Text(&'static str),
    Number(&'static str),
    Flag(&'static str),
    Bytes(&'static str),
}

impl Column {
    pub fn name(self) -> &'static str {
        match self {
            Self::Text(name) | Self::Number(name) | Self::Flag(name) | Self::Bytes(name) => name,
        }
    }
}

impl<'q> Statement<'q> {
    pub fn new(sql: impl SqlSafeStr) -> Self {
        let sql = sql.into_sql_str();
        Self {
            sql,
            values: Vec::new(),
        }
    }

    /// Adds the value of the next parameter.
    #[must_use]
    pub fn with(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }
}

impl Many<'_> {
    /// Returns the beginning of the statement.
    pub fn fresh(&self, rows: &str) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name()).collect();
        format!(
            "WITH fresh ({}) AS ({rows}) {}",
            names.join(", "),
            self.rest
        )
    }
}

impl<'q> From<&'q str> for Value<'q> {
    fn from(text: &'q str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'q> From<&'q String> for Value<'q> {
    fn from(text: &'q String) -> Self {
        Self::Text(text.into())
    }
}

impl<'q> From<Option<&'q str>> for Value<'q> {
    fn from(text: Option<&'q str>) -> Self {
        Self::MaybeText(text.map(Cow::from))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(text: Option<String>) -> Self {
        Self::MaybeText(text.map(Cow::from))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<'q> From<&'q [u8]> for Value<'q> {
    fn from(bytes: &'q [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<String>> for Value<'_> {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}
