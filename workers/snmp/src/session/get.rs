//! Getting instances by their OIDs, few or many.
//!
//! Trouble with a message is narrowed down to the objects that cause it: a refusal, an answer that
//! breaks off, silence. All others are fetched.

use std::collections::VecDeque;

use async_snmp::{ErrorStatus, Oid, Value};
use tokio::time::Instant;

use super::{Bindings, Error, Missed, Names, Part, PduKind, Session, Size, Why, limits};
use crate::value;

/// Instances requested in one message.
const TOGETHER: usize = 32;

/// The result of getting instances.
#[derive(Debug, Default)]
pub struct GetResult {
    /// The values, in the order of the request; `None` where the device has none.
    pub values: Vec<Option<Value>>,
    /// The missing parts, and the reasons.
    pub missed: Vec<Missed>,
}

/// The objects to request, and the answers.
struct Work<'a, T> {
    oids: &'a [Oid],
    /// Groups of positions, each to be requested in at most one message.
    groups: VecDeque<Vec<usize>>,
    found: Vec<Option<T>>,
    missed: Vec<Missed>,
    /// True if anything arrived.
    has_answered: bool,
    /// The object that the device named as refused.
    named: Option<usize>,
    /// True if it named one that it does not refuse.
    has_lied: bool,
}

impl Session {
    /// Gets the values of these instances. Errors: the device gives nothing at all.
    pub async fn get(&self, deadline: Instant, oids: &[Oid]) -> Result<GetResult, Error> {
        let place = |wanted: &[Oid], found: Bindings| {
            let mut found = found.into_found();
            let placed = wanted.iter().map(|oid| {
                let at = found.iter().position(|found| found.oid == *oid)?;
                Some(
                    found
                        .swap_remove(at)
                        .value
                        .map(|value| Some(value).filter(|value| !value::is_absent(value))),
                )
            });
            placed.collect()
        };
        let work = self.work(deadline, PduKind::Get, oids, None, place).await?;
        Ok(GetResult {
            values: work.found.into_iter().map(Option::flatten).collect(),
            missed: work.missed,
        })
    }

    /// Returns, for each of these, whether the device has anything below it.
    pub async fn has(&self, deadline: Instant, oids: &[Oid]) -> Result<Vec<bool>, Error> {
        let place = |wanted: &[Oid], found: Bindings| {
            let found = found.into_found();
            let is_in_order = found.len() == wanted.len();
            let placed = wanted.iter().enumerate().map(|(at, root)| {
                let is_under = |at: usize| {
                    let found = found.get(at)?;
                    let is_there = found.value.as_ref().is_ok_and(|it| !value::is_absent(it));
                    Some(found.oid.starts_with(root) && (is_there || found.value.is_err()))
                };
                match is_in_order {
                    true => is_under(at).map(Ok),
                    false => (0..found.len())
                        .any(|at| is_under(at) == Some(true))
                        .then_some(Ok(true)),
                }
            });
            placed.collect()
        };
        let work = self.work(deadline, PduKind::Next, oids, Some(false), place);
        let work = work.await?;
        let is_missed = |oid: &Oid| work.missed.iter().any(|missed| missed.oid == *oid);
        let found = oids.iter().zip(&work.found);
        // A refused object exists.
        Ok(found
            .map(|(oid, found)| found.unwrap_or_else(|| is_missed(oid)))
            .collect())
    }

