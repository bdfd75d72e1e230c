//! One file of the journal.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::RwLock;

use super::{
    frame::{HEAD, MAX_PAYLOAD, Step, step},
    row::{RowHead, Texts, decode, row_head},
};
use crate::{
    row::{Row, SourceId},
    time::{Millis, Range},
};

/// The part of a file that is read at once.
const WINDOW: usize = 1 << 20;
/// The bytes that are read at the place of a row before its length is known.
const GUESS: usize = 2048;

/// The places of the rows of each source, in order.
pub type Places = HashMap<SourceId, Vec<u64>>;

/// A file of the journal, whose rows are found by their places.
#[derive(Debug)]
pub struct Journal {
    pub path: PathBuf,
    file: File,
    bytes: AtomicU64,
    index: RwLock<Index>,
}

/// The rows of a file.
#[derive(Debug)]
struct Index {
    places: Places,
    /// The least and greatest time seen, and the last time heard.
    first: Millis,
    last: Millis,
    heard: Option<Millis>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            places: Places::default(),
            first: Millis::MAX,
            last: Millis::MIN,
            heard: None,
        }
    }
}

impl Index {
    fn add(&mut self, place: u64, head: RowHead) {
        self.places.entry(head.source).or_default().push(place);
        self.first = self.first.min(head.seen);
        self.last = self.last.max(head.seen);
        self.heard = Some(head.heard);
    }
}

/// The writing end of a file.
#[derive(Debug)]
pub struct Writer {
    file: File,
    len: u64,
}

impl Journal {
    /// Creates a file and returns both ends.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(path: &Path) -> io::Result<(Self, Writer)> {
        let mut options = OpenOptions::new();
        let writing = options.append(true).create_new(true).open(path)?;
        let journal = Self {
            path: path.into(),
            file: File::open(path)?,
            bytes: AtomicU64::default(),
            index: RwLock::default(),
        };
        let file = writing;
        Ok((journal, Writer { file, len: 0 }))
    }

    /// Opens a file that an earlier process has left, and looks for its rows. Returns the number of
    /// damaged bytes, too.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn scan(path: &Path) -> io::Result<(Self, u64)> {
        let mut file = File::open(path)?;
        let (mut index, mut damaged) = (Index::default(), 0);
        let mut buffer: Vec<u8> = Vec::new();
        let (mut at, mut used) = (0u64, 0usize);
        loop {
            buffer.drain(..used);
            used = 0;
            let read = read_more(&mut file, &mut buffer)?;
            loop {
                match step(&buffer[used..]) {
                    Step::Row(payload) => {
                        let end = payload.end;
                        let payload = &buffer[used..][payload];
                        match row_head(payload) {
                            Ok(head) => index.add(at, head),
                            Err(_) => damaged += end as u64,
                        }
                        (used, at) = (used + end, at + end as u64);
                    }
                    Step::Damaged(0) | Step::Short => break,
                    Step::Damaged(len) => {
                        (used, at) = (used + len, at + len as u64);
                        damaged += len as u64;
                    }
                }
            }
            if read == 0 && skip_torn(&mut buffer, &mut used, &mut at, &mut damaged) {
                break;
            }
        }
        let journal = Self {
            path: path.into(),
            file,
            bytes: AtomicU64::new(at),
            index: RwLock::new(index),
        };
        Ok((journal, damaged))
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    /// Makes rows known that are now in the file.
    pub fn add(&self, rows: &[(RowHead, u64)], bytes: u64) {
        self.bytes.store(bytes, Ordering::Release);
        let mut index = self.index.write();
        for (head, place) in rows {
            index.add(*place, *head);
        }
    }

    /// Returns the sources that have rows, ascending.
    pub fn sources(&self) -> Vec<SourceId> {
        let mut sources: Vec<SourceId> = self.index.read().places.keys().copied().collect();
        sources.sort_unstable();
        sources
    }

    /// Returns true if rows may have been seen in a range.
    pub fn meets(&self, range: Range) -> bool {
        let index = self.index.read();
        range.meets(index.first, index.last)
    }

    /// Returns the time at which its last row was heard.
    pub fn heard(&self) -> Option<Millis> {
        self.index.read().heard
    }

    /// Returns the rows of a source, in order, and the number of those that cannot be read.
    pub fn rows(&self, source: SourceId) -> (Vec<Row>, u64) {
        self.last_rows(source, usize::MAX)
    }

    /// Returns the last rows of a source, in order, and the number of those that cannot be read.
    pub fn last_rows(&self, source: SourceId, max: usize) -> (Vec<Row>, u64) {
        let places = self.index.read().places.get(&source).cloned();
        let places = places.unwrap_or_default();
        let mut texts = Texts::default();
        let (mut rows, mut damaged) = (Vec::new(), 0);
        let mut buffer = Vec::new();
        for place in &places[places.len().saturating_sub(max)..] {
            let row = self.at(*place, &mut buffer);
            match row.and_then(|payload| decode(payload, &mut texts).ok()) {
                Some(found) if found.source == source => rows.push(found.row),
                _ => damaged += 1,
            }
        }
        (rows, damaged)
    }

    fn at<'b>(&self, place: u64, buffer: &'b mut Vec<u8>) -> Option<&'b [u8]> {
        buffer.resize(GUESS, 0);
        let mut read = read_at(&self.file, buffer, place);
        if read < HEAD {
            return None;
        }
        let len = u32::from_le_bytes(*buffer[4..].first_chunk()?) as usize;
        if len > MAX_PAYLOAD {
            return None;
        }
        if HEAD + len > read {
            buffer.resize(HEAD + len, 0);
            read = read_at(&self.file, buffer, place);
        }
        match step(&buffer[..read]) {
            Step::Row(payload) => Some(&buffer[payload]),
            Step::Damaged(_) | Step::Short => None,
        }
    }
}

/// Passes over what looks like the beginning of a row and cannot be one, at the end of a file: a row
/// cut off by a crash, or a damaged length in front of good rows. Returns true at the end.
fn skip_torn(buffer: &mut [u8], used: &mut usize, at: &mut u64, damaged: &mut u64) -> bool {
    if *used >= buffer.len() {
        return true;
    }
    // Its marker is no marker: what follows is looked at again.
    (*used, *at, *damaged) = (*used + 1, *at + 1, *damaged + 1);
    false
}

fn read_more(file: &mut File, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let before = buffer.len();
    buffer.resize(before + WINDOW, 0);
    let read = loop {
        match file.read(&mut buffer[before..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    buffer.truncate(before + read);
    Ok(read)
}

/// Reads as much as there is.
fn read_at(file: &File, buffer: &mut [u8], place: u64) -> usize {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], place + read as u64) {
            Ok(0) | Err(_) => break,
            Ok(more) => read += more,
        }
    }
    read
}

impl Writer {
    pub fn bytes(&self) -> u64 {
        self.len
    }

    /// Writes rows. After an error the file is as it was before.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&mut self, rows: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(rows) {
            // A reader passes over what may be left of them.
            let _ = self.file.set_len(self.len);
            return Err(error);
        }
        self.len += rows.len() as u64;
        Ok(())
    }

    /// Waits until everything is on the disk.
    ///
    /// # Errors
    /// The disk has lost it, perhaps.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
