//! An envelope in force: its limits, and the requests that they bind.

use std::{sync::Arc, time::Duration};

use utakata_model::{
    Envelope, Policy, PolicyName, Selector,
    envelope::{Applies, Limits},
};

use crate::{act::Act, site::Site};

/// The requests that limits bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// Those of everybody.
    Everybody,
    /// Those of all policies.
    Policies,
    /// Those of one policy.
    Policy(PolicyName),
}

/// An envelope in force.
#[derive(Debug, Clone, PartialEq)]
pub struct InForce {
    /// The name in messages: `site`, `policy shed-feed-a`.
    pub name: Arc<str>,
    /// The requests that it binds.
    pub bound: Bound,
    /// The targets that it is about.
    pub selector: Selector,
    /// The limits within which the tasks of those requests stay.
    pub limits: Limits,
}

impl Bound {
    /// Returns true if requests of a policy, or of a person, are bound.
    pub fn binds(&self, policy: Option<&PolicyName>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Policies => policy.is_some(),
            Self::Policy(name) => policy == Some(name),
        }
    }
}

impl InForce {
    /// Returns true if an act counts for its limits.
    pub fn counts(&self, act: &Act, site: &dyn Site) -> bool {
        let is_about = self.selector.is_everything() || site.matches(&act.target, &self.selector);
        !act.is_back && !act.is_renewal && self.bound.binds(act.policy.as_ref()) && is_about
    }

    /// Returns the longest time for which an act counts.
    pub fn longest(&self) -> Duration {
        let windows = self.limits.at_most.iter().map(|limit| limit.rate.within);
        windows.max().unwrap_or(Duration::ZERO)
    }
}

impl From<&Envelope> for InForce {
    fn from(envelope: &Envelope) -> Self {
        Self {
            name: envelope.name.as_str().into(),
            bound: match envelope.applies {
                Applies::All => Bound::Everybody,
                Applies::Policies => Bound::Policies,
            },
            selector: envelope.selector.clone(),
            limits: envelope.limits.clone(),
        }
    }
}

impl From<&Policy> for InForce {
    fn from(policy: &Policy) -> Self {
        Self {
            name: format!("policy {}", policy.name).into(),
            bound: Bound::Policy(policy.name.clone()),
            selector: Selector::default(),
            limits: policy.envelope.clone(),
        }
    }
}
