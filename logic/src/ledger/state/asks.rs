//! Requests of environments for permits.

use utakata_api::ledger::AttemptView;
use utakata_interconnect::Sender;
use utakata_model::TaskState;
use utakata_permit::{
    life::{Action, Event, Holder},
    message::{Answer, Ask, Refused, StartBatch, Verdict},
};

use super::{Effect, LedgerState};
use crate::audit;

impl LedgerState {
    /// Answers an environment that asks to begin attempts.
    pub fn on_asks(&mut self, batch: &StartBatch) {
        let from = Sender {
            environment: batch.environment.clone(),
            incarnation: batch.incarnation,
        };
        for ask in &batch.asks {
            let answer = Answer {
                ask: *ask,
                verdict: self.answer(&from, ask),
            };
            self.effects
                .push(Effect::Answer(from.clone(), batch.kind.clone(), answer));
        }
        self.settle();
    }

    fn answer(&mut self, from: &Sender, ask: &Ask) -> Verdict {
        let id = ask.key.task;
        let Some(entry) = self.tasks.get(&id) else {
            return Verdict::Refused(Refused::Foreign);
        };
        let was_permitted = entry.life.state() == TaskState::Permitted;
        // One writer per target, however the queues have changed the order.
        let lane = self.lane(&entry.task.target);
        if lane.is_some_and(|lane| lane.holder.is_some_and(|holder| holder != id)) {
            return Verdict::Refused(Refused::Recalled);
        }
        if self.is_held_at_permit(id) {
            return Verdict::Refused(Refused::Recalled);
        }
        let holder = Holder {
            environment: from.environment.clone(),
            incarnation: from.incarnation,
            ask: ask.ask,
        };
        let event = Event::Ask {
            attempt: ask.key.attempt,
            holder: holder.clone(),
        };
        let verdict = self.apply(id, &event).into_iter().find_map(|action| {
            let Action::Answer(verdict) = action else {
                return None;
            };
            Some(verdict)
        });
        let verdict = verdict.unwrap_or(Verdict::Refused(Refused::Foreign));
        if matches!(verdict, Verdict::Permitted(_)) && !was_permitted {
            self.permitted(ask, &holder);
        }
        verdict
    }

    fn permitted(&mut self, ask: &Ask, holder: &Holder) {
        let (task, attempt) = (ask.key.task, ask.key.attempt);
        self.trail.note(
            self.now.at,
            &audit::AuditEntry::Permitted {
                task,
                attempt,
                holder,
            },
        );
        if let Some(entry) = self.tasks.get_mut(&task) {
            entry.record.attempts.push(AttemptView {
                attempt,
                permitted: self.now.at,
                environment: holder.environment.clone(),
                status: None,
                ran_by: None,
            });
        }
        self.write_down(task);
        self.acted(task, attempt);
    }
}
