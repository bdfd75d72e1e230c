//! Files of sealed blocks: SQLite, written once, renamed into place, never changed, deleted whole.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags, params};

use crate::{
    row::{ColumnId, SourceId},
    time::Millis,
};

const VERSION: i64 = 1;
/// Small pages: a block fills its last one only in part.
const PAGE: i64 = 1024;
/// The bits of an identifier for blocks of the same owner.
const BITS: i64 = 9;
/// The bits of an identifier for a series within a source.
const SERIES_BITS: i64 = 18;
/// The ending of a file that is not finished.
pub const UNFINISHED: &str = "tmp";

/// An error of reading or writing a file of blocks.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} cannot be read", path.display())]
    Read {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("{} cannot be written", path.display())]
    Write {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("{} cannot be written", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// The owner of a block: a source for raw blocks, a series for tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(i64);

impl Owner {
    pub fn source(source: SourceId) -> Self {
        Self(i64::from(source))
    }

    pub fn series(source: SourceId, column: ColumnId) -> Self {
        Self(i64::from(source) << SERIES_BITS | i64::from(column))
    }

    /// Returns the source, if it owns raw blocks.
    pub fn as_source(self) -> SourceId {
        SourceId::try_from(self.0).unwrap_or(SourceId::MAX)
    }

    /// Returns true if it is a series of this number, of any source.
    pub fn is_series(self, column: ColumnId) -> bool {
        self.0 & ((1 << SERIES_BITS) - 1) == i64::from(column)
    }

    fn identifiers(self) -> (i64, i64) {
        let first = self.0 << BITS;
        (first, first | ((1 << BITS) - 1))
    }
}

/// A file under construction.
#[derive(Debug)]
pub struct Build {
    connection: Connection,
    unfinished: PathBuf,
    path: PathBuf,
    last: Option<(Owner, i64)>,
    span: Option<(Millis, Millis)>,
}

/// A block in a file, not decoded.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub owner: Owner,
    pub first: Millis,
    pub last: Millis,
    pub body: Vec<u8>,
}

impl Build {
    /// Begins a file. Nobody sees it before it is finished.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(path: &Path) -> Result<Self, Error> {
        let unfinished = path.with_extension(UNFINISHED);
        let _ = fs::remove_file(&unfinished);
        let failed = |source| Error::Write {
            path: path.into(),
            source,
        };
        let connection = Connection::open(&unfinished).map_err(failed)?;
        let schema = format!(
            "PRAGMA page_size = {PAGE};
             PRAGMA journal_mode = OFF;
             PRAGMA synchronous = OFF;
             PRAGMA locking_mode = EXCLUSIVE;
             CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
             CREATE TABLE block (
                 id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
                 body BLOB NOT NULL);
             PRAGMA user_version = {VERSION};
             BEGIN"
        );
        connection.execute_batch(&schema).map_err(failed)?;
        Ok(Self {
            connection,
            unfinished,
            path: path.into(),
            last: None,
            span: None,
        })
    }

    /// Adds a block; those of an owner one after the other, owners ascending.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add(&mut self, block: &Sealed) -> Result<(), Error> {
        let number = match self.last {
            Some((owner, number)) if owner == block.owner => number + 1,
            _ => 0,
        };
        self.last = Some((block.owner, number));
        let (first, last) = (block.first, block.last);
        self.span = Some(
            self.span
                .map_or((first, last), |(from, to)| (from.min(first), to.max(last))),
        );
        let id = block.owner.identifiers().0 + number;
        let sql = "INSERT INTO block (id, first, last, body) VALUES (?, ?, ?, ?)";
        let added = self.connection.prepare_cached(sql);
        let added = added.and_then(|mut add| add.execute(params![id, first, last, block.body]));
        added.map(drop).map_err(|source| self.failed(source))
    }

    /// Ends the file: once it returns, the file is there, whatever happens to the machine.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self, made_of: &[String]) -> Result<BlockFile, Error> {
        let (first, last) = self.span.unwrap_or((0, 0));
        let facts = [
            ("first", first.to_string()),
            ("last", last.to_string()),
            ("made_of", made_of.join(" ")),
        ];
        for (name, value) in facts {
            let put = "INSERT INTO meta (name, value) VALUES (?, ?)";
            let put = self.connection.execute(put, [name, &value]);
            put.map_err(|source| self.failed(source))?;
        }
        let committed = self.connection.execute_batch("COMMIT");
        committed.map_err(|source| self.failed(source))?;
        let (unfinished, path) = (self.unfinished, self.path);
        let failed = |source| Error::Io {
            path: path.clone(),
            source,
        };
        if let Err((_, source)) = self.connection.close() {
            return Err(Error::Write { path, source });
        }
        File::open(&unfinished)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&unfinished, &path))
            .and_then(|()| sync_folder(&path))
            .map_err(failed)?;
        BlockFile::open(&path)
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Write {
            path: self.path.clone(),
            source,
        }
    }
}

