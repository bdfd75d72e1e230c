//! The name of this process at the broker, and the reaction to another client with the same name.

use std::hash::{BuildHasher, RandomState};

/// A client name. The broker keeps a session under it, and admits one client at a time: a later one
/// displaces the earlier. Two that displace each other repeatedly cannot work, so a displaced
/// client continues under a unique name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientName {
    configured: String,
    /// The part that makes it unique, in this life of the process.
    suffix: Option<String>,
}

impl ClientName {
    pub(super) fn new(configured: &str) -> Self {
        Self {
            configured: configured.into(),
            suffix: None,
        }
    }

    /// Returns the name as the broker sees it.
    pub(super) fn text(&self) -> String {
        match &self.suffix {
            Some(suffix) => format!("{}.{suffix}", self.configured),
            None => self.configured.clone(),
        }
    }

    /// Returns true if no later life of the process uses it again.
    pub(super) fn is_of_this_life(&self) -> bool {
        self.suffix.is_some()
    }

    /// Reacts to another process that has connected under the name.
    pub(super) fn is_taken(&mut self) {
        // The hasher's keys are as random as this needs.
        let number = RandomState::new().hash_one(std::process::id());
        self.suffix = Some(format!("{:08x}", number >> 32));
    }

    /// Returns the notice about it: the event, and the cure.
    pub(super) fn notice(&self) -> String {
        let configured = &self.configured;
        format!(
            "another process has connected under the name {configured}, as a copy of a host does: this \
             one goes on under another one; end the other process, or give each an id of its own \
             (`--id`, or `client` of the broker)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_thrown_off_continues_under_a_name_of_its_own() {
        let (mut one, mut other) = (
            ClientName::new("utakata-wee"),
            ClientName::new("utakata-wee"),
        );
        assert_eq!(one.text(), "utakata-wee");
        assert!(!one.is_of_this_life());
        one.is_taken();
        other.is_taken();
        assert!(one.text().starts_with("utakata-wee."), "{}", one.text());
        assert_ne!(one.text(), other.text());
        assert!(one.is_of_this_life());
        assert!(one.notice().contains("the name utakata-wee,"));
    }
}
