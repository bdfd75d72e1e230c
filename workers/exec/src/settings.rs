//! `[settings]` of a release: the program to start, and how.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

/// `[settings]` of a `worker.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The program and its arguments.
    command: Vec<String>,
    /// The use of processes.
    #[serde(default)]
    pub process: Style,
    /// The most tasks at a time.
    #[serde(default = "sixteen")]
    pub at_once: NonZeroU32,
    /// Threads of the SDK, which reads this key itself.
    #[serde(default, rename = "threads")]
    _threads: Option<u32>,
}

/// The use of processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// One process per task.
    #[default]
    Task,
    /// One for all tasks, as long as the worker lives.
    Worker,
}

/// The command to start.
#[derive(Debug, Clone)]
pub struct Command {
    /// A path, or a name to be looked up in `PATH`.
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// The working directory: the folder of the release.
    pub folder: PathBuf,
}

/// The reason why a release cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are wrong.
    #[error("worker.toml: [settings]: {0}")]
    Settings(#[from] serde_json::Error),
    /// The command is empty.
    #[error("worker.toml: [settings]: command is empty: write command = [\"./program\"]")]
    Empty,
    /// The program is not in the release.
    #[error(
        "worker.toml: [settings]: there is no file {} in the release",
        program.display()
    )]
    Absent { program: PathBuf },
}

impl Settings {
    /// Reads the settings of a manifest.
    pub fn read(settings: &Value) -> Result<Self, Error> {
        let settings: Self = match settings {
            Value::Null => serde_json::from_str("{}")?,
            settings => serde_json::from_value(settings.clone())?,
        };
        Ok(settings)
    }
}

impl Command {
    /// Finds the program: a name with a slash is a file of the release; without one it is such a
    /// file if there is one, otherwise looked up in `PATH`.
    pub fn find(settings: &Settings, folder: &Path) -> Result<Self, Error> {
        let (program, arguments) = settings.command.split_first().ok_or(Error::Empty)?;
        let own = folder.join(program);
        let program = match (own.is_file(), program.contains('/')) {
            (true, _) => own,
            (false, true) => {
                let program = program.into();
                return Err(Error::Absent { program });
            }
            (false, false) => program.into(),
        };
        Ok(Self {
            program,
            arguments: arguments.to_vec(),
            folder: folder.into(),
        })
    }
}

fn sixteen() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(15)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_started_is_reported_when_the_worker_is_made() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("own"), "").unwrap();
        let find = |settings: Value| {
            let settings = Settings::read(&settings).map_err(|error| error.to_string())?;
            let found = Command::find(&settings, folder.path());
            found.map(|found| found.program).map_err(|e| e.to_string())
        };
        let own = folder.path().join("own");
        assert_eq!(
            find(json!({ "command": ["./own", "x"] })),
            Ok(folder.path().join("./own"))
        );
        assert_eq!(find(json!({ "command": ["own"] })), Ok(own));
        assert_eq!(
            find(json!({ "command": ["python3"] })),
            Ok("python3".into())
        );
        for (settings, says) in [
            (json!(null), "missing field `command`"),
            (json!({ "command": [] }), "is empty"),
            (json!({ "command": ["./other"] }), "no file ./other"),
            (
                json!({ "command": ["x"], "proceed": "task" }),
                "unknown field `proceed`",
            ),
            (json!({ "command": ["x"], "at_once": 0 }), "nonzero"),
        ] {
            let told = find(settings).unwrap_err();
            assert!(told.contains(says), "{told}");
        }
    }
}
