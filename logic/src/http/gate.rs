//! The state of the router.

use super::Api;

/// The state of the router. Handlers get at what is behind it by an `Allowed` alone,
/// or an `Arriving` where nobody has a token yet.
#[derive(Clone)]
pub(super) struct Gate(Api);

impl Gate {
    pub(super) fn new(api: Api) -> Self {
        Self(api)
    }

    /// Returns what bounds and parses requests before anybody handles them.
    pub(super) fn for_parsing(&self) -> &Api {
        &self.0
    }

    /// Returns what an `Arriving` shows to those who log in.
    pub(super) fn of_stranger(&self) -> &Api {
        &self.0
    }

    /// Returns what an `Allowed` gives to a caller who has its right.
    pub(super) fn of_caller(&self) -> &Api {
        &self.0
    }
}
