//! The scratch folder of a drill: data, settings and logs of every process.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use utakata_logic::secrets;
use utakata_up::bundle;

use crate::release;

pub const ENVIRONMENTS: [&str; 2] = ["wee-1", "wee-2"];
/// The name of the logic environment, if there is one.
pub const LOGIC: &str = "le";
/// The names of the logic environments, if there are several.
pub const LOGICS: [&str; 2] = ["le-1", "le-2"];

/// The times of a drill, on which its promises depend. The settings below repeat them.
///
/// While the longest attempt may still act, the ledger must still wait. It counts from the moment
/// it wrote the permit: `WINDOW` + `TIMEOUT` (of the manifest) + `GRACE`. The environment begins
/// within `WINDOW` of its ask, which is earlier than the permit: a worker begins only on a go that
/// is no older than that. The worker counts `TIMEOUT` from the moment it reads the task, which is
/// earlier than its go, and sends nothing afterwards, with or without its environment. So `GRACE`
/// only has to cover the way of a packet to the device. The environment answers in place of a
/// worker that has been silent for longer than `WORKER_GRACE`; that is less than `GRACE`, so that
/// its answer arrives before the ledger gives up.
pub const WINDOW: Duration = Duration::from_secs(2);
pub const TIMEOUT: Duration = Duration::from_secs(2);
pub const GRACE: Duration = Duration::from_secs(2);
const WORKER_GRACE: Duration = Duration::from_secs(1);
/// The time that devices may take to show an effect; those that act late do so within half of it.
pub const SETTLING: Duration = Duration::from_secs(1);
pub const READ_BACK_TIMEOUT: Duration = Duration::from_secs(20);
/// The time for which a silent device is left alone: much less than the time for reading it back.
const LEFT_ALONE: Duration = Duration::from_secs(2);
pub const LIFETIME: Duration = Duration::from_secs(20);

/// The addresses of the servers for one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// The address of RabbitMQ.
    pub amqp: String,
    /// The address of Mosquitto.
    pub mqtt: String,
    /// The address of PostgreSQL.
    pub postgres: String,
}

/// The folder of a drill.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    is_kept: bool,
    /// The URL to which alarms are posted.
    pub alarms: Option<String>,
    /// The kinds that are served besides that of the drill.
    pub needed: &'static [&'static str],
}

impl Place {
    /// Creates the folder, which must be empty; a temporary one unless it is to be kept.
    ///
    /// # Errors
    /// It cannot be created, or is not empty.
    pub fn make(keep: Option<&Path>) -> Result<Self> {
        let path = match keep {
            Some(path) => path.to_owned(),
            // Short, because the path of a socket has less than 100 bytes.
            None => std::env::temp_dir().join(format!("utakata-drill-{}", std::process::id())),
        };
        let unusable = || format!("{} cannot be the folder of a drill", path.display());
        fs::create_dir_all(&path).with_context(unusable)?;
        if fs::read_dir(&path).with_context(unusable)?.next().is_some() {
            bail!("{} is not empty: name another folder", path.display());
        }
        Ok(Self {
            path,
            is_kept: keep.is_some(),
            alarms: None,
            needed: &[],
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the socket of the inter connect.
    pub fn socket(&self) -> PathBuf {
        self.path.join("hub.sock")
    }

    /// Returns the data directory of a process.
    pub fn data(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the folder of the container engine's state.
    pub fn engine(&self) -> PathBuf {
        self.path.join("docker")
    }

    /// Returns the folder of the release that is drilled.
    pub fn release(&self) -> PathBuf {
        self.path.join("releases/drill")
    }

    /// Returns the logs of all processes that were started, by name.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn logs(&self) -> io::Result<Vec<(String, PathBuf)>> {
        let mut logs = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log")
                && let Some(name) = path.file_stem()
            {
                logs.push((name.to_string_lossy().into_owned(), path));
            }
        }
        logs.sort();
        Ok(logs)
    }

    /// Returns the log file of a process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.log"))
    }

    /// Writes the release that is drilled.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write_release(&self) -> io::Result<()> {
        release::write(&self.path.join("releases"))
    }

