//! The bounds of what is taken in: so many datagrams from one source, so many in all. Pure.
//!
//! A storm of one device costs the others nothing: each source has a bucket of its own. What is
//! dropped is counted by its source, and the counts are passed on.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use utakata_interconnect::message::notification::{Datagram, DroppedDatagrams};

/// The number of datagrams of one source in a second, in the long run.
const PER_SECOND: u32 = 1_000;
/// The number of datagrams of one source at once.
const BURST: u32 = 2_000;
/// The number of datagrams that may wait, of all sources.
const MAX_WAITING: usize = 16_384;
/// The size of the datagrams that may wait, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The number of sources that are remembered.
const MAX_SOURCES: usize = 65_536;
/// The number of datagrams in a batch.
const BATCH: usize = 512;
/// The size of the datagrams in a batch, in bytes.
const BATCH_BYTES: usize = 256 * 1024;

/// The datagrams that wait, and the sources that are known.
#[derive(Debug, Default)]
pub(super) struct Intake {
    waiting: VecDeque<Datagram>,
    bytes: usize,
    /// For each source, the time at which its bucket will be empty.
    sources: HashMap<IpAddr, Instant, foldhash::fast::RandomState>,
    dropped: HashMap<IpAddr, u64, foldhash::fast::RandomState>,
}

impl Intake {
    /// Takes a datagram in. Returns false if it is dropped, which is counted.
    pub(super) fn take_in(
        &mut self,
        source: SocketAddr,
        at: usize,
        bytes: &[u8],
        now: Instant,
    ) -> bool {
        let has_room = self.waiting.len() < MAX_WAITING && self.bytes + bytes.len() <= MAX_BYTES;
        if !self.allows(source.ip(), now) || !has_room {
            let is_new = !self.dropped.contains_key(&source.ip());
            if !is_new || self.dropped.len() < MAX_SOURCES {
                *self.dropped.entry(source.ip()).or_default() += 1;
            }
            return false;
        }
        self.bytes += bytes.len();
        self.waiting.push_back(Datagram {
            source,
            at,
            bytes: bytes.into(),
        });
        true
    }

    /// Takes a token of a source, if it has one: the bucket is described by the time at which it
    /// will be empty (the "virtual scheduling" of ITU-T I.371).
    fn allows(&mut self, source: IpAddr, now: Instant) -> bool {
        const EACH: Duration = Duration::from_nanos(1_000_000_000 / PER_SECOND as u64);
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(&source) {
            self.sources.retain(|_, empty_at| *empty_at > now);
            if self.sources.len() >= MAX_SOURCES {
                return false;
            }
        }
        let empty_at = self.sources.entry(source).or_insert(now);
        let next = (*empty_at).max(now) + EACH;
        let is_allowed = next.saturating_duration_since(now) <= EACH * BURST;
        if is_allowed {
            *empty_at = next;
        }
        is_allowed
    }

    /// Takes the next batch, and the counts of what was dropped since the last one.
    pub(super) fn batch(&mut self) -> (Vec<Datagram>, Vec<DroppedDatagrams>) {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH
            && let Some(next) = self.waiting.front()
            && (batch.is_empty() || bytes + next.bytes.len() <= BATCH_BYTES)
            && let Some(next) = self.waiting.pop_front()
        {
            bytes += next.bytes.len();
            batch.push(next);
        }
        self.bytes -= bytes;
        let dropped = std::mem::take(&mut self.dropped).into_iter();
        let dropped = dropped.map(|(source, count)| DroppedDatagrams { source, count });
        (batch, dropped.collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn from(source: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, source], 5000))
    }

    #[test]
    fn a_storm_of_one_source_is_bounded_and_counted_and_others_are_taken_in() {
        let mut intake = Intake::default();
        let now = Instant::now();
        let taken = |intake: &mut Intake, source: u8, count: u32, now: Instant| {
            (0..count)
                .filter(|_| intake.take_in(from(source), 0, b"x", now))
                .count() as u32
        };
        assert_eq!(taken(&mut intake, 1, 10_000, now), BURST);
        assert_eq!(taken(&mut intake, 2, 5, now), 5);
        let later = now + Duration::from_secs(1);
        assert_eq!(taken(&mut intake, 1, 10_000, later), PER_SECOND);
        let mut batches = 0;
        let mut dropped = Vec::new();
        loop {
            let (datagrams, counts) = intake.batch();
            dropped.extend(counts);
            if datagrams.is_empty() {
                break;
            }
            assert!(datagrams.len() <= BATCH);
            batches += datagrams.len();
        }
        assert_eq!(batches as u32, BURST + 5 + PER_SECOND);
        let expect = DroppedDatagrams {
            source: from(1).ip(),
            count: u64::from(20_000 - BURST - PER_SECOND),
        };
        assert_eq!(dropped, [expect]);
        assert_eq!((intake.bytes, intake.waiting.len()), (0, 0));
    }

    proptest! {
        #[test]
        fn what_is_taken_in_and_what_is_dropped_is_everything(
            sends in prop::collection::vec((1u8..20, 0usize..70_000), 1..500),
        ) {
            let mut intake = Intake::default();
            let now = Instant::now();
            for (source, size) in &sends {
                intake.take_in(from(*source), 0, &vec![0; *size], now);
            }
            prop_assert!(intake.bytes <= MAX_BYTES);
            let mut all = 0;
            loop {
                let (datagrams, dropped) = intake.batch();
                let counted: u64 = dropped.iter().map(|one| one.count).sum();
                if datagrams.is_empty() && dropped.is_empty() {
                    break;
                }
                all += datagrams.len() as u64 + counted;
            }
            prop_assert_eq!(all, sends.len() as u64);
        }
    }
}
