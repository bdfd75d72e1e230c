//! The programs that come with this one: workers, the drill and the simulator.

use std::path::{Path, PathBuf};

/// The folder of the programs that people do not start themselves, below that of `bin`.
const BELOW: &str = "libexec/utakata";

/// The folders in which they lie: beside this program, or in `../libexec/utakata`. From a program
/// in there, `utakata` itself lies in `../../bin`.
pub fn folders() -> Vec<PathBuf> {
    let Some(own) = std::env::current_exe()
        .ok()
        .and_then(|program| program.canonicalize().ok())
    else {
        return Vec::new();
    };
    folders_of(&own)
}

fn folders_of(own: &Path) -> Vec<PathBuf> {
    let beside = own.parent().map(Path::to_owned);
    let elsewhere = own.ancestors().nth(2).map(|up| up.join(BELOW));
    let is_below = own.parent().is_some_and(|folder| folder.ends_with(BELOW));
    let above = own.ancestors().nth(3).filter(|_| is_below);
    let above = above.map(|up| up.join("bin"));
    [beside, elsewhere, above].into_iter().flatten().collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_find_each_other_wherever_they_are_installed() {
        let has = |own: &str, folder: &str| folders_of(Path::new(own)).contains(&folder.into());
        assert!(has("/usr/bin/utakata", "/usr/bin"));
        assert!(has("/usr/bin/utakata", "/usr/libexec/utakata"));
        assert!(has(
            "/usr/libexec/utakata/utakata-drill",
            "/usr/libexec/utakata"
        ));
        assert!(has("/usr/libexec/utakata/utakata-drill", "/usr/bin"));
        assert!(!has("/build/target/release/utakata-drill", "/build/bin"));
    }
}
