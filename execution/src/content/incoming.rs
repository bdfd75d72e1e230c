//! A file being received: the parts to request, and those to write when they arrive, in whatever
//! order. No IO, no clock.
//!
//! ```text
//! 0 ........ written ──── ahead ──── asked ──────────── size
//!   on disk            early         under way
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use utakata_interconnect::message::content::MAX_PART;
use utakata_model::Backoff;

/// The number of parts under way or waiting for earlier ones.
const WINDOW: usize = 8;
/// The longest interval between requests for a part.
const MAX_RETRY: Duration = Duration::from_secs(8);

/// A file being received.
#[derive(Debug)]
pub(super) struct Incoming {
    size: u64,
    written: u64,
    ahead: BTreeMap<u64, Arc<[u8]>>,
    inquiries: BTreeMap<u64, Inquiry>,
    /// The time that answers may take.
    backoff: Backoff,
}

#[derive(Debug, Clone, Copy)]
struct Inquiry {
    again_at: Instant,
    backoff: Backoff,
}

/// The other side contradicts itself.
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
    /// Creates a file of this size, of which that much is here.
    pub(super) fn new(size: u64, here: u64, again_after: Duration) -> Self {
        Self {
            size,
            written: here,
            ahead: BTreeMap::new(),
            inquiries: BTreeMap::new(),
            backoff: Backoff::new(again_after, MAX_RETRY),
        }
    }

    /// Returns true if nothing is missing any more.
    pub(super) fn is_complete(&self) -> bool {
        self.written == self.size
    }

    /// Returns the number of bytes received.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Returns the positions of the parts to request now: those never requested, and those that
    /// have taken too long.
    pub(super) fn ask(&mut self, now: Instant) -> Vec<u64> {
        let missing = self.missing();
        self.inquiries.retain(|from, _| missing.contains(from));
        let mut asks = Vec::new();
        for from in missing {
            let mut backoff = match self.inquiries.get(&from) {
                Some(inquiry) if inquiry.again_at > now => continue,
                Some(inquiry) => inquiry.backoff,
                None => self.backoff,
            };
            let again_at = now + backoff.wait();
            self.inquiries.insert(from, Inquiry { again_at, backoff });
            asks.push(from);
        }
        asks
    }

    /// Returns the moment at which something is to be requested again.
    pub(super) fn again_at(&self) -> Option<Instant> {
        self.inquiries
            .values()
            .map(|inquiry| inquiry.again_at)
            .min()
    }

    /// Takes a part that has arrived, and returns the bytes to write now, in order. A part that is
    /// not awaited is ignored: it arrived twice, or too late.
    pub(super) fn take(&mut self, from: u64, bytes: Arc<[u8]>) -> Result<Vec<Arc<[u8]>>, Lie> {
        if self.inquiries.remove(&from).is_none() {
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
            // Parts may overlap if one was shorter than it could have been.
            let known = (self.written - from).min(bytes.len() as u64) as usize;
            if let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) {
                self.written += new.len() as u64;
                writes.push(if known == 0 { bytes } else { new.into() });
            }
        }
        Ok(writes)
    }

    /// Returns the positions of missing parts, as many as the window permits.
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
