//! The decision about the key that an environment reports. Pure.

use utakata_api::environment::{EnrolmentState, EnrolmentView, Trust};
use utakata_model::{EnvironmentStatus, Zone};
use utakata_seal::{JoinSecret, completes, fingerprint};

/// The reason why a key is accepted without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The environment was known before environments had keys.
    KnownBefore,
    /// It is the accepted key from before messages were signed, with the half that signs.
    Completes,
    /// It knows the join secret of the site.
    Joins,
}

impl Reason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::KnownBefore => "it was known before environments had keys",
            Self::Completes => "its key was accepted before messages were signed",
            Self::Joins => "it knows the join secret",
        }
    }
}

/// Returns the reason to accept the reported key now; `None` if it is accepted already, waits for a
/// person, or there is none.
pub(super) fn accepts(
    status: &EnvironmentStatus,
    known: Option<&(Zone, Trust)>,
    secret: Option<&JoinSecret>,
) -> Option<Reason> {
    let report = status.key.as_ref()?;
    match known {
        Some((zone, Trust::Expected)) if *zone == status.zone => return Some(Reason::KnownBefore),
        // Whoever revoked a key meant it, also where environments join by themselves.
        Some((zone, Trust::Accepted(known) | Trust::Revoked(known)))
            if *zone == status.zone && known.key == report.public =>
        {
            return None;
        }
        Some((zone, Trust::Accepted(known)))
            if *zone == status.zone && completes(&report.public, &known.key) =>
        {
            return Some(Reason::Completes);
        }
        Some((zone, Trust::Revoked(known)))
            if *zone == status.zone && completes(&report.public, &known.key) =>
        {
            return None;
        }
        _ => {}
    }
    let joins = secret?.verify(
        report.joins.as_deref()?,
        &status.id,
        &status.zone,
        &report.public,
    );
    joins.then_some(Reason::Joins)
}

