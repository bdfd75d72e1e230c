//! The leases that a logic environment acquires and gives back: a pure plan, made again with every
//! beat.
//!
//! Every member has a lease of its own, `member/NAME`, which proves that it lives. The work is
//! divided into shards, and each shard is a lease; so is the ledger. Free leases are distributed
//! among the living members: each makes the same plan from what it sees and takes its part of it;
//! where two see different things, the store decides. A member that has too many gives some back,
//! but only to members that have lived for a while, so that one that comes and goes moves nothing.

use std::{collections::BTreeMap, time::Duration};

use utakata_model::EnvironmentId;

use crate::store::{Lease, Member};

/// The lease of the member that writes the ledger.
pub const LEDGER: &str = "ledger";
/// The prefix of the leases of members.
pub const MEMBER: &str = "member/";

/// The work that is shared, and its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The prefix of the leases of shards: `schedules` for `schedules/0` and so on.
    pub work: String,
    /// The number of shards.
    pub shards: u16,
    /// The duration of a lease that is not renewed.
    pub lasts: Duration,
    /// The interval at which leases are renewed, and this plan is made.
    pub beat: Duration,
    /// The time that a member has to live before others give back shards for it.
    pub steady: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            work: "schedules".into(),
            shards: 16,
            lasts: Duration::from_secs(6),
            beat: Duration::from_secs(2),
            steady: Duration::from_secs(5),
        }
    }
}

impl Terms {
    /// Returns the name of a shard's lease.
    pub fn shard(&self, number: u16) -> String {
        format!("{}/{number}", self.work)
    }
}

/// Returns the name of the lease that proves that a logic environment lives.
pub fn of_member(environment: &EnvironmentId) -> String {
    format!("{MEMBER}{environment}")
}

/// An action of a member. Renewing needs no plan: all its leases are renewed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Take the lease, if nobody is faster.
    Take(String),
    /// Give the lease back.
    Release(String),
}

/// Plans the actions of `me`, who saw these leases a moment ago.
pub fn plan(seen: &[Lease], me: &Member, terms: &Terms) -> Vec<Action> {
    let own = of_member(&me.environment);
    let holder = |name: &str| {
        let lease = seen.iter().find(|lease| lease.name == name);
        lease.and_then(Lease::holder)
    };
    // A member that does not live has no part in anything; an earlier life of ours may still have
    // the lease.
    if holder(&own) != Some(me) {
        return match holder(&own) {
            Some(_) => Vec::new(),
            None => vec![Action::Take(own)],
        };
    }
    let mut actions = Vec::new();
    if holder(LEDGER).is_none() {
        actions.push(Action::Take(LEDGER.into()));
    }
    let shards: Vec<String> = (0..terms.shards)
        .map(|number| terms.shard(number))
        .collect();
    let mut free = Vec::new();
    let mut parts: BTreeMap<&Member, Vec<&str>> = living(seen, Duration::ZERO, terms)
        .map(|member| (member, Vec::new()))
        .collect();
    for shard in &shards {
        match holder(shard) {
            None => free.push(shard.as_str()),
            // The lease of a former member ends by itself.
            Some(member) => drop(parts.get_mut(member).map(|part| part.push(shard.as_str()))),
        }
    }
    actions.extend(given_back(&parts, seen, me, terms));
    actions.extend(taken(&parts, free, me, terms));
    actions
}

/// Returns the members that have lived for long enough, by name. This counts from the first to the
/// last sign of life, since the lease of one that died lasts for a while.
fn living<'s>(
    seen: &'s [Lease],
    long: Duration,
    terms: &Terms,
) -> impl Iterator<Item = &'s Member> {
    seen.iter().filter_map(move |lease| {
        let held = lease.held.as_ref()?;
        let silent = terms.lasts.saturating_sub(held.ends_in);
        let lives = lease.name.starts_with(MEMBER) && held.since.saturating_sub(silent) >= long;
        lease.holder().filter(|_| lives)
    })
}

/// Returns the number of shards that each is to have: equal numbers, or one more. The members with
/// the most shards get the extra one, so that as few as possible change hands.
fn quotas<'m>(parts: &[(&'m Member, usize)], shards: u16) -> BTreeMap<&'m Member, usize> {
    let members = parts.len().max(1);
    let (each, more) = (usize::from(shards) / members, usize::from(shards) % members);
    let mut order = parts.to_vec();
    order.sort_by(|(a, has), (b, had)| had.cmp(has).then(a.cmp(b)));
    let quota =
        |(at, (member, _)): (usize, (&'m Member, usize))| (member, each + usize::from(at < more));
    order.into_iter().enumerate().map(quota).collect()
}

fn given_back(
    parts: &BTreeMap<&Member, Vec<&str>>,
    seen: &[Lease],
    me: &Member,
    terms: &Terms,
) -> Vec<Action> {
    let Some(mine) = parts.get(me) else {
        return Vec::new();
    };
    let steady: Vec<&Member> = living(seen, terms.steady, terms).collect();
    // A shard that somebody has counts for them: it is not free for others.
    let counted: Vec<(&Member, usize)> = parts
        .iter()
        .filter(|(member, part)| **member == me || !part.is_empty() || steady.contains(*member))
        .map(|(member, part)| (*member, part.len()))
        .collect();
    let quota = quotas(&counted, terms.shards)[me];
    let surplus = mine.iter().skip(quota);
    surplus
        .map(|shard| Action::Release((*shard).to_owned()))
        .collect()
}

fn taken(
    parts: &BTreeMap<&Member, Vec<&str>>,
    free: Vec<&str>,
    me: &Member,
    terms: &Terms,
) -> Vec<Action> {
    let counted: Vec<(&Member, usize)> = parts
        .iter()
        .map(|(member, part)| (*member, part.len()))
        .collect();
    let quotas = quotas(&counted, terms.shards);
    let mut free = free.into_iter();
    let mut actions = Vec::new();
    for (member, has) in counted {
        let wanted = quotas[member].saturating_sub(has);
        let part = free.by_ref().take(wanted);
        let part: Vec<&str> = part.collect();
        if member == me {
            let take = part.into_iter();
            actions = take.map(|shard| Action::Take(shard.to_owned())).collect();
        }
    }
    actions
}

#[cfg(test)]
mod tests;
