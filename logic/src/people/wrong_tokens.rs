//! Tokens that were not valid: counted, and the answers to an address that sends many of them are
//! slowed.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use jiff::Timestamp;
use parking_lot::Mutex;
use utakata_api::person;

/// The number of wrong tokens of an address that are answered at once.
const FREE: u32 = 10;
/// The time after which the wrong tokens of an address are forgotten.
const WINDOW: Duration = Duration::from_secs(600);
/// The delay of the first answer that is slowed; it doubles up to the second.
const DELAY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// The largest number of addresses that are remembered; beyond it, all others count as one.
const MAX_ADDRESSES: usize = 10_000;
/// The shortest interval between lines in the log about one address.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// A record of wrong tokens. Cheap where there are none.
#[derive(Debug, Default)]
pub struct WrongTokens {
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    seen: person::WrongTokens,
    addresses: HashMap<Option<IpAddr>, Address>,
}

#[derive(Debug, Clone, Copy)]
struct Address {
    /// The number of wrong tokens since the first.
    count: u32,
    since: Timestamp,
    logged: Option<Timestamp>,
    /// The number since the last line in the log.
    unlogged: u32,
}

/// The consequence of a wrong token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consequence {
    /// The time by which its answer is delayed.
    pub delay: Duration,
    /// The number of wrong tokens to log now, if any.
    pub log: Option<u32>,
}

impl WrongTokens {
    /// Notes a wrong token.
    pub fn note(&self, from: Option<IpAddr>, now: Timestamp) -> Consequence {
        self.record.lock().note(from, now)
    }

    /// Returns the record for people.
    pub fn view(&self) -> person::WrongTokens {
        self.record.lock().seen.clone()
    }
}

impl Record {
    fn note(&mut self, from: Option<IpAddr>, now: Timestamp) -> Consequence {
        self.seen.count += 1;
        self.seen.last = Some(now);
        self.seen.from = from.or(self.seen.from);
        let is_over = |since: Timestamp, length: Duration| {
            // A clock that was set back ends no window early, and none late.
            since > now || since.checked_add(length).is_ok_and(|until| until <= now)
        };
        if self.addresses.len() >= MAX_ADDRESSES && !self.addresses.contains_key(&from) {
            self.addresses.retain(|_, one| !is_over(one.since, WINDOW));
        }
        let is_full = self.addresses.len() >= MAX_ADDRESSES;
        let key = from.filter(|_| !is_full || self.addresses.contains_key(&from));
        let new = Address {
            count: 0,
            since: now,
            logged: None,
            unlogged: 0,
        };
        let address = self.addresses.entry(key).or_insert(new);
        if is_over(address.since, WINDOW) {
            (address.count, address.since) = (0, now);
        }
        address.count = address.count.saturating_add(1);
        address.unlogged = address.unlogged.saturating_add(1);
        let is_due = address.logged.is_none_or(|at| is_over(at, LOG_INTERVAL));
        let log = is_due.then(|| {
            address.logged = Some(now);
            std::mem::take(&mut address.unlogged)
        });
        Consequence {
            delay: delay(address.count),
            log,
        }
    }
}

/// Returns the delay of the answer to the wrong token of this number.
fn delay(count: u32) -> Duration {
    let (first, longest) = DELAY;
    match count.checked_sub(FREE + 1) {
        None => Duration::ZERO,
        Some(doublings) => first
            .checked_mul(1 << doublings.min(16))
            .map_or(longest, |delay| delay.min(longest)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn answers_are_slowed_for_the_address_that_sends_many_and_for_no_other() {
        let mut record = Record::default();
        let (one, other) = ("10.0.0.1".parse().ok(), "10.0.0.2".parse().ok());
        let now = Timestamp::UNIX_EPOCH;
        let delays: Vec<u128> = (0..17)
            .map(|_| record.note(one, now).delay.as_millis())
            .collect();
        assert_eq!(delays[..10], [0; 10]);
        assert_eq!(delays[10..], [100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(record.note(other, now).delay, Duration::ZERO);
        let later = now + SignedDuration::from_secs(601);
        assert_eq!(record.note(one, later).delay, Duration::ZERO);
        assert_eq!(record.seen.count, 19);
        assert_eq!(record.seen.last, Some(later));
    }

    #[test]
    fn the_log_has_one_line_a_minute_with_all_since_the_last() {
        let mut record = Record::default();
        let from = "10.0.0.1".parse().ok();
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        assert_eq!(record.note(from, at(0)).log, Some(1));
        for second in 1..60 {
            assert_eq!(record.note(from, at(second)).log, None);
        }
        assert_eq!(record.note(from, at(60)).log, Some(60));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut record = Record::default();
        for address in 0..MAX_ADDRESSES as u32 + 100 {
            let from = Some(IpAddr::from(address.to_be_bytes()));
            record.note(from, Timestamp::UNIX_EPOCH);
        }
        assert!(record.addresses.len() <= MAX_ADDRESSES + 1);
        assert_eq!(record.seen.count, MAX_ADDRESSES as u64 + 100);
    }
}
