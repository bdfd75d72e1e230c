//! Pushing a release from its folder to the catalogue.

use std::{collections::HashSet, fs};

use anyhow::{Context as _, Result, bail};
use utakata_api::{
    Client,
    client::Pushed,
    release::{NewRelease, ReleaseView},
};
use utakata_model::FileDigest;

use super::ReleaseFolder;

/// An answer names at most 1000 missing files; files already sent may be discarded meanwhile.
const MAX_ROUNDS: usize = 20;

impl ReleaseFolder {
    /// Pushes the release; returns it as the catalogue has it, and the number of bytes sent.
    /// Reports the bytes done and their total to `progress`.
    ///
    /// # Errors
    /// It is not a release, it is refused, or nobody answers.
    pub async fn push(
        &self,
        client: &Client,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<(ReleaseView, u64)> {
        let new = NewRelease {
            files: self.content.files.clone(),
            digest: Some(self.digest()),
        };
        let mut sent = 0;
        for _ in 0..MAX_ROUNDS {
            match client.push_release(&new).await? {
                Pushed::There(view) => return Ok((*view, sent)),
                Pushed::Missing(missing) => {
                    sent += self.put(&missing, client, &mut progress).await?;
                }
            }
        }
        bail!(
            "its files disappear as fast as they are sent: does somebody delete releases? Try again"
        );
    }

    /// Sends the missing files; returns the number of bytes sent.
    async fn put(
        &self,
        missing: &[FileDigest],
        client: &Client,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<u64> {
        let mut missing: HashSet<&FileDigest> = missing.iter().collect();
        let files = self.files();
        let files: Vec<_> = files
            .filter(|(file, _)| missing.remove(&file.digest))
            .collect();
        let all = files.iter().map(|(file, _)| file.size).sum();
        let mut done = 0;
        progress(done, all);
        for (file, place) in files {
            let bytes = fs::read(place).with_context(|| format!("{} is gone", place.display()))?;
            if FileDigest::of(&bytes) != file.digest {
                bail!(
                    "{} was changed while it was pushed: push it again",
                    place.display()
                );
            }
            client.put_release_file(&file.digest, bytes).await?;
            done += file.size;
            progress(done, all);
        }
        Ok(done)
    }
}
