//! The check that the content of a release can be what it claims to be. No IO.

use utakata_model::{
    Content, ContentFile, Cure, Manifest, Problem, ReleaseId,
    content::{IMAGE_FILE, MANIFEST_FILE},
};

use crate::{artifact::is_inside, config};

/// The largest number of files in a release.
const MAX_FILES: usize = 10_000;
/// The depth to which folders are nested.
const MAX_DEPTH: usize = 16;
/// The size of the largest manifest, in bytes.
const MAX_MANIFEST: u64 = 1024 * 1024;

/// Checks the list of files before any is fetched.
pub(super) fn list(content: &Content, limits: &config::Content) -> Result<(), Problem> {
    if content.files.len() > MAX_FILES {
        let count = content.files.len();
        return Err(large(&format!(
            "{count} files, and the limit is {MAX_FILES}"
        )));
    }
    let is_deep = |file: &&ContentFile| file.path.split('/').count() > MAX_DEPTH;
    if let Some(file) = content.files.iter().find(is_deep) {
        return Err(large(&format!(
            "folders deeper than {MAX_DEPTH}: {}",
            file.path
        )));
    }
    let max = limits.max_file;
    let is_large = |file: &&ContentFile| file.size > max.bytes();
    if let Some(file) = content.files.iter().find(is_large) {
        let (path, size) = (&file.path, file.size);
        let what = format!("{path} of {size} bytes: execution.content.max_file is {max}");
        return Err(large(&what));
    }
    let (size, max) = (content.size(), limits.max_release);
    if size > max.bytes() {
        let what = format!("{size} bytes: execution.content.max_release is {max}");
        return Err(large(&what));
    }
    content
        .validate()
        .map_err(|error| lying(&error.to_string()))?;
    // In order, the content of a folder follows the file that cannot also be that folder.
    let mut pairs = content.files.windows(2);
    let is_both = |two: &&[ContentFile]| {
        let rest = two[1].path.strip_prefix(&two[0].path);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    match pairs.find(is_both) {
        Some(two) => Err(lying(&format!("{} is a file and a folder", two[0].path))),
        None => match content.file(MANIFEST_FILE) {
            Some(file) if file.size > MAX_MANIFEST => {
                Err(large(&format!("a {MANIFEST_FILE} of {} bytes", file.size)))
            }
            _ => Ok(()),
        },
    }
}

/// Checks the list against its manifest, and both against the order.
pub(super) fn release(
    wanted: &ReleaseId,
    content: &Content,
    manifest: &[u8],
) -> Result<(), Problem> {
    let text = String::from_utf8_lossy(manifest);
    let manifest = Manifest::parse(&text).map_err(|error| {
        Problem::new(
            "release-manifest",
            Cure::Operator,
            utakata_model::chain(&error),
        )
    })?;
    let digest = content.release_digest(&manifest.run);
    if digest != wanted.digest {
        let what = format!(
            "its files make the digest {}, which is a different one",
            digest.short()
        );
        return Err(lying(&what));
    }
    if (&manifest.kind, &*manifest.version) != (&wanted.kind, &*wanted.version) {
        let what = format!("it is {}@{}", manifest.kind, manifest.version);
        return Err(lying(&what));
    }
    let program = &manifest.run.program;
    let is_program = |file: &ContentFile| file.executable && is_inside(program);
    let has_program = content.file(program).is_some_and(is_program);
    if has_program || content.file(IMAGE_FILE).is_some() {
        return Ok(());
    }
    Err(lying(&format!(
        "it lacks the executable \"{program}\" that it is to run"
    )))
}

/// Returns the problem of content that is not what was requested.
pub(super) fn lying(what: &str) -> Problem {
    let message = format!("the content received is not this release, and was discarded: {what}");
    Problem::new("release-content", Cure::Operator, message)
}

fn large(what: &str) -> Problem {
    Problem::new("release-large", Cure::Operator, format!("it has {what}"))
}

#[cfg(test)]
mod tests;
