//! Deliveries whose credentials, or secret parameters, are on their way.

use std::sync::Arc;

use utakata_interconnect::{Delivery, Tag};
use utakata_model::{Class, Credential, Origin, Problem, Task, action::DISCOVER, parameters::Lent};

use super::{Moment, Service};
use crate::loans::Look;

/// The reason why a task does not have yet what it needs.
enum Missing {
    OnItsWay,
    Withheld(Problem),
}

fn lent(looked: Look) -> Result<Arc<Credential>, Missing> {
    match looked {
        Look::Lent(values) => Ok(values),
        Look::Wait => Err(Missing::OnItsWay),
        Look::Withheld(problem) => Err(Missing::Withheld(problem)),
    }
}

impl Service {
    /// Gives each task its credential and its secret parameters, and passes it on; those for which
    /// something is on its way wait. Returns true if the tasks may change the plan.
    pub(super) fn lend(&mut self, deliveries: Vec<Delivery>, at: Moment) -> bool {
        let mut ready = Vec::with_capacity(deliveries.len());
        for mut delivery in deliveries {
            let credential = self.lend_credential(&mut delivery.task);
            match credential.and_then(|()| self.lend_parameters(&mut delivery.task)) {
                Ok(()) => ready.push(delivery),
                Err(Missing::OnItsWay) => self.borrowing.push(delivery),
                Err(Missing::Withheld(problem)) => {
                    self.state.on_withheld(delivery, problem, at);
                }
            }
        }
        self.state.on_deliveries(ready, at)
    }

    fn lend_credential(&self, task: &mut Task) -> Result<(), Missing> {
        let Some(credential) = &mut task.credential else {
            return Ok(());
        };
        // What asks addresses has a credential for these alone: they stand for its address.
        let is_altered =
            task.action.as_str() == DISCOVER && task.parameters.as_str() != task.target.address;
        let looked = match is_altered {
            true => Look::altered(&credential.reference, &task.target),
            false => self.context.loans.look(&credential.reference, &task.target),
        };
        credential.values = Some(lent(looked)?);
        Ok(())
    }

    fn lend_parameters(&self, task: &mut Task) -> Result<(), Missing> {
        // Whoever alters a read, which nobody signs, gets no secret for it.
        let asked = match task.class {
            Class::Control => task.parameters.lent(),
            Class::Observe => None,
        };
        let looked = match asked {
            None => return Ok(()),
            Some(Lent::Nothing) => Look::incomplete(&task.target),
            Some(Lent::Reference(reference)) => match (&task.origin, reference.name.operation()) {
                (Origin::Operation(own), Some(of)) if *own == of => {
                    self.context.loans.look(&reference, &task.target)
                }
                _ => Look::altered(&reference, &task.target),
            },
        };
        task.parameters.put_secrets(lent(looked)?);
        Ok(())
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