/// Makes names in the folder of a file last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// A finished file.
#[derive(Debug)]
pub struct BlockFile {
    pub path: PathBuf,
    pub bytes: u64,
    pub first: Millis,
    pub last: Millis,
    /// The names of the files it was made of, which it replaces.
    pub made_of: Vec<String>,
    /// Connections that nobody uses just now: each reader has one of its own.
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl BlockFile {
    /// Opens a file.
    ///
    /// # Errors
    /// It is no such file, or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read {
            path: path.into(),
            source,
        };
        let connection = open_unchanging(path).map_err(failed)?;
        let fact = |name: &str| -> Result<String, rusqlite::Error> {
            let sql = "SELECT value FROM meta WHERE name = ?";
            connection.query_row(sql, [name], |row| row.get(0))
        };
        let number = |name| Ok(fact(name)?.parse::<i64>().unwrap_or_default());
        let (first, last) = (
            number("first").map_err(failed)?,
            number("last").map_err(failed)?,
        );
        let made_of = fact("made_of").map_err(failed)?;
        let made_of = made_of.split_whitespace().map(str::to_owned).collect();
        Ok(Self {
            bytes: fs::metadata(path).map_or(0, |about| about.len()),
            path: path.into(),
            first,
            last,
            made_of,
            idle: Mutex::new(vec![connection]),
            returned: Condvar::new(),
        })
    }

    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Returns the blocks of an owner.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn blocks(&self, owner: Owner) -> Result<Vec<Sealed>, Error> {
        let mut blocks = Vec::new();
        self.each_of(&[owner], |block| blocks.push(block))?;
        Ok(blocks)
    }

    /// Visits the blocks of many owners.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn each_of(&self, owners: &[Owner], mut visit: impl FnMut(Sealed)) -> Result<(), Error> {
        let connection = self.connection();
        let sql = "SELECT id, first, last, body FROM block WHERE id BETWEEN ? AND ?";
        let failed = |source| self.failed(source);
        let mut statement = connection.prepare_cached(sql).map_err(failed)?;
        for owner in owners {
            let (from, to) = owner.identifiers();
            let mut rows = statement.query([from, to]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                visit(sealed(row).map_err(failed)?);
            }
        }
        Ok(())
    }

    /// Returns the last owner.
    pub fn greatest(&self) -> Option<Owner> {
        let connection = self.connection();
        let sql = "SELECT max(id) >> ? FROM block";
        let found = connection.query_row(sql, [BITS], |row| row.get::<_, Option<i64>>(0));
        found.ok().flatten().map(Owner)
    }

    /// Returns all owners, ascending.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn owners(&self) -> Result<Vec<Owner>, Error> {
        let connection = self.connection();
        let failed = |source| self.failed(source);
        let sql = "SELECT DISTINCT id >> ? FROM block ORDER BY id";
        let mut statement = connection.prepare(sql).map_err(failed)?;
        let rows = statement
            .query_map([BITS], |row| row.get(0))
            .map_err(failed)?;
        rows.map(|owner| owner.map(Owner))
            .collect::<Result<_, _>>()
            .map_err(failed)
    }

    fn connection(&self) -> Lent<'_> {
        let mut idle = self.idle.lock();
        let mut connection = idle.pop();
        if connection.is_none() {
            connection = open_unchanging(&self.path).ok();
        }
        // A file that was deleted meanwhile cannot be opened again: what there is, is lent in turn.
        while connection.is_none() {
            self.returned.wait(&mut idle);
            connection = idle.pop();
        }
        Lent {
            file: self,
            connection,
        }
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Read {
            path: self.path.clone(),
            source,
        }
    }
}

/// A connection that returns to its file.
struct Lent<'f> {
    file: &'f BlockFile,
    connection: Option<Connection>,
}

impl std::ops::Deref for Lent<'_> {
    type Target = Connection;

    #[allow(clippy::expect_used, reason = "it is there until it is dropped")]
    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("it is there until it is dropped")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.file.idle.lock().extend(self.connection.take());
        self.file.returned.notify_one();
    }
}

fn sealed(row: &rusqlite::Row<'_>) -> Result<Sealed, rusqlite::Error> {
    Ok(Sealed {
        owner: Owner(row.get::<_, i64>(0)? >> BITS),
        first: row.get(1)?,
        last: row.get(2)?,
        body: row.get(3)?,
    })
}

/// Opens a file that nobody changes, so that no lock is needed.
fn open_unchanging(path: &Path) -> Result<Connection, rusqlite::Error> {
    let mut name = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                name.push(char::from(*byte));
            }
            other => name.push_str(&format!("%{other:02x}")),
        }
    }
    name.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(name, flags)?;
    // What a file says of itself must not run anything.
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}
