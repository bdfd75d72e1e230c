//! What can be set of an environment, each with its default.

mod content;
mod docker;
mod trust;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::{
    EnvironmentId, Kind, Labels, NameError, PerSecond, Zone, duration, manifest::PoolSize,
};

pub use content::Content;
pub use docker::Docker;
pub use trust::Trust;

/// What can be set of an environment. Durations are written as `"30s"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Its name, unique among all environments. Default: the name of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<EnvironmentId>,
    /// The zone whose targets it serves. Default: `default`.
    pub zone: Zone,
    /// What people know of it: `site`, `rack`, ...
    pub labels: Labels,
    /// Folders that are watched for releases: each of them, or each folder in them, that has a
    /// `worker.toml`. They need not be there yet.
    pub releases: Vec<PathBuf>,
    /// Folders in which the program of a release is looked up after the release's own folder.
    pub programs: Vec<PathBuf>,
    /// Where the socket for the workers lies. Default: a private folder below
    /// `$XDG_RUNTIME_DIR`, or of temporary files; also used when this one is too long for a
    /// socket (about 100 bytes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_folder: Option<PathBuf>,
    /// Where it keeps what must hold after a restart, too: what was asked of it last, what it
    /// has decided about rollouts, and which workers it has started: its next life ends what is
    /// left of them, and says so. Default: nowhere, and `utakata` sets a folder in its
    /// data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_folder: Option<PathBuf>,
    /// Names of the variables of the own environment that workers see; all others are hidden
    /// from them.
    pub variables: Vec<String>,
    /// How often a worker must be heard of. Default 1s.
    #[serde(with = "duration")]
    pub heartbeat: Duration,
    /// A worker that was not heard of for so long is hung, and is replaced. Default 5s.
    #[serde(with = "duration")]
    pub hung_after: Duration,
    /// How soon after its start a worker must say hello. Default 10s.
    #[serde(with = "duration")]
    pub hello_within: Duration,
    /// The most connections to the socket of the workers that have shown no token of a worker
    /// yet. Default 128.
    pub unknown_connections: usize,
    /// How long a worker may go on beyond the timeout of a task before the environment answers
    /// in its place. Default 2s.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// How long tasks wait before a pool that is full grows by one worker. Default 200ms.
    #[serde(with = "duration")]
    pub grow_after: Duration,
    /// A pool keeps as many workers as it needed at once within this time, for the next time.
    /// Default 5m.
    #[serde(with = "duration")]
    pub warm_for: Duration,
    /// How long a worker beyond those needed is idle before it is let go. Default 1m.
    #[serde(with = "duration")]
    pub idle_after: Duration,
    /// How long a worker of a replaced release has for what it has begun. Default 1m.
    #[serde(with = "duration")]
    pub drain_within: Duration,
    /// How long to wait before a worker that died is started again.
    pub backoff: Backoff,
    /// The most workers that run at once, of all kinds together; beyond it kinds share them
    /// evenly, and take turns where there are more kinds with tasks than workers. Default: as
    /// many as the pools may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers_most: Option<u32>,
    /// Sizes of pools that differ from what the manifests say, by kind.
    pub pools: BTreeMap<Kind, PoolSize>,
    /// How much waits for a target, and for a kind.
    pub lanes: Lanes,
    /// When a target that does not answer is left alone.
    pub breaker: Breaker,
    /// How permits for control are asked for.
    pub permits: Permits,
    /// Where and how the workers of images run.
    pub docker: Docker,
    /// How releases that are asked for and lie in no folder are fetched and kept.
    pub content: Content,
    /// Whose releases are let in.
    pub trust: Trust,
    /// Outcomes of control of one kind that are not written down yet: beyond it nothing new is
    /// asked for. Default 100000.
    pub unrecorded: u32,
    /// Unsafe, for a test that must see doubles: control is begun without a permit, and a
    /// second delivery of an attempt is begun as well. Default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_permits: bool,
}

