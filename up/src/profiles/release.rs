//! A release made of a kind shipped with utakata and of profiles.
//!
//! Each has a folder of its own, which is complete once it exists and never changes. The previous
//! one stays: its workers continue until those of the next one are ready.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use utakata_model::content::MANIFEST_FILE;

use crate::bundle;

/// The file with the last version made: no version is used twice.
const LAST: &str = "last-version";
/// The number of releases kept: the last one and its predecessor.
const KEPT: usize = 2;

/// A release that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub version: String,
}

/// Makes a release of these profiles in a folder, unless the last one there is the same. Returns
/// whether it is new.
pub fn make(folder: &Path, kind: &str, files: &[PathBuf]) -> Result<(Made, bool)> {
    let manifest = bundle::manifest(kind).with_context(|| format!("there is no kind {kind}"))?;
    let profiles = read(files)?;
    let base = bundle::version(kind).with_context(|| format!("{kind} has no version"))?;
    let before = made(folder, kind);
    if let Some(last) = before.last() {
        let place = folder.join(format!("{kind}-{}", dotted(last)));
        if holds(&place, &with_version(manifest, &dotted(last)), &profiles) {
            let version = dotted(last);
            return Ok((Made { version }, false));
        }
    }
    // The file may be lost; what lies there is still not made again.
    let there = before.last().map(|version| dotted(version));
    let version = next(&base, &[&last(folder), &there.unwrap_or_default()]);
    let manifest = with_version(manifest, &version);
    write(folder, kind, &version, &manifest, &profiles)
        .with_context(|| format!("{} cannot be written", folder.display()))?;
    for old in before.iter().rev().skip(KEPT - 1) {
        fs::remove_dir_all(folder.join(format!("{kind}-{}", dotted(old))))?;
    }
    Ok((Made { version }, true))
}

/// Removes the releases: there are no profiles any more.
pub fn clear(folder: &Path, kind: &str) -> Result<()> {
    for old in made(folder, kind) {
        fs::remove_dir_all(folder.join(format!("{kind}-{}", dotted(&old))))?;
    }
    Ok(())
}

/// The version after all of these: those of a newer utakata are above all of an older one.
fn next(base: &str, known: &[&str]) -> String {
    let number = |version: &&str| {
        let rest = version.strip_prefix(base)?.strip_prefix('.')?;
        rest.parse::<u64>().ok()
    };
    let last = known.iter().filter_map(number).max();
    format!("{base}.{}", last.map_or(1, |last| last + 1))
}

/// The manifest with another version; everything else stays as written.
fn with_version(manifest: &str, version: &str) -> String {
    let mut lines = String::with_capacity(manifest.len());
    let mut is_set = false;
    for line in manifest.lines() {
        match line.starts_with("version = ") && !is_set {
            true => lines.push_str(&format!("version = \"{version}\"")),
            false => lines.push_str(line),
        }
        is_set |= line.starts_with("version = ");
        lines.push('\n');
    }
    lines
}

/// The last version made; empty if there was none.
fn last(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join(LAST)).unwrap_or_default();
    text.trim().into()
}

/// The versions in the folder, in order.
fn made(folder: &Path, kind: &str) -> Vec<Vec<u64>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut versions: Vec<Vec<u64>> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(kind)?.strip_prefix('-')?;
            version.split('.').map(|part| part.parse().ok()).collect()
        })
        .collect();
    versions.sort();
    versions
}

fn dotted(version: &[u64]) -> String {
    let parts: Vec<String> = version.iter().map(u64::to_string).collect();
    parts.join(".")
}

/// The texts of the profiles by the names of their files, which are those of the profiles: two
/// folders must not have the same.
fn read(files: &[PathBuf]) -> Result<BTreeMap<String, String>> {
    let mut profiles = BTreeMap::new();
    let mut places: BTreeMap<&str, &Path> = BTreeMap::new();
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str());
        let unreadable = || format!("{} cannot be read", file.display());
        let name = name.with_context(unreadable)?;
        if let Some(other) = places.insert(name, file) {
            let (other, file) = (other.display(), file.display());
            bail!("{other} and {file} are profiles of the same name: rename one of them");
        }
        let text = fs::read_to_string(file).with_context(unreadable)?;
        profiles.insert(name.into(), text);
    }
    Ok(profiles)
}

