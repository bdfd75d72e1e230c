//! A test of any worker, in any language, against the protocol: the requirements that it must meet
//! before it may enter a pool.
//!
//! The harness is the manager: it starts the worker of a release, many times, with a private
//! socket, and plays one situation each time. Apart from an example target, the worker is only ever
//! given silent addresses on the loopback.

pub mod alone;
mod checks;
pub mod host;
pub(crate) mod manager;
mod not_passed;
mod parameters;
mod process;
mod silence;
mod stage;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use utakata_model::{ActionName, target::Secret};

use self::{host::WorkerHost, not_passed::NotPassed, stage::Stage};
use crate::Release;

/// The options for testing a worker.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folders in which `run.program` is looked for, after that of the release.
    pub programs: Vec<PathBuf>,
    /// The host of its workers. `None`: they are processes of this machine.
    pub host: Option<Arc<dyn WorkerHost>>,
    /// A real target, on which its observe actions are run.
    pub example: Option<Example>,
    /// An observe action, with parameters for which it takes long. Without it, the default read of
    /// an address that does not answer is used.
    pub slow: Option<(ActionName, serde_json::Value)>,
    /// The number of targets at once.
    pub targets: usize,
    /// The factor by which all time limits are multiplied: more than 1 on a slow machine.
    pub time_scale: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            programs: Vec::new(),
            host: None,
            example: None,
            slow: None,
            targets: 200,
            time_scale: 1.0,
        }
    }
}

/// A real target on which a worker is tested.
#[derive(Debug, Clone, Default)]
pub struct Example {
    /// The address at which it answers.
    pub address: String,
    /// The credential that gives the worker access.
    pub credential: BTreeMap<String, Secret>,
    /// The parameters of actions that need any.
    pub parameters: BTreeMap<ActionName, serde_json::Value>,
    /// The control actions that may be run on it. No others ever are.
    pub allowed_control: Vec<ActionName>,
}

/// The results of trying a worker.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The checks, in the order in which they were made.
    pub checks: Vec<Check>,
}

/// One requirement on a worker.
#[derive(Debug, Clone)]
pub struct Check {
    /// The requirement, in a sentence.
    pub name: String,
    /// The result, with the reason if the check did not pass.
    pub result: CheckResult,
    /// The time that the check took.
    pub took: Duration,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckResult {
    /// The worker behaves as required.
    Passed,
    /// The worker does not, as described.
    Failed(String),
    /// It could not be tested, for this reason.
    Skipped(String),
}

impl Report {
    /// Returns true if nothing failed. Skipped checks do not count.
    pub fn passed(&self) -> bool {
        let failed = |check: &Check| matches!(check.result, CheckResult::Failed(_));
        !self.checks.iter().any(failed)
    }

    async fn add(
        &mut self,
        name: impl Into<String>,
        check: impl Future<Output = Result<(), NotPassed>>,
    ) -> bool {
        let began = Instant::now();
        let result = match check.await {
            Ok(()) => CheckResult::Passed,
            Err(NotPassed::Failed(why)) => CheckResult::Failed(why),
            Err(NotPassed::Skipped(why)) => CheckResult::Skipped(why),
        };
        let passed = result == CheckResult::Passed;
        self.checks.push(Check {
            name: name.into(),
            result,
            took: began.elapsed(),
        });
        passed
    }

    fn skip(&mut self, names: impl Iterator<Item = &'static str>, why: &str) {
        self.checks.extend(names.map(|name| Check {
            name: name.into(),
            result: CheckResult::Skipped(why.into()),
            took: Duration::ZERO,
        }));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Check { name, result, took } in &self.checks {
            let seconds = took.as_secs_f64();
            match result {
                CheckResult::Passed => writeln!(f, "passed   {name} ({seconds:.1} s)")?,
                CheckResult::Failed(why) => writeln!(f, "FAILED   {name}: {why}")?,
                CheckResult::Skipped(why) => writeln!(f, "skipped  {name}: {why}")?,
            }
        }
        Ok(())
    }
}

const MANIFEST: &str = "the manifest is valid";
const HELLO: &str = "it says hello in time, with its token, a protocol version and this manifest";

/// Tests the worker of the release in this folder. Takes about half a minute.
pub async fn check(release: &Path, options: Options) -> Report {
    let mut report = Report::default();
    let mut read = None;
    let manifest = async {
        let found = Release::read(release)
            .map_err(|error| NotPassed::failed(utakata_model::chain(&error)))?;
        read = Some(found);
        Ok(())
    };
    report.add(MANIFEST, manifest).await;
    let names = || checks::ALL.iter().map(|check| check.name());
    let Some(release) = read else {
        report.skip(
            [HELLO].into_iter().chain(names()),
            "there is no manifest to go by",
        );
        return report;
    };
    let stage = Stage::build(release, options);
    if !report.add(HELLO, checks::hello(&stage)).await {
        report.skip(names(), "it does not say hello");
        return report;
    }
    for check in checks::ALL {
        report.add(check.name(), check.run(&stage)).await;
    }
    checks::on_example(&stage, &mut report).await;
    report
}
