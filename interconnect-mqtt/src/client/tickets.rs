//! Requests that wait for an answer of the broker.
//!
//! The library numbers a request when it sends it, in the order in which requests are given to it:
//! so the first of those that wait for a number gets the next one.

use std::collections::{HashMap, VecDeque};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// The answer to a request. If its sender is gone, the connection was lost.
pub(super) type Answer = Result<(), String>;

/// A waiting request, and the place that it takes.
#[derive(Debug)]
pub(super) struct Ticket {
    /// The receiver of the answer. Absent if nobody ever waited.
    answer: Option<oneshot::Sender<Answer>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Ticket {
    /// Creates a ticket, and the receiver of its answer.
    pub(super) fn new(place: Option<OwnedSemaphorePermit>) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, coming) = oneshot::channel();
        let ticket = Self {
            answer: Some(answer),
            _place: place,
        };
        (ticket, coming)
    }

    /// Creates a ticket for something that nobody waits for, and which is sent nevertheless.
    pub(super) fn unwatched() -> Self {
        Self {
            answer: None,
            _place: None,
        }
    }

    /// Returns true if nobody waits for it any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.as_ref().is_some_and(oneshot::Sender::is_closed)
    }
}

/// The tickets of one connection. Losing it means dropping them.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    messages: TicketQueue,
    requests: TicketQueue,
}

#[derive(Debug, Default)]
struct TicketQueue {
    unsent: VecDeque<Ticket>,
    sent: HashMap<u16, Ticket>,
}

impl Tickets {
    /// Records that a message is given to the library.
    pub(super) fn give_message(&mut self, ticket: Ticket) {
        self.messages.unsent.push_back(ticket);
    }

    /// Records the number of the first message that waits for one.
    pub(super) fn message_sent(&mut self, number: u16) {
        self.messages.sent(number);
    }

    pub(super) fn message_answered(&mut self, number: u16, answer: Answer) {
        self.messages.answered(number, answer);
    }

    /// Records that a subscribe or unsubscribe is given to the library.
    pub(super) fn give_request(&mut self, ticket: Ticket) {
        self.requests.unsent.push_back(ticket);
    }

    /// Records the number of the first request that waits for one.
    pub(super) fn request_sent(&mut self, number: u16) {
        self.requests.sent(number);
    }

    pub(super) fn request_answered(&mut self, number: u16, answer: Answer) {
        self.requests.answered(number, answer);
    }
}

impl TicketQueue {
    fn sent(&mut self, number: u16) {
        if let Some(ticket) = self.unsent.pop_front() {
            self.sent.insert(number, ticket);
        }
    }

    fn answered(&mut self, number: u16, answer: Answer) {
        let ticket = self.sent.remove(&number);
        if let Some(waiting) = ticket.and_then(|ticket| ticket.answer) {
            // The caller may have lost interest.
            let _ = waiting.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_to_whom_they_are_for() {
        let mut tickets = Tickets::default();
        let mut made: Vec<_> = (0..4)
            .map(|at| {
                let (ticket, coming) = Ticket::new(None);
                if at == 3 {
                    tickets.give_request(ticket);
                } else {
                    tickets.give_message(ticket);
                }
                coming
            })
            .collect();
        tickets.message_sent(7);
        tickets.message_sent(8);
        tickets.request_sent(7);
        tickets.message_answered(8, Ok(()));
        tickets.message_answered(99, Ok(()));
        tickets.request_answered(7, Err("no".into()));
        let mut answers = made.iter_mut().map(oneshot::Receiver::try_recv);
        use oneshot::error::TryRecvError::{Closed, Empty};
        assert_eq!(answers.next(), Some(Err(Empty)));
        assert_eq!(answers.next(), Some(Ok(Ok(()))));
        assert_eq!(answers.next(), Some(Err(Empty)), "it has no number yet");
        assert_eq!(answers.next(), Some(Ok(Err("no".into()))));
        drop(tickets);
        let lost = made.iter_mut().map(oneshot::Receiver::try_recv);
        assert!(lost.into_iter().all(|answer| answer == Err(Closed)));
    }
}
