//! The process of a worker under test.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use futures::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use utakata_protocol::{ENDPOINT_VARIABLE, NO_BYTECODE, RELEASE_VARIABLE, TOKEN_VARIABLE};

use super::{
    host::{Ended, Started},
    not_passed::NotPassed,
};
use crate::Release;

/// The amount of a worker's output that is shown, in bytes.
const SHOWN: usize = 2000;

/// The environment variables that a worker sees besides its own three.
const PASSED_ON: [&str; 7] = [
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "RUST_LOG",
    "RUST_BACKTRACE",
];

/// The process of a worker. When dropped, it and all its descendants are killed.
pub struct Process {
    child: Child,
    /// The process group, as long as it may have members.
    group: Option<Pid>,
    printed: PathBuf,
}

impl Process {
    /// Starts the worker of a release, as a manager does.
    pub fn start(
        release: &Release,
        programs: &[PathBuf],
        endpoint: &str,
        token: &str,
        folder: &Path,
    ) -> Result<Self, NotPassed> {
        let run = &release.manifest.run;
        let program = find(release, programs)?;
        let failed = |step: &'static str| {
            let program = program.display().to_string();
            move |error: std::io::Error| {
                NotPassed::failed(format!("cannot {step} {program}: {error}"))
            }
        };
        let folder_of_release = std::path::absolute(&release.folder).map_err(failed("find"))?;
        let printed = folder.join("printed");
        let print = File::create(&printed).map_err(failed("keep what is printed by"))?;
        let errors = print
            .try_clone()
            .map_err(failed("keep what is printed by"))?;
        let child = Command::new(&program)
            .args(&run.arguments)
            .env_clear()
            .env(NO_BYTECODE.0, NO_BYTECODE.1)
            .envs(
                PASSED_ON
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env(ENDPOINT_VARIABLE, endpoint)
            .env(TOKEN_VARIABLE, token)
            .env(RELEASE_VARIABLE, &folder_of_release)
            .current_dir(&folder_of_release)
            .stdin(Stdio::null())
            .stdout(print)
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed("start"))?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Self {
            child,
            group: id.and_then(Pid::from_raw),
            printed,
        })
    }

    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // An error means that nothing is left to kill.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Started for Process {
    fn ended(&mut self) -> BoxFuture<'_, Ended> {
        Box::pin(async {
            let status = self.child.wait().await;
            // Processes that it has started and left behind end with it.
            self.kill();
            match status {
                Ok(status) => Ended {
                    success: status.success(),
                    how: status.to_string(),
                },
                Err(error) => Ended {
                    success: false,
                    how: format!("nobody can tell how: {error}"),
                },
            }
        })
    }

    fn last_words(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.printed).and_then(|mut file| file.read_to_end(&mut text));
        match read {
            Ok(_) => String::from_utf8_lossy(&text[text.len().saturating_sub(SHOWN)..]).into(),
            Err(_) => String::new(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns the path of a release's program: in its folder, or in one of these.
fn find(release: &Release, programs: &[PathBuf]) -> Result<PathBuf, NotPassed> {
    let program = &release.manifest.run.program;
    let folders = std::iter::once(&release.folder).chain(programs);
    let mut files = folders.map(|folder| folder.join(program));
    let found = files.find(|file| file.is_file());
    let found = found.and_then(|file| std::path::absolute(file).ok());
    found.ok_or_else(|| {
        let places: Vec<_> = std::iter::once(&release.folder)
            .chain(programs)
            .map(|folder| folder.display().to_string())
            .collect();
        NotPassed::failed(format!(
            "the program \"{program}\" is not in {}: build it, or say where it is",
            places.join(", ")
        ))
    })
}
