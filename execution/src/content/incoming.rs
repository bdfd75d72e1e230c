//! A file on its way here: which parts to ask for, and what to write when they come, in
//! whatever order. No IO, no clock.
//!
//! ```text
//! 0 ........ written ──── ahead ──── asked ──────────── size
//!   on disk            came early    under way
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use utakata_interconnect::message::content::MAX_PART;
use utakata_model::Backoff;

/// Parts under way or waiting for earlier ones.
const WINDOW: usize = 8;
/// Never longer than this between two asks for a part.
const MAX_RETRY: Duration = Duration::from_secs(8);

/// A file on its way here.
#[derive(Debug)]
pub(super) struct Incoming {
    size: u64,
    written: u64,
    ahead: BTreeMap<u64, Arc<[u8]>>,
    asked: BTreeMap<u64, Asked>,
    /// The times that answers to an ask may take.
    backoff: Backoff,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    again_at: Instant,
    backoff: Backoff,
}

/// The other side says what cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Lie {
    /// There is nothing where something should be.
    #[error("it ends after {at} of {size} bytes")]
    Short { at: u64, size: u64 },
    /// There is more than there should be.
    #[error("it has more than {size} bytes")]
    Long { size: u64 },
}

impl Incoming {
    /// A file of this size, of which so much is here.
    pub(super) fn new(size: u64, here: u64, again_after: Duration) -> Self {
        Self {
            size,
            written: here,
            ahead: BTreeMap::new(),
            asked: BTreeMap::new(),
            backoff: Backoff::new(again_after, MAX_RETRY),
        }
    }

    /// Returns whether nothing is missing any more.
    pub(super) fn is_complete(&self) -> bool {
        self.written == self.size
    }

    /// Returns the number of bytes received.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Returns the begins of the parts to ask for now: those never asked for, and those that have
    /// taken too long.
    pub(super) fn ask(&mut self, now: Instant) -> Vec<u64> {
        let missing = self.missing();
        self.asked.retain(|from, _| missing.contains(from));
        let mut asks = Vec::new();
        for from in missing {
            let mut backoff = match self.asked.get(&from) {
                Some(asked) if asked.again_at > now => continue,
                Some(asked) => asked.backoff,
                None => self.backoff,
            };
            let again_at = now + backoff.wait();
            self.asked.insert(from, Asked { again_at, backoff });
            asks.push(from);
        }
        asks
    }

    /// Returns the moment at which something is to be asked for again.
    pub(super) fn again_at(&self) -> Option<Instant> {
        self.asked.values().map(|asked| asked.again_at).min()
    }

    /// A part has come; gives what is to be written now, in order. What nobody waits for is
    /// ignored: it came twice, or too late.
    pub(super) fn take(&mut self, from: u64, bytes: Arc<[u8]>) -> Result<Vec<Arc<[u8]>>, Lie> {
        if self.asked.remove(&from).is_none() {
            return Ok(Vec::new());
        }
        let size = self.size;
        if bytes.is_empty() {
            return Err(Lie::Short { at: from, size });
        }
        if from + bytes.len() as u64 > size {
            return Err(Lie::Long { size });
        }
        self.ahead.insert(from, bytes);
        let mut writes = Vec::new();
        while let Some(first) = self.ahead.first_entry()
            && *first.key() <= self.written
        {
            let (from, bytes) = first.remove_entry();
            // Parts may overlap, where one was shorter than it could have been.
            let known = (self.written - from).min(bytes.len() as u64) as usize;
            if let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) {
                self.written += new.len() as u64;
                writes.push(if known == 0 { bytes } else { new.into() });
            }
        }
        Ok(writes)
    }

    /// Returns the begins of parts that are not here, as many as the window lets through.
    fn missing(&self) -> BTreeSet<u64> {
        let mut missing = BTreeSet::new();
        let mut at = self.written;
        while at < self.size && missing.len() + self.ahead.len() < WINDOW {
            let covers = |(from, bytes): (&u64, &Arc<[u8]>)| {
                let end = from + bytes.len() as u64;
                (end > at).then_some(end)
            };
            let ahead = self.ahead.range(..=at).next_back().and_then(covers);
            at = ahead.unwrap_or_else(|| {
                missing.insert(at);
                let next = self.ahead.range(at..).next().map(|(from, _)| *from);
                let whole = at + MAX_PART as u64;
                next.map_or(whole, |next| next.min(whole))
            });
        }
        missing
    }
}

#[cfg(test)]
mod tests;
