//! Leases: a target takes a change back by itself, unless it is told again in time.
//!
//! ```text
//!  done ──renew──► renewing ──told──► done: for another lease
//!   │                  └─not told──► done, as before
//!   │ nobody has told it for the lease
//!   ▼
//!  let go: gone as soon as the target shows it; told to, if it has not after another lease
//! ```

use std::time::Duration;

use jiff::Timestamp;
use utakata_model::policy::DeadMan;

use crate::{
    request::Renewal,
    state::{Change, Stage, State},
};

/// Renews the changes whose time has come. One whose lease is over is not renewed: nobody knows
/// whether the target holds it still, and it would begin anew.
pub(crate) fn renew(
    state: &mut State,
    dead_man: DeadMan,
    prefix: &str,
    now: Timestamp,
) -> Vec<Renewal> {
    let mut renewals = Vec::new();
    let Some(episode) = &mut state.episode else {
        return renewals;
    };
    let mut steps = episode.steps;
    for change in &mut episode.changes {
        let Some(within) = left(change, now).filter(|_| is_due(change, dead_man, now)) else {
            continue;
        };
        steps += 1;
        let key = format!("{prefix}/{}/{steps}/renew", episode.number);
        change.stage = Stage::Renewing;
        change.renewed = Some(now);
        change.latest.clone_from(&key);
        renewals.push(Renewal {
            key,
            renews: change.done.as_ref().unwrap_or(&change.key).clone(),
            action: change.action.clone(),
            target: change.target.clone(),
            parameters: change.set.parameters.clone(),
            lease: dead_man.lease,
            within: within.min(dead_man.lease),
        });
    }
    episode.steps = steps;
    renewals
}

/// Returns the time for which a target holds a change by itself; absent if it was let go, or has no
/// lease.
fn left(change: &Change, now: Timestamp) -> Option<Duration> {
    let left = change.lets_go?.duration_since(now);
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}

fn is_due(change: &Change, dead_man: DeadMan, now: Timestamp) -> bool {
    let told = change.renewed.unwrap_or(change.set.at).max(change.set.at);
    let since = Duration::try_from(now.duration_since(told)).ok();
    // A time that lies ahead was written under another clock.
    change.stage == Stage::Done && since.is_none_or(|since| since >= dead_man.renew)
}

/// Returns true if a target should have taken a change back by itself long ago, and has not.
pub(crate) fn is_overdue(change: &Change, dead_man: DeadMan, now: Timestamp) -> bool {
    let since = change.lets_go.map(|at| now.duration_since(at));
    let since = since.and_then(|since| Duration::try_from(since).ok());
    change.stage == Stage::Done && since.is_some_and(|since| since >= dead_man.lease)
}
