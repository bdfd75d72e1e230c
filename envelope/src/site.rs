//! The site, as far as a gate looks at it.

use std::time::Duration;

use utakata_model::{Selector, TargetName, envelope::Shows};

/// The site, as far as a gate looks at it.
pub trait Site {
    /// Returns true if a target is there and matches.
    fn matches(&self, target: &TargetName, selector: &Selector) -> bool;

    /// Returns the value of a label of a target.
    fn label(&self, target: &TargetName, label: &str) -> Option<String>;

    /// Returns the targets of a selector.
    fn select(&self, selector: &Selector) -> Vec<TargetName>;

    /// Returns what an outlet of a target feeds; all that the target feeds without an outlet.
    fn loads(&self, target: &TargetName, outlet: Option<&str>) -> Vec<TargetName>;

    /// Returns what feeds a target.
    fn feeds(&self, load: &TargetName) -> Vec<Feed>;

    /// Returns what a target, or an outlet of one, shows; absent if it was never seen.
    fn shows(&self, target: &TargetName, outlet: Option<&str>, shows: &Shows) -> Option<Seen>;
}

/// One source of power of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The target that feeds it.
    pub target: TargetName,
    /// The outlet, if the relation names one.
    pub outlet: Option<String>,
}

/// A state that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// True if it is the one that was asked for.
    pub is: bool,
    /// The time since it was heard.
    pub age: Duration,
}
