//! `utakata worker sign`: signs a release in a folder.

use std::{fs, io, path::Path};

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use utakata_execution::{
    catalogue,
    trust::{self, Signatures},
};
use utakata_model::{ReleaseId, content::SIGNATURES_FILE};
use utakata_up::{programs, release_folder::ReleaseFolder};

use crate::{commands::Context, exit::Exit};

#[derive(Debug, Serialize)]
struct Signed {
    release: ReleaseId,
    key: String,
}

/// Signs everything in the folder as it is now.
pub fn run(folder: &Path, key: &Path, context: &Context<'_>) -> Result<Exit> {
    let key = trust::secret_key(key).context("the release was not signed")?;
    let release = catalogue::read(folder, &programs::folders());
    let release =
        release.map_err(|problem| anyhow!("{} is not a release: {problem}", folder.display()))?;
    let path = folder.join(SIGNATURES_FILE);
    let mut signatures = match fs::read_to_string(&path) {
        Ok(text) => Signatures::parse(&text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Signatures::default(),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
    };
    let signature = trust::sign(&key, &release.id.digest);
    let signed = Signed {
        release: (*release.id).clone(),
        key: signature.key.clone(),
    };
    // If the program is shipped with utakata, the pushed release contains more than this folder.
    let pushed = ReleaseFolder::read(folder)?.digest();
    let is_other = pushed != release.id.digest;
    let more = is_other.then(|| trust::sign(&key, &pushed));
    signatures.add_all([signature].into_iter().chain(more).collect());
    write(&path, &toml::to_string(&signatures)?)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    context.output.one(&signed, || {
        format!("{} is signed by the key {}", signed.release, signed.key)
    })?;
    Ok(Exit::Done)
}

/// Writes the file atomically: an environment may be reading the folder.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("toml.new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}
