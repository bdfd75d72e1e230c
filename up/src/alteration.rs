//! The seam at which the drill takes hold of the processes that it starts.

use crate::Links;

/// A change that a drill makes to a process that it starts. It is code, and no setting: a program
/// that hands none on cannot be told to break what is promised.
pub trait Alteration {
    /// Changes the settings of an environment.
    fn execution(&self, _config: &mut utakata_execution::Config) {}

    /// Puts something between the process and what it is connected by.
    fn links(&self, links: Links) -> Links {
        links
    }
}

impl Alteration for () {}
