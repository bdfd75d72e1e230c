//! The settings of an environment, each with its default.

mod breaker;
pub mod confinement;
mod content;
mod docker;
mod kubernetes;
mod notifications;
mod trust;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::{
    EnvironmentId, Kind, Labels, NameError, PerSecond, Zone, duration,
    manifest::PoolSize,
    place::Place,
    settings::{self, Setting as _},
};
use utakata_settings::Settings;

use crate::signatures::is_site_key;

pub use breaker::Breaker;
pub use confinement::Confinement;
pub use content::Content;
pub use docker::Docker;
pub use kubernetes::{Containers, Kubernetes};
pub use notifications::Notifications;
pub use trust::Trust;

/// The settings of an environment. Durations are written as `"30s"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name of this environment; the name of the host when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<EnvironmentId>,
    /// Zone whose targets it serves.
    pub zone: Zone,
    /// Labels of this environment, for people: site, rack and so on.
    pub labels: Labels,
    /// Further folders that are watched for releases, besides DATA/releases.
    #[setting(form = "list of folders")]
    pub releases: Vec<PathBuf>,
    /// Further folders with programs of workers, besides that of utakata.
    #[setting(form = "list of folders")]
    pub programs: Vec<PathBuf>,
    /// Folder of the socket for the workers; a private folder when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "folder")]
    pub run_folder: Option<PathBuf>,
    /// Folder in which an environment keeps its latest orders, its decisions about rollouts, and
    /// the processes of its workers; in the data directory when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "folder")]
    pub state_folder: Option<PathBuf>,
    /// File with the secret of the site by which this environment is accepted without a person: the
    /// same as `logic.environments.join_file` of the logic environments. When not set, `utakata wee`
    /// has that of its user on this machine (`~/.local/state/utakata/join.secret`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_file: Option<PathBuf>,
    /// The key by which the messages of the site are known: `message_key` of `utakata secret show`.
    /// When not set, this environment keeps the first one that accepts it, by its join secret if it
    /// has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_key: Option<String>,
    /// Where workers may run: as a process, in a container (image). A release that would run
    /// elsewhere is refused.
    pub allow: Vec<Place>,
    /// Registries of images, or parts of them (`registry.example/team`); any when there are none.
    #[setting(form = "list of registries")]
    pub registries: Vec<String>,
    /// Environment variables that workers see; all others are hidden.
    #[setting(form = "list of names")]
    pub variables: Vec<String>,
    /// Interval at which a worker must send a heartbeat.
    #[serde(with = "duration")]
    pub heartbeat: Duration,
    /// Time of silence after which a worker is replaced.
    #[serde(with = "duration")]
    pub hung_after: Duration,
    /// Time after its start within which a worker must say hello.
    #[serde(with = "duration")]
    pub hello_within: Duration,
    /// Largest number of connections to the workers' socket without a token.
    #[setting(max = 1_000_000)]
    pub unknown_connections: usize,
    /// Time for which a worker may exceed the timeout of a task.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub grace: Duration,
    /// Time for which tasks wait before a full pool grows by one worker.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub grow_after: Duration,
    /// Time for which a pool keeps as many workers as it needed at once.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub warm_for: Duration,
    /// Time after which an idle worker that is not needed is stopped.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub idle_after: Duration,
    /// Time that a worker of a replaced release has to finish its tasks.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub drain_within: Duration,
    /// Wait before a worker that died is started again.
    pub backoff: Backoff,
    /// Largest number of workers of all kinds; as many as the pools may have when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_workers: Option<u32>,
    /// Pools by kind: `[execution.pools.snmp]` min = 1, max = 4, reserve = 0; lifetime, recycle.
    pub pools: BTreeMap<Kind, PoolSize>,
    /// Limits on the tasks that wait for a target, and for a kind.
    pub lanes: Lanes,
    /// Conditions under which a target that does not answer is left alone.
    pub breaker: Breaker,
    /// Asking for permits for control.
    pub permits: Permits,
    /// Notifications (SNMP traps and informs) of devices.
    pub notifications: Notifications,
    /// The runtime of images: docker, in a Docker engine of this machine; or
    /// kubernetes, as pods of a cluster.
    pub runtime: Containers,
    /// Place and limits of the containers of a Docker engine.
    pub docker: Docker,
    /// Place and limits of the pods of a cluster.
    pub kubernetes: Kubernetes,
    /// Fetching and keeping of releases that are ordered and in no folder.
    pub content: Content,
    /// Releases that are admitted.
    pub trust: Trust,
    /// Files that workers reach.
    pub confinement: Confinement,
    /// Number of unrecorded outcomes of control beyond which no further permits are requested.
    pub unrecorded: u32,
    /// Unsafe, for a drill that must detect tasks done twice: control begins without a permit, and
    /// so does a second delivery of an attempt. Neither a key, nor a field in a program that users
    /// run.
    #[cfg(feature = "test-support")]
    #[serde(skip)]
    pub without_permits: bool,
}

/// Asking for permits for control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Permits {
    /// Time after which an unanswered request for a permit is repeated.
    #[serde(with = "duration")]
    pub again_after: Duration,
    /// Time after which a new permit is requested: best as long as logic.control.window.
    #[serde(with = "duration")]
    pub void_after: Duration,
}

/// Wait before a worker that died is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// First wait before a worker that died is started again; it doubles each time.
    #[serde(with = "duration")]
    pub first: Duration,
    /// Longest wait.
    #[serde(with = "duration")]
    pub max: Duration,
    /// Lifetime of a worker after which earlier deaths are forgotten.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub forgiven_after: Duration,
}

