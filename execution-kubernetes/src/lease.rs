//! The Lease of an environment: it owns the pods, so that nothing is left when it is deleted, and
//! says which life of the environment is there.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference},
};
use tokio::{sync::Mutex, time::Instant};
use utakata_execution::runtime::Life;
use utakata_model::Incarnation;

use crate::{cluster::Cluster, error::Error, labels};

/// The interval at which it is renewed.
pub(crate) const RENEW_INTERVAL: Duration = Duration::from_secs(10);
/// For others: an environment that has not renewed it for so long is not there.
const DURATION_SECONDS: i32 = 40;
/// Tries to write it while others write it.
const TRIES: usize = 3;

/// The Lease, as it was last seen.
#[derive(Debug, Default)]
pub(crate) struct Ownership(Mutex<Option<Owned>>);

#[derive(Debug, Clone)]
struct Owned {
    uid: String,
    renewed: Instant,
}

/// A step that is to be done with a Lease.
#[derive(Debug, PartialEq)]
enum Claim {
    Create(Box<Lease>),
    Replace(Box<Lease>),
    /// A later life of the environment has it.
    Lost,
}

impl Ownership {
    /// Returns the uid of the Lease, which is this life's.
    pub(crate) async fn uid(&self, cluster: &Cluster, life: &Life) -> Result<String, Error> {
        let mut owned = self.0.lock().await;
        if let Some(owned) = &*owned
            && owned.renewed.elapsed() < RENEW_INTERVAL
        {
            return Ok(owned.uid.clone());
        }
        // One that is not had is not renewed any more.
        *owned = None;
        let uid = claim(cluster, life).await?;
        *owned = Some(Owned {
            uid: uid.clone(),
            renewed: Instant::now(),
        });
        Ok(uid)
    }
}

/// Returns the reference by which something goes when the Lease goes.
pub(crate) fn owner(name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: "coordination.k8s.io/v1".into(),
        kind: "Lease".into(),
        name: name.into(),
        uid: uid.into(),
        // So that a drain knows that somebody will replace it.
        controller: Some(true),
        // OpenShift lets only those say true who may finalise the owner.
        block_owner_deletion: Some(false),
    }
}

/// Makes the Lease this life's, or renews it.
async fn claim(cluster: &Cluster, life: &Life) -> Result<String, Error> {
    let name = labels::lease_name(&life.environment);
    let mut last = None;
    for _ in 0..TRIES {
        let found = cluster.lease(&name).await?;
        let written = match decide(found, life, Timestamp::now()) {
            Claim::Create(lease) => cluster.create_lease(&lease).await,
            Claim::Replace(lease) => cluster.replace_lease(&name, &lease).await,
            Claim::Lost => {
                return Err(Error::Twice {
                    name: life.environment.to_string(),
                });
            }
        };
        match written {
            Ok(written) => return Ok(written.metadata.uid.unwrap_or_default()),
            // Somebody else has written it meanwhile.
            Err(error @ Error::Refused { .. }) => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or(Error::Away {
        step: "update leases",
        problem: "others write it all the time".into(),
    }))
}

fn decide(found: Option<Lease>, life: &Life, now: Timestamp) -> Claim {
    let me = life.incarnation.to_string();
    let Some(mut lease) = found else {
        return Claim::Create(Box::new(new(life, now)));
    };
    let mut spec = lease.spec.take().unwrap_or_default();
    let holder = spec.holder_identity.as_deref();
    let holder = holder.and_then(|holder| holder.parse::<Incarnation>().ok());
    if holder.is_some_and(|holder| holder > life.incarnation) {
        return Claim::Lost;
    }
    if holder != Some(life.incarnation) {
        spec.acquire_time = Some(MicroTime(now));
        spec.lease_transitions = spec.lease_transitions.map(|count| count + 1).or(Some(1));
    }
    spec.holder_identity = Some(me);
    spec.lease_duration_seconds = Some(DURATION_SECONDS);
    spec.renew_time = Some(MicroTime(now));
    lease.spec = Some(spec);
    Claim::Replace(Box::new(lease))
}

fn new(life: &Life, now: Timestamp) -> Lease {
    let labels = [
        (
            "app.kubernetes.io/managed-by".to_owned(),
            "utakata".to_owned(),
        ),
        (
            labels::ENVIRONMENT.to_owned(),
            labels::value(life.environment.as_str()),
        ),
    ];
    Lease {
        metadata: ObjectMeta {
            name: Some(labels::lease_name(&life.environment)),
            labels: Some(labels.into()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(life.incarnation.to_string()),
            lease_duration_seconds: Some(DURATION_SECONDS),
            acquire_time: Some(MicroTime(now)),
            renew_time: Some(MicroTime(now)),
            ..LeaseSpec::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::EnvironmentId;

    use super::*;

    fn life(incarnation: Incarnation) -> Life {
        Life {
            environment: EnvironmentId::new("lab").unwrap(),
            incarnation,
        }
    }

    fn holder(claim: &Claim) -> Option<String> {
        match claim {
            Claim::Create(lease) | Claim::Replace(lease) => {
                lease.spec.as_ref().unwrap().holder_identity.clone()
            }
            Claim::Lost => None,
        }
    }

    #[test]
    fn a_later_life_takes_it_and_an_earlier_one_has_lost_it() {
        let [first, second] = [1, 2].map(|byte| life(Incarnation::from_bytes([byte; 16])));
        let now = Timestamp::UNIX_EPOCH;
        let created = decide(None, &first, now);
        let Claim::Create(lease) = &created else {
            unreachable!("{created:?}");
        };
        assert_eq!(holder(&created), Some(first.incarnation.to_string()));
        let renewed = decide(Some((**lease).clone()), &first, now);
        let spec = |claim: &Claim| match claim {
            Claim::Replace(lease) => lease.spec.clone().unwrap(),
            _ => LeaseSpec::default(),
        };
        assert_eq!(spec(&renewed).lease_transitions, None);
        let taken = decide(Some((**lease).clone()), &second, now);
        assert_eq!(holder(&taken), Some(second.incarnation.to_string()));
        assert_eq!(spec(&taken).lease_transitions, Some(1));
        let Claim::Replace(lease) = taken else {
            unreachable!();
        };
        assert_eq!(decide(Some(*lease), &first, now), Claim::Lost);
    }
}
