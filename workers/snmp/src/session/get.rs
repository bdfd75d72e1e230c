//! Getting instances by their OIDs, few or many.

use async_snmp::{ErrorStatus, Oid, Value, VarBind};
use tokio::time::Instant;

use super::{Error, Repeat, Session};
use crate::value;

/// Instances asked for in one message.
const TOGETHER: usize = 32;

impl Session {
    /// The values of these instances, in their order; `None` where the device has none.
    pub async fn get(&self, deadline: Instant, oids: &[Oid]) -> Result<Vec<Option<Value>>, Error> {
        let mut values = Vec::with_capacity(oids.len());
        for part in oids.chunks(TOGETHER.min(self.batch())) {
            values.extend(self.get_together(deadline, part).await?);
        }
        Ok(values)
    }

    /// One message, or as many as it takes: an agent of v1 names the first object that it does
    /// not have, and gives nothing.
    async fn get_together(
        &self,
        deadline: Instant,
        oids: &[Oid],
    ) -> Result<Vec<Option<Value>>, Error> {
        let mut values = vec![None; oids.len()];
        let mut asked: Vec<usize> = (0..oids.len()).collect();
        while !asked.is_empty() {
            let wanted: Vec<Oid> = asked
                .iter()
                .filter_map(|at| oids.get(*at).cloned())
                .collect();
            let answer = self
                .exchange(deadline, Repeat::Adaptive, || self.reader.get_many(&wanted))
                .await;
            match answer {
                Ok(answer) => {
                    place(&wanted, answer.varbinds, &asked, &mut values)?;
                    break;
                }
                Err(Error::Refused {
                    status: ErrorStatus::NoSuchName | ErrorStatus::GenErr,
                    index,
                    ..
                }) if (1..=asked.len()).contains(&index) => {
                    asked.remove(index - 1);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(values)
    }

    /// Whether the device has anything under each of these, in their order.
    pub async fn has(&self, deadline: Instant, oids: &[Oid]) -> Result<Vec<bool>, Error> {
        let mut found = vec![false; oids.len()];
        let mut asked: Vec<usize> = (0..oids.len()).collect();
        while !asked.is_empty() {
            let now: Vec<usize> = asked.iter().take(TOGETHER).copied().collect();
            let wanted: Vec<Oid> = now.iter().filter_map(|at| oids.get(*at).cloned()).collect();
            let answer = self
                .exchange(deadline, Repeat::Adaptive, || {
                    self.reader.get_next_many(&wanted)
                })
                .await;
            match answer {
                Ok(answer) => {
                    for (at, next) in now.iter().zip(&answer.varbinds) {
                        let is_under = oids.get(*at).is_some_and(|oid| next.oid.starts_with(oid));
                        if let Some(found) = found.get_mut(*at) {
                            *found = is_under && !value::is_absent(&next.value);
                        }
                    }
                    asked.drain(..now.len());
                }
                Err(Error::Refused {
                    status: ErrorStatus::NoSuchName | ErrorStatus::GenErr,
                    index,
                    ..
                }) if (1..=now.len()).contains(&index) => {
                    asked.remove(index - 1);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// Puts what was answered where it was asked for, by its OID.
fn place(
    wanted: &[Oid],
    answer: Vec<VarBind>,
    asked: &[usize],
    values: &mut [Option<Value>],
) -> Result<(), Error> {
    let count = answer.len();
    let mut placed = 0;
    for (at, varbind) in answer.into_iter().enumerate() {
        // Mostly in the order asked for; RFC 3416 demands it, and some devices do not care.
        let position = match wanted.get(at) {
            Some(oid) if *oid == varbind.oid => Some(at),
            _ => wanted.iter().position(|oid| *oid == varbind.oid),
        };
        let slot = position
            .and_then(|at| asked.get(at))
            .and_then(|at| values.get_mut(*at));
        if let Some(slot) = slot {
            placed += 1;
            *slot = Some(varbind.value).filter(|value| !value::is_absent(value));
        }
    }
    if placed == 0 {
        return Err(Error::Garbage {
            problem: format!(
                "asked for {} objects, it answered {count} others",
                wanted.len()
            ),
        });
    }
    Ok(())
}
