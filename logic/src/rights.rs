//! Rights: may somebody do something to something? Pure; nothing is allowed that no binding allows.

mod actor;

use std::sync::Arc;

use jiff::Timestamp;
use utakata_model::{Binding, PersonName, Role, Selector, Target, Verb};

pub use self::actor::Actor;

/// The thing to which something is done.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// Something that is no target: only bindings without a selector count.
    Site,
    Target(&'a Target),
}

/// The rights of somebody.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    /// Set for the built-in admin, who needs no binding.
    is_everything: bool,
    held: Vec<Held>,
}

/// A binding, and the time since which somebody has it.
#[derive(Debug, Clone)]
struct Held {
    binding: Arc<Binding>,
    /// Later than the binding was made, for who has become a member of its group since.
    since: Timestamp,
}

/// The targets on which somebody has a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All targets, and everything that is no target.
    Everything,
    /// The targets that one of these selectors matches.
    Within(Vec<Selector>),
}

/// The reason why somebody may not agree to what another has requested, although they have the right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnother {
    #[error("the right of {second} is younger than the request")]
    Younger { second: PersonName },
    #[error("the right of {second} was given by {second}")]
    Own { second: PersonName },
    #[error("the right of {second} was given by {by}, {}", could(by, first))]
    Given {
        second: PersonName,
        by: PersonName,
        first: PersonName,
    },
    #[error(
        "the token of {second} was made by {by}, and nobody else has confirmed that {second} has it"
    )]
    Token { second: PersonName, by: PersonName },
    #[error("the token of {first}, who requested it, could be in the hands of {second}")]
    Maker {
        second: PersonName,
        first: PersonName,
    },
}

/// Something that somebody has requested, to which a second person agrees.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    /// Absent for a policy.
    pub by: Option<&'a Actor>,
    pub at: Timestamp,
    /// The right that the second person needs.
    pub needs: Verb,
}

fn could(by: &PersonName, first: &PersonName) -> String {
    match by == first {
        true => "who requested it".to_owned(),
        false => format!("who could have requested it as {first}"),
    }
}

/// Returns true if one of the bindings gives a right on an object.
pub fn allowed<'b>(
    bindings: impl IntoIterator<Item = &'b Binding>,
    verb: Verb,
    object: Object<'_>,
) -> bool {
    let gives = |binding: &Binding| binding.grant.role.verbs().contains(&verb);
    let mut bindings = bindings.into_iter();
    bindings.any(|binding| gives(binding) && covers(&binding.grant.selector, object))
}

fn covers(selector: &Selector, object: Object<'_>) -> bool {
    match object {
        Object::Site => selector.is_everything(),
        Object::Target(target) => selector.matches(target),
    }
}

impl Rights {
    /// Returns the rights of the built-in admin, and of utakata itself.
    pub fn everything() -> Self {
        Self {
            is_everything: true,
            held: Vec::new(),
        }
    }

    /// Returns the rights that bindings give.
    pub fn of(bindings: Vec<Arc<Binding>>) -> Self {
        let held = bindings.into_iter().map(|binding| Held {
            since: binding.made,
            binding,
        });
        Self {
            is_everything: false,
            held: held.collect(),
        }
    }

    /// Adds the bindings of a group to which somebody has belonged since a time.
    #[must_use]
    pub fn and_of_group<'b>(
        mut self,
        bindings: impl IntoIterator<Item = &'b Arc<Binding>>,
        member_since: Timestamp,
    ) -> Self {
        let held = bindings.into_iter().map(|binding| Held {
            since: binding.made.max(member_since),
            binding: Arc::clone(binding),
        });
        self.held.extend(held);
        self
    }

    /// Returns the bindings that give them.
    pub fn bindings(&self) -> impl Iterator<Item = &Arc<Binding>> {
        self.held.iter().map(|held| &held.binding)
    }

    /// Returns true if they allow this.
    pub fn allow(&self, verb: Verb, object: Object<'_>) -> bool {
        self.is_everything || allowed(self.bindings().map(Arc::as_ref), verb, object)
    }

    /// Returns the targets on which they allow this.
    pub fn scope(&self, verb: Verb) -> Scope {
        if self.allow(verb, Object::Site) {
            return Scope::Everything;
        }
        let gives = |binding: &&Arc<Binding>| binding.grant.role.verbs().contains(&verb);
        let selectors = self.bindings().filter(gives);
        Scope::Within(selectors.map(|one| one.grant.selector.clone()).collect())
    }

    /// Returns true if they allow nothing but to see.
    pub fn only_see(&self) -> bool {
        let has = |verb: &&Verb| !self.scope(**verb).is_nothing();
        Verb::ALL.iter().filter(has).eq([&Verb::See])
    }

    /// Returns true if they have every right of a role, everywhere.
    pub fn include(&self, role: Role) -> bool {
        let verbs = role.verbs().iter();
        self.is_everything || verbs.copied().all(|verb| self.allow(verb, Object::Site))
    }

    /// Checks that the right to agree to an earlier request, on an object, came from somebody who could
    /// not have made that request, before it. It is to be allowed at all.
    ///
    /// # Errors
    /// Every binding that gives it is too young, or was given by the first or the second of the two,
    /// or by somebody who could have acted as one of them.
    pub fn agree_as_another(
        &self,
        second: &PersonName,
        to: Earlier<'_>,
        object: Object<'_>,
    ) -> Result<(), NotAnother> {
        if self.is_everything {
            return Ok(());
        }
        let mut problem = NotAnother::Younger {
            second: second.clone(),
        };
        for Held { binding, since } in &self.held {
            if !allowed([binding.as_ref()], to.needs, object) || *since >= to.at {
                continue;
            }
            let mut givers = std::iter::once(&binding.by).chain(&binding.through);
            let second = second.clone();
            if givers.clone().any(|giver| *giver == second) {
                problem = NotAnother::Own { second };
                continue;
            }
            let found = to
                .by
                .and_then(|first| Some((first, givers.find(|by| first.could_be(by))?)));
            let Some((first, by)) = found else {
                return Ok(());
            };
            let (by, first) = (by.clone(), first.name.clone());
            problem = NotAnother::Given { second, by, first };
        }
        Err(problem)
    }
}

impl Scope {
    /// Returns true if there is nothing in it.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Within(selectors) if selectors.is_empty())
    }

    /// Returns true if everything is in it.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::Everything)
    }

    /// Returns true if a target is in it.
    pub fn covers(&self, target: &Target) -> bool {
        match self {
            Self::Everything => true,
            Self::Within(selectors) => selectors.iter().any(|one| one.matches(target)),
        }
    }
}

#[cfg(test)]
mod tests;
