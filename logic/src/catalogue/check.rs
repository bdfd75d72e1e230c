//! The validity of a release. Pure.

use utakata_api::release::MAX_FILE_SIZE;
use utakata_model::{
    Content, FileDigest, Manifest, ReleaseDigest,
    content::{IMAGE_FILE, MANIFEST_FILE, SIGNATURES_FILE},
};

use super::Error;

/// The largest number of files in a release: a list of them with the longest paths still fits into
/// a message.
const MAX_FILES: usize = 10_000;
/// The length of the longest path, in bytes.
const MAX_PATH: usize = 1024;
/// The largest depth to which folders are nested.
const MAX_DEPTH: usize = 16;
/// The largest total size of the files, in bytes.
const MAX_ALL: u64 = 1024 * 1024 * 1024;
/// The size of the largest manifest, reference to an image, or file of signatures, in bytes.
const MAX_MANIFEST: u64 = 1024 * 1024;

/// Checks that files can be the content of a release.
pub(super) fn content(content: &Content) -> Result<(), Error> {
    let count = content.files.len();
    if count > MAX_FILES {
        return Err(Error::invalid(format!(
            "it has {count} files, and the limit is {MAX_FILES}: a release is a manifest and \
             what its worker needs, nothing else"
        )));
    }
    let wrong = |error: &dyn std::error::Error| Error::invalid(error.to_string());
    content.validate().map_err(|error| wrong(&error))?;
    for file in &content.files {
        let path = &file.path;
        let max = match path.as_str() {
            MANIFEST_FILE | IMAGE_FILE | SIGNATURES_FILE => MAX_MANIFEST,
            _ => MAX_FILE_SIZE,
        };
        if file.size > max {
            let (size, max) = (mebibytes(file.size), max >> 20);
            return Err(Error::invalid(format!(
                "{path} has {size} MiB, and the limit is {max} MiB"
            )));
        }
        if path.len() > MAX_PATH || path.split('/').count() > MAX_DEPTH + 1 {
            return Err(Error::invalid(format!(
                "the path \"{path:.80}\" is longer than {MAX_PATH} bytes, or deeper than \
                 {MAX_DEPTH} folders"
            )));
        }
    }
    let sizes = content.files.iter().map(|file| file.size);
    let all = sizes.fold(0, u64::saturating_add);
    if all > MAX_ALL {
        let (all, max) = (mebibytes(all), MAX_ALL >> 20);
        return Err(Error::invalid(format!(
            "its files have {all} MiB together, and the limit is {max} MiB: a larger one goes \
             into a registry, as an image"
        )));
    }
    Ok(())
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// Checks that files can be the content of a release with this manifest: the program is among them,
/// because the release is the same wherever it runs.
pub(super) fn manifest(content: &Content, manifest: &Manifest) -> Result<(), Error> {
    if content.file(IMAGE_FILE).is_some() {
        return Ok(());
    }
    let program = &manifest.run.program;
    match content.file(program) {
        Some(file) if file.executable => Ok(()),
        Some(_) => Err(Error::invalid(format!(
            "the program \"{program}\" is not executable"
        ))),
        None => Err(Error::invalid(format!(
            "the program \"{program}\" is not among its files: what is pushed brings all that it \
             runs"
        ))),
    }
}

/// Checks that a release is the one that was announced.
pub(super) fn digest(
    found: &ReleaseDigest,
    announced: Option<&ReleaseDigest>,
) -> Result<(), Error> {
    match announced {
        Some(announced) if announced != found => Err(Error::invalid(format!(
            "its digest is {}, and not {}, which was announced",
            found.0, announced.0
        ))),
        _ => Ok(()),
    }
}

/// Checks that bytes are the content of a file.
pub(super) fn file(told: &FileDigest, bytes: &[u8]) -> Result<(), Error> {
    let found = FileDigest::of(bytes);
    if found == *told {
        return Ok(());
    }
    let told = told.clone();
    Err(Error::OtherFile { told, found })
}

/// Adds the signatures that a release had before to the same release pushed again without any.
pub(super) fn keep_signatures(content: &mut Content, before: &Content) {
    if content.file(SIGNATURES_FILE).is_some() {
        return;
    }
    if let Some(signatures) = before.file(SIGNATURES_FILE) {
        let is_before = |path: &str| path.split('/').lt(SIGNATURES_FILE.split('/'));
        let at = content.files.partition_point(|file| is_before(&file.path));
        content.files.insert(at, signatures.clone());
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::{ContentFile, manifest::Run};

    use super::*;

    fn files(files: &[(&str, u64, bool)]) -> Content {
        let file = |(path, size, executable): &(&str, u64, bool)| ContentFile {
            path: (*path).into(),
            digest: FileDigest::of(path.as_bytes()),
            size: *size,
            executable: *executable,
        };
        Content {
            files: files.iter().map(file).collect(),
        }
    }

    #[track_caller]
    fn refused(content: &Content, words: &str) {
        let error = super::content(content).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn what_is_too_much_for_a_release_is_refused_with_the_limit() {
        let manifest = ("worker.toml", 100, false);
        assert!(content(&files(&[("run", MAX_FILE_SIZE, true), manifest])).is_ok());
        refused(&files(&[("run", 1, true)]), "no worker.toml");
        refused(&files(&[("../run", 1, true), manifest]), "inside a release");
        refused(
            &files(&[("run", MAX_FILE_SIZE + 1, true), manifest]),
            "run has 257 MiB, and the limit is 256 MiB",
        );
        refused(
            &files(&[("worker.toml", MAX_MANIFEST + 1, false)]),
            "the limit is 1 MiB",
        );
        let five: Vec<String> = (0..5).map(|at| format!("a{at}")).collect();
        let mut five: Vec<_> = five
            .iter()
            .map(|a| (a.as_str(), MAX_FILE_SIZE, false))
            .collect();
        five.push(manifest);
        refused(
            &files(&five),
            "1281 MiB together, and the limit is 1024 MiB",
        );
        let deep = "a/".repeat(17) + "b";
        refused(&files(&[(&deep, 1, false), manifest]), "deeper than 16");
        let long = "a".repeat(1025);
        refused(&files(&[(&long, 1, false), manifest]), "longer than 1024");
        let many: Vec<String> = (0..10_001).map(|at| format!("a{at:05}")).collect();
        let many: Vec<_> = many.iter().map(|a| (a.as_str(), 1, false)).collect();
        refused(&files(&many), "10001 files, and the limit is 10000");
    }

    #[test]
    fn a_release_brings_what_it_runs_or_names_an_image() {
        let text = "kind = \"a\"\nversion = \"1\"\nprotocol = 1\n[run]\nprogram = \"run\"\n\
                    [[action]]\nname = \"read\"\nclass = \"observe\"\n";
        let declared = Manifest::parse(text).unwrap();
        assert_eq!(declared.run, Run::program("run"));
        let check = |paths: &[(&str, u64, bool)]| manifest(&files(paths), &declared);
        assert!(check(&[("run", 1, true)]).is_ok());
        assert!(check(&[("image.toml", 1, false)]).is_ok());
        let error = check(&[("run", 1, false)]).unwrap_err().to_string();
        assert!(error.contains("not executable"), "{error}");
        let error = check(&[("other", 1, true)]).unwrap_err().to_string();
        assert!(error.contains("not among its files"), "{error}");
    }

    #[test]
    fn signatures_stay_when_the_same_is_pushed_again_without_any() {
        let signed = files(&[
            ("a", 1, false),
            ("signatures.toml", 7, false),
            ("worker.toml", 1, false),
        ]);
        let mut plain = files(&[("a", 1, false), ("worker.toml", 1, false)]);
        keep_signatures(&mut plain, &signed);
        assert_eq!(plain, signed);
        let mut resigned = files(&[("a", 1, false), ("signatures.toml", 8, false)]);
        let expect = resigned.clone();
        keep_signatures(&mut resigned, &signed);
        assert_eq!(resigned, expect);
    }
}
