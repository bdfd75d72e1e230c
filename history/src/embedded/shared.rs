//! The state that the threads and the readers share.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::{Condvar, Mutex, RwLock};

use super::Config;
use crate::{
    dictionary::Dictionary,
    file::BlockFile,
    gap,
    journal::Journal,
    plan::{Sort, Stored, yields},
};

/// The part of a disk, as one of so many, that is left to others at most: history must be possible
/// on a small disk.
const MAX_LEFT: u64 = 20;

/// A file of blocks in use.
#[derive(Debug)]
pub struct Held {
    pub stored: Stored,
    pub file: BlockFile,
}

/// All files at a moment.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub files: Vec<Arc<Held>>,
    /// Closed files of the journal, which wait to be sealed.
    pub journals: Vec<Arc<Journal>>,
    /// The file that is written.
    pub current: Option<Arc<Journal>>,
}

/// A reason why readings are not kept just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The code, which has a page.
    pub code: &'static str,
    pub message: String,
}

/// The state of a history, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The bytes on the disk.
    pub bytes: u64,
    /// The values that were written since the start.
    pub values: u64,
    /// The rows that could not be kept since the start.
    pub lost: u64,
    /// The blocks, and parts of the journal, that could not be read.
    pub damaged: u64,
    pub trouble: Option<Trouble>,
}

#[derive(Debug, Default)]
pub struct Stats {
    pub values: AtomicU64,
    pub lost: AtomicU64,
    pub damaged: AtomicU64,
    /// Records that found the queue full, not yet reported as a gap.
    pub overrun: AtomicU64,
}

/// A function that gets the duration of each write that was synced.
pub type OnFlush = Box<dyn Fn(Duration) + Send + Sync>;

pub struct Shared {
    pub config: Config,
    pub on_flush: OnceLock<OnFlush>,
    pub stats: Stats,
    /// For readers.
    pub dictionary: Mutex<Dictionary>,
    view: RwLock<Arc<View>>,
    /// Bytes that are being written.
    reserved: Mutex<u64>,
    trouble: Mutex<Option<Trouble>>,
    is_scanned: Mutex<bool>,
    scanned: Condvar,
    stopping: AtomicBool,
    wake: (Mutex<bool>, Condvar),
}

impl Shared {
    pub fn new(config: Config, dictionary: Dictionary, view: View) -> Self {
        Self {
            config,
            on_flush: OnceLock::new(),
            stats: Stats::default(),
            dictionary: Mutex::new(dictionary),
            view: RwLock::new(Arc::new(view)),
            reserved: Mutex::default(),
            trouble: Mutex::default(),
            is_scanned: Mutex::default(),
            scanned: Condvar::new(),
            stopping: AtomicBool::default(),
            wake: (Mutex::default(), Condvar::new()),
        }
    }

