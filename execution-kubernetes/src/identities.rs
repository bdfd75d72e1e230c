//! The pods that this life has created and has in hand, and the token that each stands for.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::watch;

/// A pod may say hello before the answer to its creation is here: it waits so long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The pods in hand, by their uids. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identities(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tokens: Mutex<HashMap<String, String>>,
    count: watch::Sender<u64>,
}

/// A pod that is in hand.
#[derive(Debug)]
pub(crate) struct Hold {
    of: Identities,
    uid: String,
}

impl Identities {
    /// Takes a pod in hand that stands for a token.
    pub(crate) fn hold(&self, uid: &str, token: &str) -> Hold {
        self.0.tokens.lock().insert(uid.into(), token.into());
        self.0.count.send_modify(|count| *count += 1);
        Hold {
            of: self.clone(),
            uid: uid.into(),
        }
    }

    /// Returns the uids of the pods in hand.
    pub(crate) fn held(&self) -> HashSet<String> {
        self.0.tokens.lock().keys().cloned().collect()
    }

    /// Returns the token that a pod stands for, once its creation is answered. `None`: this life
    /// has not created it.
    pub(crate) async fn token_of(&self, uid: &str) -> Option<String> {
        let token = || self.0.tokens.lock().get(uid).cloned();
        let mut news = self.0.count.subscribe();
        let known = news.wait_for(|_| token().is_some());
        // Otherwise it is a stranger.
        let _ = tokio::time::timeout(ANSWER_TIMEOUT, known).await;
        token()
    }
}

impl Hold {
    pub(crate) fn uid(&self) -> &str {
        &self.uid
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.of.0.tokens.lock().remove(&self.uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pod_is_known_while_it_is_in_hand_also_when_it_speaks_first() {
        let identities = Identities::default();
        let early = identities.clone();
        let asked = tokio::spawn(async move { early.token_of("u").await });
        tokio::task::yield_now().await;
        let hold = identities.hold("u", "secret");
        assert_eq!(asked.await.unwrap().as_deref(), Some("secret"));
        assert!(identities.held().contains("u"));
        drop(hold);
        assert_eq!(identities.token_of("u").await, None);
    }
}
