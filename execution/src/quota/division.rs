//! The division of the workers that an environment may run between its kinds, and between the
//! releases of a kind. Pure.
//!
//! Slots are poured like water, one more for whoever has the fewest, in four rounds: first one for
//! each kind that has tasks (and one for a candidate on trial), then the required minimum, then the
//! work to be done, and last the reserve. So a kind with an endless backlog leaves a worker to a
//! kind with one task, and idle workers yield to waiting tasks. If more kinds have tasks than there
//! are slots, they take turns.

use std::{cmp::Reverse, time::Duration};

use tokio::time::Instant;

/// The time that a kind keeps its only worker while others wait for theirs.
const TURN: Duration = Duration::from_secs(5);
/// The wait after which a kind comes before the control of others.
const LONG: Duration = Duration::from_secs(30);

/// The workers that a release needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// The least number of workers that it keeps: `min`, or the needs of a rollout.
    pub(crate) least: u32,
    /// The number of workers for which it has work.
    pub(crate) busy: u32,
    /// The number of workers that it would have if it were alone.
    pub(crate) wanted: u32,
    /// The number of workers that take tasks, or will.
    pub(crate) live: u32,
    /// Its turn: the time since which it has any, or waits for one.
    pub(crate) turn: Turn,
    /// True if control waits for it.
    pub(crate) is_control: bool,
    /// True for a candidate on trial beside the serving release.
    pub(crate) is_tried: bool,
}

/// The turn of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It needs no worker.
    #[default]
    None,
    /// It has none and needs one.
    Waits(Instant),
    /// It has one, or several.
    Has(Instant),
}

/// The allowance of a release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// The number of workers that it may have.
    pub(crate) share: u32,
    /// The number of workers that it may start now: others may have to go first.
    pub(crate) starts: u32,
}

/// A claim in a round: the level up to which it may be filled, and its rank among equals.
struct Claim {
    /// Its level after each round.
    rounds: [u32; 4],
    live: u32,
    rank: (u8, Duration),
}

impl Turn {
    /// Returns the turn after it was seen with this number of workers, and with or without a need.
    pub(crate) fn after(self, live: u32, needs: u32, now: Instant) -> Self {
        match self {
            Self::Has(_) if live > 0 => self,
            _ if live > 0 => Self::Has(now),
            _ if needs == 0 => Self::None,
            Self::Waits(_) => self,
            Self::None | Self::Has(_) => Self::Waits(now),
        }
    }

    /// Returns the turn of two together.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Has(one), Self::Has(two)) => Self::Has(one.min(two)),
            (Self::Has(since), _) | (_, Self::Has(since)) => Self::Has(since),
            (Self::Waits(one), Self::Waits(two)) => Self::Waits(one.min(two)),
            (Self::Waits(since), _) | (_, Self::Waits(since)) => Self::Waits(since),
            (Self::None, Self::None) => Self::None,
        }
    }
}

impl Need {
    /// Returns the rank when not everybody can have one, the lowest first.
    fn rank(&self, now: Instant) -> (u8, Duration) {
        let passed = |since| now.saturating_duration_since(since);
        if self.is_tried {
            // A kind that serves continues.
            return (5, Duration::ZERO);
        }
        match self.turn {
            Turn::Has(since) if passed(since) < TURN => {
                (if self.is_control { 0 } else { 2 }, passed(since))
            }
            Turn::Has(since) => (4, passed(since)),
            Turn::Waits(since) => {
                let waited = passed(since);
                let is_urgent = self.is_control || waited >= LONG;
                // The longer the wait, the further in front.
                let left = Duration::MAX.saturating_sub(waited);
                (if is_urgent { 1 } else { 3 }, left)
            }
            Turn::None => (6, Duration::ZERO),
        }
    }

    /// Returns true if it has tasks for more workers than it has, or may start now.
    pub(crate) fn is_short(&self, allowed: Allowed) -> bool {
        self.live.saturating_add(allowed.starts) < self.busy.max(self.least.min(1))
    }

    fn claim(&self, now: Instant) -> Claim {
        let first = u32::from(self.busy > 0 || self.is_tried);
        Claim {
            rounds: rounds(first, self.least, self.busy, self.wanted),
            live: self.live,
            rank: self.rank(now),
        }
    }
}

/// Returns the slots of all releases of all kinds, in the same order: never more than `max`.
pub(crate) fn divide(max: u32, kinds: &[Vec<Need>], now: Instant) -> Vec<Vec<u32>> {
    let of_kind = |needs: &Vec<Need>| together(needs, now);
    let claims: Vec<Claim> = kinds.iter().map(of_kind).collect();
    let shares = pour(max, &claims);
    let within = |(needs, share): (&Vec<Need>, u32)| {
        let claims: Vec<Claim> = needs.iter().map(|need| need.claim(now)).collect();
        pour(share, &claims)
    };
    kinds.iter().zip(shares).map(within).collect()
}

/// Returns the claim of a kind: that of all its releases, of which one has its slot before others
/// have more, and a candidate another one.
fn together(needs: &[Need], now: Instant) -> Claim {
    let sum = |of: fn(&Need) -> u32| needs.iter().map(of).fold(0, u32::saturating_add);
    let is_any = |of: fn(&Need) -> bool| u32::from(needs.iter().any(of));
    let turns = needs.iter().filter(|need| !need.is_tried);
    let whole = Need {
        least: 0,
        busy: 0,
        wanted: 0,
        live: 0,
        turn: turns.fold(Turn::None, |turn, need| turn.with(need.turn)),
        is_control: needs.iter().any(|need| need.is_control),
        is_tried: false,
    };
    let first = is_any(|need| need.busy > 0) + is_any(|need| need.is_tried);
    let (least, busy, wanted) = (
        sum(|need| need.least),
        sum(|need| need.busy),
        sum(|need| need.wanted),
    );
    Claim {
        rounds: rounds(first, least, busy, wanted),
        live: sum(|need| need.live),
        rank: whole.rank(now),
    }
}

/// Returns the levels, each at least as high as the one before.
fn rounds(first: u32, least: u32, busy: u32, wanted: u32) -> [u32; 4] {
    let first = first.min(wanted);
    let least = least.clamp(first, wanted.max(first));
    let busy = busy.clamp(least, wanted.max(least));
    [first, least, busy, wanted]
}

/// Distributes that many slots.
fn pour(max: u32, claims: &[Claim]) -> Vec<u32> {
    let mut shares = vec![0; claims.len()];
    let mut left = max;
    for round in 0..4 {
        while left > 0 {
            let open = (0..claims.len()).filter(|&at| shares[at] < claims[at].rounds[round]);
            let open: Vec<usize> = open.collect();
            let Some(level) = open.iter().map(|&at| shares[at]).min() else {
                break;
            };
            let mut next: Vec<usize> = open.into_iter().filter(|&at| shares[at] == level).collect();
            // The first one by turns; any further one preferably where it is already.
            let has = |at: usize| claims[at].live > level;
            let rank = |at: usize| (level == 0).then_some(claims[at].rank);
            next.sort_by_key(|&at| (rank(at), Reverse(has(at)), at));
            for at in next.into_iter().take(left as usize) {
                shares[at] += 1;
                left -= 1;
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests;
