//! Deliveries whose credentials are on their way.

use utakata_interconnect::{Delivery, Tag};
use utakata_model::action::DISCOVER;

use super::{Moment, Service};
use crate::loans::Look;

impl Service {
    /// Gives each task its credential and passes it on; those whose credential is on its way wait.
    /// Returns true if the tasks may change the plan.
    pub(super) fn lend(&mut self, deliveries: Vec<Delivery>, at: Moment) -> bool {
        let mut ready = Vec::with_capacity(deliveries.len());
        for mut delivery in deliveries {
            let task = &mut delivery.task;
            let Some(credential) = &mut task.credential else {
                ready.push(delivery);
                continue;
            };
            // What asks addresses has a credential for these alone: they stand for its address.
            let is_altered =
                task.action.as_str() == DISCOVER && task.parameters.as_str() != task.target.address;
            let looked = match is_altered {
                true => Look::altered(&credential.reference, &task.target),
                false => self.context.loans.look(&credential.reference, &task.target),
            };
            match looked {
                Look::Lent(values) => {
                    credential.values = Some(values);
                    ready.push(delivery);
                }
                Look::Wait => self.borrowing.push(delivery),
                Look::Withheld(problem) => self.state.on_withheld(delivery, problem, at),
            }
        }
        self.state.on_deliveries(ready, at)
    }

    /// Looks again at those that wait.
    pub(super) fn lend_again(&mut self, at: Moment) -> bool {
        let waiting = std::mem::take(&mut self.borrowing);
        self.lend(waiting, at)
    }

    /// Lets everything go to others while the environment is not accepted, and what waits for a
    /// credential while no tasks are taken.
    pub(super) async fn leave_to_others(&mut self) {
        let is_accepted = *self.accepted.borrow();
        if !self.borrowing.is_empty() && (!is_accepted || self.state.takes_nothing()) {
            let waiting = std::mem::take(&mut self.borrowing);
            let tags: Vec<Tag> = waiting.into_iter().map(|delivery| delivery.tag).collect();
            self.fetcher.give_back(&tags).await;
        }
        if !is_accepted && self.is_fetching {
            self.fetcher.close();
            self.state.on_lost_connection();
        }
        self.is_fetching = is_accepted;
    }
}
