//! Which leases a logic environment takes and gives back: a pure plan, made anew with every beat.
//!
//! Every member has a lease of its own, `member/NAME`, which says that it lives. The work is cut
//! into shards, and each shard is a lease; so is the ledger. What nobody has is shared out among
//! the members that live: each makes the same plan from what it sees, and takes its part of it;
//! where two see differently, the store decides. Who has too much gives some back, but only for
//! members that have lived for a while: one that comes and goes moves nothing.

use std::{collections::BTreeMap, time::Duration};

use utakata_model::EnvironmentId;

use crate::store::{Lease, Member};

/// The lease of whoever writes the ledger.
pub const LEDGER: &str = "ledger";
/// The prefix of the leases of members.
pub const MEMBER: &str = "member/";

/// The work that is shared, and the terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The prefix of the leases of shards: `schedules` for `schedules/0` and so on.
    pub work: String,
    /// The number of shards.
    pub shards: u16,
    /// The life of a lease that is not renewed.
    pub lasts: Duration,
    /// The interval at which they are renewed, and this plan is made.
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
    /// The lease of a shard.
    pub fn shard(&self, number: u16) -> String {
        format!("{}/{number}", self.work)
    }
}

/// The lease that says that a logic environment lives.
pub fn of_member(environment: &EnvironmentId) -> String {
    format!("{MEMBER}{environment}")
}

/// An action of a member. Renewing needs no plan: all leases that it has are renewed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Takes it, if nobody is faster.
    Take(String),
    /// Gives it back.
    Release(String),
}

/// Plans the actions of `me`, having seen these leases a moment ago.
pub fn plan(seen: &[Lease], me: &Member, terms: &Terms) -> Vec<Action> {
    let own = of_member(&me.environment);
    let holder = |name: &str| {
        let lease = seen.iter().find(|lease| lease.name == name);
        lease.and_then(Lease::holder)
    };
    // Who does not live has no part in anything; another life of ours may have the lease yet.
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
            // Of one that is no member any more: it ends by itself.
            Some(member) => drop(parts.get_mut(member).map(|part| part.push(shard.as_str()))),
        }
    }
    actions.extend(given_back(&parts, seen, me, terms));
    actions.extend(taken(&parts, free, me, terms));
    actions
}

/// Those who have lived for so long, in the order of their names. What counts is the time from
/// the first to the last sign of life: the lease of one that died goes on for a while.
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

/// Returns the number of shards that each is to have: as many as the others, or one more. Those who
/// have the most have the one more, so that as few as possible change hands.
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
    // Who has something is counted with it: it is not free for others.
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
