//! One conversation at a time with each thing that answers: the units behind a gateway, the UPSs of
//! one server, a BMC.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// The number of gates from which those without a visitor are cleared away.
const CROWDED: usize = 1024;

/// The gates of everything that a worker talks to, by a name such as `host:port`.
#[derive(Debug, Default)]
pub struct Gates(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    gates: HashMap<String, Weak<Turn<()>>>,
    /// The number of gates at which they are looked through.
    limit: usize,
}

/// The turn of one conversation, which ends when it is dropped.
#[derive(Debug)]
pub struct Conversation {
    _turn: OwnedMutexGuard<()>,
}

impl Gates {
    /// Waits for the turn of a conversation, in the order of arrival.
    pub async fn enter(&self, name: &str) -> Conversation {
        let gate = self.gate(name);
        Conversation {
            _turn: gate.lock_owned().await,
        }
    }

    fn gate(&self, name: &str) -> Arc<Turn<()>> {
        let mut open = self.0.lock();
        if let Some(gate) = open.gates.get(name).and_then(Weak::upgrade) {
            return gate;
        }
        if open.gates.len() >= open.limit.max(CROWDED) {
            open.gates.retain(|_, gate| gate.strong_count() > 0);
            open.limit = open.gates.len() * 2;
        }
        let gate = Arc::default();
        open.gates.insert(name.into(), Arc::downgrade(&gate));
        gate
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_second_conversation_waits_for_the_first_and_another_thing_does_not() {
        let gates = Gates::default();
        let first = gates.enter("a:1").await;
        assert!(gates.enter("a:1").now_or_never().is_none());
        assert!(gates.enter("b:1").now_or_never().is_some());
        drop(first);
        assert!(gates.enter("a:1").now_or_never().is_some());
    }

    #[tokio::test]
    async fn gates_without_a_visitor_are_cleared_away() {
        let gates = Gates::default();
        let held = gates.enter("held").await;
        for at in 0..10 * CROWDED {
            gates.enter(&at.to_string()).await;
        }
        assert!(gates.0.lock().gates.len() <= 2 * CROWDED);
        assert!(gates.enter("held").now_or_never().is_none());
        drop(held);
    }
}
