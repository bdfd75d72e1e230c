//! A zone that is cut off: for minutes nothing comes through between its environments and the
//! servers, while everybody goes on asking.

use std::{collections::BTreeMap, collections::BTreeSet, fs, time::Duration};

use anyhow::{Result, bail};
use serde::Serialize;
use tokio::time::{Instant, sleep};
use utakata_api::client::ReadingQuery;
use utakata_model::{Quality, TargetName};

use super::{Drill, Phase, server::Server};

/// How long all is well before.
const BEFORE: Duration = Duration::from_secs(20);
/// Everything must be back within this, or it is said that it was not.
const BACK_WITHIN: Duration = Duration::from_secs(120);
/// Between two looks at readings and memory.
const LOOK: Duration = Duration::from_secs(1);
/// Of the devices that answered before, so many must answer again: some come and go by
/// themselves.
const SHARE_BACK: f64 = 0.95;

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Cut {
    /// How long it lasted, in seconds.
    pub seconds: u64,
    /// Devices with fresh readings before.
    pub fresh_before: usize,
    /// Devices with fresh readings at the end of it: nobody may say so.
    pub fresh_at_the_end: usize,
    /// Devices whose readings are told stale at the end of it.
    pub stale_at_the_end: usize,
    /// How long after it readings were fresh and control succeeded, in seconds; absent: not in
    /// time.
    pub back_after: Option<f64>,
    /// Memory of each process in MB: before, and the most since.
    pub memory: BTreeMap<String, (u64, u64)>,
}

/// What the readings tell at a moment.
#[derive(Debug, Default)]
struct Seen {
    fresh: BTreeSet<TargetName>,
    stale: BTreeSet<TargetName>,
}

impl Drill<'_> {
    /// Cuts the environments off for so long, and measures.
    pub(super) async fn cut_off(&mut self, time: Duration, server: &Server) -> Result<Cut> {
        self.wait_until_well(server).await?;
        let mut memory = BTreeMap::new();
        let before = self.watch(BEFORE, server, &mut memory).await?;
        memory.values_mut().for_each(|(first, most)| *first = *most);
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
        let until = Instant::now() + BACK_WITHIN;
        while Instant::now() < until {
            self.pass(until).await?;
            if self.load.tally().succeeded > 0 && !seen(server).await.fresh.is_empty() {
                return Ok(());
            }
        }
        bail!(
            "devices were not read and controlled within {BACK_WITHIN:?}: keep the logs with --keep DIR"
        )
    }

    /// Looks at everything for so long; gives what was seen last.
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
        Ok(seen(server).await)
    }

    async fn wait_until_back(
        &mut self,
        before: &Seen,
        server: &Server,
        memory: &mut BTreeMap<String, (u64, u64)>,
    ) -> Result<Option<Duration>> {
        let healed = Instant::now();
        let until = healed + BACK_WITHIN;
        let succeeded = self.load.tally().succeeded;
        let enough = before.fresh.len() as f64 * SHARE_BACK;
        while Instant::now() < until {
            self.pass(until).await?;
            self.weigh(memory);
            let is_read = seen(server).await.fresh.len() as f64 >= enough;
            if is_read && self.load.tally().succeeded > succeeded {
                return Ok(Some(healed.elapsed()));
            }
        }
        Ok(None)
    }

    async fn pass(&mut self, until: Instant) -> Result<()> {
        tokio::select! {
            () = sleep(LOOK) => {}
            signal = self.signals.asked_to_end() => bail!("{signal}: not compared"),
        }
        self.tend(Phase::Wild(until.saturating_duration_since(Instant::now())))
    }

    fn weigh(&self, memory: &mut BTreeMap<String, (u64, u64)>) {
        for (name, process) in self.crew.processes() {
            let Some(now) = megabytes(process) else {
                continue;
            };
            let (_, most) = memory.entry(name.to_owned()).or_default();
            *most = now.max(*most);
        }
    }
}

impl Cut {
    /// For people.
    pub fn line(&self) -> String {
        let back = match self.back_after {
            Some(seconds) => format!("back after {seconds:.0}s"),
            None => format!("NOT BACK within {}s", BACK_WITHIN.as_secs()),
        };
        let memory: Vec<String> = self
            .memory
            .iter()
            .map(|(name, (before, most))| format!("{name} {before} to {most} MB"))
            .collect();
        format!(
            "cut off for {}s: {} devices fresh before, {} at its end ({} told stale), {back}; \
             memory: {}",
            self.seconds,
            self.fresh_before,
            self.fresh_at_the_end,
            self.stale_at_the_end,
            memory.join(", ")
        )
    }

    /// Whether nobody lied, and everything came back.
    pub fn is_clean(&self) -> bool {
        self.fresh_at_the_end == 0 && self.back_after.is_some()
    }
}

async fn seen(server: &Server) -> Seen {
    let mut seen = Seen::default();
    let Some(client) = server.client() else {
        return seen;
    };
    let readings = client.readings(&ReadingQuery::default()).await;
    for view in readings.unwrap_or_default() {
        match view.reading.quality {
            Quality::Stale => seen.stale.insert(view.target),
            _ => seen.fresh.insert(view.target),
        };
    }
    seen
}

/// The memory that a process has now.
fn megabytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024)
}