    pub fn now(&self) -> i64 {
        (self.config.clock)()
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.config.folder.join(name)
    }

    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read())
    }

    /// Changes the list of files for all readers that begin from now on.
    pub fn change(&self, change: impl FnOnce(&mut View)) {
        let mut view = self.view.write();
        let mut next = View::clone(&view);
        change(&mut next);
        *view = Arc::new(next);
    }

    /// Puts a file in the place of others, which are deleted.
    pub fn replace(&self, gone: &[Arc<Held>], new: impl IntoIterator<Item = Held>) {
        self.change(|view| {
            view.files
                .retain(|file| !gone.iter().any(|gone| Arc::ptr_eq(gone, file)));
            view.files.extend(new.into_iter().map(Arc::new));
        });
        for gone in gone {
            remove(&gone.file.path);
        }
    }

    /// Deletes a closed file of the journal.
    pub fn drop_journal(&self, journal: &Arc<Journal>) {
        self.change(|view| view.journals.retain(|one| !Arc::ptr_eq(one, journal)));
        remove(&journal.path);
    }

    /// Reserves space for bytes about to be written; old files are deleted for them. Returns false
    /// if there is not enough.
    pub fn reserve(&self, bytes: u64) -> bool {
        let mut reserved = self.reserved.lock();
        loop {
            let is_over = self.used() + *reserved + bytes > self.config.max_bytes;
            let is_short = self.is_short(bytes);
            if !is_over && !is_short {
                *reserved += bytes;
                return true;
            }
            if !self.yield_one(is_over) {
                return false;
            }
        }
    }

    pub fn release(&self, bytes: u64) {
        let mut reserved = self.reserved.lock();
        *reserved = reserved.saturating_sub(bytes);
    }

    /// Returns the bytes of all files.
    pub fn used(&self) -> u64 {
        let view = self.view();
        let files: u64 = view.files.iter().map(|file| file.stored.bytes).sum();
        let journals = view.journals.iter().chain(&view.current);
        let journals: u64 = journals.map(|journal| journal.bytes()).sum();
        files + journals + size_of_dictionary(&self.config.folder)
    }

    /// Returns true if the disk would have less space than is left to others.
    fn is_short(&self, bytes: u64) -> bool {
        let Ok(disk) = rustix::fs::statvfs(&self.config.folder) else {
            return false;
        };
        let unit = disk.f_frsize;
        let left = self.config.min_free.min(disk.f_blocks * unit / MAX_LEFT);
        disk.f_bavail * unit < left.saturating_add(bytes)
    }

    /// Deletes the oldest file. For the sake of others only raw files of earlier days: that is
    /// almost everything, and the rest would not help them.
    fn yield_one(&self, is_over: bool) -> bool {
        let view = self.view();
        let today = crate::plan::day_of(self.now());
        let may_yield =
            |stored: &Stored| is_over || stored.sort != Sort::Hours && stored.day < today;
        let files: Vec<&Arc<Held>> = view
            .files
            .iter()
            .filter(|file| may_yield(&file.stored))
            .collect();
        let stored: Vec<Stored> = files.iter().map(|file| file.stored).collect();
        if let Some(at) = yields(&stored) {
            let name = files[at].file.name();
            tracing::warn!(name, "history has no room left: its oldest file is deleted");
            self.replace(&[Arc::clone(files[at])], []);
            return true;
        }
        match view.journals.first().filter(|_| is_over) {
            Some(journal) => {
                tracing::warn!("history has no room left: an hour of its journal is deleted");
                self.drop_journal(journal);
                true
            }
            None => false,
        }
    }

    pub fn overrun(&self) {
        self.stats.lost.fetch_add(1, Ordering::Relaxed);
        self.stats.overrun.fetch_add(1, Ordering::Relaxed);
    }

    pub fn lose(&self, rows: u64) {
        self.stats.lost.fetch_add(rows, Ordering::Relaxed);
    }

    /// Records damage, which is told once where it is found.
    pub fn found_damage(&self, count: u64, place: &Path, error: &dyn std::fmt::Display) {
        if count > 0 {
            self.stats.damaged.fetch_add(count, Ordering::Relaxed);
            let place = place.display();
            tracing::error!(%place, %error, count, "history is damaged; the rest is read");
        }
    }

    /// Sets or ends the trouble that people should know of.
    pub fn trouble(&self, trouble: Option<Trouble>) {
        let mut now = self.trouble.lock();
        if now.as_ref().map(|one| one.code) != trouble.as_ref().map(|one| one.code) {
            match &trouble {
                Some(one) => tracing::error!(code = one.code, "{}", one.message),
                None => tracing::info!("readings are kept again"),
            }
        }
        *now = trouble;
    }

    pub fn status(&self) -> Status {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Status {
            bytes: self.used(),
            values: count(&self.stats.values),
            lost: count(&self.stats.lost),
            damaged: count(&self.stats.damaged),
            trouble: self.trouble.lock().clone(),
        }
    }

    pub fn set_scanned(&self) {
        *self.is_scanned.lock() = true;
        self.scanned.notify_all();
    }

    pub fn wait_until_scanned(&self, max: Duration) -> bool {
        let mut is_scanned = self.is_scanned.lock();
        let until = std::time::Instant::now() + max;
        while !*is_scanned {
            if self.scanned.wait_until(&mut is_scanned, until).timed_out() {
                return *is_scanned;
            }
        }
        true
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake_keeper();
    }

    /// Wakes the keeper: there is something to seal.
    pub fn wake_keeper(&self) {
        *self.wake.0.lock() = true;
        self.wake.1.notify_all();
    }

    /// Waits until the keeper is woken, or for this time.
    pub fn sleep(&self, max: Duration) {
        let mut is_woken = self.wake.0.lock();
        if !*is_woken {
            self.wake.1.wait_for(&mut is_woken, max);
        }
        *is_woken = false;
    }
}

impl Trouble {
    pub fn no_room(folder: &Path) -> Self {
        let folder = folder.display();
        Self {
            code: gap::NO_ROOM,
            message: format!(
                "readings are not kept: {folder} has no room; free some space, or allow history \
                 more or fewer days"
            ),
        }
    }

    pub fn unwritable(error: &dyn std::fmt::Display) -> Self {
        Self {
            code: "history-unwritable",
            message: format!("readings are not kept: {error}"),
        }
    }
}

fn size_of_dictionary(folder: &Path) -> u64 {
    let size = |name: &str| fs::metadata(folder.join(name)).map_or(0, |about| about.len());
    size("dictionary.db") + size("dictionary.db-wal")
}

pub fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        let path = path.display();
        tracing::warn!(%path, %error, "a file of history cannot be deleted");
    }
}
