//! The signatures of this site: what it sends is signed with the key of the site, and what arrives
//! counts if an accepted environment has signed it, for itself and its zone.
//!
//! A refused message is counted and reported where it arrived, and is a line of the audit trail,
//! once for each place.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Distrust, Event, Signatures,
    message::content::ContentPiece,
    signatures::{Admitted, Sender},
    topic::Topic,
};
use utakata_model::{EnvironmentId, EnvironmentKey, EnvironmentStatus, Zone};
use utakata_seal::{JoinSecret, KeyId, Signed, SiteSigner, signer_of};

use crate::{
    audit::{DistrustedMessage, SiteNote},
    clock,
    kinds::Kinds,
    ledger::Ledger,
    secrets::Secrets,
};

/// The number of messages that may wait to be recorded.
const MAX_WAITING: usize = 64;
/// The largest number of places that the trail has.
const MAX_PLACES: usize = 1_000;

/// The signatures of a logic environment whose messages cross a network.
#[derive(Debug)]
pub struct SiteSignatures {
    /// Known once the store is open.
    known: OnceLock<Known>,
    /// The key that signs now, and the one that is certified, by their names.
    signers: Mutex<Vec<(KeyId, Arc<SiteSigner>)>>,
    told: mpsc::Sender<DistrustedMessage>,
    to_tell: Mutex<Option<mpsc::Receiver<DistrustedMessage>>>,
}

#[derive(Debug)]
struct Known {
    secrets: Arc<Secrets>,
    kinds: Arc<Kinds>,
    secret: Option<JoinSecret>,
}

impl SiteSignatures {
    /// Creates them before anything is known of the site: until then, nothing counts.
    #[expect(
        clippy::new_without_default,
        reason = "one that is not made known is useless"
    )]
    pub fn new() -> Self {
        let (told, to_tell) = mpsc::channel(MAX_WAITING);
        Self {
            known: OnceLock::new(),
            signers: Mutex::default(),
            told,
            to_tell: Mutex::new(Some(to_tell)),
        }
    }

    /// Makes the keys of the site and of its environments known.
    pub(crate) fn know(
        &self,
        secrets: Arc<Secrets>,
        kinds: Arc<Kinds>,
        secret: Option<JoinSecret>,
    ) {
        let known = Known {
            secrets,
            kinds,
            secret,
        };
        if self.known.set(known).is_err() {
            utakata_invariant::broken("a site is known twice", &"its signatures");
        }
    }

    /// Returns the statement that the site accepts the key of an environment.
    fn certify(&self, id: &EnvironmentId, zone: &Zone, key: &EnvironmentKey) -> ContentPiece {
        let known = self.known.get();
        let certified = known.and_then(|known| {
            let signer = self.signer(known, &known.secrets.seal().key)?;
            Some(signer.certify(id, zone, key, known.secret.as_ref()))
        });
        certified.map_or(ContentPiece::Accepted, |certificate| {
            ContentPiece::Certified(Box::new(certificate))
        })
    }

    /// Returns the signer that follows from the key of that name.
    fn signer(&self, known: &Known, id: &KeyId) -> Option<Arc<SiteSigner>> {
        let mut signers = self.signers.lock();
        if let Some((_, signer)) = signers.iter().find(|(key, _)| key == id) {
            return Some(Arc::clone(signer));
        }
        let made = known.secrets.site_signer(id);
        let signer = made
            .inspect_err(|error| tracing::error!(%error, "messages cannot be signed"))
            .ok()
            .map(Arc::new)?;
        // The present one and the one before.
        signers.truncate(1);
        signers.insert(0, (id.clone(), Arc::clone(&signer)));
        Some(signer)
    }

    /// Decides about a message that has to be signed.
    fn decide(
        &self,
        known: &Known,
        topic: &Topic,
        signed: &Signed<'_>,
    ) -> Result<Sender, Distrust> {
        let kinds = &known.kinds;
        let owner = kinds.signed_by(&signed.by());
        match (topic, owner) {
            (Topic::Environment(id) | Topic::Start(id) | Topic::Datagram(id), Some((owner, _)))
                if *id == owner =>
            {
                Ok(Sender::Environment(owner))
            }
            (Topic::Outcome { zone, .. }, Some((owner, of))) if *zone == of => {
                Ok(Sender::Environment(owner))
            }
            (
                Topic::Environment(_)
                | Topic::Start(_)
                | Topic::Datagram(_)
                | Topic::Outcome { .. },
                Some(_),
            ) => Err(Distrust::Elsewhere),
            (Topic::Environment(id), None) if kinds.is_replaceable(id) => {
                Ok(Sender::Stranger(signed.signer.to_owned()))
            }
            (Topic::Environment(_), None) => Err(Distrust::Unknown),
            (Topic::Start(_) | Topic::Datagram(_), None) => Err(unknown(kinds, signed)),
            // A logic environment reports outcomes, too: how what was unknown is settled.
            _ => {
                let present = self.signer(known, &known.secrets.seal().key);
                match present.is_some_and(|signer| signer.knows(signed.signer)) {
                    true => Ok(Sender::Site),
                    false => Err(unknown(kinds, signed)),
                }
            }
        }
    }

    /// Notes what an environment reports to have refused.
    pub(crate) fn on_status(&self, status: &EnvironmentStatus) {
        for connection in &status.connections {
            if connection.distrusted > 0 {
                self.tell(DistrustedMessage {
                    by: Some(status.id.clone()),
                    place: connection.name.clone(),
                    reason: None,
                });
            }
        }
    }

    fn tell(&self, message: DistrustedMessage) {
        // The first of each place is recorded: that there is no room means that there are many.
        let _ = self.told.try_send(message);
    }

    /// Records what did not count, until it is cancelled.
    pub(crate) async fn record(self: Arc<Self>, ledger: Ledger, cancel: CancellationToken) {
        let Some(mut to_tell) = self.to_tell.lock().take() else {
            return;
        };
        let recording = async {
            let mut places = BTreeSet::new();
            while let Some(message) = to_tell.recv().await {
                let place = (message.by.clone(), message.place.clone());
                if places.len() >= MAX_PLACES || places.contains(&place) {
                    continue;
                }
                // Where the ledger is not kept, the log has it.
                match ledger.note(SiteNote::Distrusted(message)).await {
                    Ok(()) => drop(places.insert(place)),
                    Err(error) => tracing::debug!(%error, "a forged message is not in the trail"),
                }
            }
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = recording => {}
        }
    }
}

