//! The data directory: its files, and how to reach the process that owns it.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::Usage;

/// A data directory and the paths of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

/// `endpoint.json`: the addresses of the `up` that owns the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address of the API: `http://127.0.0.1:7700`.
    pub url: String,
    /// The file with the authority that vouches for the API, if it has TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The address of the MQTT broker: `127.0.0.1:1883`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<String>,
    /// The process identifier.
    pub pid: u32,
    /// The time at which it began, in ticks of the kernel since the machine started: the identifier
    /// of a process that has ended is used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<u64>,
}

impl Folder {
    /// A data directory at a path, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns `$XDG_DATA_HOME/utakata`, or `~/.local/share/utakata`.
    pub fn default_place() -> Option<Self> {
        Some(Self::new(shared_places()?.join("utakata")))
    }

    /// The data directory of the demo.
    pub fn demo_place() -> Option<Self> {
        Some(Self::new(shared_places()?.join("utakata-demo")))
    }

    /// The directory named, or a default.
    ///
    /// # Errors
    /// None was named, and there is no home directory for the default.
    pub fn named_or(named: Option<&Path>, default: fn() -> Option<Self>) -> Result<Self, Usage> {
        named.map(Self::new).or_else(default).ok_or_else(|| {
            let message =
                "there is no home directory for the data: say where it goes with --data DIR";
            Usage(message.into())
        })
    }

    /// The path quoted for a shell.
    pub fn quoted(&self) -> String {
        let path = self.path.display().to_string();
        let is_word = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
        if path.chars().all(is_word) {
            return path;
        }
        format!("'{}'", path.replace('\'', r"'\''"))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn token_file(&self) -> PathBuf {
        self.path.join("token")
    }

    /// The path of the unix socket of the API, where the user of the server is admin.
    pub fn socket(&self) -> PathBuf {
        self.path.join("api.sock")
    }

    /// The path of the file with the key that a request on that socket shows.
    pub fn socket_key_file(&self) -> PathBuf {
        self.path.join("api.key")
    }

    /// The path of the file with the address of the API.
    pub fn endpoint_file(&self) -> PathBuf {
        self.path.join("endpoint.json")
    }

    /// Returns the addresses of the `up` that owns it; `None` when there is none, or it has ended.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let text = fs::read_to_string(self.endpoint_file()).ok()?;
        let endpoint: Endpoint = serde_json::from_str(&text).ok()?;
        let is_it = |began| began_at(endpoint.pid).is_none_or(|found| found == began);
        let is_there = is_alive(endpoint.pid) && endpoint.began.is_none_or(is_it);
        is_there.then_some(endpoint)
    }

    /// Returns true if it exists and this user may not look into it.
    pub fn is_closed(&self) -> bool {
        let looked = fs::metadata(self.endpoint_file());
        looked.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Returns true if an `up` has ever owned it.
    pub fn was_used(&self) -> bool {
        self.token_file().exists()
    }

    pub fn token(&self) -> io::Result<String> {
        fs::read_to_string(self.token_file()).map(|text| text.trim().to_owned())
    }

    /// Returns the key of the socket since its server has started.
    pub fn socket_key(&self) -> io::Result<String> {
        fs::read_to_string(self.socket_key_file()).map(|text| text.trim().to_owned())
    }
}

fn shared_places() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))
}

/// Returns the start time of a process in kernel ticks: the 22nd field of `/proc/PID/stat`.
pub fn began_at(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name comes first, in brackets, and may contain anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

/// Returns true if a process with this id exists.
pub fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    else {
        return false;
    };
    !matches!(
        rustix::process::test_kill_process(pid),
        Err(rustix::io::Errno::SRCH)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_one_word_for_a_shell() {
        let quoted = |path: &str| Folder::new(path).quoted();
        assert_eq!(quoted("/var/lib/utakata"), "/var/lib/utakata");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }

    #[test]
    fn the_number_of_a_process_that_has_ended_is_not_taken_for_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let pid = std::process::id();
        let found = |began: Option<u64>| {
            let url = "http://127.0.0.1:7700".into();
            let endpoint = Endpoint {
                url,
                ca: None,
                mqtt: None,
                pid,
                began,
            };
            let text = serde_json::to_string(&endpoint).unwrap();
            fs::write(folder.endpoint_file(), text).unwrap();
            folder.endpoint().is_some()
        };
        let began = began_at(pid).unwrap();
        assert!(found(Some(began)) && found(None));
        assert!(!found(Some(began + 1)));
    }
}
