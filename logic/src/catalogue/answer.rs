//! Answers to environments that request the content of releases.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Error, Event, Events,
    message::content::{ContentPiece, ContentReply, ContentRequest, FetchBatch, MAX_PART},
};
use utakata_model::{Cure, FileDigest, Problem};

use crate::{duties::Duties, store};

/// The number of messages that may wait for an answer; environments repeat the others.
pub const MAX_WAITING: usize = 256;
/// The number of requests in a message that are answered; environments repeat the others.
const MAX_WANTS: usize = 64;
/// The number of answers in memory at a time.
const AT_ONCE: usize = 8;

/// Answers the requests of environments while the ledger is kept here, one after the other, until
/// it is cancelled or the inter connect is closed.
pub async fn answer(
    store: Arc<dyn store::Catalogue>,
    events: Arc<dyn Events>,
    mut requested: mpsc::Receiver<Arc<FetchBatch>>,
    duties: watch::Receiver<Duties>,
    cancel: CancellationToken,
) {
    let answering = async {
        while let Some(batch) = requested.recv().await {
            if duties.borrow().ledger.is_none() {
                continue;
            }
            match tell(store.as_ref(), events.as_ref(), &batch).await {
                Ok(()) => {}
                Err(Error::Closed) => return,
                Err(error) => tracing::warn!(
                    environment = %batch.environment, %error,
                    "the request of an environment for a release cannot be answered now"
                ),
            }
        }
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        () = answering => {}
    }
}

async fn tell(
    store: &dyn store::Catalogue,
    events: &dyn Events,
    batch: &FetchBatch,
) -> Result<(), Error> {
    let wants = &batch.wants[..batch.wants.len().min(MAX_WANTS)];
    for wants in wants.chunks(AT_ONCE) {
        let mut answers = Vec::with_capacity(wants.len());
        for want in wants {
            answers.push(Event::Content(Arc::new(ContentReply {
                environment: batch.environment.clone(),
                want: want.clone(),
                found: found(store, want).await,
                kept: None,
            })));
        }
        events.publish(answers).await?;
    }
    Ok(())
}

/// Finds the requested parts, as far as they exist.
async fn found(store: &dyn store::Catalogue, want: &ContentRequest) -> ContentPiece {
    let found = match want {
        // Others answer these.
        ContentRequest::Credential { .. } | ContentRequest::Acceptance(_) => {
            Ok(Err("what is no part of a release".into()))
        }
        ContentRequest::Release(digest) => store.release(digest).await.map(|row| {
            let content = row.map(|row| ContentPiece::Release(row.content));
            content.ok_or_else(|| format!("the release {}", digest.short()))
        }),
        ContentRequest::File { digest, from } => part(store, digest, *from).await.map(|part| {
            let part = part.map(|bytes| ContentPiece::Part(bytes.into()));
            part.ok_or_else(|| format!("the file {digest} from byte {from} on"))
        }),
    };
    match found {
        Ok(Ok(found)) => found,
        Ok(Err(what)) => {
            let message = format!(
                "{what} is not in the catalogue: push the release again (`utakata worker push`)"
            );
            ContentPiece::Nothing(Problem::new("no-release", Cure::Operator, message))
        }
        Err(error) => {
            tracing::warn!(%error, cure = error.cure(), "a release cannot be read now");
            let message = format!("the catalogue cannot be read now: {error}");
            ContentPiece::Nothing(Problem::new(error.code().as_str(), Cure::Retry, message))
        }
    }
}

/// Returns the bytes from a position on that belong to the same part of the file.
async fn part(
    store: &dyn store::Catalogue,
    digest: &FileDigest,
    from: u64,
) -> Result<Option<Vec<u8>>, store::Error> {
    let (part, skipped) = (from / MAX_PART as u64, from % MAX_PART as u64);
    let Some(mut bytes) = store.file_part(digest, part).await? else {
        return Ok(None);
    };
    let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
    if skipped > bytes.len() {
        return Ok(None);
    }
    Ok(Some(bytes.split_off(skipped)))
}
