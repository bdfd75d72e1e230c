//! The name of an image from which somebody wants to make a release.

use std::{fmt, path::PathBuf};

use utakata_execution::artifact::{ImageError, Reference};

/// The prefix of the path of an archive.
pub const ARCHIVE_PREFIX: &str = "docker-archive:";

/// An image as named by the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// An image pinned by its digest.
    Pinned(Reference),
    /// A tag, which the registry resolves now: `registry/name:tag`.
    Tagged(String),
    /// A file made by `docker save`.
    Archive(PathBuf),
}

impl Named {
    /// Parses `registry/name@sha256:...`, `registry/name:tag` or `docker-archive:FILE`. Returns
    /// `None` if the text is none of them.
    ///
    /// # Errors
    /// It has one of these forms and is invalid.
    pub fn parse(text: &str) -> Result<Option<Self>, ImageError> {
        if let Some(file) = text.strip_prefix(ARCHIVE_PREFIX) {
            return Ok(Some(Self::Archive(file.into())));
        }
        if text.contains('@') {
            return Reference::parse(text).map(|pinned| Some(Self::Pinned(pinned)));
        }
        Ok(is_tagged(text).then(|| Self::Tagged(text.into())))
    }
}

/// Returns true if a name ends in a tag: the port of a registry is in another place.
fn is_tagged(text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or_default();
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:[]".contains(c);
    let has_both =
        |(name, tag): (&str, &str)| !name.is_empty() && !tag.is_empty() && !tag.contains(':');
    !text.starts_with(['/', '.'])
        && text.chars().all(is_allowed)
        && last.split_once(':').is_some_and(has_both)
}

/// Returns the name in a reference without tag and digest.
pub(crate) fn repository(text: &str) -> &str {
    let name = text.split('@').next().unwrap_or_default();
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[last..].find(':') {
        Some(colon) => &name[..last + colon],
        None => name,
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(reference) => f.write_str(reference.as_str()),
            Self::Tagged(name) => f.write_str(name),
            Self::Archive(file) => file.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_distinguished_from_a_folder() {
        for tagged in [
            "a:1",
            "r.example/a/b:latest",
            "127.0.0.1:5000/a:1.2-x",
            "[::1]:5/a:1",
        ] {
            let named = Named::parse(tagged).unwrap();
            assert_eq!(named, Some(Named::Tagged(tagged.into())));
        }
        for folder in [
            "a",
            "./a:1",
            "/a:1",
            "a/b",
            "127.0.0.1:5000/a",
            "a:",
            ":a",
            "a b:1",
            "a:1:2",
        ] {
            assert_eq!(Named::parse(folder).unwrap(), None, "{folder}");
        }
        let archive = Named::parse("docker-archive:a/b.tar").unwrap();
        assert_eq!(archive, Some(Named::Archive("a/b.tar".into())));
        let pinned = format!("r:5/a@sha256:{}", "0".repeat(64));
        let named = Named::parse(&pinned).unwrap();
        assert_eq!(named.unwrap().to_string(), pinned);
        assert!(Named::parse("r/a@sha256:12").is_err());
    }

    #[test]
    fn a_repository_is_a_name_without_tag_and_digest() {
        for (text, expect) in [
            ("a", "a"),
            ("a:1", "a"),
            ("r:5000/a", "r:5000/a"),
            ("r:5000/a:1", "r:5000/a"),
            ("r:5000/a@sha256:12", "r:5000/a"),
        ] {
            assert_eq!(repository(text), expect);
        }
    }
}
