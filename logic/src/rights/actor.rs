//! Who acts, and who else could have been behind it. Pure.

use std::collections::BTreeSet;

use utakata_model::PersonName;

/// Somebody who acts, with those who could have acted in their name.
///
/// Whoever makes a token has seen it; whoever has made the token of that maker could have made it in
/// their name; and so on. It is worked out when a token is made, so that nothing is forgotten of
/// those who are removed afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub name: PersonName,
    /// Without the actor, and without `admin`, who can do everything anyway.
    pub makers: BTreeSet<PersonName>,
}

impl Actor {
    /// Returns one, by the makers of the token that is used.
    pub fn of(name: PersonName, makers: impl IntoIterator<Item = PersonName>) -> Self {
        let admin = PersonName::admin();
        let others = makers.into_iter();
        let makers = others.filter(|maker| *maker != name && *maker != admin);
        Self {
            makers: makers.collect(),
            name,
        }
    }

    /// Returns true if it could be that person who acts.
    pub fn could_be(&self, person: &PersonName) -> bool {
        self.name == *person || self.makers.contains(person)
    }
}