    /// Writes the release of a kind that is nothing but a manifest.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write_kind(&self, kind: &str, manifest: &str) -> io::Result<()> {
        let folder = self.path.join("releases").join(kind);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("worker.toml"), manifest)
    }

    /// Writes the settings of every process; and to the environments where their workers run.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn furnish(&self, of_workers: &str) -> io::Result<()> {
        self.write_join_secret()?;
        self.settings(LOGIC, &self.logic())?;
        for name in ENVIRONMENTS {
            self.settings(name, &self.environment(name, of_workers))?;
        }
        Ok(())
    }

    /// Writes the settings of processes with servers between them.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn furnish_with(&self, urls: impl Fn(&str) -> Urls) -> io::Result<()> {
        let token = self.path.join("token");
        if !token.exists() {
            fs::write(&token, any_token()?)?;
        }
        self.write_join_secret()?;
        let key = self.path.join("site.key");
        if !key.exists() {
            secrets::add_key(&key).map_err(io::Error::other)?;
        }
        for name in LOGICS {
            let urls = urls(name);
            let text = format!(
                "{}{}[logic.http]\ntoken_file = {token:?}\n[logic.secrets]\nkey_file = {key:?}\n\
                 [logic.store]\nurl = {:?}\n",
                self.logic(),
                between(&urls),
                urls.postgres,
            );
            self.settings(name, &format!("logic.id = {name:?}\n{text}"))?;
        }
        for name in ENVIRONMENTS {
            let text = self.environment(name, "");
            self.settings(name, &format!("{text}{}", between(&urls(name))))?;
        }
        Ok(())
    }

    /// The secret by which the environments join.
    fn join_secret(&self) -> PathBuf {
        self.path.join("join.secret")
    }

    fn write_join_secret(&self) -> io::Result<()> {
        let secret = self.join_secret();
        match secret.exists() {
            true => Ok(()),
            false => fs::write(&secret, any_token()?),
        }
    }

    fn settings(&self, name: &str, text: &str) -> io::Result<()> {
        let folder = self.data(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("utakata.toml"), text)
    }

    fn logic(&self) -> String {
        let webhooks = self.alarms.iter();
        let webhooks: String = webhooks
            .map(|url| format!("[logic.alarms]\nwebhooks = [{url:?}]\n"))
            .collect();
        let join = self.join_secret();
        logic() + &webhooks + &format!("[logic.environments]\njoin_file = {join:?}\n")
    }

    /// With lines of the table `execution` that say where workers run.
    fn environment(&self, name: &str, of_workers: &str) -> String {
        let releases = self.path.join("releases");
        let run = self.path.join(format!("run-{name}"));
        let socket = self.engine().join("docker.sock");
        let join = self.join_secret();
        let mut text = format!(
            "[execution]\n{of_workers}releases = [{releases:?}]\nrun_folder = {run:?}\n\
             join_file = {join:?}\n\
             grace = \"{}s\"\n\
             # Workers are killed all the time, and are needed again at once.\n\
             backoff = {{ first = \"100ms\", max = \"500ms\", forgiven_after = \"1s\" }}\n\
             breaker = {{ first = \"500ms\", max = \"{}s\" }}\n",
            WORKER_GRACE.as_secs(),
            LEFT_ALONE.as_secs(),
        );
        text.push_str(&format!("[execution.docker]\nsocket = {socket:?}\n"));
        // The devices of a drill are on the loopback of this machine.
        text.push_str("networks = [\"host\"]\n");
        for kind in bundle::kinds() {
            let (min, max) = match self.needed.contains(&kind) {
                true => (1, 2),
                false => (0, 1),
            };
            text.push_str(&format!(
                "[execution.pools.{kind}]\nmin = {min}\nmax = {max}\n"
            ));
        }
        text
    }
}

/// Returns the shortest time of standing still: longer than anybody waits for an attempt.
pub fn outlasts() -> Duration {
    WINDOW + TIMEOUT + GRACE + SETTLING * 2 + Duration::from_secs(1)
}

/// Returns the settings by which the servers are reached.
fn between(urls: &Urls) -> String {
    format!(
        "[interconnect.amqp]\nurl = {:?}\n[interconnect.mqtt]\nurl = {:?}\n",
        urls.amqp, urls.mqtt,
    )
}

fn any_token() -> io::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn logic() -> String {
    format!(
        "[mqtt]\nenabled = false\n[logic.observe]\nlifetime = \"5s\"\n[logic.control]\n\
         lifetime = \"{}s\"\nwindow = \"{}s\"\ngrace = \"{}s\"\nsettling = \"{}s\"\n\
         read_back_within = \"{}s\"\npublish_again = \"2s\"\n",
        LIFETIME.as_secs(),
        WINDOW.as_secs(),
        GRACE.as_secs(),
        SETTLING.as_secs(),
        READ_BACK_TIMEOUT.as_secs(),
    )
}

/// Returns the time within which the last task must end: it is permitted within its lifetime, and
/// settled if its outcome is unknown then. Twice that, because the last restart may have made it
/// begin again; the rest is for slow machines.
pub fn settled_within() -> Duration {
    let attempt = WINDOW + TIMEOUT + GRACE + SETTLING * 2 + READ_BACK_TIMEOUT;
    LIFETIME + attempt * 2 + Duration::from_secs(30)
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            eprintln!("{} could not be removed: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_settings_and_say_what_the_drill_relies_on() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::make(Some(&folder.path().join("new"))).unwrap();
        place.write_release().unwrap();
        let pods = "runtime = \"kubernetes\"\nkubernetes.port = 0\n";
        place.furnish(pods).unwrap();
        let read = |name: &str| {
            let file = place.data(name).join("utakata.toml");
            utakata_up::config::load(Some(&file), &[]).unwrap()
        };
        let control = read(LOGIC).logic.control;
        assert_eq!(control.window, WINDOW);
        assert_eq!(control.grace, GRACE);
        let execution = read(ENVIRONMENTS[0]).execution;
        assert!(execution.grace < control.grace);
        let manifest = fs::read_to_string(place.path().join("releases/drill/worker.toml")).unwrap();
        let manifest = utakata_model::Manifest::parse(&manifest).unwrap();
        let control = |action: &&utakata_model::manifest::Action| {
            action.class == utakata_model::Class::Control
        };
        for action in manifest.actions.iter().filter(control) {
            assert_eq!(action.timeout, TIMEOUT, "{}", action.name);
        }
        assert!(Place::make(Some(place.path())).is_err(), "it is not empty");
    }
}
