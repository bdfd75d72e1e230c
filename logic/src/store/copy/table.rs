//! The tables, the same in every database, and how their rows are read and written.

use sqlx::AssertSqlSafe;

use super::Row;
use crate::store::sql::{Column, Columns, Statement, Value};

pub struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
    /// The number of leading columns that form the key.
    pub keys: usize,
    /// The number of rows held in memory at a time.
    pub at_once: i64,
    /// True if even an empty store has rows in it, which are overwritten.
    pub is_always_there: bool,
}

/// The value of a column in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(Option<String>),
    Number(i64),
    Flag(bool),
    Bytes(Vec<u8>),
}

use Column::{Bytes, Flag, Number, Text};

const NAMED: &[Column] = &[Text("name"), Text("body")];

/// All tables except the leases, each after those it refers to.
pub static TABLES: [Table; 36] = [
    table("target", NAMED),
    table("schedule", NAMED),
    table("credential", NAMED),
    table("seal", NAMED),
    table("relation", NAMED),
    table("alarm_rule", NAMED),
    table("envelope", NAMED),
    table("policy", NAMED),
    table("floor", NAMED),
    table("gate", &[Text("key"), Text("body")]),
    table("policy_state", &[Text("key"), Text("body")]),
    Table {
        keys: 2,
        ..table(
            "policy_log",
            &[Text("instance"), Number("at"), Text("body")],
        )
    },
    table("alarm", &[Text("key"), Text("body")]),
    table("alarm_change", &[Number("number"), Text("body")]),
    table("alarm_told", &[Text("channel"), Number("number")]),
    table("principal", NAMED),
    table("principal_token", &[Text("hash"), Text("body")]),
    table("binding", NAMED),
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
    Table {
        keys: 3,
        ..table(
            "notification",
            &[
                Text("zone"),
                Text("source"),
                Text("key"),
                Number("last"),
                Text("body"),
            ],
        )
    },
    table("sighting", &[Text("key"), Text("body")]),
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
    table(
        "environment_key",
        &[Text("environment"), Text("zone"), Text("body")],
    ),
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

impl Table {
    fn names(&self, columns: &[Column]) -> String {
        let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
        names.join(", ")
    }
}

impl Cell {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => text.as_deref().into(),
            Self::Number(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Bytes(bytes) => bytes.as_slice().into(),
        }
    }
}

/// Selects the rows after this one.
pub(in crate::store) fn select<'r>(table: &Table, after: Option<&'r Row>) -> Statement<'r> {
    let keys = table.names(&table.columns[..table.keys]);
    let columns = table.names(table.columns);
    let name = table.name;
    let mut text = format!("SELECT {columns} FROM {name}");
    let after = after.map_or(&[] as &[Cell], |after| &after[..table.keys]);
    if !after.is_empty() {
        let parameters: Vec<String> = (1..=table.keys).map(|key| format!("${key}")).collect();
        text.push_str(&format!(" WHERE ({keys}) > ({})", parameters.join(", ")));
    }
    text.push_str(&format!(" ORDER BY {keys} LIMIT {}", table.at_once));
    let statement = Statement::new(AssertSqlSafe(text));
    let after = after.iter();
    after.fold(statement, |statement, cell| statement.with(cell.value()))
}

pub(in crate::store) fn insert<'r>(table: &Table, rows: &'r [Row]) -> Statement<'r> {
    let columns = table.names(table.columns);
    let width = table.columns.len();
    let row = |row: usize| {
        let parameters = (1..=width).map(|column| format!("${}", row * width + column));
        format!("({})", parameters.collect::<Vec<_>>().join(", "))
    };
    let values: Vec<String> = (0..rows.len()).map(row).collect();
    let (name, values) = (table.name, values.join(", "));
    let mut text = format!("INSERT INTO {name} ({columns}) VALUES {values}");
    if table.is_always_there {
        text.push_str(" ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    }
    let statement = Statement::new(AssertSqlSafe(text));
    let cells = rows.iter().flatten();
    cells.fold(statement, |statement, cell| statement.with(cell.value()))
}

/// The cells of a row.
pub(in crate::store) fn cells(table: &Table, row: &impl Columns) -> Result<Row, sqlx::Error> {
    let cell = |column: &Column| {
        Ok(match *column {
            Text(name) => Cell::Text(row.try_maybe_text(name)?),
            Number(name) => Cell::Number(row.try_number(name)?),
            Flag(name) => Cell::Flag(row.try_flag(name)?),
            Bytes(name) => Cell::Bytes(row.try_bytes(name)?.to_vec()),
        })
    };
    table.columns.iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::Path,
    };

    use super::*;

    /// Reads the tables and columns created by the migrations of a database.
    fn made(database: &str) -> BTreeMap<String, BTreeSet<String>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut made: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let files = fs::read_dir(folder.join(database)).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files {
            let text = fs::read_to_string(file).unwrap();
            for rest in text.split("CREATE TABLE ").skip(1) {
                let name = rest.split([' ', '(']).next().unwrap();
                made.entry(name.into()).or_default();
            }
            for rest in text.split("DROP TABLE ").skip(1) {
                made.remove(rest.split(';').next().unwrap());
            }
            for rest in text.split("ALTER TABLE ").skip(1) {
                let mut words = rest.split_whitespace();
                let name = words.next().unwrap();
                let statement = rest.split(';').next().unwrap();
                if let Some(column) = statement.split("ADD COLUMN ").nth(1) {
                    let column = column.split(' ').next().unwrap();
                    made.entry(name.into()).or_default().insert(column.into());
                }
            }
        }
        made
    }

    #[test]
    fn every_table_of_the_migrations_is_copied_but_those_of_one_database() {
        for (database, own) in [
            (
                "sqlite",
                // SQLite derives its index of target tasks from the tasks, which are copied.
                &["lease", "target_task", "recent_target_task"][..],
            ),
            ("postgres", &["lease", "identity"]),
        ] {
            let mut made = made(database);
            for name in own {
                assert!(made.remove(*name).is_some(), "{name} is not in {database}");
            }
            let copied: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();
            let names: BTreeSet<&str> = made.keys().map(String::as_str).collect();
            assert_eq!(copied, names, "{database}");
            for (name, added) in &made {
                let table = TABLES.iter().find(|table| table.name == name).unwrap();
                let columns: BTreeSet<&str> =
                    table.columns.iter().map(|column| column.name()).collect();
                // PostgreSQL derives that column from the body, which is copied.
                let added = added.iter().filter(|column| *column != "undoes");
                for column in added {
                    assert!(columns.contains(column.as_str()), "{name}.{column}");
                }
            }
        }
    }
}
