//! The release that is drilled, shipped with this program.

use std::{fs, io, path::Path};

/// The name of the release and of its kind.
pub const NAME: &str = "drill";
const FILES: [(&str, &str); 2] = [
    (
        "worker.toml",
        include_str!("../../workers/snmp/releases/drill/worker.toml"),
    ),
    (
        "profiles/drill.toml",
        include_str!("../../workers/snmp/releases/drill/profiles/drill.toml"),
    ),
];

/// Writes it into a folder of releases.
///
/// # Errors
/// The folder cannot be written.
pub fn write(releases: &Path) -> io::Result<()> {
    let folder = releases.join(NAME);
    fs::create_dir_all(folder.join("profiles"))?;
    for (name, text) in FILES {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}
