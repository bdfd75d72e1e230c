//! Loans: an environment asks for a credential that its tasks name, and gets it sealed to its key.
//!
//! It gets what a target of its own zone uses, in the version that the task names, and nothing else.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Error, Event, Events,
    message::content::{ContentPiece, ContentReply, ContentRequest, FetchBatch},
};
use utakata_model::{CredentialName, CredentialVersion, Cure, EnvironmentId, Problem};
use utakata_seal::{Loan, LoanPlace, fingerprint};

use crate::{
    duties::Duties,
    inventory::{Inventory, Withheld},
    kinds::{Accepted, Kinds},
    signatures::{self, SiteSignatures},
};

/// The number of requests that may wait for an answer; environments repeat the others.
pub const MAX_WAITING: usize = 256;
/// The number of credentials in a request that are answered; environments repeat the others.
const MAX_WANTS: usize = 256;
/// The code of a credential that is not lent.
const CODE: &str = "credential-withheld";

/// The lender of credentials.
pub struct Lender {
    pub inventory: Arc<Inventory>,
    pub kinds: Arc<Kinds>,
    pub signatures: Option<Arc<SiteSignatures>>,
}

/// Answers the requests of environments while the ledger is kept here, until it is cancelled or the
/// inter connect is closed.
pub async fn answer(
    lender: Lender,
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
            let answers = lender.answers(&batch);
            match events.publish(answers).await {
                Ok(()) => {}
                Err(Error::Closed) => return,
                Err(error) => tracing::warn!(
                    environment = %batch.environment, %error,
                    "the request of an environment for a credential cannot be answered now"
                ),
            }
        }
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        () = answering => {}
    }
}

impl Lender {
    fn answers(&self, batch: &FetchBatch) -> Vec<Event> {
        let wants = batch.wants.iter().filter(|want| want.is_of_keys());
        let answers = wants.take(MAX_WANTS).map(|want| ContentReply {
            environment: batch.environment.clone(),
            want: want.clone(),
            found: self.found(&batch.environment, want),
        });
        answers.map(|one| Event::Content(Arc::new(one))).collect()
    }

    fn found(&self, environment: &EnvironmentId, want: &ContentRequest) -> ContentPiece {
        let accepted = self.kinds.accepted(environment);
        match (want, accepted) {
            (ContentRequest::Acceptance(key), Some(accepted)) if accepted.key == *key => {
                signatures::accepted(self.signatures.as_ref(), environment, &accepted.zone, key)
            }
            (ContentRequest::Acceptance(key), _) => {
                ContentPiece::Nothing(waits(environment, &fingerprint(key)))
            }
            (ContentRequest::Credential { name, version }, Some(accepted)) => {
                let lent = self.lend(environment, &accepted, name, version);
                lent.unwrap_or_else(ContentPiece::Nothing)
            }
            _ => ContentPiece::Nothing(waits(environment, "`utakata environment list`")),
        }
    }

    fn lend(
        &self,
        environment: &EnvironmentId,
        accepted: &Accepted,
        name: &CredentialName,
        version: &CredentialVersion,
    ) -> Result<ContentPiece, Problem> {
        let found = self.inventory.lend(name, version, &accepted.zone);
        let (credential, uses) = found.map_err(|withheld| {
            tracing::debug!(%environment, credential = %name, ?withheld, "a credential is not lent");
            problem(name, &withheld, accepted)
        })?;
        let place = LoanPlace {
            name,
            version,
            zone: &accepted.zone,
            environment,
        };
        let loan = Loan {
            credential: credential.as_ref().clone(),
            uses,
        };
        let sealed = loan.seal(&accepted.key, &place);
        let sealed = sealed.map_err(|error| {
            tracing::warn!(%environment, credential = %name, %error, "a credential is not lent");
            let message = format!("{} not lent: {error}", told(name));
            Problem::new(CODE, Cure::Operator, message)
        })?;
        Ok(ContentPiece::Lent(sealed.into()))
    }
}

fn waits(environment: &EnvironmentId, fingerprint: &str) -> Problem {
    let message = format!(
        "the environment {environment} waits to be accepted: compare its fingerprint \
         ({fingerprint}), then `utakata environment accept {environment}`"
    );
    Problem::new("environment-waiting", Cure::Operator, message)
}

fn told(name: &CredentialName) -> String {
    match name.operation().or(name.rotation()) {
        Some(operation) => format!("the secrets of the operation {operation} were"),
        None => format!("the credential \"{name}\" was"),
    }
}

fn problem(name: &CredentialName, withheld: &Withheld, accepted: &Accepted) -> Problem {
    let zone = &accepted.zone;
    if let Some(operation) = name.operation().or(name.rotation()) {
        let message = format!(
            "the secrets of the operation {operation} are not kept for the zone \"{zone}\" any \
             more: it is over, or the task was altered"
        );
        return Problem::new(CODE, Cure::Operator, message);
    }
    match withheld {
        Withheld::Gone => {
            let message = format!("the credential \"{name}\" was deleted");
            Problem::new(CODE, Cure::Operator, message)
        }
        Withheld::Unused => {
            let message = format!("no target of the zone \"{zone}\" has the credential \"{name}\"");
            Problem::new(CODE, Cure::Operator, message)
        }
        Withheld::Changed => {
            let message = format!(
                "the credential \"{name}\" was changed after the task was made: the next task has \
                 the new one"
            );
            Problem::new(CODE, Cure::Retry, message)
        }
    }
}