/// Returns what people see of the key of an environment; `None` if it reports none.
pub fn view(status: &EnvironmentStatus, known: Option<&(Zone, Trust)>) -> Option<EnrolmentView> {
    let report = status.key.as_ref()?;
    let known = known.filter(|(zone, _)| *zone == status.zone);
    let (state, trusted) = match known {
        Some((_, Trust::Accepted(one))) if one.key == report.public => {
            (EnrolmentState::Accepted, Some(one))
        }
        Some((_, Trust::Revoked(one))) if one.key == report.public => {
            (EnrolmentState::Revoked, Some(one))
        }
        _ => (EnrolmentState::Waiting, None),
    };
    Some(EnrolmentView {
        fingerprint: fingerprint(&report.public),
        state,
        by: trusted.and_then(|one| one.by.clone()),
        since: trusted.map(|one| one.since),
    })
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use jiff::Timestamp;
    use serde_json::json;
    use utakata_api::environment::TrustedKey;
    use utakata_model::{EnvironmentKey, KeyReport};
    use utakata_seal::EnvironmentKeys;

    use super::*;

    fn status(zone: &str, key: &str, joins: Option<String>) -> EnvironmentStatus {
        let mut status: EnvironmentStatus = serde_json::from_value(json!({
            "id": "wee-1", "incarnation": "0192f0c1-0000-7000-8000-00000000000e", "zone": zone,
            "state": "running", "version": "1", "time": "2026-03-01T12:00:00Z", "pools": [],
        }))
        .unwrap();
        status.key = Some(KeyReport {
            public: EnvironmentKey(key.into()),
            joins,
            waits: false,
        });
        status
    }

    fn trusted(key: &str) -> TrustedKey {
        TrustedKey {
            key: EnvironmentKey(key.into()),
            by: None,
            since: Timestamp::UNIX_EPOCH,
        }
    }

    fn secret(letter: &str) -> JoinSecret {
        JoinSecret::parse(&letter.repeat(40)).unwrap()
    }

    fn proof(zone: &str, key: &str) -> Option<String> {
        let (id, zone) = ("wee-1".parse().unwrap(), zone.parse().unwrap());
        Some(secret("s").proof(&id, &zone, &EnvironmentKey(key.into())))
    }

    #[test]
    fn a_key_waits_for_a_person_unless_the_site_knows_it_or_its_bearer() {
        let hall: Zone = "hall-1".parse().unwrap();
        let other: Zone = "hall-2".parse().unwrap();
        let plain = status("hall-1", "a", None);
        let joining = status("hall-1", "a", proof("hall-1", "a"));
        let (secret, other_secret) = (secret("s"), secret("t"));
        assert_eq!(accepts(&plain, None, None), None);
        assert_eq!(accepts(&plain, None, Some(&secret)), None);
        assert_eq!(accepts(&joining, None, None), None);
        assert_eq!(accepts(&joining, None, Some(&secret)), Some(Reason::Joins));
        assert_eq!(accepts(&joining, None, Some(&other_secret)), None);
        let copied = status("hall-1", "b", proof("hall-1", "a"));
        assert_eq!(accepts(&copied, None, Some(&secret)), None);

        let expected = (hall.clone(), Trust::Expected);
        let known = Some(Reason::KnownBefore);
        assert_eq!(accepts(&plain, Some(&expected), None), known);
        assert_eq!(accepts(&plain, Some(&(other, Trust::Expected)), None), None);

        let accepted = (hall.clone(), Trust::Accepted(trusted("a")));
        assert_eq!(accepts(&joining, Some(&accepted), Some(&secret)), None);
        let renewed = status("hall-1", "b", proof("hall-1", "b"));
        let joins = Some(Reason::Joins);
        assert_eq!(accepts(&renewed, Some(&accepted), Some(&secret)), joins);
        let revoked = (hall, Trust::Revoked(trusted("a")));
        assert_eq!(accepts(&joining, Some(&revoked), Some(&secret)), None);
    }

    #[test]
    fn a_key_from_before_messages_were_signed_is_completed_unless_it_was_revoked() {
        let keys = EnvironmentKeys::generate().unwrap();
        let whole = keys.public().0.clone();
        let bytes = URL_SAFE_NO_PAD.decode(&whole).unwrap();
        let earlier = EnvironmentKey(URL_SAFE_NO_PAD.encode(&bytes[..32]));
        let hall: Zone = "hall-1".parse().unwrap();
        let trusted = TrustedKey {
            key: earlier,
            by: None,
            since: Timestamp::UNIX_EPOCH,
        };
        let accepted = (hall.clone(), Trust::Accepted(trusted.clone()));
        let revoked = (hall, Trust::Revoked(trusted));
        let secret = secret("s");
        let reported = status("hall-1", &whole, proof("hall-1", &whole));
        let completes = Some(Reason::Completes);
        assert_eq!(accepts(&reported, Some(&accepted), None), completes);
        assert_eq!(accepts(&reported, Some(&revoked), Some(&secret)), None);
        let other = EnvironmentKeys::generate().unwrap().public().0.clone();
        let other = status("hall-1", &other, None);
        assert_eq!(accepts(&other, Some(&accepted), None), None);
    }

    #[test]
    fn people_see_whether_the_present_key_counts() {
        let hall: Zone = "hall-1".parse().unwrap();
        let state = |key: &str, known: Option<&(Zone, Trust)>| {
            view(&status("hall-1", key, None), known).unwrap().state
        };
        let accepted = (hall.clone(), Trust::Accepted(trusted("a")));
        assert_eq!(state("a", None), EnrolmentState::Waiting);
        assert_eq!(state("a", Some(&accepted)), EnrolmentState::Accepted);
        assert_eq!(state("b", Some(&accepted)), EnrolmentState::Waiting);
        let revoked = (hall, Trust::Revoked(trusted("a")));
        assert_eq!(state("a", Some(&revoked)), EnrolmentState::Revoked);
        let elsewhere = ("hall-2".parse().unwrap(), Trust::Accepted(trusted("a")));
        assert_eq!(state("a", Some(&elsewhere)), EnrolmentState::Waiting);
    }
}
