//! The zone and the key of each environment, and the forgetting of environments that are gone for
//! good.
//!
//! An environment belongs to the first zone that it reported. Its reports about another zone do not
//! count until it was forgotten, so that somebody who has taken it over cannot reach another hall.

//!
//! Its key counts once it is accepted for that zone: by a person, or because the environment knows
//! the join secret of the site.

mod trust;

use std::{sync::Arc, time::Duration};

use utakata_api::environment::{AcceptanceView, Trust, TrustedKey};
use utakata_interconnect::{
    Event, Events,
    message::content::{ContentPiece, ContentReply, ContentRequest},
};
use utakata_model::{
    Cure, EnvironmentId, EnvironmentKey, EnvironmentState, EnvironmentStatus, PersonName, Problem,
    Zone, suggest,
};
use utakata_seal::{JoinSecret, fingerprint};

pub use self::trust::view;
use crate::{
    clock,
    desired::{Desired, orders::ForgetEnvironment},
    kinds::Kinds,
    signatures::{self, SiteSignatures},
    store::{self, KeyRow},
};

/// The silence after which an environment counts as gone: each reports every ten seconds.
const SILENT: Duration = Duration::from_secs(30);

/// A reason why an environment is not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment is unknown.
    #[error("no environment \"{id}\" is known")]
    None {
        id: EnvironmentId,
        /// The nearest one, or all existing ones.
        hint: String,
    },
    /// The environment is running.
    #[error("the environment {id} is running, and would report again at once")]
    There { id: EnvironmentId },
    /// Its key is not the one that was meant.
    #[error("the key of {id} has the fingerprint {reported}, and not {wanted}")]
    OtherKey {
        id: EnvironmentId,
        reported: String,
        wanted: String,
    },
    /// It has no key.
    #[error("the environment {id} reports no key")]
    NoKey { id: EnvironmentId },
    /// It reports another zone than its own.
    #[error("the environment {id} reports the zone \"{told}\", and its zone is \"{zone}\"")]
    OtherZone {
        id: EnvironmentId,
        told: Zone,
        zone: Zone,
    },
    /// The others could not be informed.
    #[error("the status of {id} cannot be removed")]
    Events {
        id: EnvironmentId,
        source: utakata_interconnect::Error,
    },
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The environments. Cheap to share.
pub struct Environments {
    store: Arc<dyn store::Environments>,
    events: Arc<dyn Events>,
    kinds: Arc<Kinds>,
    desired: Arc<Desired>,
    /// The secret by which environments join without a person.
    secret: Option<JoinSecret>,
    signatures: Option<Arc<SiteSignatures>>,
}

/// The proofs that environments and the site show each other when they meet.
pub struct Shown {
    /// The secret by which environments join without a person.
    pub secret: Option<JoinSecret>,
    /// The signatures of messages, where they cross a network.
    pub signatures: Option<Arc<SiteSignatures>>,
}

impl Environments {
    /// Creates the environments of a store.
    pub fn new(
        store: Arc<dyn store::Environments>,
        events: Arc<dyn Events>,
        kinds: Arc<Kinds>,
        desired: Arc<Desired>,
        shown: Shown,
    ) -> Self {
        Self {
            store,
            events,
            kinds,
            desired,
            secret: shown.secret,
            signatures: shown.signatures,
        }
    }

