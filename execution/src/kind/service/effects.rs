//! The execution of the [`State`](super::State)'s effects.

use std::sync::{Arc, atomic::Ordering};

use utakata_interconnect::{Event, OutcomeBatch, Sender};
use utakata_model::{Class, Outcome, Task};
use utakata_permit::message::{Ask, StartBatch};
use utakata_protocol::v1::to_worker::Message;

use super::{Service, moment};
use crate::kind::workers::Outgoing;

impl Service {
    /// Carries out the effects.
    pub(super) async fn act(&mut self) {
        let effects = self.state.take_effects();
        for start in effects.workers.starts {
            self.start(&start);
        }
        for worker in effects.workers.kills {
            self.links.kill(worker);
        }
        for park in effects.workers.parks {
            self.park(park);
        }
        self.ask(effects.asks);
        for send in effects.workers.sends {
            self.send(send);
        }
        for worker in effects.workers.forgotten {
            self.links.forget(worker);
        }
        let acknowledged = self.fetcher.acknowledge(&effects.acknowledge).await;
        if acknowledged.is_err() {
            // An attempt that was begun has its permit: if it is delivered again, it is refused.
            self.on_lost_connection();
        }
        self.fetcher.give_back(&effects.give_back).await;
        if self.state.is_away() {
            self.fetcher.close();
        }
        self.publish_again(effects.publish_again).await;
        self.publish(effects.readings, effects.outcomes);
    }

    /// Publishes reads again. Those that cannot be published end.
    async fn publish_again(&mut self, reads: Vec<Task>) {
        if reads.is_empty() {
            return;
        }
        let refused = self.context.tasks.publish(reads.clone()).await;
        let is_left = |task: &Task| match &refused {
            Ok(refused) => refused.iter().any(|one| one.key == task.key()),
            Err(_) => true,
        };
        let left = reads.into_iter().filter(is_left).collect();
        self.state.on_not_published(left, moment());
    }

    /// Sends asks for permits. If there is no room, they are repeated, as if the answer were lost.
    fn ask(&self, asks: Vec<Ask>) {
        let Some(last) = asks.iter().map(|ask| ask.ask).max() else {
            return;
        };
        // Before it is sent: whatever happens then, nobody uses the number again.
        self.context.next_ask.fetch_max(last + 1, Ordering::Relaxed);
        let Sender {
            environment,
            incarnation,
        } = self.context.me.clone();
        let batch = StartBatch {
            environment,
            incarnation,
            kind: self.kind.clone(),
            asks,
        };
        if self.asks.try_send(batch).is_err() {
            tracing::debug!(kind = %self.kind, "asks wait for the inter connect");
        }
    }

    fn send(&mut self, send: Outgoing) {
        let unsent = self.links.send(send.worker, send.message);
        if let Err(Message::Tasks(tasks)) = unsent {
            self.state.on_not_sent(&tasks, send.worker);
        }
    }

    /// Publishes readings before outcomes, so that anybody who sees an outcome finds its readings.
    fn publish(&mut self, readings: Vec<Event>, outcomes: Vec<Outcome>) {
        self.pending.extend(readings);
        let is_control = |outcome: &Outcome| outcome.class == Class::Control;
        let (control, observe): (Vec<_>, Vec<_>) = if outcomes.iter().any(is_control) {
            outcomes.into_iter().partition(is_control)
        } else {
            (Vec::new(), outcomes)
        };
        let me = Some(self.context.me.clone());
        for (from, outcomes) in [(me, control), (None, observe)] {
            if !outcomes.is_empty() {
                let batch = OutcomeBatch {
                    zone: self.context.zone.clone(),
                    kind: self.kind.clone(),
                    from,
                    outcomes,
                };
                self.pending.push(Event::Outcomes(Arc::new(batch)));
            }
        }
        if !self.pending.is_empty()
            && let Ok(permit) = self.outbox.try_reserve()
        {
            permit.send(std::mem::take(&mut self.pending));
            self.queued += 1;
        }
    }
}
