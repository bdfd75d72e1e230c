//! The releases in the folders of this process's environment, for the catalogue: on a machine that
//! is the whole site, they belong to the logic environment.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::watch;
use utakata_execution::{Release, catalogue::Catalogue};
use utakata_logic::{Handle, catalogue::FolderRelease};
use utakata_model::Content;

use crate::release_folder::ReleaseFolder;

/// The pause after the store has refused a write.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Keeps the catalogue in step with the folders until dropped. What is shipped with utakata, and
/// what was pushed or fetched, is in the catalogue already.
pub async fn follow(mut found: watch::Receiver<Arc<Catalogue>>, bundled: PathBuf, logic: Handle) {
    let mut contents = HashMap::new();
    loop {
        let mut placed: Vec<Arc<Release>> = found.borrow_and_update().releases.clone();
        placed.retain(|release| !release.is_fetched && !release.folder.starts_with(&bundled));
        let mut known = HashMap::new();
        let mut laid_out = Vec::with_capacity(placed.len());
        for release in placed {
            let digest = release.id.digest.clone();
            let content = match contents.remove(&digest) {
                Some(content) => content,
                None => content(release.folder.clone()).await,
            };
            known.insert(digest, content.clone());
            laid_out.push(FolderRelease {
                id: (*release.id).clone(),
                manifest: (*release.manifest).clone(),
                content,
            });
        }
        contents = known;
        while let Err(error) = logic.catalogue().lay_out(laid_out.clone()).await {
            tracing::warn!(%error, "releases in the folders are not in the catalogue yet");
            tokio::time::sleep(RETRY_AFTER).await;
        }
        if found.changed().await.is_err() {
            return;
        }
    }
}

/// The files of a release; none if they cannot be read now.
async fn content(folder: PathBuf) -> Content {
    let read = tokio::task::spawn_blocking(move || ReleaseFolder::read_here(&folder));
    match read.await {
        Ok(Ok(folder)) => folder.content,
        _ => Content::default(),
    }
}
