//! The dictionary: the numbers of sources and series, each given once.

use std::{collections::HashMap, fs, io, path::Path, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _, params};
use utakata_model::{ActionName, MetricName, TargetName, reading::Attributes};

use crate::row::{ColumnId, Series, SourceId};

const FILE: &str = "dictionary.db";
const VERSION: i64 = 1;
/// The largest number of series of a source: a device may invent names without end.
pub const MAX_SERIES: usize = (1 << 18) - 1;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS source (
        id INTEGER PRIMARY KEY, target TEXT NOT NULL, action TEXT NOT NULL,
        UNIQUE (target, action));
    CREATE TABLE IF NOT EXISTS series (
        source INTEGER NOT NULL, number INTEGER NOT NULL,
        metric TEXT NOT NULL, unit TEXT NOT NULL, attributes TEXT NOT NULL,
        PRIMARY KEY (source, number)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS series_metric ON series (source, metric);
";

/// The dictionary on disk. Of one connection; another can be opened for readers.
#[derive(Debug)]
pub struct Dictionary {
    connection: Connection,
}

/// A series as the dictionary has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub number: ColumnId,
    pub metric: MetricName,
    pub unit: Arc<str>,
    pub attributes: Attributes,
}

/// An error of the dictionary.
pub type Error = rusqlite::Error;

impl Dictionary {
    /// Opens the dictionary of a folder. One that cannot be read is put aside, and a new one begun
    /// whose numbers follow `used`: the blocks of the old numbers have no names any more.
    ///
    /// # Errors
    /// It can neither be opened nor made.
    pub fn open(folder: &Path, used: impl FnOnce() -> SourceId) -> Result<(Self, bool), Error> {
        let path = folder.join(FILE);
        match Self::connect(&path) {
            Ok(dictionary) => Ok((dictionary, false)),
            Err(error) if is_damage(&error) => {
                tracing::error!(%error, "the dictionary of history is damaged and was put aside");
                put_aside(&path).map_err(|_| error)?;
                let dictionary = Self::connect(&path)?;
                dictionary.connection.execute(
                    "INSERT INTO source (id, target, action) VALUES (?, '', '')",
                    [used().saturating_add(1)],
                )?;
                Ok((dictionary, true))
            }
            Err(error) => Err(error),
        }
    }

    /// Opens another connection, for readers.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn connect(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 0 {
            connection.execute_batch(SCHEMA)?;
            connection.pragma_update(None, "user_version", VERSION)?;
        }
        // Damage shows where the tables begin.
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(Self { connection })
    }

    pub fn of_folder(folder: &Path) -> Result<Self, Error> {
        Self::connect(&folder.join(FILE))
    }

    /// Returns the number of a source, which is given if there is none.
    pub fn source(&self, target: &TargetName, action: &ActionName) -> Result<SourceId, Error> {
        if let Some(id) = self.find_source(target.as_str(), action.as_str())? {
            return Ok(id);
        }
        let sql = "INSERT INTO source (target, action) VALUES (?, ?) RETURNING id";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_row([target.as_str(), action.as_str()], |row| row.get(0))
    }

    fn find_source(&self, target: &str, action: &str) -> Result<Option<SourceId>, Error> {
        let sql = "SELECT id FROM source WHERE target = ? AND action = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row([target, action], |row| row.get(0));
        found.optional()
    }

    /// Returns the sources of a target.
    pub fn sources(&self, target: &TargetName) -> Result<Vec<(SourceId, ActionName)>, Error> {
        let sql = "SELECT id, action FROM source WHERE target = ? ORDER BY action";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([target.as_str()], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?))
        })?;
        let rows: Vec<(SourceId, String)> = rows.collect::<Result<_, _>>()?;
        let known = |(id, action)| Some((id, ActionName::new(action).ok()?));
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// Returns all sources by their numbers.
    pub fn all_sources(&self) -> Result<HashMap<SourceId, (TargetName, ActionName)>, Error> {
        let sql = "SELECT id, target, action FROM source";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok((
                row.get(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
            ))
        })?;
        let rows: Vec<(SourceId, String, String)> = rows.collect::<Result<_, _>>()?;
        let known = |(id, target, action): (_, String, String)| {
            let names = (TargetName::new(target).ok()?, ActionName::new(action).ok()?);
            Some((id, names))
        };
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// Returns the series of a source whose metric begins like this, by number.
    pub fn entries(&self, source: SourceId, metric: &str) -> Result<Vec<Entry>, Error> {
        let sql = "SELECT number, metric, unit, attributes FROM series
                   WHERE source = ? AND metric >= ? AND metric < ? ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql)?;
        // Names are ASCII: every one that begins like this is below.
        let beyond = format!("{metric}\u{7f}");
        let rows = statement.query_map(params![source, metric, beyond], |row| {
            let texts = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, texts))
        })?;
        let rows: Vec<(ColumnId, (String, String, String))> = rows.collect::<Result<_, _>>()?;
        Ok(rows
            .into_iter()
            .filter_map(|(number, texts)| entry(number, texts))
            .collect())
    }

    /// Writes series that are new, or whose descriptions have changed, in one transaction.
    pub fn put(&mut self, entries: &[(SourceId, Entry)]) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        {
            let sql = "INSERT INTO series (source, number, metric, unit, attributes)
                       VALUES (?, ?, ?, ?, ?)
                       ON CONFLICT DO UPDATE SET attributes = excluded.attributes";
            let mut statement = transaction.prepare_cached(sql)?;
            for (source, entry) in entries {
                let attributes = serde_json::to_string(&entry.attributes).unwrap_or_default();
                let metric = entry.metric.as_str();
                statement.execute(params![
                    source,
                    entry.number,
                    metric,
                    &*entry.unit,
                    attributes
                ])?;
            }
        }
        transaction.commit()
    }

    /// Returns the series of a target whose metrics begin like this.
    pub fn series(&self, target: &TargetName, metric: &str) -> Result<Vec<Series>, Error> {
        let mut series = Vec::new();
        for (source, action) in self.sources(target)? {
            let entries = self.entries(source, metric)?;
            series.extend(entries.into_iter().map(|entry| Series {
                source,
                column: entry.number,
                target: target.clone(),
                action: action.clone(),
                metric: entry.metric,
                attributes: entry.attributes,
                unit: entry.unit,
            }));
        }
        Ok(series)
    }
}

fn entry(number: ColumnId, (metric, unit, attributes): (String, String, String)) -> Option<Entry> {
    Some(Entry {
        number,
        metric: MetricName::new(metric).ok()?,
        unit: unit.into(),
        attributes: serde_json::from_str(&attributes).ok()?,
    })
}

/// Returns true for an error that waiting does not cure.
fn is_damage(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
    )
}

fn put_aside(path: &Path) -> io::Result<()> {
    for tail in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(tail);
        match fs::remove_file(beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, path.with_extension("db.damaged"))
}
