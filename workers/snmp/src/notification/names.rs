//! The names of notifications and of the objects that come with them.

use std::{collections::HashMap, sync::Arc};

use async_snmp::Oid;

use crate::profile::Library;

/// The notifications of SNMPv2-MIB (RFC 3418) and IF-MIB (RFC 2863).
const NOTIFICATIONS: [(&str, &[u32]); 5] = [
    ("coldStart", &[1, 3, 6, 1, 6, 3, 1, 1, 5, 1]),
    ("warmStart", &[1, 3, 6, 1, 6, 3, 1, 1, 5, 2]),
    ("linkDown", &[1, 3, 6, 1, 6, 3, 1, 1, 5, 3]),
    ("linkUp", &[1, 3, 6, 1, 6, 3, 1, 1, 5, 4]),
    ("authenticationFailure", &[1, 3, 6, 1, 6, 3, 1, 1, 5, 5]),
];

/// The objects that come with them.
const OBJECTS: [(&str, &[u32]); 7] = [
    ("sysName", &[1, 3, 6, 1, 2, 1, 1, 5]),
    ("ifIndex", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 1]),
    ("ifDescr", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 2]),
    ("ifAdminStatus", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 7]),
    ("ifOperStatus", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 8]),
    ("ifName", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1]),
    ("ifAlias", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18]),
];

/// The names that profiles give.
#[derive(Debug, Default)]
pub struct Names {
    notifications: HashMap<Vec<u32>, Arc<str>>,
    objects: HashMap<Vec<u32>, Arc<str>>,
}

impl Names {
    /// Returns the names of all profiles, and the standard ones.
    pub fn of(library: &Library) -> Self {
        let mut names = Self::default();
        for (name, oid) in NOTIFICATIONS {
            names.notifications.insert(oid.to_vec(), name.into());
        }
        for (name, oid) in OBJECTS {
            names.objects.insert(oid.to_vec(), name.into());
        }
        for profile in library.iter() {
            for (name, oid) in &profile.content.notifications {
                let key = without_zero(oid.arcs());
                names.notifications.insert(key, Arc::clone(name));
            }
            for (name, oid) in &profile.content.objects {
                names.objects.insert(oid.arcs().to_vec(), Arc::clone(name));
            }
        }
        names
    }

    /// Returns the name of a notification, or its OID.
    pub fn notification(&self, oid: &Oid) -> Arc<str> {
        let found = self.notifications.get(&without_zero(oid.arcs()));
        found.map_or_else(|| oid.to_string().into(), Arc::clone)
    }

    /// Returns the name of an instance: that of its object with its index, or its OID.
    pub fn instance(&self, oid: &Oid) -> Arc<str> {
        let arcs = oid.arcs();
        let found = (1..=arcs.len()).rev().find_map(|length| {
            let (object, index) = arcs.split_at(length);
            Some((self.objects.get(object)?, index))
        });
        let Some((name, index)) = found else {
            return oid.to_string().into();
        };
        if matches!(index, [] | [0]) {
            return Arc::clone(name);
        }
        let index: Vec<String> = index.iter().map(u32::to_string).collect();
        format!("{name}.{}", index.join(".")).into()
    }
}

/// Returns the OID of a notification without the zero that SNMPv1 puts before its number
/// (RFC 3584, section 3): with and without it, it is the same.
fn without_zero(arcs: &[u32]) -> Vec<u32> {
    match arcs {
        [before @ .., 0, last] => [before, &[*last]].concat(),
        all => all.to_vec(),
    }
}
