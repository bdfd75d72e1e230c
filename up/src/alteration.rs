//! The seam through which the drill alters the processes that it starts.

use crate::Links;

/// A change that a drill makes to a process that it starts. It is code rather than a setting: a
/// program that passes none cannot be configured to break what is promised.
pub trait Alteration {
    /// Changes the settings of an environment.
    fn execution(&self, _config: &mut utakata_execution::Config) {}

    /// Changes the settings of a logic environment.
    fn logic(&self, _config: &mut utakata_logic::Config) {}

    /// Puts something between the process and its connections.
    fn links(&self, links: Links) -> Links {
        links
    }
}

impl Alteration for () {}
