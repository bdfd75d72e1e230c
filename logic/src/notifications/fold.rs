//! The notifications that are kept, and how another one is folded into them. Pure.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use jiff::Timestamp;
use utakata_model::{Notification, Zone};

use super::decode::Found;

/// The largest number of notifications that are kept; the oldest go first.
const MAX_KEPT: usize = 20_000;
/// The number of messages that are remembered, so that one whose reply was lost counts once.
const MAX_RECENT: usize = 65_536;
/// The number of values that are kept of a notification.
const MAX_VALUES: usize = 64;

/// The identity of a notification.
pub type Key = (Zone, IpAddr, Arc<str>);

/// The notifications that are kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    all: BTreeMap<Key, Notification>,
    /// The messages that came lately: their sender, and its number for them.
    recent: HashSet<(SocketAddr, u64)>,
    order: VecDeque<(SocketAddr, u64)>,
}

/// The changes to be stored and published.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// The changed notifications, each once.
    pub(super) rows: Vec<Notification>,
    /// The notifications before the change; absent for new ones.
    before: Vec<(Key, Option<Notification>)>,
    /// The messages that count from now on.
    recent: Vec<(SocketAddr, u64)>,
    /// The number of messages that were folded.
    pub(super) count: u64,
}

impl Folded {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

pub(super) fn key(one: &Notification) -> Key {
    (one.zone.clone(), one.source, Arc::clone(&one.key))
}

impl Kept {
    /// Creates those that the store has.
    pub(super) fn restored(rows: Vec<Notification>) -> Self {
        Self {
            all: rows.into_iter().map(|one| (key(&one), one)).collect(),
            ..Self::default()
        }
    }

    /// Replaces a notification by what another logic environment has made of it.
    pub(super) fn put(&mut self, notification: Notification) {
        let key = key(&notification);
        let is_newer = self
            .all
            .get(&key)
            .is_none_or(|ours| ours.count < notification.count);
        if is_newer {
            self.all.insert(key, notification);
        }
    }

    /// Returns those that match, the latest first.
    pub(super) fn latest_first(&self, wanted: impl Fn(&Notification) -> bool) -> Vec<Notification> {
        let mut found: Vec<Notification> = self
            .all
            .values()
            .filter(|one| wanted(one))
            .cloned()
            .collect();
        found.sort_by_key(|one| Reverse((one.last, key(one))));
        found
    }

    /// Folds a message into what is kept. Returns false if it came before: its reply was lost.
    pub(super) fn fold(
        &mut self,
        zone: &Zone,
        from: SocketAddr,
        found: &Found,
        now: Timestamp,
        folded: &mut Folded,
    ) -> bool {
        if let Some(number) = found.number {
            if !self.recent.insert((from, number)) {
                return false;
            }
            self.order.push_back((from, number));
            folded.recent.push((from, number));
            while self.order.len() > MAX_RECENT {
                let oldest = self.order.pop_front();
                oldest.map(|oldest| self.recent.remove(&oldest));
            }
        }
        folded.count += 1;
        let key = (zone.clone(), found.source, Arc::clone(&found.key));
        let before = self.all.get(&key);
        let next = next(zone, found, before, now);
        match folded.rows.iter().position(|one| self::key(one) == key) {
            Some(at) => folded.rows[at] = next.clone(),
            None => {
                folded.before.push((key.clone(), before.cloned()));
                folded.rows.push(next.clone());
            }
        }
        self.all.insert(key, next);
        true
    }

    /// Takes back what could not be stored.
    pub(super) fn undo(&mut self, folded: &Folded) {
        for message in &folded.recent {
            self.recent.remove(message);
        }
        for (key, before) in &folded.before {
            match before {
                Some(before) => drop(self.all.insert(key.clone(), before.clone())),
                None => drop(self.all.remove(key)),
            }
        }
    }

