//! The gate: may a task begin now?

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use utakata_model::{
    ActionName, Kind, PolicyName, Selector, TargetName,
    action::Risk,
    duration,
    envelope::{ActLimit, BothFeeds, Keep, ParameterRange, Per, Shows},
};

use crate::{
    act::{Act, Acts},
    in_force::InForce,
    quiet,
    site::Site,
};

/// The time after which something that only a look at the site can change is asked again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time for which the ledger was kept.
    pub ledger: Duration,
    /// The wall clock, for quiet times alone.
    pub wall: Timestamp,
}

/// A task that is about to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The policy that requested it; absent for people.
    pub policy: Option<PolicyName>,
    /// The kind of the target.
    pub kind: Kind,
    /// The target that the task is for.
    pub target: TargetName,
    /// The outlet, where the action has one.
    pub outlet: Option<String>,
    /// The action that the task would carry out.
    pub action: ActionName,
    /// The risk of the action.
    pub risk: Risk,
    /// The numbers among its parameters, by name; absent for one that is no number.
    pub parameters: Vec<(String, Option<f64>)>,
    /// The value that it changes, as the target shows it now.
    pub present: Option<f64>,
    /// True if it hands back what was changed before. Only limits that protect equipment at any
    /// moment hold it back: those by number and quiet times do not.
    pub is_back: bool,
    /// True if it renews what was changed before, within its lease. It was counted then.
    pub is_renewal: bool,
}

/// The answer of the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may begin.
    Admit,
    /// It may not begin now. Asking again is worth it after a time.
    Wait {
        /// The time after which asking again is worth it.
        time: Duration,
        /// The envelope that holds it back.
        envelope: Arc<str>,
        /// The reason, for people.
        why: String,
    },
    /// It may never begin.
    Refuse {
        /// The envelope that refuses it.
        envelope: Arc<str>,
        /// The reason, for people.
        why: String,
    },
}

/// The objection of one limit to a task.
enum Against {
    Now(Duration, String),
    Ever(String),
}

/// Asks all envelopes whether a task may begin now. The strictest counts.
pub fn gate(
    envelopes: &[InForce],
    acts: &Acts,
    site: &dyn Site,
    task: &Task,
    now: Moment,
) -> Verdict {
    let mut verdict = Verdict::Admit;
    for envelope in envelopes {
        let is_about =
            envelope.selector.is_everything() || site.matches(&task.target, &envelope.selector);
        if !is_about || !envelope.bound.binds(task.policy.as_ref()) {
            continue;
        }
        let asked = Asked {
            envelope,
            acts,
            site,
            task,
            now,
        };
        for against in asked.all() {
            let envelope = Arc::clone(&envelope.name);
            match (against, &verdict) {
                (Against::Ever(why), _) => return Verdict::Refuse { envelope, why },
                (Against::Now(time, _), Verdict::Wait { time: longer, .. }) if time <= *longer => {}
                (Against::Now(time, why), _) => {
                    verdict = Verdict::Wait {
                        time,
                        envelope,
                        why,
                    };
                }
            }
        }
    }
    verdict
}

/// One envelope, asked about a task.
struct Asked<'a> {
    envelope: &'a InForce,
    acts: &'a Acts,
    site: &'a dyn Site,
    task: &'a Task,
    now: Moment,
}