fn holds(place: &Path, manifest: &str, profiles: &BTreeMap<String, String>) -> bool {
    let is = |path: PathBuf, text: &str| fs::read(path).is_ok_and(|found| found == text.as_bytes());
    let below = place.join("profiles");
    let count = fs::read_dir(&below).map_or(0, Iterator::count);
    count == profiles.len()
        && is(place.join(MANIFEST_FILE), manifest)
        && profiles
            .iter()
            .all(|(name, text)| is(below.join(name), text))
}

/// Writes the release to a temporary folder, and renames that when it is complete.
fn write(
    folder: &Path,
    kind: &str,
    version: &str,
    manifest: &str,
    profiles: &BTreeMap<String, String>,
) -> Result<()> {
    fs::create_dir_all(folder)?;
    // Built next to the releases folder, so that no incomplete release is ever in it.
    let beside = folder.with_file_name(".made");
    if beside.exists() {
        fs::remove_dir_all(&beside)?;
    }
    fs::create_dir_all(beside.join("profiles"))?;
    for (name, text) in profiles {
        fs::write(beside.join("profiles").join(name), text)?;
    }
    fs::write(beside.join(MANIFEST_FILE), manifest)?;
    // Recorded before the folder exists: a version, once used, always means the same.
    fs::write(folder.join(LAST), version)?;
    Ok(fs::rename(
        &beside,
        folder.join(format!("{kind}-{version}")),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(folder: &Path, name: &str, text: &str) -> PathBuf {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn each_change_is_a_release_of_its_own_and_nothing_is_made_twice() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("made");
        let base = bundle::version("snmp").unwrap();
        let one = vec![profile(place.path(), "a.toml", "description = \"a\"")];
        let make = |files: &[PathBuf]| {
            let (release, is_new) = make(&folder, "snmp", files).unwrap();
            (release.version, is_new)
        };
        assert_eq!(make(&one), (format!("{base}.1"), true));
        assert_eq!(make(&one), (format!("{base}.1"), false));
        profile(place.path(), "a.toml", "description = \"b\"");
        assert_eq!(make(&one), (format!("{base}.2"), true));
        let two = [one.clone(), vec![profile(place.path(), "c.toml", "x")]].concat();
        assert_eq!(make(&two), (format!("{base}.3"), true));
        assert_eq!(make(&one), (format!("{base}.4"), true));
        let there = folder.join(format!("snmp-{base}.4"));
        let manifest = fs::read_to_string(there.join(MANIFEST_FILE)).unwrap();
        let manifest = utakata_model::Manifest::parse(&manifest).unwrap();
        assert_eq!(manifest.version, format!("{base}.4"));
        assert!(there.join("profiles/a.toml").is_file());
        // The previous one stays as long as its workers may run.
        assert!(folder.join(format!("snmp-{base}.3")).is_dir());
        assert!(!folder.join(format!("snmp-{base}.2")).exists());
        // Without the file that says which was the last, none is made twice either.
        fs::remove_file(folder.join(LAST)).unwrap();
        profile(place.path(), "a.toml", "description = \"d\"");
        assert_eq!(make(&one), (format!("{base}.5"), true));
        clear(&folder, "snmp").unwrap();
        assert_eq!(made(&folder, "snmp"), Vec::<Vec<u64>>::new());
        assert_eq!(make(&one), (format!("{base}.6"), true));
    }

    #[test]
    fn two_profiles_of_one_name_are_refused_and_none_replaces_the_other() {
        let place = tempfile::tempdir().unwrap();
        let (one, two) = (place.path().join("one"), place.path().join("two"));
        for folder in [&one, &two] {
            fs::create_dir(folder).unwrap();
        }
        let files = [
            profile(&one, "a.toml", "description = \"a\""),
            profile(&two, "a.toml", "description = \"b\""),
        ];
        let refused = make(&place.path().join("made"), "snmp", &files).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("one/a.toml and "), "{text}");
        assert!(
            text.ends_with("of the same name: rename one of them"),
            "{text}"
        );
    }

    #[test]
    fn what_a_newer_utakata_makes_is_above_what_an_older_one_made() {
        let check = |base: &str, last: &str, expect: &str| {
            assert_eq!(next(base, &[last]), expect);
            assert_eq!(next(base, &["", last, "0.9.0.70"]), expect);
        };
        check("1.0.0", "", "1.0.0.1");
        check("1.0.0", "1.0.0.9", "1.0.0.10");
        check("1.1.0", "1.0.0.9", "1.1.0.1");
        check("1.0.0", "1.0.01", "1.0.0.1");
    }
}
