//! The location of the repository, and the files that it tracks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Returns the root folder of the repository.
#[must_use]
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The folder of device recordings, for [`crate::servers::Snmpsim::start`].
#[must_use]
pub fn recordings() -> PathBuf {
    root().join("tests/recordings")
}

/// Returns a Python tool from a group of `tests/servers/install.sh`, such as `("api",
/// "schemathesis")`.
#[must_use]
pub fn tool(group: &str, name: &str) -> PathBuf {
    root().join(".tools").join(group).join("bin").join(name)
}

/// Returns every existing file that git tracks or would track, relative to [`root`], in order.
///
/// # Errors
/// Git cannot be run here.
pub fn files() -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root())
        .output()
        .context("running git ls-files")?;
    ensure!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut files: Vec<PathBuf> = String::from_utf8_lossy(&output.stdout)
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|name| root().join(name).is_file())
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}
