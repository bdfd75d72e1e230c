//! The thread that writes the journal.

use std::{
    collections::HashMap,
    hash::BuildHasher as _,
    io,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;
use utakata_model::{ActionName, Quality, Reading, ReadingValue, Readings, TargetName};

use super::{
    Message, name,
    series_map::{self, SeriesMap, SharedNames},
    shared::{Shared, Trouble},
};
use crate::{
    dictionary::{self, Dictionary, Entry},
    gap,
    journal::{Cell, Journal, RowHead, Writer, encode_hole, encode_values, frame},
    row::{ColumnId, MAX_CODE, Record, SourceId},
    time::{Millis, hour_of},
};

/// The source of history itself, for the times in which it was away. Sources of targets begin at 1.
pub const OWN: SourceId = 0;
/// The code of the end of a time in which history was away.
pub const BACK: &str = "back";

/// The interval at which rows are written and synced.
const INTERVAL: Duration = Duration::from_millis(500);
/// The bytes after which rows are written earlier.
const MAX_BUFFER: usize = 8 << 20;
/// The time within which something that was heard in another hour stays with the rest.
const LATE: Millis = 60_000;
/// The interval between attempts to write after one has failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The writer of the journal.
pub struct Pen {
    shared: Arc<Shared>,
    dictionary: Dictionary,
    hasher: RandomState,
    /// The places of sources among the maps.
    sources: HashMap<(TargetName, ActionName), usize>,
    maps: Vec<SeriesMap>,
    names: SharedNames,
    open: Option<Open>,
    /// The number of the file, and of each new beginning in it, in this process.
    file: u64,
    buffer: Vec<u8>,
    rows: Vec<(RowHead, u64)>,
    values: u64,
    /// The names that the dictionary must learn before rows are written.
    fresh: Vec<(SourceId, Entry)>,
    /// Since when, and why, rows are lost.
    lost: Option<(Millis, &'static str, Instant)>,
}

struct Open {
    hour: i64,
    journal: Arc<Journal>,
    writer: Writer,
}

/// The reason why rows could not be written.
enum Failure {
    NoRoom,
    Io(io::Error),
    Dictionary(dictionary::Error),
}

impl Pen {
    pub fn new(shared: Arc<Shared>, dictionary: Dictionary) -> Self {
        Self {
            shared,
            dictionary,
            hasher: RandomState::default(),
            sources: HashMap::new(),
            maps: Vec::new(),
            names: SharedNames::default(),
            open: None,
            file: 0,
            buffer: Vec::new(),
            rows: Vec::new(),
            values: 0,
            fresh: Vec::new(),
            lost: None,
        }
    }

    /// Writes what arrives until it is stopped.
    pub fn run(mut self, inbox: &Receiver<Message>) {
        let mut due = Instant::now() + INTERVAL;
        loop {
            let left = due.saturating_duration_since(Instant::now());
            match inbox.recv_timeout(left) {
                Ok(Message::Record(record)) => self.record(&record),
                Ok(Message::Away { from, to }) => self.away(from, to, gap::AWAY),
                Ok(Message::Settle(done)) => {
                    self.flush();
                    let _ = done.send(());
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= due || self.buffer.len() > MAX_BUFFER {
                self.flush();
                self.end_hour();
                due = Instant::now() + INTERVAL;
            }
        }
        self.flush();
        self.close();
    }

    fn record(&mut self, record: &Record) {
        let heard = record.heard().as_millisecond();
        self.turn_over(heard);
        let written = match record {
            Record::Readings { readings, .. } => self.readings(readings, heard),
            Record::Missed {
                target,
                action,
                seen,
                code,
                ..
            } => self.missed((target, action), seen.as_millisecond(), heard, code),
        };
        if let Err(error) = written {
            self.fail(&Failure::Dictionary(error), 1);
        }
    }

    fn missed(
        &mut self,
        (target, action): (&TargetName, &ActionName),
        seen: Millis,
        heard: Millis,
        code: &str,
    ) -> Result<(), dictionary::Error> {
        let at = self.source(target, action)?;
        let source = self.maps[at].source;
        let head = RowHead {
            source,
            seen,
            heard,
        };
        let end = code.floor_char_boundary(MAX_CODE);
        self.row(head, |to| encode_hole(to, head, &code[..end]));
        Ok(())
    }

    fn readings(&mut self, readings: &Readings, heard: Millis) -> Result<(), dictionary::Error> {
        let at = self.source(&readings.target, &readings.action)?;
        let numbers = self.numbers(at, readings);
        let (map, hasher) = (&mut self.maps[at], &self.hasher);
        map.begin_row(self.file);
        let head = RowHead {
            source: map.source,
            seen: readings.time.as_millisecond(),
            heard,
        };
        let each = numbers.iter().zip(&readings.readings);
        let known = each.filter_map(|(number, reading)| Some(((*number)?, reading)));
        let cells: Vec<_> = known
            .map(|(number, reading)| cell(map, hasher, number, reading))
            .collect();
        self.values += cells.len() as u64;
        self.row(head, |to| encode_values(to, head, cells.into_iter()));
        Ok(())
    }

    /// Returns the numbers of the series of readings, in their order.
    fn numbers(&mut self, at: usize, readings: &Readings) -> Vec<Option<usize>> {
        let map = &mut self.maps[at];
        let mut expected = 0;
        let mut unknown = Vec::new();
        let mut numbers: Vec<Option<usize>> = Vec::with_capacity(readings.readings.len());
        for (place, reading) in readings.readings.iter().enumerate() {
            let hash = series_map::hash(&self.hasher, reading);
            let found = map.find(hash, expected);
            expected = found.map_or(expected, |found| found + 1);
            if found.is_none() {
                unknown.push((place, (hash, reading)));
            }
            numbers.push(found);
        }
        if unknown.is_empty() {
            return numbers;
        }
        let named: Vec<(u64, &Reading)> = unknown.iter().map(|(_, one)| *one).collect();
        let learned = map.learn(&self.hasher, &mut self.names, &named);
        let source = map.source;
        let learned = learned.into_iter().map(|entry| (source, entry));
        self.fresh.extend(learned);
        let mut expected = 0;
        for (place, (hash, _)) in unknown {
            numbers[place] = map.find(hash, expected);
            expected = numbers[place].map_or(expected, |found| found + 1);
        }
        numbers
    }

    /// Returns the place of the map of a source, which is loaded if it is not there.
    fn source(
        &mut self,
        target: &TargetName,
        action: &ActionName,
    ) -> Result<usize, dictionary::Error> {
        let key = (target.clone(), action.clone());
        if let Some(at) = self.sources.get(&key) {
            return Ok(*at);
        }
        let source = self.dictionary.source(target, action)?;
        let map = SeriesMap::load(&self.dictionary, source, &self.hasher, &mut self.names)?;
        self.maps.push(map);
        self.sources.insert(key, self.maps.len() - 1);
        Ok(self.maps.len() - 1)
    }

    fn row(&mut self, head: RowHead, payload: impl FnOnce(&mut Vec<u8>)) {
        let written = self.open.as_ref().map_or(0, |open| open.writer.bytes());
        self.rows.push((head, written + self.buffer.len() as u64));
        frame(&mut self.buffer, payload);
    }

    /// Writes when history was away: its beginning and its end.
    fn away(&mut self, from: Millis, to: Millis, code: &str) {
        self.turn_over(to);
        for (time, code) in [(from, code), (to, BACK)] {
            let head = RowHead {
                source: OWN,
                seen: time,
                heard: to,
            };
            self.row(head, |to| encode_hole(to, head, code));
        }
    }

    /// Goes on to the file of another hour.
    fn turn_over(&mut self, now: Millis) {
        let hour = hour_of(now);
        match &self.open {
            // What comes a little late stays with the rest.
            Some(open) if [hour, hour_of(now.saturating_add(LATE))].contains(&open.hour) => return,
            Some(_) => {
                self.flush();
                self.close();
            }
            None if self.is_resting() => return,
            None => {}
        }
        match self.create(hour) {
            Ok(open) => {
                self.file += 1;
                let journal = Arc::clone(&open.journal);
                self.shared.change(|view| view.current = Some(journal));
                self.open = Some(open);
            }
            Err(error) => self.fail(&Failure::Io(error), 0),
        }
    }

    /// Ends the present file some time after its hour, if nothing arrives that would end it.
    fn end_hour(&mut self) {
        let earlier = hour_of(self.shared.now().saturating_sub(LATE));
        if self.open.as_ref().is_some_and(|open| open.hour < earlier) {
            self.close();
        }
    }

    fn create(&self, hour: i64) -> io::Result<Open> {
        let (journals, raw) = (self.shared.folder("journal"), self.shared.folder("raw"));
        for number in 0.. {
            let stem = name::of_hour(hour, number);
            let path = journals.join(format!("{stem}.log"));
            if raw.join(format!("{stem}.db")).exists() || path.exists() {
                continue;
            }
            let (journal, writer) = Journal::create(&path)?;
            crate::file::sync_folder(&path)?;
            return Ok(Open {
                hour,
                journal: Arc::new(journal),
                writer,
            });
        }
        Err(io::Error::other("there are too many files of an hour"))
    }

    /// Hands the present file over to be sealed.
    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.shared.change(|view| {
                view.current = None;
                view.journals.push(open.journal);
            });
            self.shared.wake_keeper();
        }
    }

    /// Writes and syncs what waits. What cannot be written is lost, and counted.
    fn flush(&mut self) {
        let overrun = self.shared.stats.overrun.swap(0, Ordering::Relaxed);
        if overrun > 0 && self.lost.is_none() {
            let now = self.shared.now();
            tracing::warn!(overrun, "readings arrive faster than they can be written");
            self.away(now - 1000, now, gap::TOO_FAST);
        }
        if let Some((from, code, _)) = self.lost.filter(|_| !self.is_resting()) {
            self.away(from, self.shared.now(), code);
        }
        if self.buffer.is_empty() || self.is_resting() {
            let rows = self.rows.len() as u64;
            self.forget(rows);
            return;
        }
        let began = Instant::now();
        match self.write() {
            Ok(()) => {
                if let Some(call) = self.shared.on_flush.get() {
                    call(began.elapsed());
                }
                self.lost = None;
                self.shared.trouble(None);
                self.forget(0);
            }
            Err(failure) => self.fail(&failure, 0),
        }
    }

    fn write(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.open else {
            return Err(Failure::NoRoom);
        };
        let bytes = self.buffer.len() as u64;
        if !self.shared.reserve(bytes) {
            return Err(Failure::NoRoom);
        }
        let written = if self.fresh.is_empty() {
            Ok(())
        } else {
            self.dictionary
                .put(&self.fresh)
                .map_err(Failure::Dictionary)
        };
        let written = written.and_then(|()| {
            self.fresh.clear();
            open.writer.write(&self.buffer).map_err(Failure::Io)?;
            open.writer.sync().map_err(Failure::Io)
        });
        if written.is_ok() {
            open.journal.add(&self.rows, open.writer.bytes());
            let values = &self.shared.stats.values;
            values.fetch_add(self.values, Ordering::Relaxed);
        }
        self.shared.release(bytes);
        written
    }

    /// Loses the rows that wait, and so many more.
    fn fail(&mut self, failure: &Failure, more: u64) {
        let folder = &self.shared.config.folder;
        let trouble = match failure {
            Failure::NoRoom => Trouble::no_room(folder),
            Failure::Io(error) if error.kind() == io::ErrorKind::StorageFull => {
                Trouble::no_room(folder)
            }
            Failure::Io(error) => Trouble::unwritable(error),
            Failure::Dictionary(error) => Trouble::unwritable(error),
        };
        let since = self
            .lost
            .map_or_else(|| self.shared.now(), |(since, _, _)| since);
        self.lost = Some((since, trouble.code, Instant::now()));
        self.shared.trouble(Some(trouble));
        self.forget(self.rows.len() as u64 + more);
        // What may be left of a row is behind the next file's beginning.
        self.close();
    }

    /// Empties the buffer, in which so many rows are lost.
    fn forget(&mut self, lost: u64) {
        self.shared.lose(lost);
        self.buffer.clear();
        self.rows.clear();
        self.values = 0;
        if lost > 0 {
            // The texts in them must be written again.
            self.file += 1;
        }
    }

    /// Returns true after a failure, until another attempt is due.
    fn is_resting(&self) -> bool {
        self.lost
            .is_some_and(|(_, _, at)| at.elapsed() < RETRY_AFTER)
    }
}

fn cell<'r>(
    map: &mut SeriesMap,
    hasher: &RandomState,
    number: usize,
    reading: &'r Reading,
) -> (ColumnId, Cell<'r>, Quality) {
    let column = ColumnId::try_from(number).unwrap_or(ColumnId::MAX);
    let cell = match &reading.value {
        ReadingValue::Number(number) => Cell::Number(*number),
        ReadingValue::Text(text) if map.is_new_text(column, hasher.hash_one(&**text)) => {
            Cell::Text(text)
        }
        ReadingValue::Text(_) => Cell::SameText,
    };
    (column, cell, reading.quality)
}
