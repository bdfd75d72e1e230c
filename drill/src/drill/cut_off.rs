//! The cutting off of environments, with measurements.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};
use utakata_api::client::ReadingQuery;
use utakata_model::{Quality, TargetName};

use super::Drill;
use crate::{
    cut::{Cut, RECOVERY_TIMEOUT},
    server::Server,
    show::Phase,
};

/// The time beforehand in which all is well.
const BEFORE: Duration = Duration::from_secs(20);
/// The interval between looks at readings and memory.
const LOOK: Duration = Duration::from_secs(1);
/// The share of the devices that answered before that must answer again: some come and go by
/// themselves.
const SHARE_BACK: f64 = 0.95;

/// The devices by their readings at one moment.
#[derive(Debug, Default)]
struct Seen {
    fresh: BTreeSet<TargetName>,
    stale: BTreeSet<TargetName>,
}

impl Drill<'_> {
    /// Cuts the environments off for this time, and measures.
    pub(super) async fn cut_off(&mut self, time: Duration, server: &Server) -> Result<Cut> {
        self.wait_until_well(server).await?;
        let mut memory = BTreeMap::new();
        let before = self.watch(BEFORE, server, &mut memory).await?;
        memory.values_mut().for_each(|(first, max)| *first = *max);
        self.crew.cut_environments();
        let end = self.watch(time, server, &mut memory).await?;
        self.crew.heal();
        let back_after = self.wait_until_back(&before, server, &mut memory).await?;
        Ok(Cut {
            seconds: time.as_secs(),
            fresh_before: before.fresh.len(),
            fresh_at_the_end: end.fresh.len(),
            stale_at_the_end: end.stale.len(),
            back_after: back_after.map(|time| time.as_secs_f64()),
            memory,
        })
    }

    /// Waits until devices are read and controlled: servers take their time to start.
    async fn wait_until_well(&mut self, server: &Server) -> Result<()> {
        let until = Instant::now() + RECOVERY_TIMEOUT;
        while Instant::now() < until {
            self.pass(until).await?;
            let is_read = seen(server).await.is_ok_and(|seen| !seen.fresh.is_empty());
            if is_read && self.load.tally().succeeded > 0 {
                return Ok(());
            }
        }
        bail!(
            "devices were not read and controlled within {RECOVERY_TIMEOUT:?}: keep the logs with --keep DIR"
        )
    }

    /// Watches everything for this time; returns the last look.
    async fn watch(
        &mut self,
        time: Duration,
        server: &Server,
        memory: &mut BTreeMap<String, (u64, u64)>,
    ) -> Result<Seen> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.pass(until).await?;
            self.weigh(memory);
        }
        // No answer is not the answer that nothing is fresh, which would be as promised.
        seen(server)
            .await
            .context("the readings cannot be looked at")
    }

    async fn wait_until_back(
        &mut self,
        before: &Seen,
        server: &Server,
        memory: &mut BTreeMap<String, (u64, u64)>,
    ) -> Result<Option<Duration>> {
        let healed = Instant::now();
        let until = healed + RECOVERY_TIMEOUT;
        let succeeded = self.load.tally().succeeded;
        let enough = before.fresh.len() as f64 * SHARE_BACK;
        while Instant::now() < until {
            self.pass(until).await?;
            self.weigh(memory);
            let seen = seen(server).await;
            let is_read = seen.is_ok_and(|seen| seen.fresh.len() as f64 >= enough);
            if is_read && self.load.tally().succeeded > succeeded {
                return Ok(Some(healed.elapsed()));
            }
        }
        Ok(None)
    }

    async fn pass(&mut self, until: Instant) -> Result<()> {
        tokio::select! {
            () = sleep(LOOK) => {}
            signal = self.signals.end_requested() => bail!("{signal}: not compared"),
        }
        self.tend(Phase::Wild(until.saturating_duration_since(Instant::now())))
    }

    fn weigh(&self, memory: &mut BTreeMap<String, (u64, u64)>) {
        for (name, process) in self.crew.processes() {
            let Some(now) = megabytes(process) else {
                continue;
            };
            let (_, max) = memory.entry(name.to_owned()).or_default();
            *max = now.max(*max);
        }
    }
}

async fn seen(server: &Server) -> Result<Seen> {
    let mut seen = Seen::default();
    let client = server.client().context("no logic environment is there")?;
    for view in client.readings(&ReadingQuery::default()).await? {
        match view.reading.quality {
            Quality::Stale => seen.stale.insert(view.target),
            _ => seen.fresh.insert(view.target),
        };
    }
    Ok(seen)
}

/// Returns the present memory of a process, in MB.
fn megabytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024)
}