/// When a target that does not answer is left alone, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// After so many attempts in a row that it did not answer; 0: never. Default 5.
    pub failures: u32,
    /// How long at first; doubled each time that it does not answer then. Default 1s.
    #[serde(with = "duration")]
    pub first: Duration,
    /// Never longer than this. Default 30s.
    #[serde(with = "duration")]
    pub most: Duration,
    /// Codes of problems that say that a target did not answer. Default `unreachable`,
    /// `deadline`, `timed-out`.
    pub codes: Vec<String>,
}

/// How permits for control are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Permits {
    /// An ask without an answer is repeated after this. Default 500ms.
    #[serde(with = "duration")]
    pub again_after: Duration,
    /// An ask without an answer is void after this, and another one is made: best the window
    /// of a permit (`logic.control.window`). Sooner wastes permits that are slow, later is of
    /// no use. Default 5s.
    #[serde(with = "duration")]
    pub void_after: Duration,
}

/// How long to wait before a worker that died is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// After the first death; doubled with each that follows. Default 500ms.
    #[serde(with = "duration")]
    pub first: Duration,
    /// Never longer than this. Default 1m.
    #[serde(with = "duration")]
    pub most: Duration,
    /// A worker that lived so long makes earlier deaths forgotten. Default 1m.
    #[serde(with = "duration")]
    pub forgiven_after: Duration,
}

/// How much waits for a target, and for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lanes {
    /// Attempts at once on one target that says nothing else itself. Default 1.
    pub attempts: u32,
    /// Tasks that are begun in a second on one target that says nothing else itself. Default:
    /// as many as come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<PerSecond>,
    /// Observe tasks of one action that wait for one target: beyond it the oldest goes.
    /// Default 64.
    pub observe: u32,
    /// Tasks of one kind that wait in this environment: beyond it none is fetched.
    /// Default 8192.
    pub backlog: u32,
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Zero, where something must be.
    #[error("execution.{key} must be more than 0")]
    Zero {
        /// The setting.
        key: &'static str,
    },
    /// A worker would be taken for hung between two heartbeats.
    #[error(
        "execution.hung_after ({}) must be at least twice execution.heartbeat ({})",
        duration::format(*hung_after),
        duration::format(*heartbeat)
    )]
    Hung {
        /// As set.
        hung_after: Duration,
        /// As set.
        heartbeat: Duration,
    },
    /// A pool that holds nothing.
    #[error("execution.pools.{kind}: max ({max}) is less than min ({min}) or is 0")]
    Pool {
        /// Whose pool.
        kind: Kind,
        /// As set.
        min: u32,
        /// As set.
        max: u32,
    },
    /// Workers would be replaced all the time.
    #[error("execution.pools.{kind}.recycle.age is less than a second")]
    Recycle {
        /// Whose pool.
        kind: Kind,
    },
}

/// What a worker may see of the environment variables, when nothing else is said.
const VARIABLES: [&str; 12] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
];

impl Default for Config {
    fn default() -> Self {
        Self {
            id: None,
            zone: Zone::default(),
            labels: Labels::new(),
            releases: Vec::new(),
            programs: Vec::new(),
            run_folder: None,
            state_folder: None,
            variables: VARIABLES.map(String::from).to_vec(),
            heartbeat: Duration::from_secs(1),
            hung_after: Duration::from_secs(5),
            hello_within: Duration::from_secs(10),
            unknown_connections: 128,
            grace: Duration::from_secs(2),
            grow_after: Duration::from_millis(200),
            warm_for: Duration::from_secs(300),
            idle_after: Duration::from_secs(60),
            drain_within: Duration::from_secs(60),
            backoff: Backoff::default(),
            workers_most: None,
            pools: BTreeMap::new(),
            lanes: Lanes::default(),
            breaker: Breaker::default(),
            permits: Permits::default(),
            docker: Docker::default(),
            content: Content::default(),
            trust: Trust::default(),
            unrecorded: 100_000,
            without_permits: false,
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            first: Duration::from_secs(1),
            most: Duration::from_secs(30),
            codes: ["unreachable", "deadline", "timed-out"]
                .map(String::from)
                .into(),
        }
    }
}

