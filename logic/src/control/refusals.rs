//! What was asked of control and refused: so that nobody takes the operation before it for it.

use std::collections::HashMap;

use parking_lot::Mutex;
use utakata_api::person::Refusal;
use utakata_model::{OperationId, PersonName};

/// The last refusal of each person. It does not outlive the process: then the person is told what
/// the last operation was, and nothing more.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<PersonName, Refusal>>);

impl Refusals {
    /// Somebody was refused. The identifier that an operation would have had orders it among
    /// those that there are.
    pub(super) fn note(&self, by: &PersonName, what: String, why: String) {
        let refusal = Refusal {
            id: OperationId::generate(),
            at: crate::clock::now(),
            what,
            why,
        };
        self.0.lock().insert(by.clone(), refusal);
    }

    /// The last of a person.
    pub(super) fn of(&self, person: &PersonName) -> Option<Refusal> {
        self.0.lock().get(person).cloned()
    }
}
