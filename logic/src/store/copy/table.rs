//! The tables, the same ones in every database, and how their rows are read and written.

use sqlx::{ColumnIndex, Database, Decode, Encode, QueryBuilder, Type, query_builder::Separated};

use super::Row;

/// A table.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// How many of the columns, from the first one on, are its key.
    pub keys: usize,
    /// How many rows are held in memory.
    pub at_once: i64,
    /// Whether an empty store has rows of it: those are written over.
    pub is_always_there: bool,
}

/// A column: its name, and what is in it.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    Text(&'static str),
    Number(&'static str),
    Flag(&'static str),
    Bytes(&'static str),
}

/// What a row has in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(Option<String>),
    Number(i64),
    Flag(bool),
    Bytes(Vec<u8>),
}

use Column::{Bytes, Flag, Number, Text};

const NAMED: &[Column] = &[Text("name"), Text("body")];

/// All but the leases, each after those that it refers to.
pub static TABLES: [Table; 19] = [
    table("target", NAMED),
    table("schedule", NAMED),
    table("credential", NAMED),
    table("person", &[Text("name"), Text("token_hash"), Text("made")]),
    table(
        "operation",
        &[
            Text("id"),
            Text("body"),
            Text("progress"),
            Flag("is_open"),
            Text("key"),
        ],
    ),
    table(
        "task",
        &[
            Text("id"),
            Text("operation"),
            Text("target"),
            Text("state"),
            Text("body"),
            Text("outcome"),
            Text("progress"),
        ],
    ),
    table("lock", &[Text("target"), Text("body")]),
    // A page can be large.
    Table {
        at_once: 20,
        ..table(
            "audit",
            &[Number("page"), Text("hash"), Text("body"), Bytes("packed")],
        )
    },
    Table {
        keys: 2,
        ..table("reading", &[Text("target"), Text("action"), Text("body")])
    },
    table(
        "environment_order",
        &[Text("environment"), Text("zone"), Text("body")],
    ),
    table("standing_order", &[Text("scope"), Text("body")]),
    table("desired_revision", &[Number("one"), Number("revision")]),
    table("kind_desired", &[Text("kind"), Text("body")]),
    table(
        "rollout",
        &[Text("id"), Text("kind"), Flag("is_open"), Text("body")],
    ),
    table(
        "release",
        &[
            Text("digest"),
            Text("kind"),
            Text("version"),
            Text("manifest"),
            Text("content"),
            Text("pushed_by"),
            Text("pushed_at"),
        ],
    ),
    Table {
        keys: 2,
        at_once: 16,
        ..table(
            "release_file",
            &[Text("sha256"), Number("part"), Bytes("bytes")],
        )
    },
    table("shipped_release", &[Text("digest"), Text("body")]),
    table("environment_zone", &[Text("environment"), Text("zone")]),
    Table {
        is_always_there: true,
        ..table("counter", &[Text("name"), Number("value")])
    },
];

const fn table(name: &'static str, columns: &'static [Column]) -> Table {
    Table {
        name,
        columns,
        keys: 1,
        at_once: 500,
        is_always_there: false,
    }
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Text(name) | Number(name) | Flag(name) | Bytes(name) => name,
        }
    }
}

impl Table {
    fn names(&self, columns: &[Column]) -> String {
        let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
        names.join(", ")
    }
}

/// A database that keeps what is in cells.
pub trait Cells: Database {
    fn bind<S: std::fmt::Display>(to: &mut Separated<'_, Self, S>, cell: &Cell);
}

impl<D: Database> Cells for D
where
    for<'q> Option<String>: Encode<'q, D> + Type<D>,
    for<'q> i64: Encode<'q, D> + Type<D>,
    for<'q> bool: Encode<'q, D> + Type<D>,
    for<'q> Vec<u8>: Encode<'q, D> + Type<D>,
{
    fn bind<S: std::fmt::Display>(to: &mut Separated<'_, Self, S>, cell: &Cell) {
        match cell {
            Cell::Text(text) => to.push_bind(text.clone()),
            Cell::Number(number) => to.push_bind(*number),
            Cell::Flag(flag) => to.push_bind(*flag),
            Cell::Bytes(bytes) => to.push_bind(bytes.clone()),
        };
    }
}

/// The rows after this one.
pub fn select<D: Cells>(table: &Table, after: Option<&Row>) -> QueryBuilder<D> {
    let keys = table.names(&table.columns[..table.keys]);
    let columns = table.names(table.columns);
    let mut query = QueryBuilder::new(format!("SELECT {columns} FROM {}", table.name));
    if let Some(after) = after {
        query.push(format_args!(" WHERE ({keys}) > ("));
        let mut list = query.separated(", ");
        after[..table.keys]
            .iter()
            .for_each(|cell| D::bind(&mut list, cell));
        query.push(")");
    }
    query.push(format_args!(" ORDER BY {keys} LIMIT {}", table.at_once));
    query
}

/// Writes rows.
pub fn insert<D: Cells>(table: &Table, rows: &[Row]) -> QueryBuilder<D> {
    let columns = table.names(table.columns);
    let mut query = QueryBuilder::new(format!("INSERT INTO {} ({columns}) ", table.name));
    query.push_values(rows, |mut values, row| {
        row.iter().for_each(|cell| D::bind(&mut values, cell));
    });
    if table.is_always_there {
        query.push(" ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    }
    query
}

/// The cells of a row.
pub fn cells<R: sqlx::Row>(table: &Table, row: &R) -> Result<Row, sqlx::Error>
where
    usize: ColumnIndex<R>,
    for<'r> Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> bool: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let columns = table.columns.iter().enumerate();
    let cell = |(at, column): (usize, &Column)| {
        Ok(match column {
            Text(_) => Cell::Text(row.try_get(at)?),
            Number(_) => Cell::Number(row.try_get(at)?),
            Flag(_) => Cell::Flag(row.try_get(at)?),
            Bytes(_) => Cell::Bytes(row.try_get(at)?),
        })
    };
    columns.map(cell).collect()
}
