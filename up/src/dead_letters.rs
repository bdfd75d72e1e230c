//! Reporting of dead letters in the log: messages that RabbitMQ could not deliver. Control among
//! them is in the ledger as well, which publishes it again or lets it expire.

use std::time::Duration;

use tokio::time::sleep;
use utakata_interconnect::{Error, connection::draw};
use utakata_interconnect_amqp::{DeadLetter, DeadLetters};
use utakata_model::Backoff;

/// The back-off while the broker is away.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// The number of tasks of a letter that are named.
const MAX_NAMED: usize = 5;

/// Reads dead letters and reports them until the inter connect is closed.
pub async fn tell(mut letters: DeadLetters) {
    let mut backoff = BACKOFF;
    loop {
        match letters.next().await {
            Ok(letter) => {
                backoff.reset();
                warn(&letter);
                // The letter comes again if the broker has not received this.
                let _ = letters.handled(letter).await;
            }
            Err(Error::Closed) => return,
            Err(Error::Away { .. }) => sleep(backoff.wait_jittered(draw())).await,
        }
    }
}

fn warn(letter: &DeadLetter) {
    let reason = format!("{:?}", letter.reason);
    match &letter.tasks {
        Ok(tasks) => {
            let named: Vec<String> = tasks
                .iter()
                .take(MAX_NAMED)
                .map(|task| format!("{} on {}", task.key(), task.target.name))
                .collect();
            tracing::warn!(
                queue = letter.queue,
                reason,
                count = tasks.len(),
                tasks = named.join(", "),
                "control could not be delivered: the ledger publishes it again while it may begin"
            );
        }
        Err(problem) => tracing::warn!(
            queue = letter.queue,
            reason,
            problem,
            bytes = letter.bytes,
            sha256 = letter.sha256.as_str(),
            "something in a queue is not ours, and was set aside"
        ),
    }
}
