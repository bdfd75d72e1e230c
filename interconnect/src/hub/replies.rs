//! Answers on their way to a client.

use tokio::sync::mpsc;

use super::{
    frame,
    message::{Answer, Reply},
};

/// The answers on their way to a client. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Replies(mpsc::Sender<Vec<u8>>);

impl Replies {
    pub(super) fn new(frames: mpsc::Sender<Vec<u8>>) -> Self {
        Self(frames)
    }

    /// Sends an answer, waiting while the client is slow to take earlier ones. Does nothing once
    /// the client has gone.
    pub(super) async fn send(&self, id: u64, answer: Answer) {
        let encoded = frame::encode(&Reply { id, answer }).or_else(|error| {
            tracing::error!(%error, "an answer cannot be written");
            let answer = Answer::Failed(error.to_string());
            frame::encode(&Reply { id, answer })
        });
        if let Ok(frame) = encoded {
            let _ = self.0.send(frame).await;
        }
    }
}
