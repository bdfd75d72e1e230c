//! A closed loop: each group of targets is requested again as soon as a subscriber has received the
//! outcomes of all its targets.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::mpsc;
use utakata_api::{
    client::{Client, Followed},
    event::Event,
};
use utakata_model::{OperationId, Origin, Outcome, OutcomeStatus, Selector};

/// The size of the workload.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Groups of targets, each requested as one operation.
    pub groups: usize,
    pub each: usize,
    /// The time during which new operations are requested.
    pub duration: Duration,
}

/// Loads the system for a while and returns the number of outcomes.
///
/// # Errors
/// A task failed, or the subscriber missed something.
pub async fn run(
    client: &Client,
    size: Size,
    ask: impl AsyncFn(usize) -> Result<OperationId>,
    is_right: impl Fn(&Outcome) -> bool + Send + 'static,
) -> Result<usize> {
    let (to_loop, mut seen) = mpsc::unbounded_channel();
    let mut stream = client
        .events(&Selector::default(), &[Followed::Outcomes])
        .await?;
    let follower = tokio::spawn(async move {
        while let Some(event) = stream.next().await {
            match event? {
                Event::Outcomes(outcomes) => to_loop.send(count(&outcomes, &is_right)?)?,
                Event::Missed(events) => bail!("the subscriber missed {events} events"),
                _ => {}
            }
        }
        Ok(())
    });
    let end = Instant::now() + size.duration;
    let mut ledger = Ledger::default();
    let ask = &ask;
    let asked_for = |group: usize| async move { Ok((group, ask(group).await?)) };
    let mut asked: FuturesUnordered<_> = (0..size.groups).map(asked_for).collect();
    while !asked.is_empty() || !ledger.waiting.is_empty() {
        tokio::select! {
            Some(answer) = asked.next() => {
                let answer: Result<(usize, OperationId)> = answer;
                ledger.asked(answer?);
            }
            Some(counts) = seen.recv() => ledger.seen(counts),
            else => {
                follower.await??;
                bail!("the events ended");
            }
        }
        for group in ledger.complete(size.each) {
            if Instant::now() < end {
                asked.push(asked_for(group));
            }
        }
    }
    follower.abort();
    Ok(ledger.done)
}

fn count(
    outcomes: &[Outcome],
    is_right: &impl Fn(&Outcome) -> bool,
) -> Result<HashMap<OperationId, usize>> {
    let mut counts = HashMap::new();
    for outcome in outcomes {
        ensure!(
            outcome.status == OutcomeStatus::Succeeded && is_right(outcome),
            "a task went wrong: {outcome:?}"
        );
        if let Origin::Operation(operation) = outcome.origin {
            *counts.entry(operation).or_default() += 1;
        }
    }
    Ok(counts)
}

/// Operations with missing outcomes. Outcomes may arrive before the answer to the request.
#[derive(Default)]
struct Ledger {
    waiting: HashMap<OperationId, (Option<usize>, usize)>,
    done: usize,
}

impl Ledger {
    fn asked(&mut self, (group, operation): (usize, OperationId)) {
        self.waiting.entry(operation).or_default().0 = Some(group);
    }

    fn seen(&mut self, counts: HashMap<OperationId, usize>) {
        for (operation, count) in counts {
            self.done += count;
            self.waiting.entry(operation).or_default().1 += count;
        }
    }

    /// Takes out the groups whose operation is complete.
    fn complete(&mut self, each: usize) -> Vec<usize> {
        let mut groups = Vec::new();
        self.waiting.retain(|_, (group, count)| match group {
            Some(group) if *count >= each => {
                groups.push(*group);
                false
            }
            _ => true,
        });
        groups
    }
}