impl Default for Permits {
    fn default() -> Self {
        Self {
            again_after: Duration::from_millis(500),
            void_after: Duration::from_secs(5),
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            most: Duration::from_secs(60),
            forgiven_after: Duration::from_secs(60),
        }
    }
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            attempts: 1,
            per_second: None,
            observe: 64,
            backlog: 8192,
        }
    }
}

impl Config {
    /// Refuses settings with which nothing would work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let zero = [
            ("heartbeat", self.heartbeat.is_zero()),
            ("hello_within", self.hello_within.is_zero()),
            ("backoff.first", self.backoff.first.is_zero()),
            ("workers_most", self.workers_most == Some(0)),
            ("lanes.attempts", self.lanes.attempts == 0),
            ("lanes.observe", self.lanes.observe == 0),
            ("lanes.backlog", self.lanes.backlog == 0),
            ("breaker.first", self.breaker.first.is_zero()),
            ("permits.again_after", self.permits.again_after.is_zero()),
            ("permits.void_after", self.permits.void_after.is_zero()),
            ("docker.pids", self.docker.pids == 0),
            ("content.again_after", self.content.again_after.is_zero()),
            ("unrecorded", self.unrecorded == 0),
        ];
        if let Some((key, _)) = zero.into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(ConfigError::Zero { key });
        }
        if self.hung_after < self.heartbeat * 2 {
            return Err(ConfigError::Hung {
                hung_after: self.hung_after,
                heartbeat: self.heartbeat,
            });
        }
        let wrong = |size: &PoolSize| size.max == 0 || size.max < size.min;
        let mut pools = self.pools.iter();
        if let Some((kind, _)) = pools.find(|(_, size)| !size.recycle.is_possible()) {
            return Err(ConfigError::Recycle { kind: kind.clone() });
        }
        match self.pools.iter().find(|(_, size)| wrong(size)) {
            None => Ok(()),
            Some((kind, size)) => Err(ConfigError::Pool {
                kind: kind.clone(),
                min: size.min,
                max: size.max,
            }),
        }
    }

    /// The name of the environment: as set, or that of the host.
    pub fn environment_id(&self) -> Result<EnvironmentId, NameError> {
        let host = || name_from(&rustix::system::uname().nodename().to_string_lossy());
        self.id.clone().map_or_else(host, Ok)
    }
}

/// The nearest name to a text.
fn name_from(text: &str) -> Result<EnvironmentId, NameError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = text
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(utakata_model::id::NAME_MAX)
        .collect();
    EnvironmentId::new(name).or_else(|_| EnvironmentId::new("environment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_has_a_default_and_unknown_keys_are_refused() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.validate(), Ok(()));
        let config: Config =
            toml::from_str("heartbeat = \"250ms\"\n[pools.snmp]\nmax = 2\n[lanes]\nobserve = 3")
                .unwrap();
        assert_eq!(config.heartbeat, Duration::from_millis(250));
        assert_eq!(config.pools[&Kind::new("snmp").unwrap()].max, 2);
        assert!(toml::from_str::<Config>("heart_beat = \"1s\"").is_err());
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn settings_with_which_nothing_would_work_are_refused() {
        for (text, expect) in [
            ("[lanes]\nattempts = 0", "execution.lanes.attempts must be"),
            (
                "hung_after = \"1s\"",
                "execution.hung_after (1s) must be at least twice",
            ),
            ("workers_most = 0", "execution.workers_most must be"),
            ("[pools.snmp]\nmax = 0", "execution.pools.snmp: max (0)"),
        ] {
            let config: Config = toml::from_str(text).unwrap();
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }

    #[test]
    fn any_host_name_becomes_a_name() {
        for (host, expect) in [
            ("node-1.example", "node-1.example"),
            ("-ü7 b", "7-b"),
            ("", "environment"),
        ] {
            assert_eq!(name_from(host).unwrap().as_str(), expect);
        }
    }
}
