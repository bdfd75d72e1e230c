//! Images: pulled by digest or loaded from an archive, one at a time, and known by the engine's
//! ids.

use std::{collections::HashMap, path::Path, sync::Arc};

use bollard::models::ImageInspect;
use tokio::sync::Mutex;
use utakata_model::ReleaseId;

use crate::{
    engine::Engine,
    error::{Answer, Error},
    fit::Ready,
    labels::MANIFEST_LABEL,
};
use utakata_execution::artifact::{Image, Reference};

/// The ids of images loaded from archives, by release.
#[derive(Debug, Default)]
pub(crate) struct Images {
    loaded: Mutex<HashMap<Arc<ReleaseId>, String>>,
}

impl Images {
    /// Returns an image, pulling or loading it if necessary. One that belongs to no release yet is
    /// loaded again.
    pub(crate) async fn get(
        &self,
        engine: &Engine,
        image: &Image,
        release: Option<&Arc<ReleaseId>>,
    ) -> Result<Ready, Error> {
        // One at a time: names in different archives could be confused.
        let mut loaded = self.loaded.lock().await;
        let found = match image {
            Image::Pinned(reference) => pulled(engine, reference).await?,
            Image::Archive(archive) => {
                let known = release.and_then(|release| loaded.get(release));
                let found = archived(engine, archive, known.map(String::as_str)).await?;
                if let (Some(release), Some(id)) = (release, &found.id) {
                    loaded.insert(release.clone(), id.clone());
                }
                found
            }
        };
        ready(found, engine.platform().await?)
    }
}

async fn pulled(engine: &Engine, reference: &Reference) -> Result<ImageInspect, Error> {
    let name = reference.as_str();
    if let Some(found) = engine.image(name).await? {
        return Ok(found);
    }
    tracing::info!(image = name, "an image is pulled");
    engine.pull(name).await?;
    engine.image(name).await?.ok_or_else(|| Error::Pull {
        image: name.into(),
        source: Engine::lost(),
    })
}

async fn archived(
    engine: &Engine,
    archive: &Path,
    known: Option<&str>,
) -> Result<ImageInspect, Error> {
    if let Some(id) = known
        && let Some(found) = engine.image(id).await?
    {
        return Ok(found);
    }
    let told = engine.load(archive).await?;
    let names = names(&told);
    let [name] = names.as_slice() else {
        return Err(Error::Count {
            archive: archive.into(),
            count: names.len(),
        });
    };
    engine.image(name).await?.ok_or_else(|| Error::Load {
        archive: archive.into(),
        source: Engine::lost(),
    })
}

/// Returns the names or ids that an engine reports as loaded.
fn names(told: &str) -> Vec<&str> {
    let name = |line: &'_ str| -> Option<usize> {
        let line = line.strip_prefix("Loaded image")?;
        line.find(": ").map(|at| "Loaded image".len() + at + 2)
    };
    told.lines()
        .filter_map(|line| Some(line[name(line)?..].trim()))
        .collect()
}

fn ready(found: ImageInspect, engine: String) -> Result<Ready, Error> {
    let config = found.config.unwrap_or_default();
    let os = found.os.unwrap_or_default();
    Ok(Ready {
        id: found.id.ok_or_else(|| Error::Refused {
            step: "name an image that it has",
            source: Answer::new("it states no id"),
        })?,
        platform: format!("{os}/{}", found.architecture.unwrap_or_default()),
        engine,
        user: config.user,
        manifest: config
            .labels
            .and_then(|mut labels| labels.remove(MANIFEST_LABEL)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_loaded_is_found_in_what_the_engine_says() {
        assert_eq!(
            names("Loaded image: r.example:5000/echo:1\n"),
            ["r.example:5000/echo:1"]
        );
        assert_eq!(names("Loaded image ID: sha256:12\nx\n"), ["sha256:12"]);
        assert_eq!(names("Loaded image: a\nLoaded image: b\n"), ["a", "b"]);
        assert_eq!(names("nothing"), [""; 0]);
    }
}
