//! The releases of our own workers, written to the data directory at each start.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use utakata_logic::store::ShippedRelease;
use utakata_model::{
    Content, ContentFile, FileDigest, Manifest, ReleaseId, content::MANIFEST_FILE,
};

use crate::claim::write_whole;

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// Makes a folder contain exactly our releases. Files that are already right are left alone.
pub fn write(folder: &Path) -> io::Result<()> {
    lay_out(folder, FILES)
}

/// The folders of the releases that `up` serves, named after their kinds.
pub fn kinds() -> BTreeSet<&'static str> {
    let folders = FILES.iter().filter_map(|(name, _)| name.split('/').next());
    folders.collect()
}

/// Returns true if a release, by kind and version, is one of those shipped with this program.
pub fn has(release: &ReleaseId) -> bool {
    version(release.kind.as_str()).is_some_and(|version| *version == *release.version)
}

/// The version of a kind shipped with this program.
pub fn version(kind: &str) -> Option<String> {
    Some(Manifest::parse(manifest(kind)?).ok()?.version)
}

/// The manifest text of a kind shipped with this program.
pub fn manifest(kind: &str) -> Option<&'static str> {
    let file = format!("{kind}/{MANIFEST_FILE}");
    let (_, text) = FILES.iter().find(|(name, _)| *name == file)?;
    Some(text)
}

/// The releases that `up` serves, for the catalogue: their declarations, and their files without
/// the program, which differs for each architecture.
pub fn shipped() -> Result<Vec<ShippedRelease>> {
    kinds().into_iter().map(release).collect()
}

fn release(name: &str) -> Result<ShippedRelease> {
    let below = |(path, text): &(&'static str, &'static str)| {
        let (release, path) = path.split_once('/')?;
        (release == name).then_some((path, *text))
    };
    let mut files: Vec<(&str, &str)> = FILES.iter().filter_map(below).collect();
    files.sort_by(|(one, _), (other, _)| one.split('/').cmp(other.split('/')));
    let file = |(path, text): &(&str, &str)| ContentFile {
        path: (*path).into(),
        digest: FileDigest::of(text.as_bytes()),
        size: text.len() as u64,
        executable: false,
    };
    let content = Content {
        files: files.iter().map(file).collect(),
    };
    let manifest = files.iter().find(|(path, _)| *path == MANIFEST_FILE);
    let (_, text) = manifest.with_context(|| format!("{name} has no {MANIFEST_FILE}"))?;
    let manifest = Manifest::parse(text).with_context(|| format!("{name} is not a release"))?;
    Ok(ShippedRelease {
        id: ReleaseId {
            kind: manifest.kind.clone(),
            version: manifest.version.as_str().into(),
            digest: content.release_digest(&manifest.run),
        },
        manifest,
        content,
        utakata: env!("CARGO_PKG_VERSION").into(),
    })
}

fn lay_out(folder: &Path, files: &[(&str, &str)]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let releases: BTreeSet<PathBuf> = files
        .iter()
        .filter_map(|(name, _)| name.split('/').next())
        .map(|release| folder.join(release))
        .collect();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !releases.contains(&path) {
            remove(&path)?;
        }
    }
    let wanted: BTreeSet<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    for release in &releases {
        remove_others(release, &wanted)?;
    }
    for (name, text) in files {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        write_whole(&path, text.as_bytes())?;
    }
    Ok(())
}

fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let has_wanted = wanted.iter().any(|file| file.starts_with(&path));
        if !has_wanted {
            remove(&path)?;
        } else if path.is_dir() {
            remove_others(&path, wanted)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return fs::remove_dir_all(path);
    }
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_holds_exactly_what_is_bundled() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("bundled");
        lay_out(
            &folder,
            &[("a/worker.toml", "1"), ("b/profiles/x.toml", "2")],
        )
        .unwrap();
        fs::write(folder.join("b/stray"), "").unwrap();
        fs::create_dir(folder.join("c")).unwrap();
        lay_out(&folder, &[("b/profiles/x.toml", "3")]).unwrap();
        assert!(!folder.join("a").exists());
        assert!(!folder.join("c").exists());
        assert!(!folder.join("b/stray").exists());
        assert_eq!(
            fs::read_to_string(folder.join("b/profiles/x.toml")).unwrap(),
            "3"
        );
    }

    #[test]
    fn the_kinds_are_those_that_are_written_and_the_drill_is_none() {
        let place = tempfile::tempdir().unwrap();
        write(place.path()).unwrap();
        let written = fs::read_dir(place.path()).unwrap();
        let written = written.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let written: BTreeSet<String> = written.collect();
        let named: BTreeSet<String> = kinds().into_iter().map(str::to_owned).collect();
        assert_eq!(written, named);
        assert!(!named.contains("drill"));
    }

    #[test]
    fn every_bundled_manifest_is_right() {
        let manifests = FILES
            .iter()
            .filter(|(name, _)| name.ends_with("worker.toml"));
        let mut kinds = BTreeSet::new();
        for (name, text) in manifests {
            let manifest = Manifest::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(kinds.insert(manifest.kind), "{name} is there twice");
        }
        assert!(kinds.contains("snmp"), "{kinds:?}");
    }
}
