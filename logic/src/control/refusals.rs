//! Refused control requests, remembered so that nobody mistakes the operation before one for it.

use std::collections::HashMap;

use parking_lot::Mutex;
use utakata_api::person::Refusal;
use utakata_model::{OperationId, PersonName};

/// The last refusal of each person. It does not survive the process: afterwards the person is told
/// about the last operation, and nothing more.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<PersonName, Refusal>>);

impl Refusals {
    /// Records a refusal. The identifier that the operation would have had orders it among existing
    /// operations.
    pub(super) fn note(&self, by: &PersonName, what: String, why: String) {
        let refusal = Refusal {
            id: OperationId::generate(),
            at: crate::clock::now(),
            what,
            why,
        };
        self.0.lock().insert(by.clone(), refusal);
    }

    /// Returns the last refusal of a person.
    pub(super) fn of(&self, person: &PersonName) -> Option<Refusal> {
        self.0.lock().get(person).cloned()
    }
}