    /// Reloads the zones and keys.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reload(&self) -> Result<(), store::Error> {
        let zones = self.store.zones().await?;
        let keys = self.store.keys().await?.into_iter();
        let keys = keys.map(|row| (row.environment, (row.zone, row.trust)));
        self.kinds.trust(keys.collect());
        self.kinds.settle_zones(zones.into_iter().collect());
        Ok(())
    }

    /// Settles the zone of an environment that is new, and accepts its key if no person has to.
    pub async fn meet(&self, status: &EnvironmentStatus) {
        self.settle(status).await;
        self.enrol(status).await;
    }

    /// Settles the zone of an environment that is new. While the store cannot be read, it is the
    /// reported one.
    async fn settle(&self, status: &EnvironmentStatus) {
        let (id, zone) = (&status.id, &status.zone);
        if self.kinds.zone_of(id).is_some() {
            return;
        }
        let met = async {
            self.store.put_zone(id, zone).await?;
            self.reload().await
        };
        if let Err(error) = met.await {
            tracing::warn!(environment = %id, %zone, %error, "its zone cannot be recorded now");
            self.kinds.settle_zone(id, zone);
        }
    }

    /// Accepts the key of an environment that was known before, or that knows the join secret.
    async fn enrol(&self, status: &EnvironmentStatus) {
        let (id, Some(report)) = (&status.id, &status.key) else {
            return;
        };
        if status.state == EnvironmentState::Gone
            || self.kinds.zone_of(id).as_ref() != Some(&status.zone)
        {
            return;
        }
        let known = self.kinds.trust_in(id);
        let Some(reason) = trust::accepts(status, known.as_ref(), self.secret.as_ref()) else {
            return;
        };
        let (zone, print) = (&status.zone, fingerprint(&report.public));
        let reason = reason.as_str();
        match self
            .put(id, zone, Trust::Accepted(trusted(&report.public, None)))
            .await
        {
            Ok(()) => tracing::info!(
                environment = %id, %zone, fingerprint = print, reason,
                "the key of an environment was accepted"
            ),
            Err(error) => tracing::warn!(
                environment = %id, %zone, fingerprint = print, %error,
                "the key of an environment cannot be accepted now"
            ),
        }
    }

    async fn put(&self, id: &EnvironmentId, zone: &Zone, trust: Trust) -> Result<(), store::Error> {
        let row = KeyRow {
            environment: id.clone(),
            zone: zone.clone(),
            trust,
        };
        self.store.put_key(&row).await?;
        self.reload().await
    }

    /// Accepts the key that an environment reports, for its zone.
    ///
    /// # Errors
    /// It is unknown, it has no key or not the one that is meant, or the store failed.
    pub async fn accept(
        &self,
        id: &EnvironmentId,
        wanted: Option<&str>,
        by: &PersonName,
    ) -> Result<AcceptanceView, Error> {
        let (status, key) = self.reported(id)?;
        let print = fingerprint(&key);
        if let Some(wanted) = wanted.filter(|wanted| !is_same(wanted, &print)) {
            return Err(Error::OtherKey {
                id: id.clone(),
                reported: print,
                wanted: wanted.to_owned(),
            });
        }
        let zone = self.kinds.zone_of(id);
        if let Some(zone) = zone.filter(|zone| *zone != status.zone) {
            return Err(Error::OtherZone {
                id: id.clone(),
                told: status.zone.clone(),
                zone,
            });
        }
        self.store.put_zone(id, &status.zone).await?;
        let trust = Trust::Accepted(trusted(&key, Some(by)));
        let found = signatures::accepted(self.signatures.as_ref(), id, &status.zone, &key);
        self.decide(&status, key, trust, found).await
    }

    /// Revokes the key of an environment: nothing is lent to it any more.
    ///
    /// # Errors
    /// It is unknown, it has no key, or the store failed.
    pub async fn revoke(
        &self,
        id: &EnvironmentId,
        by: &PersonName,
    ) -> Result<AcceptanceView, Error> {
        let (status, key) = self.reported(id)?;
        let trust = Trust::Revoked(trusted(&key, Some(by)));
        let message = format!("the key of the environment {id} was revoked by {by}");
        let problem = Problem::new("environment-waiting", Cure::Operator, message);
        self.decide(&status, key, trust, ContentPiece::Nothing(problem))
            .await
    }

    /// Records a decision about a key, and tells the environment at once. If it is not reached, it
    /// asks again by itself.
    async fn decide(
        &self,
        status: &EnvironmentStatus,
        key: EnvironmentKey,
        trust: Trust,
        found: ContentPiece,
    ) -> Result<AcceptanceView, Error> {
        let (id, zone) = (&status.id, &status.zone);
        self.put(id, zone, trust).await?;
        let told = ContentReply {
            environment: id.clone(),
            want: ContentRequest::Acceptance(key),
            found,
            kept: None,
        };
        if let Err(error) = self
            .events
            .publish(vec![Event::Content(Arc::new(told))])
            .await
        {
            tracing::debug!(environment = %id, %error, "an environment is not told now");
        }
        let known = self.kinds.trust_in(id);
        let enrolment = view(status, known.as_ref());
        Ok(AcceptanceView {
            environment: id.clone(),
            zone: zone.clone(),
            enrolment: enrolment.ok_or_else(|| Error::NoKey { id: id.clone() })?,
        })
    }

    /// Returns the status of an environment, and the key in it.
    fn reported(
        &self,
        id: &EnvironmentId,
    ) -> Result<(Arc<EnvironmentStatus>, EnvironmentKey), Error> {
        let heard = self.kinds.environments();
        let Some(status) = heard.iter().find(|one| one.id == *id) else {
            return Err(unknown(id, &heard));
        };
        match &status.key {
            Some(report) => Ok((Arc::clone(status), report.public.clone())),
            None => Err(Error::NoKey { id: id.clone() }),
        }
    }

    /// Sets the zone and the key of this process's own environment, whatever was recorded before.
    ///
    /// # Errors
    /// The store failed.
    pub async fn own(
        &self,
        id: &EnvironmentId,
        zone: &Zone,
        key: &EnvironmentKey,
    ) -> Result<(), store::Error> {
        if self.kinds.zone_of(id).as_ref() != Some(zone) {
            self.store.delete_zone(id).await?;
            self.store.put_zone(id, zone).await?;
            self.reload().await?;
        }
        let accepted = self.kinds.accepted(id);
        if accepted.is_some_and(|accepted| accepted.key == *key) {
            return Ok(());
        }
        self.put(id, zone, Trust::Accepted(trusted(key, None)))
            .await
    }

    /// Forgets an environment that is gone for good, or that has moved to another zone: its status,
    /// its zone, its orders.
    ///
    /// # Errors
    /// It is unknown, it is running, or the store or the broker failed.
    pub async fn forget(&self, id: &EnvironmentId) -> Result<(), Error> {
        let heard = self.kinds.environments();
        let zone = self.kinds.zone_of(id);
        let status = heard.iter().find(|one| one.id == *id);
        if status.is_none() && zone.is_none() {
            return Err(unknown(id, &heard));
        }
        let is_there = status.is_some_and(|status| {
            let is_silent = self.kinds.silent_for(id).is_none_or(|time| time > SILENT);
            let has_moved = zone.as_ref().is_some_and(|zone| *zone != status.zone);
            status.state != EnvironmentState::Gone && !is_silent && !has_moved
        });
        if is_there {
            return Err(Error::There { id: id.clone() });
        }
        self.desired
            .carry_out(ForgetEnvironment(id.clone()))
            .await?;
        self.store.delete_zone(id).await?;
        self.store.delete_key(id).await?;
        self.kinds.forget(id);
        let forgotten = vec![Event::Forgotten(id.clone())];
        let told = self.events.publish(forgotten).await;
        told.map_err(|source| Error::Events {
            id: id.clone(),
            source,
        })
    }
}

fn unknown(id: &EnvironmentId, heard: &[Arc<EnvironmentStatus>]) -> Error {
    let ids = heard.iter().map(|one| one.id.as_str());
    Error::None {
        id: id.clone(),
        hint: suggest::hint(id.as_str(), ids),
    }
}

fn trusted(key: &EnvironmentKey, by: Option<&PersonName>) -> TrustedKey {
    TrustedKey {
        key: key.clone(),
        by: by.cloned(),
        since: clock::now(),
    }
}

/// Returns true if a person means this fingerprint, however the groups are divided.
fn is_same(wanted: &str, print: &str) -> bool {
    let digits = |text: &str| {
        let digits = text.chars().filter(char::is_ascii_alphanumeric);
        digits
            .map(|digit| digit.to_ascii_lowercase())
            .collect::<String>()
    };
    digits(wanted) == digits(print)
}