    /// Drops the oldest, if there are too many: a tenth at a time. Returns the time before which
    /// none is kept.
    pub(super) fn drop_oldest(&mut self) -> Option<Timestamp> {
        if self.all.len() <= MAX_KEPT {
            return None;
        }
        let mut times: Vec<Timestamp> = self.all.values().map(|one| one.last).collect();
        let excess = self.all.len() - MAX_KEPT + MAX_KEPT / 10;
        let (_, before, _) = times.select_nth_unstable(excess.min(self.all.len() - 1));
        let before = *before;
        self.all.retain(|_, one| one.last >= before);
        Some(before)
    }
}

fn next(zone: &Zone, found: &Found, before: Option<&Notification>, now: Timestamp) -> Notification {
    let values = found.values.iter().take(MAX_VALUES).cloned().collect();
    Notification {
        target: found.target.clone(),
        zone: zone.clone(),
        source: found.source,
        name: Arc::clone(&found.name),
        key: Arc::clone(&found.key),
        values,
        first: before.map_or(now, |before| before.first),
        last: before.map_or(now, |before| before.last.max(now)),
        count: before.map_or(0, |before| before.count) + 1,
        proven: found.proven,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: u8, key: &str, number: Option<u64>) -> Found {
        Found {
            target: None,
            reads: Vec::new(),
            source: IpAddr::from([10, 0, 0, source]),
            name: key.into(),
            key: key.into(),
            values: Vec::new(),
            proven: false,
            number,
        }
    }

    fn from(source: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, source], 1024))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_has_the_same_key_is_one_notification_and_a_repeated_message_counts_once() {
        let (mut kept, mut folded, zone) = (Kept::default(), Folded::default(), Zone::default());
        for (second, source, key, number, is_new) in [
            (1, 1, "linkDown.3", Some(7), true),
            (2, 1, "linkDown.3", Some(7), false),
            (3, 1, "linkDown.3", Some(8), true),
            (4, 2, "linkDown.3", Some(7), true),
            (5, 1, "linkDown.4", None, true),
            (6, 1, "linkDown.4", None, true),
        ] {
            let one = found(source, key, number);
            let is = kept.fold(&zone, from(source), &one, at(second), &mut folded);
            assert_eq!(is, is_new, "{second}");
        }
        let all = kept.latest_first(|_| true);
        let all: Vec<_> = all
            .iter()
            .map(|one| (&*one.key, one.count, one.first, one.last))
            .collect();
        assert_eq!(
            all,
            [
                ("linkDown.4", 2, at(5), at(6)),
                ("linkDown.3", 1, at(4), at(4)),
                ("linkDown.3", 2, at(1), at(3)),
            ]
        );
        assert_eq!((folded.rows.len(), folded.count), (3, 5));
    }

    #[test]
    fn those_of_one_moment_are_in_a_fixed_order_in_which_a_list_can_go_on() {
        let (mut kept, mut folded, zone) = (Kept::default(), Folded::default(), Zone::default());
        for source in [3, 1, 2] {
            for key in ["b", "a"] {
                let one = found(source, key, None);
                kept.fold(&zone, from(source), &one, at(1), &mut folded);
            }
        }
        let all = kept.latest_first(|_| true);
        let places: Vec<_> = all.iter().map(|one| (one.last, key(one))).collect();
        assert!(places.is_sorted_by(|a, b| a > b), "{places:?}");
    }

    #[test]
    fn what_could_not_be_stored_counts_when_it_comes_again() {
        let (mut kept, zone) = (Kept::default(), Zone::default());
        let one = found(1, "a", Some(1));
        let mut first = Folded::default();
        assert!(kept.fold(&zone, from(1), &one, at(1), &mut first));
        let mut folded = Folded::default();
        let again = found(1, "a", Some(2));
        assert!(kept.fold(&zone, from(1), &again, at(2), &mut folded));
        kept.undo(&folded);
        assert_eq!(kept.latest_first(|_| true)[0].count, 1);
        assert!(kept.fold(&zone, from(1), &again, at(3), &mut folded));
        assert_eq!(kept.latest_first(|_| true)[0].count, 2);
    }

    #[test]
    fn no_more_are_kept_than_may_be_and_the_latest_stay() {
        for extra in [1, 1_999] {
            let (mut kept, mut folded) = (Kept::default(), Folded::default());
            let (zone, mut second) = (Zone::default(), 0);
            for number in 0..MAX_KEPT + extra {
                let one = found(1, &number.to_string(), None);
                let next = next(&zone, &one, None, at(second));
                kept.all.insert(key(&next), next);
                second += 1;
            }
            let before = kept.drop_oldest().unwrap();
            assert!(kept.all.len() <= MAX_KEPT && kept.all.len() > MAX_KEPT / 2);
            assert!(kept.all.values().all(|one| one.last >= before));
            let last = found(1, "last", None);
            kept.fold(&zone, from(1), &last, at(second), &mut folded);
            assert_eq!(&*kept.latest_first(|_| true)[0].key, "last");
        }
    }
}
