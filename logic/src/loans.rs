//! Loans: an environment asks for a credential that its tasks name, and gets it sealed to its key.
//!
//! It gets what a target of its own zone uses, in the version that the task names, and nothing else.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Error, Event, Events,
    message::content::{ContentPiece, ContentReply, ContentRequest, FetchBatch},
};
use utakata_model::{
    Credential, CredentialName, CredentialVersion, Cure, EnvironmentId, Problem, chain,
};
use utakata_seal::{Loan, LoanPlace, Uses, fingerprint};

use crate::{
    duties::Duties,
    inventory::{Inventory, Withheld},
    kinds::{Accepted, Kinds},
    secrets::{Provided, Unprovided, places},
    signatures::{self, SiteSignatures},
};

/// The number of requests that may wait for an answer; environments repeat the others.
pub const MAX_WAITING: usize = 256;
/// The number of credentials in a request that are answered; environments repeat the others.
const MAX_WANTS: usize = 256;
/// The number of credentials for which Vault is asked at a time; environments repeat the others.
const MAX_ASKING: usize = 64;
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
    let lender = Arc::new(lender);
    let mut asking = JoinSet::new();
    let answering = async {
        while let Some(batch) = requested.recv().await {
            if duties.borrow().ledger.is_none() {
                continue;
            }
            let (answers, later) = lender.answers(&batch);
            if !publish(&*events, &batch.environment, answers).await {
                return;
            }
            for late in later {
                while asking.try_join_next().is_some() {}
                // The environment repeats its request: others wait for nothing by it.
                if asking.len() < MAX_ASKING {
                    let (lender, events) = (Arc::clone(&lender), Arc::clone(&events));
                    asking.spawn(async move {
                        let answer = lender.provide(&late).await;
                        publish(&*events, &late.environment, vec![answer]).await;
                    });
                }
            }
        }
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        () = answering => {}
    }
}

/// Returns false if nothing more can be published.
async fn publish(events: &dyn Events, to: &EnvironmentId, answers: Vec<Event>) -> bool {
    match events.publish(answers).await {
        Ok(()) => true,
        Err(Error::Closed) => false,
        Err(error) => {
            tracing::warn!(
                environment = %to, %error,
                "the request of an environment for a credential cannot be answered now"
            );
            true
        }
    }
}

/// A credential that is lent as soon as Vault has given its values.
struct Late {
    environment: EnvironmentId,
    accepted: Accepted,
    want: ContentRequest,
    credential: Arc<Credential>,
    uses: Uses,
}

/// The answer to a request.
enum Found {
    Now(ContentPiece),
    Later(Box<Late>),
}

impl Lender {
    fn answers(&self, batch: &FetchBatch) -> (Vec<Event>, Vec<Late>) {
        let wants = batch.wants.iter().filter(|want| want.is_of_keys());
        let (mut answers, mut later) = (Vec::new(), Vec::new());
        for want in wants.take(MAX_WANTS) {
            match self.found(&batch.environment, want) {
                Found::Now(found) => answers.push(reply(&batch.environment, want, found, None)),
                Found::Later(late) => later.push(*late),
            }
        }
        (answers, later)
    }

    /// Lends a credential of which Vault has values.
    async fn provide(&self, late: &Late) -> Event {
        let Late {
            environment,
            accepted,
            want,
            credential,
            uses,
        } = late;
        let secrets = self.inventory.secrets();
        let (found, kept) = match secrets.provide(Arc::clone(credential)).await {
            Ok(Provided { credential, kept }) => {
                let lent = seal(environment, accepted, want, (&credential, uses));
                (lent.unwrap_or_else(ContentPiece::Nothing), kept)
            }
            Err(error) => (ContentPiece::Nothing(unprovided(credential, &error)), None),
        };
        reply(environment, want, found, kept)
    }

    fn found(&self, environment: &EnvironmentId, want: &ContentRequest) -> Found {
        let accepted = self.kinds.accepted(environment);
        match (want, accepted) {
            (ContentRequest::Acceptance(key), Some(accepted)) if accepted.key == *key => {
                let signatures = self.signatures.as_ref();
                let zone = &accepted.zone;
                Found::Now(signatures::accepted(signatures, environment, zone, key))
            }
            (ContentRequest::Acceptance(key), _) => nothing(waits(environment, &fingerprint(key))),
            (ContentRequest::Credential { name, version }, Some(accepted)) => {
                let lent = self.lend(environment, accepted, want, (name, version));
                lent.unwrap_or_else(nothing)
            }
            _ => nothing(waits(environment, "`utakata environment list`")),
        }
    }

    fn lend(
        &self,
        environment: &EnvironmentId,
        accepted: Accepted,
        want: &ContentRequest,
        (name, version): (&CredentialName, &CredentialVersion),
    ) -> Result<Found, Problem> {
        let found = self.inventory.lend(name, version, &accepted.zone);
        let (credential, uses) = found.map_err(|withheld| {
            tracing::debug!(%environment, credential = %name, ?withheld, "a credential is not lent");
            problem(name, &withheld, &accepted)
        })?;
        // What an operation holds is as it was given, whatever it looks like.
        let is_held = name.operation().or(name.rotation()).is_some();
        if !is_held && places(&credential).next().is_some() {
            return Ok(Found::Later(Box::new(Late {
                environment: environment.clone(),
                accepted,
                want: want.clone(),
                credential,
                uses,
            })));
        }
        seal(environment, &accepted, want, (&credential, &uses)).map(Found::Now)
    }
}

fn nothing(problem: Problem) -> Found {
    Found::Now(ContentPiece::Nothing(problem))
}

fn reply(
    environment: &EnvironmentId,
    want: &ContentRequest,
    found: ContentPiece,
    kept: Option<Duration>,
) -> Event {
    Event::Content(Arc::new(ContentReply {
        environment: environment.clone(),
        want: want.clone(),
        found,
        kept: kept.map(|kept| kept.as_secs()),
    }))
}

/// Seals a credential to the key of an environment.
fn seal(
    environment: &EnvironmentId,
    accepted: &Accepted,
    want: &ContentRequest,
    (credential, uses): (&Credential, &Uses),
) -> Result<ContentPiece, Problem> {
    let name = &credential.name;
    let not_lent = |reason: &str| {
        tracing::warn!(%environment, credential = %name, reason, "a credential is not lent");
        let message = format!("{} not lent: {reason}", told(name));
        Problem::new(CODE, Cure::Operator, message)
    };
    let ContentRequest::Credential { name, version } = want else {
        return Err(not_lent("something else was requested"));
    };
    let place = LoanPlace {
        name,
        version,
        zone: &accepted.zone,
        environment,
    };
    let loan = Loan {
        credential: credential.clone(),
        uses: uses.clone(),
    };
    let sealed = loan.seal(&accepted.key, &place);
    let sealed = sealed.map_err(|error| not_lent(&error.to_string()))?;
    Ok(ContentPiece::Lent(sealed.into()))
}

fn unprovided(credential: &Credential, error: &Unprovided) -> Problem {
    let cure = match error.may_pass() {
        true => Cure::Retry,
        false => Cure::Operator,
    };
    let message = format!(
        "{} not lent: {}: {}",
        told(&credential.name),
        chain(error),
        error.cure()
    );
    Problem::new(CODE, cure, message)
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
