//! The thread that looks at what was left, seals hours, merges days, and deletes what is too old.

use std::{
    path::Path,
    sync::{Arc, mpsc::SyncSender},
    time::{Duration, Instant},
};

use super::{
    Message,
    load::{Left, error_text, hold},
    merge::{self, SLACK, add},
    shared::{Held, Shared, View},
};
use crate::{
    file::{self, Build, Owner},
    journal::Journal,
    plan::{
        Bound, Sort, Stored, day_to_merge, expired, hours_to_merge, present_day, tiers_to_merge,
    },
};

/// The interval between looks at what there is to do.
const INTERVAL: Duration = Duration::from_secs(2);
/// The time after which something that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

pub struct Keeper {
    shared: Arc<Shared>,
    inbox: SyncSender<Message>,
    left: Left,
    /// Nothing that can fail is tried until then.
    rests_until: Option<Instant>,
}

impl Keeper {
    pub fn new(shared: Arc<Shared>, inbox: SyncSender<Message>, left: Left) -> Self {
        Self {
            shared,
            inbox,
            left,
            rests_until: None,
        }
    }

    pub fn run(mut self) {
        self.scan();
        while !self.shared.is_stopping() {
            self.expire();
            if self.rests_until.is_none_or(|until| Instant::now() >= until) {
                self.rests_until = None;
                while !self.shared.is_stopping() && self.work() {}
            }
            self.shared.sleep(INTERVAL);
        }
    }

    /// Looks for the rows of the files that an earlier process left, newest first.
    fn scan(&mut self) {
        let damaged = self.left.damaged;
        self.shared
            .stats
            .damaged
            .fetch_add(damaged, std::sync::atomic::Ordering::Relaxed);
        let mut heard = None;
        for path in std::mem::take(&mut self.left.journals).into_iter().rev() {
            match Journal::scan(&path) {
                Ok((journal, damaged)) => {
                    if damaged > 0 {
                        // A process that was killed leaves an unfinished row: no damage to tell.
                        tracing::info!(path = %path.display(), damaged, "bytes of a journal are no rows");
                    }
                    heard = heard.max(journal.heard());
                    let journal = Arc::new(journal);
                    self.shared.change(|view| view.journals.insert(0, journal));
                }
                Err(error) => self.shared.found_damage(1, &path, &error),
            }
        }
        let last = self
            .shared
            .view()
            .files
            .iter()
            .map(|held| held.stored.last)
            .max();
        if let Some(from) = heard.max(last) {
            let to = self.shared.now();
            if from < to {
                let _ = self.inbox.try_send(Message::Away { from, to });
            }
        }
        self.shared.set_scanned();
    }

    /// Does the next thing. Returns true if there may be more.
    fn work(&mut self) -> bool {
        let view = self.shared.view();
        let done = if let Some(journal) = view.journals.first() {
            seal(&self.shared, journal)
        } else {
            let stored: Vec<Stored> = view.files.iter().map(|held| held.stored).collect();
            let open = view.current.as_ref().and_then(|journal| journal.heard());
            let today = present_day(self.shared.now(), open);
            if let Some((day, files)) = day_to_merge(&stored, today) {
                merge::day(&self.shared, day, &chosen(&view, &files))
            } else if let Some(files) = hours_to_merge(&stored, today) {
                merge::hours(&self.shared, &chosen(&view, &files))
            } else if let Some(files) = tiers_to_merge(&stored, today) {
                merge::tiers(&self.shared, &chosen(&view, &files))
            } else {
                return false;
            }
        };
        match done {
            Ok(true) => true,
            Ok(false) => {
                self.rests_until = Some(Instant::now() + RETRY_AFTER);
                false
            }
            Err(error) => {
                let error = error_text(&error);
                tracing::error!(error, "history cannot be sealed or merged now");
                self.rests_until = Some(Instant::now() + RETRY_AFTER);
                false
            }
        }
    }

    fn expire(&self) {
        let view = self.shared.view();
        let stored: Vec<Stored> = view.files.iter().map(|held| held.stored).collect();
        let bound = Bound {
            raw_days: self.shared.config.raw_days,
            hour_days: self.shared.config.hour_days,
        };
        let gone = chosen(&view, &expired(&stored, bound));
        if !gone.is_empty() {
            self.shared.replace(&gone, []);
        }
    }
}

fn chosen(view: &View, at: &[usize]) -> Vec<Arc<Held>> {
    at.iter().map(|at| Arc::clone(&view.files[*at])).collect()
}

/// Seals a file of the journal. Returns false if there is no room for the blocks.
fn seal(shared: &Shared, journal: &Arc<Journal>) -> Result<bool, file::Error> {
    let sources = journal.sources();
    if sources.is_empty() {
        shared.drop_journal(journal);
        return Ok(true);
    }
    let room = journal.bytes() + SLACK;
    if !shared.reserve(room) {
        return Ok(false);
    }
    let sealed = build(shared, journal, &sources);
    shared.release(room);
    let Some(held) = hold(sealed?) else {
        return Ok(false);
    };
    debug_assert_eq!(held.stored.sort, Sort::RawHour);
    shared.change(|view| {
        view.journals.retain(|one| !Arc::ptr_eq(one, journal));
        view.files.push(Arc::new(held));
    });
    super::shared::remove(&journal.path);
    Ok(true)
}

fn build(
    shared: &Shared,
    journal: &Journal,
    sources: &[u32],
) -> Result<file::BlockFile, file::Error> {
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let log = name(&journal.path);
    let path = shared.folder("raw").join(log.replace(".log", ".db"));
    let mut build = Build::begin(&path)?;
    for source in sources {
        let (mut rows, damaged) = journal.rows(*source);
        shared.found_damage(
            damaged,
            &journal.path,
            &"rows changed after they were written",
        );
        rows.sort_by_key(|row| (row.seen, row.heard));
        add(&mut build, Owner::source(*source), &rows)?;
    }
    build.finish(&[log])
}