    /// Requests all of these, in as many messages as it takes. `absent`: the result for an object
    /// that the device does not have.
    async fn work<'a, T: Clone>(
        &self,
        deadline: Instant,
        operation: PduKind,
        oids: &'a [Oid],
        absent: Option<T>,
        place: impl Fn(&[Oid], Bindings) -> Vec<Option<Result<T, super::message::Flaw>>>,
    ) -> Result<Work<'a, T>, Error> {
        let mut work = Work {
            oids,
            groups: VecDeque::new(),
            found: vec![None; oids.len()],
            missed: Vec::new(),
            has_answered: false,
            named: None,
            has_lied: self.memory.lock().names_falsely,
        };
        let all: Vec<usize> = (0..oids.len()).collect();
        work.groups.push_back(all);
        while let Some(group) = work.next(self.size()) {
            if work.has_answered && deadline <= Instant::now() {
                work.miss(&group, &Why::NoTime);
                continue;
            }
            let shape = |size: Size| {
                let count = size.names.min(size.cells).min(group.len());
                let asked: Vec<usize> = group.iter().take(count).copied().collect();
                let names = Names::of(work.of(&asked))?;
                Ok((asked, operation.clone(), names))
            };
            let (asked, answer) = match self.adapt(deadline, shape).await {
                Ok(answer) => answer,
                Err(_) if work.has_answered && deadline <= Instant::now() => {
                    work.miss(&group, &Why::NoTime);
                    continue;
                }
                Err(error) if work.has_answered && error.is_of_target() => {
                    work.give_up(&group, &error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            work.has_answered = true;
            let rest: Vec<usize> = group.iter().skip(asked.len()).copied().collect();
            work.groups.push_front(rest);
            match answer {
                Ok(found) => {
                    let wanted: Vec<Oid> = work.of(&asked).cloned().collect();
                    work.take(asked, place(&wanted, found));
                    if work.has_lied {
                        self.memory.lock().names_falsely = true;
                    }
                }
                Err(Error::Refused { status, index, .. }) => {
                    self.narrow(&mut work, asked, (status, index), absent.as_ref());
                }
                Err(_) => work.split(asked, &Why::NoAnswer),
            }
        }
        Ok(work)
    }

    /// Narrows a refusal down to its object.
    fn narrow<T: Clone>(
        &self,
        work: &mut Work<'_, T>,
        asked: Vec<usize>,
        (status, index): (ErrorStatus, usize),
        absent: Option<&T>,
    ) {
        let is_absent = status == ErrorStatus::NoSuchName;
        if status == ErrorStatus::TooBig && asked.len() > 1 {
            let size = Size {
                names: asked.len(),
                cells: asked.len(),
                is_bulk: false,
            };
            self.too_large(size, limits::Why::TooBig);
        }
        let named = index.checked_sub(1).and_then(|at| asked.get(at)).copied();
        match (asked.as_slice(), named) {
            ([one], _) if is_absent => {
                if let Some(slot) = work.found.get_mut(*one) {
                    *slot = absent.cloned();
                }
            }
            ([one], _) => work.miss(&[*one], &Why::Refused(status)),
            (_, Some(named)) if status != ErrorStatus::TooBig && !work.has_lied => {
                work.named = Some(named);
                let others = asked.iter().filter(|at| **at != named).copied();
                // Some devices name the wrong object: it is requested alone.
                work.groups.push_front(others.collect());
                work.groups.push_front(vec![named]);
            }
            _ => work.split(asked, &Why::Refused(status)),
        }
    }
}

impl<T> Work<'_, T> {
    /// The next group, no larger than the device can handle.
    fn next(&mut self, size: Size) -> Option<Vec<usize>> {
        let max = size.names.min(size.cells).min(TOGETHER);
        loop {
            let mut group = self.groups.pop_front()?;
            if group.is_empty() {
                continue;
            }
            if group.len() > max {
                self.groups.push_front(group.split_off(max));
            }
            return Some(group);
        }
    }

    fn of<'b>(&'b self, group: &'b [usize]) -> impl Iterator<Item = &'b Oid> {
        group.iter().filter_map(|at| self.oids.get(*at))
    }

    /// Stores the answers. Missing ones are requested again, if there was any answer.
    fn take(&mut self, asked: Vec<usize>, came: Vec<Option<Result<T, super::message::Flaw>>>) {
        let mut rest = Vec::new();
        let count = asked.len();
        self.has_lied |= count == 1 && asked.first().copied() == self.named;
        for (at, came) in asked.into_iter().zip(came) {
            match came {
                Some(Ok(value)) => {
                    if let Some(slot) = self.found.get_mut(at) {
                        *slot = Some(value);
                    }
                }
                Some(Err(flaw)) => self.miss(&[at], &Why::Undecodable(flaw)),
                None => rest.push(at),
            }
        }
        match rest.len() < count {
            true => self.groups.push_front(rest),
            false => self.split(rest, &Why::NoAnswer),
        }
    }

    /// Splits a group into halves; a single object is given up.
    fn split(&mut self, mut group: Vec<usize>, why: &Why) {
        match group.len() {
            0 => {}
            1 => self.miss(&group, why),
            count => {
                let second = group.split_off(count / 2);
                self.groups.push_front(second);
                self.groups.push_front(group);
            }
        }
    }

    /// Nothing more will arrive. The last try was for the first object of the group alone.
    fn give_up(&mut self, group: &[usize], error: &Error) {
        let (first, rest) = group.split_at(1.min(group.len()));
        self.miss(first, &Why::NoAnswer);
        match error {
            Error::Silent { .. } | Error::Late { .. } => self.groups.push_front(rest.to_vec()),
            _ => self.miss(rest, &Why::NoAnswer),
        }
    }

    fn miss(&mut self, group: &[usize], why: &Why) {
        let missed = group.iter().filter_map(|at| self.oids.get(*at));
        let missed = missed.map(|oid| Missed {
            oid: oid.clone(),
            part: Part::Value,
            why: why.clone(),
        });
        self.missed.extend(missed.collect::<Vec<_>>());
    }
}
