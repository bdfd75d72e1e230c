//! The executable part of a release: a program of this machine, or the image of a container.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;

/// The file in a release's folder that names an image in place of a program.
pub const IMAGE_FILE: &str = "image.toml";

/// The program or the image of a release, which decides where its workers run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Artifact {
    /// An executable on this machine.
    Program(PathBuf),
    /// An image for containers.
    Image(Image),
}

/// The origin of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// An image in a registry, pinned by its digest.
    Pinned(Reference),
    /// An archive in the release's folder, as written by `docker save`.
    Archive(PathBuf),
}

/// An image of a registry: `registry/name@sha256:...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference(String);

/// The reason why an `image.toml` names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The text is not TOML of the right form.
    #[error("{IMAGE_FILE} cannot be read: {problem}")]
    Form { problem: String },
    /// There are two sources or none.
    #[error(
        "{IMAGE_FILE} must have either image = \"registry/name@sha256:...\" or \
         archive = \"image.tar\""
    )]
    OneOf,
    /// The reference has only a tag, which may mean another image tomorrow.
    #[error(
        "the image \"{text}\" has no digest: a tag may be another image tomorrow, so write \
         registry/name@sha256:... (docker image inspect shows it under RepoDigests)"
    )]
    Unpinned { text: String },
    /// The reference is invalid in another way.
    #[error("the image \"{text}\" is not of the form registry/name@sha256:...: {problem}")]
    Reference { text: String, problem: &'static str },
    /// The archive is outside the folder.
    #[error("the archive \"{archive}\" is not a path inside the release's folder")]
    Outside { archive: String },
    /// The archive does not exist.
    #[error("there is no archive {}", archive.display())]
    NoArchive { archive: PathBuf },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    image: Option<String>,
    archive: Option<String>,
}

impl Artifact {
    /// Returns the program, if it is one.
    pub fn program(&self) -> Option<&Path> {
        match self {
            Self::Program(program) => Some(program),
            Self::Image(_) => None,
        }
    }
}

impl Image {
    /// Parses the text of an `image.toml` in a folder.
    ///
    /// # Errors
    /// It names no image, or one that is not pinned.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ImageError> {
        let file: File = toml::from_str(text).map_err(|error| ImageError::Form {
            problem: error.to_string(),
        })?;
        match (file.image, file.archive) {
            (Some(text), None) => Reference::parse(&text).map(Self::Pinned),
            (None, Some(archive)) if is_inside(&archive) => Ok(Self::Archive(folder.join(archive))),
            (None, Some(archive)) => Err(ImageError::Outside { archive }),
            _ => Err(ImageError::OneOf),
        }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(reference) => f.write_str(reference.as_str()),
            Self::Archive(archive) => archive.display().fmt(f),
        }
    }
}

impl Reference {
    /// Parses a reference.
    ///
    /// # Errors
    /// It has no digest, or is not made of a name and a digest.
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        let wrong = |problem| ImageError::Reference {
            text: text.into(),
            problem,
        };
        let Some((name, digest)) = text.split_once('@') else {
            return Err(ImageError::Unpinned { text: text.into() });
        };
        let hexadecimal = digest.strip_prefix("sha256:").unwrap_or_default();
        let is_digit = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
        if hexadecimal.len() != 64 || !hexadecimal.bytes().all(is_digit) {
            return Err(wrong("after @ comes sha256: and 64 hexadecimal digits"));
        }
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:[]".contains(c);
        if name.is_empty() || !name.chars().all(is_allowed) {
            return Err(wrong("its name is letters, digits and ._-/"));
        }
        if name
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'))
        {
            return Err(wrong("it has a tag and a digest: remove the tag"));
        }
        Ok(Self(text.into()))
    }

    /// Returns the reference as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns true if a path leads to something inside the folder that it is joined to.
pub(crate) fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[track_caller]
    fn refuses(text: &str, words: &str) {
        let error = Image::parse(text, Path::new("/r")).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn an_image_is_pinned_by_its_digest_or_lies_in_the_folder() {
        for name in [
            "echo",
            "127.0.0.1:5000/a/echo",
            "[::1]:5000/echo",
            "r.example/x_y-z.w",
        ] {
            let text = format!("{name}@{DIGEST}");
            let image = Image::parse(&format!("image = \"{text}\""), Path::new("/r")).unwrap();
            assert_eq!(image, Image::Pinned(Reference(text)));
        }
        let image = Image::parse("archive = \"a/image.tar\"", Path::new("/r")).unwrap();
        assert_eq!(image, Image::Archive("/r/a/image.tar".into()));
    }

    #[test]
    fn an_unpinned_image_is_refused_with_the_reason() {
        refuses(
            "image = \"r/echo:1.0\"",
            "a tag may be another image tomorrow",
        );
        refuses("image = \"r/echo\"", "has no digest");
        refuses("image = \"r/echo@sha256:12\"", "64 hexadecimal digits");
        refuses("image = \"r/echo@md5:12\"", "64 hexadecimal digits");
        refuses(&format!("image = \"r/echo:1@{DIGEST}\""), "remove the tag");
        refuses(&format!("image = \"r/e cho@{DIGEST}\""), "letters, digits");
        refuses("archive = \"../image.tar\"", "inside the release's folder");
        refuses("archive = \"/image.tar\"", "inside the release's folder");
        refuses("", "either image");
        refuses("archive = \"a\"\nimage = \"b\"", "either image");
        refuses("imgae = \"a\"", "cannot be read");
    }
}