/// Returns the reason why a message does not count whose signer is not accepted. One that waits to be
/// accepted, or was accepted elsewhere a moment ago, is shown as such.
fn unknown(kinds: &Kinds, signed: &Signed<'_>) -> Distrust {
    match kinds.has_reported(&signed.by()) {
        true => Distrust::Early,
        false => Distrust::Unknown,
    }
}

/// Returns the answer to an environment that its key is accepted.
pub(crate) fn accepted(
    signatures: Option<&Arc<SiteSignatures>>,
    id: &EnvironmentId,
    zone: &Zone,
    key: &EnvironmentKey,
) -> ContentPiece {
    signatures.map_or(ContentPiece::Accepted, |all| all.certify(id, zone, key))
}

impl Signatures for SiteSignatures {
    fn sign(&self, place: &str, message: Vec<u8>) -> Vec<u8> {
        let Some(known) = self.known.get() else {
            return message;
        };
        let Some(signer) = self.signer(known, &known.secrets.signing_key(clock::now())) else {
            return message;
        };
        signer.key().sign(place, message)
    }

    fn admit_event<'p>(&self, topic: &Topic, payload: &'p [u8]) -> Result<Admitted<'p>, Distrust> {
        let signed = Signed::find(payload);
        let anybody = match topic {
            Topic::Reading { .. } | Topic::Alarm { .. } | Topic::Deleted(_) => true,
            // What is answered is sealed to a key, or identified by its digest.
            Topic::Fetch(_) => true,
            _ => false,
        };
        if anybody {
            return Ok(Admitted {
                message: signed.map_or(Cow::Borrowed(payload), |one| one.message().into()),
                sender: Sender::Anybody,
            });
        }
        let known = self.known.get().ok_or(Distrust::Early)?;
        let signed = signed.ok_or(Distrust::Unsigned)?;
        let sender = self.decide(known, topic, &signed)?;
        if !signed.is_right(&topic.to_string()) {
            return Err(Distrust::Wrong);
        }
        Ok(Admitted {
            message: signed.message().into(),
            sender,
        })
    }

    fn check_event(&self, sender: &Sender, event: &Event) -> Result<(), Distrust> {
        let may_say = match (sender, event) {
            (Sender::Environment(id), Event::Outcomes(batch)) => {
                let from = batch.from.as_ref();
                from.is_none_or(|from| from.environment == *id)
            }
            (Sender::Stranger(signer), Event::Environment(status)) => {
                let report = status.key.as_ref();
                let own = report.and_then(|report| signer_of(&report.public));
                own.is_some_and(|own| own.0 == *signer)
            }
            (Sender::Stranger(_), _) => false,
            _ => true,
        };
        may_say.then_some(()).ok_or(Distrust::Elsewhere)
    }

    fn admit_tasks<'p>(&self, _: &str, payload: &'p [u8]) -> Result<Cow<'p, [u8]>, Distrust> {
        // A logic environment consumes none.
        Ok(payload.into())
    }

    fn distrust(&self, place: &str, reason: &Distrust) {
        self.tell(DistrustedMessage {
            by: None,
            place: place.to_owned(),
            reason: Some(reason.to_string()),
        });
    }
}

#[cfg(test)]
mod tests;
