//! The programs shipped with this one: workers, and the simulator.

use std::path::{Path, PathBuf};

/// The folders searched: the one of this program, and `../libexec/utakata`.
pub fn folders() -> Vec<PathBuf> {
    let Some(own) = std::env::current_exe()
        .ok()
        .and_then(|program| program.canonicalize().ok())
    else {
        return Vec::new();
    };
    let Some(folder) = own.parent() else {
        return Vec::new();
    };
    let beside = folder.to_owned();
    let elsewhere = folder.parent().map(|up| up.join("libexec/utakata"));
    [Some(beside), elsewhere].into_iter().flatten().collect()
}

/// Returns the path of one of them.
pub fn find(name: &str) -> Option<PathBuf> {
    let paths = folders().into_iter().map(|folder| folder.join(name));
    paths.into_iter().find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let executable = |meta: &std::fs::Metadata| meta.permissions().mode() & 0o111 != 0;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && executable(&meta))
}
