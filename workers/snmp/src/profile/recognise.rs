//! The recognition of devices by profiles.

use async_snmp::Oid;
use utakata_profile::Pattern;

/// The conditions by which a device is recognised: any one suffices, unless an exception matches.
#[derive(Debug)]
pub struct Recognise {
    /// The beginnings of sysObjectID.
    pub system: Vec<Oid>,
    /// Subtrees of which one must not be empty.
    pub present: Vec<Oid>,
    /// A pattern for sysDescr.
    pub description: Option<Pattern>,
    /// Prefixes of the sysObjectID of excluded devices.
    pub except_system: Vec<Oid>,
    /// A pattern for the sysDescr of excluded devices.
    pub except_description: Option<Pattern>,
}

/// The identity reported by a device.
#[derive(Debug, Default)]
pub struct Device<'a> {
    /// The device's sysObjectID.
    pub system: Option<&'a Oid>,
    /// The device's sysDescr.
    pub description: &'a str,
}

/// The match of a profile with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// By its reported identity.
    Named,
    /// By the objects that it has.
    Present,
}

impl Recognise {
    /// Returns how a device matches, given whether it has something under one of `present`.
    pub fn device(&self, device: &Device<'_>, is_present: bool) -> Option<Fit> {
        let begins = |prefixes: &[Oid]| {
            prefixes
                .iter()
                .any(|prefix| device.system.is_some_and(|oid| oid.starts_with(prefix)))
        };
        let describes = |pattern: &Option<Pattern>| {
            pattern
                .as_ref()
                .is_some_and(|pattern| pattern.is_match(device.description))
        };
        if begins(&self.except_system) || describes(&self.except_description) {
            return None;
        }
        match begins(&self.system) || describes(&self.description) {
            true => Some(Fit::Named),
            false => is_present.then_some(Fit::Present),
        }
    }

    /// Returns true if it uses sysDescr.
    pub fn reads_description(&self) -> bool {
        self.description.is_some() || self.except_description.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(text: &str) -> Oid {
        Oid::parse(text).unwrap()
    }

    #[test]
    fn a_device_is_recognised_by_what_it_says_and_has_unless_it_is_excepted() {
        let recognise = Recognise {
            system: vec![oid("1.3.6.1.4.1.9")],
            present: vec![oid("1.3.6.1.2.1.99")],
            description: Pattern::new("^Linux").ok(),
            except_system: vec![oid("1.3.6.1.4.1.9.6.1")],
            except_description: Pattern::new("(?i)phone").ok(),
        };
        for (system, description, is_present, expect) in [
            ("1.3.6.1.4.1.9.1.5", "", false, Some(Fit::Named)),
            ("1.3.6.1.4.1.8", "Linux box", false, Some(Fit::Named)),
            ("1.3.6.1.4.1.8", "", true, Some(Fit::Present)),
            ("1.3.6.1.4.1.8", "", false, None),
            ("1.3.6.1.4.1.9.6.1.2", "", true, None),
            ("1.3.6.1.4.1.9.1.5", "IP Phone", true, None),
        ] {
            let system = oid(system);
            let device = Device {
                system: Some(&system),
                description,
            };
            assert_eq!(recognise.device(&device, is_present), expect, "{device:?}");
        }
    }
}
