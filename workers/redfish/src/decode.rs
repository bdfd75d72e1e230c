//! The recognition of a service by its root. Pure.

use serde_json::Value as Json;
use utakata_profile::{Pattern, json::raw};

use crate::profile::Profile;

/// Returns true if a profile recognises a service by its root.
pub fn recognises(profile: &Profile, root: &Json) -> bool {
    let fits = |(at, pattern): &(String, Pattern)| {
        let raw = raw(root.pointer(at));
        raw.is_some_and(|raw| pattern.is_match(&raw.text()))
    };
    !profile.content.recognise.is_empty() && profile.content.recognise.iter().all(fits)
}

#[cfg(test)]
mod tests;
