//! The keys of the cluster's issuer of tokens, kept: a hello is answered without asking for them.

use std::time::Duration;

use jiff::Timestamp;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    cluster::Cluster,
    token::{self, Expected, Keys, Refusal},
};

/// A key that is not known is looked for this often at the most: anybody may name one.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The keys that are known.
#[derive(Debug, Default)]
pub(crate) struct Keyring(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    keys: Keys,
    looked: Option<Instant>,
}

impl Keyring {
    /// Returns the uid of the pod that a token is bound to. The keys are got anew when one of
    /// them is not known.
    pub(crate) async fn pod_uid(
        &self,
        cluster: &Cluster,
        token: &str,
        audience: &str,
    ) -> Result<String, Refusal> {
        let mut kept = self.0.lock().await;
        let expected = Expected {
            audience,
            namespace: cluster.namespace(),
            now: Timestamp::now().as_second(),
        };
        let uid = token::pod_uid(token, &kept.keys, expected);
        let may_look = kept
            .looked
            .is_none_or(|at| at.elapsed() >= LOOK_AGAIN_AFTER);
        if uid != Err(Refusal::UnknownKey) || !may_look {
            return uid;
        }
        match cluster.keys().await {
            Ok(keys) => {
                *kept = Kept {
                    keys,
                    looked: Some(Instant::now()),
                }
            }
            Err(error) => tracing::warn!(%error, "the keys of the cluster are not known"),
        }
        token::pod_uid(token, &kept.keys, expected)
    }
}
