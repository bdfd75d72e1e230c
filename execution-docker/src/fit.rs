//! The check of an image against its release: the right platform, and the same manifest.

use utakata_model::Manifest;
use utakata_protocol::negotiate;

use crate::error::Error;
use utakata_execution::artifact::Image;

/// An image that the engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ready {
    /// The id, from which containers are created.
    pub(crate) id: String,
    /// The platform, such as `linux/amd64`.
    pub(crate) platform: String,
    /// The platform of the engine.
    pub(crate) engine: String,
    /// The user that it runs as, if it names one.
    pub(crate) user: Option<String>,
    /// The text of its manifest, from its label or file.
    pub(crate) manifest: Option<String>,
}

/// Checks that the image fits.
///
/// # Errors
/// It is for another platform, of another release, or speaks another protocol version.
pub(crate) fn check(image: &Image, ready: &Ready, manifest: &Manifest) -> Result<(), Error> {
    let image = || image.to_string();
    if ready.platform != ready.engine {
        return Err(Error::Platform {
            image: image(),
            has: ready.platform.clone(),
            needs: ready.engine.clone(),
        });
    }
    let Some(text) = &ready.manifest else {
        return Err(Error::Unlabelled { image: image() });
    };
    let said = Manifest::parse(text).map_err(|source| Error::Label {
        image: image(),
        source,
    })?;
    if said != *manifest {
        return Err(Error::Other {
            image: image(),
            has: format!("{}@{}", said.kind, said.version),
            needs: format!("{}@{}", manifest.kind, manifest.version),
        });
    }
    negotiate(&[manifest.protocol]).map_err(|source| Error::Protocol {
        image: image(),
        source,
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "kind = \"echo\"\nversion = \"1.0.0\"\nprotocol = 1\n\
                            run = { program = \"p\" }\n\
                            [[action]]\nname = \"read\"\nclass = \"observe\"\n";

    fn ready() -> Ready {
        Ready {
            id: "sha256:1".into(),
            platform: "linux/amd64".into(),
            engine: "linux/amd64".into(),
            user: None,
            manifest: Some(MANIFEST.into()),
        }
    }

    #[track_caller]
    fn refuses(change: impl Fn(&mut Ready), words: &str) {
        let mut ready = ready();
        change(&mut ready);
        let image = Image::Archive("/r/image.tar".into());
        let checked = check(&image, &ready, &Manifest::parse(MANIFEST).unwrap());
        let problem = checked.unwrap_err().problem();
        assert_eq!(&*problem.code, "image-unfit");
        assert!(problem.message.contains(words), "{problem}");
    }

    #[test]
    fn an_image_of_another_machine_or_release_is_refused_with_the_difference() {
        let image = Image::Archive("/r/image.tar".into());
        check(&image, &ready(), &Manifest::parse(MANIFEST).unwrap()).unwrap();
        refuses(
            |ready| ready.platform = "linux/arm64".into(),
            "is for linux/arm64, and this machine is linux/amd64",
        );
        refuses(
            |ready| ready.manifest = None,
            "has no label org.utakata.manifest",
        );
        refuses(|ready| ready.manifest = Some("x".into()), "is no manifest");
        refuses(
            |ready| ready.manifest = Some(MANIFEST.replace("1.0.0", "2.0.0")),
            "says that it is echo@2.0.0, and the worker.toml beside its image.toml says echo@1.0.0",
        );
    }

    #[test]
    fn a_manifest_of_a_newer_protocol_is_refused_with_what_to_do() {
        let text = MANIFEST.replace("protocol = 1", "protocol = 99");
        let image = Image::Archive("/r/image.tar".into());
        let ready = Ready {
            manifest: Some(text.clone()),
            ..ready()
        };
        let refused = check(&image, &ready, &Manifest::parse(&text).unwrap());
        let problem = refused.unwrap_err().problem();
        assert_eq!(&*problem.code, "image-unfit");
        for words in ["99", "update utakata"] {
            assert!(problem.message.contains(words), "{problem}");
        }
    }
}