/// Limits on the tasks that wait for a target, and for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Lanes {
    /// Number of attempts at a time on one target.
    pub attempts: u32,
    /// Number of tasks begun per second on one target; unlimited when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<PerSecond>,
    /// Number of reads of one action that may wait for one target; beyond it the oldest is dropped.
    pub observe: u32,
    /// Number of tasks of one kind that may wait in this environment; beyond it none is fetched.
    pub backlog: u32,
}

/// A setting that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that is not allowed.
    #[error(transparent)]
    Wrong(#[from] settings::Wrong),
    /// The text is not the name of a variable.
    #[error("execution.variables: \"{name}\" cannot be the name of a variable")]
    Variable { name: String },
    /// The text is not the key of a site.
    #[error("execution.site_key: \"{key}\" is not message_key of `utakata secret show`")]
    SiteKey { key: String },
    /// The text is not a code.
    #[error(
        "execution.breaker.codes: \"{code}\" cannot be a code: they are lower case letters, digits \
         and hyphens"
    )]
    Code { code: String },
    /// The text is not the beginning of an image's name.
    #[error(
        "execution.registries: \"{name}\" cannot be a registry, or a part of one: r.example/team"
    )]
    Registry { name: String },
    /// The longest wait is shorter than the first.
    #[error("execution.{table}.max ({}) is less than execution.{table}.first ({})",
        duration::format(*max), duration::format(*first))]
    Shrinks {
        /// The table with both keys.
        table: &'static str,
        first: Duration,
        max: Duration,
    },
    /// A worker would count as hung between two heartbeats.
    #[error(
        "execution.hung_after ({}) must be at least twice execution.heartbeat ({})",
        duration::format(*hung_after),
        duration::format(*heartbeat)
    )]
    Hung {
        hung_after: Duration,
        heartbeat: Duration,
    },
    /// A pool without workers.
    #[error("execution.pools.{kind}: max ({max}) is less than min ({min}) or is 0")]
    Pool {
        /// The kind of the pool.
        kind: Kind,
        min: u32,
        max: u32,
    },
    /// The workers would be replaced all the time.
    #[error("execution.pools.{kind}.recycle.age is less than a second")]
    Recycle {
        /// The kind of the pool.
        kind: Kind,
    },
}

/// The environment variables that a worker sees by default.
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
            join_file: None,
            site_key: None,
            allow: Place::ALL.to_vec(),
            registries: Vec::new(),
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
            max_workers: None,
            pools: BTreeMap::new(),
            lanes: Lanes::default(),
            breaker: Breaker::default(),
            permits: Permits::default(),
            notifications: Notifications::default(),
            runtime: Containers::default(),
            docker: Docker::default(),
            kubernetes: Kubernetes::default(),
            content: Content::default(),
            trust: Trust::default(),
            confinement: Confinement::default(),
            unrecorded: 100_000,
            #[cfg(feature = "test-support")]
            without_permits: false,
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
            max: Duration::from_secs(60),
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
        self.check("execution")?;
        if let Some(name) = self.variables.iter().find(|name| !is_variable(name)) {
            return Err(ConfigError::Variable { name: name.clone() });
        }
        if let Some(key) = self.site_key.as_deref().filter(|key| !is_site_key(key)) {
            return Err(ConfigError::SiteKey { key: key.into() });
        }
        if let Some(code) = self.breaker.codes.iter().find(|code| !is_code(code)) {
            return Err(ConfigError::Code { code: code.clone() });
        }
        if let Some(name) = self.registries.iter().find(|name| !is_registry(name)) {
            return Err(ConfigError::Registry { name: name.clone() });
        }
        let waits = [
            ("backoff", self.backoff.first, self.backoff.max),
            ("breaker", self.breaker.first, self.breaker.max),
        ];
        if let Some((table, first, max)) = waits.into_iter().find(|(_, first, max)| max < first) {
            return Err(ConfigError::Shrinks { table, first, max });
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

    /// Returns true if control begins without permits, which happens only in drills.
    #[cfg(feature = "test-support")]
    pub(crate) fn is_without_permits(&self) -> bool {
        self.without_permits
    }

    #[cfg(not(feature = "test-support"))]
    pub(crate) fn is_without_permits(&self) -> bool {
        false
    }

    /// Returns the time that the worker of an image may take to be started, besides that for its hello.
    pub(crate) fn image_starts_within(&self) -> Duration {
        match self.runtime {
            Containers::Docker => Duration::ZERO,
            Containers::Kubernetes => self.kubernetes.starts_within,
        }
    }

    /// The name of the environment: as set, or that of the host.
    pub fn environment_id(&self) -> Result<EnvironmentId, NameError> {
        let host = || name_from(&rustix::system::uname().nodename().to_string_lossy());
        self.id.clone().map_or_else(host, Ok)
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

fn is_registry(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:[]".contains(c);
    !name.is_empty() && !name.contains("://") && name.chars().all(is_allowed)
}

fn is_code(code: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !code.is_empty() && code.chars().all(allowed)
}

/// Returns the nearest valid name to a text.
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
            ("max_workers = 0", "execution.max_workers must be"),
            (
                "variables = [\"A=B\"]",
                "execution.variables: \"A=B\" cannot",
            ),
            (
                "[breaker]\ncodes = [\"x y\"]",
                "execution.breaker.codes: \"x y\"",
            ),
            (
                "[backoff]\nfirst = \"2m\"",
                "execution.backoff.max (1m) is less than execution.backoff.first (2m)",
            ),
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