impl Asked<'_> {
    fn all(&self) -> Vec<Against> {
        let (limits, task) = (&self.envelope.limits, self.task);
        let mut against = Vec::new();
        if let Some(only) = limits.only.as_ref().filter(|_| !task.is_back) {
            against.extend(self.only(&only.selector, &only.actions));
        }
        for (name, range) in &limits.ranges {
            let given = task.parameters.iter().find(|(known, _)| known == name);
            against.extend(given.and_then(|(_, value)| self.range(name, *range, *value)));
        }
        if !task.is_back && !task.is_renewal {
            let quiet = limits.quiet.iter();
            let quiet = quiet.filter(|one| one.risk.is_none_or(|risk| risk == task.risk));
            against.extend(quiet.filter_map(|one| {
                let left = quiet::left(one, self.now.wall)?;
                Some(Against::Now(left, format!("it is quiet: {}", one.when)))
            }));
            let counted = limits.at_most.iter();
            against.extend(counted.filter_map(|limit| self.at_most(limit)));
        }
        if let Some(feeds) = &limits.both_feeds {
            against.extend(self.both_feeds(feeds));
        }
        against.extend(limits.keep.iter().filter_map(|keep| self.keep(keep)));
        against
    }

    fn only(&self, selector: &Selector, actions: &[ActionName]) -> Option<Against> {
        let Task { action, target, .. } = self.task;
        if !actions.contains(action) {
            let known: Vec<&str> = actions.iter().map(ActionName::as_str).collect();
            let known = known.join(", ");
            return Some(Against::Ever(format!("{action} is none of {known}")));
        }
        let is_its = self.site.matches(target, selector);
        (!is_its).then(|| Against::Ever(format!("{target} is none of {selector}")))
    }

    fn range(&self, name: &str, range: ParameterRange, value: Option<f64>) -> Option<Against> {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return Some(Against::Ever(format!("{name} is no number")));
        };
        if let Some(min) = range.min.filter(|min| value < *min) {
            return Some(Against::Ever(format!("{name} {value} is less than {min}")));
        }
        if let Some(max) = range.max.filter(|max| value > *max) {
            return Some(Against::Ever(format!("{name} {value} is more than {max}")));
        }
        // What is handed back goes as far as it came, and what is renewed goes nowhere.
        let step = range
            .step
            .filter(|_| !self.task.is_back && !self.task.is_renewal)?;
        let Some(present) = self.task.present.filter(|present| present.is_finite()) else {
            let why = format!("the present value is not known, and {name} may differ by {step}");
            return Some(Against::Now(LOOK_AGAIN, why));
        };
        let by = (value - present).abs();
        // Numbers of devices are decimals: the last digit of a double is no step.
        (by > step + 1e-9).then(|| {
            Against::Ever(format!(
                "{name} {value} is {by} from the present {present}, more than {step}"
            ))
        })
    }

    fn at_most(&self, limit: &ActLimit) -> Option<Against> {
        let value = match &limit.per {
            Per::Label(label) => self.site.label(&self.task.target, label),
            _ => None,
        };
        let mut ages: Vec<Duration> = Vec::new();
        for act in self.acts.latest() {
            let age = self.now.ledger.saturating_sub(act.at);
            if age < limit.rate.within && self.is_counted(act, &limit.per, value.as_deref()) {
                ages.push(age);
            }
        }
        let count = usize::try_from(limit.rate.count).unwrap_or(usize::MAX);
        if ages.len() < count {
            return None;
        }
        // The latest acts come first: the one that has to be too old is that many from the front.
        let deciding = ages.get(count.saturating_sub(1)).copied()?;
        let time = limit.rate.within.saturating_sub(deciding).max(LOOK_AGAIN);
        let (used, within) = (ages.len(), duration::format(limit.rate.within));
        let why = format!("{used} acts in {within}, and the limit is {limit}");
        Some(Against::Now(time, why))
    }

    fn is_counted(&self, act: &Act, per: &Per, value: Option<&str>) -> bool {
        let task = self.task;
        let is_one = match per {
            Per::Site => true,
            Per::Policy => act.policy == task.policy,
            Per::Kind => act.kind == task.kind,
            Per::Target => act.is_of(&task.target, task.outlet.as_deref()),
            // A target without the label counts with all others without it.
            Per::Label(label) => self.site.label(&act.target, label).as_deref() == value,
        };
        is_one && self.envelope.counts(act, self.site)
    }

    fn both_feeds(&self, limit: &BothFeeds) -> Option<Against> {
        let task = self.task;
        if !limit.actions.contains(&task.action) {
            return None;
        }
        let outlet = task.outlet.as_deref();
        let loads = self.site.loads(&task.target, outlet).into_iter();
        let may_go = |load: &TargetName| {
            let except = limit.except.as_ref();
            except.is_some_and(|except| self.site.matches(load, except))
        };
        for load in loads.filter(|load| !may_go(load)) {
            let feeds = self.site.feeds(&load).into_iter();
            let others = feeds.filter(|feed| {
                let same = feed.outlet.as_deref().zip(outlet);
                feed.target != task.target || same.is_some_and(|(one, other)| one != other)
            });
            let is_live = others.into_iter().any(|feed| {
                self.is_there(
                    &feed.target,
                    feed.outlet.as_deref(),
                    &limit.live,
                    &limit.actions,
                )
            });
            if !is_live {
                let why = format!("{load} has no other feed that is seen to deliver");
                return Some(Against::Now(LOOK_AGAIN, why));
            }
        }
        None
    }

    fn keep(&self, limit: &Keep) -> Option<Against> {
        let task = self.task;
        let is_one =
            limit.actions.contains(&task.action) && self.site.matches(&task.target, &limit.of);
        if !is_one {
            return None;
        }
        let value = self.site.label(&task.target, &limit.by);
        let stays = self.site.select(&limit.of).into_iter().filter(|other| {
            *other != task.target
                && self.site.label(other, &limit.by) == value
                && self.is_there(other, None, &limit.shows, &limit.actions)
        });
        let (stays, least) = (stays.count(), limit.at_least);
        let is_enough = u32::try_from(stays).is_ok_and(|stays| stays >= least);
        (!is_enough).then(|| {
            let place = value.as_deref().unwrap_or("-");
            let why = format!(
                "{stays} others of {}={place} stay, and {least} must",
                limit.by
            );
            Against::Now(LOOK_AGAIN, why)
        })
    }

    /// Returns true if something was seen to be there after the last act that takes it away had
    /// ended, and recently enough.
    fn is_there(
        &self,
        target: &TargetName,
        outlet: Option<&str>,
        shows: &Shows,
        taking: &[ActionName],
    ) -> bool {
        let Some(seen) = self.site.shows(target, outlet, shows) else {
            return false;
        };
        let mut acts = self.acts.latest();
        let is_after = acts.all(|act| {
            let takes = act.is_of(target, outlet) && taking.contains(&act.action);
            let since = act.ended.map(|ended| self.now.ledger.saturating_sub(ended));
            !takes || since.is_some_and(|since| seen.age < since)
        });
        seen.is && seen.age <= shows.fresh && is_after
    }
}

#[cfg(test)]
mod tests;
