//! The standing of a caller whose request lasts: its rights may change meanwhile, and its token may
//! end.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;
use utakata_model::Verb;

use super::Api;
use crate::{people::Identity, rights::Scope};

/// A caller, and the targets that it may see.
pub(super) struct Standing {
    caller: Arc<Identity>,
    pub scope: Scope,
    /// Changes of people, tokens and roles.
    people: watch::Receiver<u64>,
}

impl Standing {
    pub(super) fn new(api: &Api, caller: Arc<Identity>, scope: Scope) -> Self {
        let people = api.handle.people().follow();
        Self {
            caller,
            scope,
            people,
        }
    }

    /// Waits until the caller's standing has changed; `None` if it may see nothing any more. Cancel
    /// safe.
    pub(super) async fn changed(&mut self, api: &Api) -> Option<()> {
        tokio::select! {
            changed = self.people.changed() => {
                changed.ok()?;
                self.look_again(api)
            }
            () = until(self.caller.ends()) => None,
        }
    }

    fn look_again(&mut self, api: &Api) -> Option<()> {
        // The token of admin ends with the process.
        let Some(token) = &self.caller.token else {
            return Some(());
        };
        let people = api.handle.people();
        let caller = people.find_again(&token.hash, crate::clock::now()).ok()?;
        self.scope = caller.rights.scope(Verb::See);
        self.caller = Arc::new(caller);
        (!self.scope.is_nothing()).then_some(())
    }
}

/// Waits until a time; without one, for ever.
async fn until(time: Option<Timestamp>) {
    match time {
        None => std::future::pending().await,
        Some(time) => {
            let left = Duration::try_from(time.duration_since(crate::clock::now()));
            // One that has passed is negative.
            tokio::time::sleep(left.unwrap_or(Duration::ZERO)).await;
        }
    }
}
