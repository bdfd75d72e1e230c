//! Sightings: what was found at an address, when. They are what the store keeps. Pure.

use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use utakata_model::{CredentialName, Discovered, Kind, PersonName, Zone};

/// The largest number of sightings that are kept.
pub const KEPT_MAX: usize = 10_000;
/// The time for which something that nobody accepts is remembered after it was last found.
const KEPT_DAYS: i64 = 90;

/// Something that was found at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    pub zone: Zone,
    /// The kind by which it was found.
    pub kind: Kind,
    pub found: Discovered,
    /// The credential with which it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// The time at which it was first found there.
    pub first: Timestamp,
    /// The time at which it was last found there.
    pub last: Timestamp,
    /// The person who has dismissed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissed: Option<PersonName>,
}

impl Sighting {
    /// Returns the key under which it is kept.
    pub fn key(&self) -> String {
        let Self {
            zone, kind, found, ..
        } = self;
        let first = self.first.as_millisecond();
        format!("{zone} {kind} {first} {}", found.address)
    }

    /// Returns true if both were found at the same address in the same way.
    pub fn is_at_place_of(&self, other: &Self) -> bool {
        self.zone == other.zone
            && self.kind == other.kind
            && self.found.address == other.found.address
    }

    /// Returns true if both may be the same thing: nothing says that they are two.
    fn may_be(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.found.identifiers, &other.found.identifiers);
        ours.is_empty() || theirs.is_empty() || ours.iter().any(|one| theirs.contains(one))
    }

    /// Returns the same thing as it was found now. What it does not say any more, because nobody
    /// has logged in this time, it still is.
    fn renewed(&self, now: Self) -> Self {
        let (before, found) = (&self.found, now.found);
        let mut identifiers = found.identifiers;
        for one in &before.identifiers {
            if !identifiers.contains(one) {
                identifiers.push(one.clone());
            }
        }
        let or = |new: Option<String>, old: &Option<String>| new.or_else(|| old.clone());
        let merged = Discovered {
            address: found.address,
            also: found.also,
            identifiers,
            name: or(found.name, &before.name),
            vendor: or(found.vendor, &before.vendor),
            model: or(found.model, &before.model),
            serial: or(found.serial, &before.serial),
            description: or(found.description, &before.description),
            profiles: match found.profiles.is_empty() {
                true => before.profiles.clone(),
                false => found.profiles,
            },
            wants_credential: found.wants_credential && before.wants_credential,
            // Of this time alone: what was wrong before may not be any more.
            problem: found.problem,
        };
        Self {
            found: merged.bounded().unwrap_or_else(|| before.clone()),
            credential: now.credential.or_else(|| self.credential.clone()),
            first: self.first,
            dismissed: self.dismissed.clone(),
            ..now
        }
    }
}

/// The sightings to write and to delete.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Writes {
    pub put: Vec<Sighting>,
    /// The keys of those that are no more.
    pub delete: Vec<String>,
}

/// Decides what becomes of something that was found. Another thing than before at a place replaces
/// what was there, unless a target stands there: then both are kept, until somebody has decided.
pub fn take_in(kept: &[Sighting], new: Sighting, has_target: bool) -> Writes {
    let at_place: Vec<&Sighting> = kept.iter().filter(|one| one.is_at_place_of(&new)).collect();
    // Of several that it may be, the one that was seen last.
    let same = at_place.iter().filter(|one| one.may_be(&new));
    let same = same.max_by_key(|one| one.last).copied();
    let put = match same {
        Some(known) => known.renewed(new),
        None => new,
    };
    let key = put.key();
    let others = at_place.into_iter().map(Sighting::key);
    let others = others.filter(|other| !has_target && *other != key);
    Writes {
        delete: others.collect(),
        put: vec![put],
    }
}

