//! The manifest in an image, for making a release of it.

use std::path::Path;

use utakata_model::Manifest;

use crate::{
    Docker,
    engine::Engine,
    error::Error,
    fit::{self, Ready},
    named::{Named, repository},
};
use utakata_execution::artifact::{Image, Reference};

/// The file of an image with its manifest.
const MANIFEST_PATH: &str = "/worker.toml";

/// An image that can be a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// The pinned image, as environments get it.
    pub image: Image,
    /// The text of its manifest.
    pub text: String,
    pub manifest: Manifest,
}

impl Docker {
    /// Fetches an image and inspects it.
    ///
    /// # Errors
    /// There is no engine or no such image, it is for another platform, or it contains no manifest,
    /// or two different ones.
    pub async fn inspect(&self, named: &Named) -> Result<Inspected, Error> {
        let image = match named {
            Named::Pinned(reference) => Image::Pinned(reference.clone()),
            Named::Tagged(name) => Image::Pinned(resolve(&self.engine, name).await?),
            Named::Archive(file) => Image::Archive(file.clone()),
        };
        let ready = self.images.get(&self.engine, &image, None).await?;
        let file = manifest_file(&self.engine, &ready).await?;
        let text = one_text(&image, ready.manifest.clone(), file)?;
        let parsed = Manifest::parse(&text);
        let manifest = parsed.map_err(|source| Error::Label {
            image: image.to_string(),
            source,
        })?;
        let ready = Ready {
            manifest: Some(text.clone()),
            ..ready
        };
        fit::check(&image, &ready, &manifest)?;
        Ok(Inspected {
            image,
            text,
            manifest,
        })
    }
}

/// Returns the `/worker.toml` of an image.
pub(crate) async fn manifest_file(engine: &Engine, ready: &Ready) -> Result<Option<String>, Error> {
    let bytes = engine.file(&ready.id, Path::new(MANIFEST_PATH)).await?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Lets the registry resolve a tag now: the engine may have an older image of that tag.
async fn resolve(engine: &Engine, name: &str) -> Result<Reference, Error> {
    let digest = engine.digest(name).await?;
    let pinned = format!("{}@{digest}", repository(name));
    Reference::parse(&pinned).map_err(|source| Error::Digest {
        image: name.into(),
        source,
    })
}

/// Returns the text of the manifest, on which label and file must agree.
fn one_text(image: &Image, label: Option<String>, file: Option<String>) -> Result<String, Error> {
    let image = || image.to_string();
    match (label, file) {
        (Some(label), Some(file)) => {
            // A shell removes the end of the last line.
            let is_same = label.trim_end() == file.trim_end();
            let parsed = |text: &str| Manifest::parse(text).ok();
            if is_same || (parsed(&label).is_some() && parsed(&label) == parsed(&file)) {
                Ok(file)
            } else {
                Err(Error::Differs { image: image() })
            }
        }
        (Some(one), None) | (None, Some(one)) => Ok(one),
        (None, None) => Err(Error::Unlabelled { image: image() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "kind = \"a\"\nversion = \"1.0.0\"\nprotocol = 1\nrun = { program = \"p\" }\n\
                     [[action]]\nname = \"read\"\nclass = \"observe\"\n";

    fn text(label: Option<&str>, file: Option<&str>) -> Result<String, String> {
        let image = Image::Archive("/image.tar".into());
        let text = one_text(&image, label.map(Into::into), file.map(Into::into));
        text.map_err(|error| error.to_string())
    }

    #[test]
    fn label_and_file_say_the_same_or_one_of_them_says_it() {
        let commented = format!("# as built\n{A}");
        assert_eq!(text(Some(A.trim_end()), Some(A)).unwrap(), A);
        assert_eq!(text(Some(A), Some(&commented)).unwrap(), commented);
        assert_eq!(text(Some(A), None).unwrap(), A);
        assert_eq!(text(None, Some(A)).unwrap(), A);
        let other = A.replace("1.0.0", "1.0.1");
        let differs = text(Some(A), Some(&other)).unwrap_err();
        assert!(differs.contains("differ"), "{differs}");
        let none = text(None, None).unwrap_err();
        assert!(none.contains("no label"), "{none}");
    }
}