/// Returns the keys of what is not to be kept any longer: of what is no target the longest unseen
/// first, if there are too many, and whatever was not seen for months.
pub fn outdated(
    kept: &[Sighting],
    now: Timestamp,
    max: usize,
    has_target: impl Fn(&Sighting) -> bool,
) -> Vec<String> {
    let limit = now.checked_sub((KEPT_DAYS * 24).hours());
    let limit = limit.unwrap_or(Timestamp::MIN);
    let mut loose: Vec<&Sighting> = kept.iter().filter(|one| !has_target(one)).collect();
    loose.sort_by_key(|one| one.last);
    let too_many = kept.len().saturating_sub(max);
    let outdated = loose.into_iter().enumerate();
    let outdated = outdated.filter(|(at, one)| *at < too_many || one.last < limit);
    outdated.map(|(_, one)| one.key()).collect()
}

#[cfg(test)]
pub mod tests {
    use utakata_model::Identifier;

    use super::*;

    pub fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// A sighting of a kind at an address with identifiers.
    pub fn seen(kind: &str, address: &str, identifiers: &[&str], second: i64) -> Sighting {
        let identifier = |text: &&str| Identifier::try_from((*text).to_owned()).unwrap();
        Sighting {
            zone: Zone::default(),
            kind: kind.parse().unwrap(),
            found: Discovered {
                address: address.into(),
                identifiers: identifiers.iter().map(identifier).collect(),
                ..Discovered::default()
            },
            credential: None,
            first: at(second),
            last: at(second),
            dismissed: None,
        }
    }

    #[test]
    fn the_same_thing_is_renewed_and_keeps_what_it_said_with_a_login() {
        let mut known = seen("redfish", "10.0.3.7", &["uuid:system", "uuid:root"], 0);
        known.found.serial = Some("7G2KLM2".into());
        known.dismissed = Some("ann".parse().unwrap());
        let again = Sighting {
            found: Discovered {
                wants_credential: true,
                ..seen("redfish", "10.0.3.7", &["uuid:root"], 0).found
            },
            ..seen("redfish", "10.0.3.7", &[], 60)
        };
        let writes = take_in(std::slice::from_ref(&known), again, false);
        let [put] = writes.put.as_slice() else {
            panic!("{writes:?}")
        };
        assert_eq!((put.key(), put.last), (known.key(), at(60)));
        assert_eq!(put.found.identifiers.len(), 2);
        assert_eq!(put.found.serial.as_deref(), Some("7G2KLM2"));
        assert!(put.dismissed.is_some() && !put.found.wants_credential);
        assert_eq!(writes.delete, [] as [String; 0]);
    }

    #[test]
    fn another_thing_at_a_place_is_kept_beside_what_a_target_was() {
        let known = seen("redfish", "10.0.3.7", &["uuid:a"], 0);
        let other = seen("redfish", "10.0.3.7", &["uuid:b"], 60);
        let elsewhere = seen("redfish", "10.0.3.8", &["uuid:a"], 60);
        let kept = [known.clone(), elsewhere];
        let writes = take_in(&kept, other.clone(), true);
        assert_eq!((writes.put.len(), writes.delete.len()), (1, 0));
        let writes = take_in(&kept, other, false);
        assert_eq!(writes.delete, [known.key()]);
        // Without an identifier nothing says that it is another one.
        let nameless = take_in(&kept, seen("redfish", "10.0.3.7", &[], 60), true);
        assert_eq!(nameless.put[0].key(), known.key());
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_targets_are_stays() {
        let kept: Vec<Sighting> = (0..10)
            .map(|one| seen("ipmi", &format!("10.0.3.{one}"), &[], i64::from(one)))
            .collect();
        let target = |one: &Sighting| one.found.address == "10.0.3.0";
        let keys = outdated(&kept, at(10), 8, target);
        assert_eq!(keys, [kept[1].key(), kept[2].key()]);
        assert_eq!(outdated(&kept, at(10), 10, target), [] as [String; 0]);
        let much_later = at(91 * 24 * 3600);
        assert_eq!(outdated(&kept, much_later, 10, target).len(), 9);
    }
}
