//! The credentials that an environment has been lent, or waits for. Pure: times are given.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;
use utakata_model::{
    Credential, CredentialName, CredentialRef, CredentialVersion, Cure, Problem, Target, Zone,
};
use utakata_seal::{Loan, Uses};

/// The time after which an unanswered request is repeated.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The time after which tasks no longer wait for an answer.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);
/// The time for which a refusal counts: then it is requested again.
const REFUSED_FOR: Duration = Duration::from_secs(5);
/// The time for which a credential is kept without use.
const UNUSED_FOR: Duration = Duration::from_secs(15 * 60);
/// The time for which a credential is kept in any case.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);
/// The interval at which what is not kept as long as others is requested anew at most.
const RENEWED_AFTER: Duration = Duration::from_secs(5);
/// The largest number of credentials.
const MAX: usize = 100_000;
/// The code of a task whose credential cannot be had.
pub(super) const CODE: &str = "credential-withheld";

/// The credentials by version, which is of one credential alone.
#[derive(Debug, Default)]
pub(super) struct Held {
    entries: HashMap<CredentialVersion, Entry>,
}

#[derive(Debug)]
struct Entry {
    name: CredentialName,
    since: Instant,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It is requested, again at this moment.
    Asked {
        again_at: Instant,
    },
    Lent {
        credential: Arc<Credential>,
        uses: Box<Uses>,
        used_at: Instant,
        /// The moment from which on it is requested anew, if it is not kept as long as others.
        renew_at: Option<Instant>,
    },
    Withheld(Problem),
}

/// The answer to a task that needs a credential.
#[derive(Debug)]
pub(crate) enum Look {
    Lent(Arc<Credential>),
    /// It is on its way.
    Wait,
    Withheld(Problem),
}

impl Look {
    /// Returns the answer to a task whose secret parameters were not published with it.
    pub(crate) fn incomplete(target: &Target) -> Self {
        let name = &target.name;
        let message = format!(
            "the secret parameters of this task for {name} are gone, or somebody has altered it on \
             its way: request it again"
        );
        Self::Withheld(Problem::new(CODE, Cure::Operator, message))
    }

    /// Returns the answer to a task that is another one than the logic environment has sent.
    pub(crate) fn altered(reference: &CredentialRef, target: &Target) -> Self {
        Self::Withheld(not_for(&reference.name, target))
    }
}

impl Held {
    /// Looks for the credential of a task, and notes that it is needed.
    pub(super) fn look(
        &mut self,
        reference: &CredentialRef,
        zone: &Zone,
        target: &Target,
        now: Instant,
    ) -> Look {
        let CredentialRef { name, version, .. } = reference;
        let Some(entry) = self.entries.get_mut(version) else {
            if self.entries.len() >= MAX {
                let message = format!("{MAX} credentials are here, and no more are lent");
                return Look::Withheld(Problem::new(CODE, Cure::Retry, message));
            }
            let entry = Entry {
                name: name.clone(),
                since: now,
                state: State::Asked { again_at: now },
            };
            self.entries.insert(version.clone(), entry);
            return Look::Wait;
        };
        if entry.name != *name {
            return Look::Withheld(not_for(name, target));
        }
        match &mut entry.state {
            State::Asked { .. } => Look::Wait,
            State::Withheld(problem) => Look::Withheld(problem.clone()),
            State::Lent {
                credential,
                uses,
                used_at,
                ..
            } => {
                if !uses.allow(reference, zone, target) {
                    return Look::Withheld(not_for(name, target));
                }
                *used_at = now;
                Look::Lent(Arc::clone(credential))
            }
        }
    }

    /// Returns what is to be requested now, and ends what is too old. The second value is true if
    /// something was given up.
    pub(super) fn due(&mut self, now: Instant) -> (Vec<(CredentialName, CredentialVersion)>, bool) {
        let mut due = Vec::new();
        let mut has_given_up = false;
        self.entries.retain(|version, entry| {
            let age = now.saturating_duration_since(entry.since);
            match &mut entry.state {
                State::Asked { .. } if age >= GIVE_UP_AFTER => {
                    entry.state = State::Withheld(unanswered(&entry.name));
                    entry.since = now;
                    has_given_up = true;
                    true
                }
                State::Asked { again_at } => {
                    if *again_at <= now {
                        *again_at = now + AGAIN_AFTER;
                        due.push((entry.name.clone(), version.clone()));
                    }
                    true
                }
                State::Withheld(_) => age < REFUSED_FOR,
                State::Lent {
                    used_at, renew_at, ..
                } => {
                    let unused = now.saturating_duration_since(*used_at);
                    let is_kept = age < KEPT_FOR && unused < UNUSED_FOR;
                    if is_kept && renew_at.is_some_and(|at| at <= now) {
                        *renew_at = Some(now + RENEWED_AFTER);
                        due.push((entry.name.clone(), version.clone()));
                    }
                    is_kept
                }
            }
        });
        (due, has_given_up)
    }

    /// Returns true if a request waits for an answer.
    pub(super) fn waits(&self) -> bool {
        let mut entries = self.entries.values();
        entries.any(|entry| matches!(entry.state, State::Asked { .. }))
    }

    /// Returns true if the credential is requested.
    pub(super) fn wants(&self, name: &CredentialName, version: &CredentialVersion) -> bool {
        let entry = self.entries.get(version);
        let is_asked = |state: &State| match state {
            State::Asked { .. } => true,
            State::Lent { renew_at, .. } => renew_at.is_some(),
            State::Withheld(_) => false,
        };
        entry.is_some_and(|one| one.name == *name && is_asked(&one.state))
    }

    /// Takes the answer to a request, with the time for which it is kept if that is a short one. What
    /// is here already stays until its hour is over if another is only not to be had now.
    pub(super) fn answer(
        &mut self,
        version: &CredentialVersion,
        lent: Result<(Loan, Option<Duration>), Problem>,
        now: Instant,
    ) {
        let Some(entry) = self.entries.get_mut(version) else {
            return;
        };
        let is_here = matches!(entry.state, State::Lent { .. });
        if is_here && matches!(&lent, Err(problem) if problem.cure == Cure::Retry) {
            return;
        }
        let used = match entry.state {
            State::Lent { used_at, .. } => used_at,
            _ => now,
        };
        entry.since = now;
        entry.state = match lent {
            Ok((Loan { credential, uses }, kept)) => State::Lent {
                credential: Arc::new(credential),
                uses: Box::new(uses),
                used_at: used,
                renew_at: kept.map(|kept| now + kept.max(RENEWED_AFTER)),
            },
            Err(problem) => State::Withheld(problem),
        };
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

fn unanswered(name: &CredentialName) -> Problem {
    let message = format!(
        "no logic environment has answered the request for {} within {} seconds",
        told(name),
        GIVE_UP_AFTER.as_secs()
    );
    Problem::new(CODE, Cure::Retry, message)
}

fn not_for(name: &CredentialName, target: &Target) -> Problem {
    let message = format!(
        "the logic environment has not given {} for the kind {} at \"{}\": somebody has altered \
         the task on its way",
        told(name),
        target.kind,
        target.address
    );
    Problem::new(CODE, Cure::Operator, message)
}

/// Returns the words for a credential, or for secret parameters.
pub(super) fn told(name: &CredentialName) -> String {
    match (name.operation(), name.rotation()) {
        (Some(operation), _) => format!("the secret parameters of the operation {operation}"),
        (_, Some(operation)) => format!("the new password of the operation {operation}"),
        _ => format!("the credential \"{name}\""),
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::target::Secret;
    use utakata_seal::SiteKey;

    use super::*;

    struct Site {
        loan: Loan,
        target: Target,
        reference: CredentialRef,
    }

    fn site(password: &str) -> Site {
        let credential = Credential {
            name: "pdus".parse().unwrap(),
            values: [("p".to_owned(), Secret::new(password))].into(),
        };
        let key = SiteKey::generate().unwrap().reference_key();
        let version = key.version(&credential);
        let uses = key.uses(&credential.name, &version);
        let target = Target::new(
            "a".parse().unwrap(),
            "pdu".parse().unwrap(),
            "10.0.0.1".into(),
        );
        let reference = uses.reference(&credential.name, &version, &target);
        Site {
            loan: Loan { credential, uses },
            target,
            reference,
        }
    }

    fn look(held: &mut Held, site: &Site, now: Instant) -> Look {
        held.look(&site.reference, &site.target.zone, &site.target, now)
    }

    #[test]
    fn a_credential_is_asked_for_once_however_many_tasks_need_it() {
        let (mut held, site, now) = (Held::default(), site("x"), Instant::now());
        for _ in 0..100 {
            assert!(matches!(look(&mut held, &site, now), Look::Wait));
        }
        let (name, version) = (&site.reference.name, &site.reference.version);
        assert_eq!(held.due(now).0, [(name.clone(), version.clone())]);
        assert_eq!(held.due(now).0, []);
        assert_eq!(
            held.due(now + AGAIN_AFTER).0.len(),
            1,
            "it may have been lost"
        );
        assert!(held.waits() && held.wants(name, version));
        held.answer(version, Ok((site.loan.clone(), None)), now);
        assert!(!held.waits() && !held.wants(name, version));
        let Look::Lent(lent) = look(&mut held, &site, now) else {
            panic!("it is here");
        };
        assert_eq!(*lent, site.loan.credential);
    }

    #[test]
    fn it_is_given_for_no_address_or_zone_that_the_logic_environment_has_not_named() {
        let (mut held, site, now) = (Held::default(), site("x"), Instant::now());
        look(&mut held, &site, now);
        held.answer(&site.reference.version, Ok((site.loan.clone(), None)), now);
        let elsewhere = Target {
            address: "10.6.6.6".into(),
            ..site.target.clone()
        };
        let zone = &site.target.zone;
        let Look::Withheld(problem) = held.look(&site.reference, zone, &elsewhere, now) else {
            panic!("the address is another");
        };
        assert!(problem.message.contains("10.6.6.6"), "{problem}");
        let other = "hall-2".parse().unwrap();
        let looked = held.look(&site.reference, &other, &site.target, now);
        assert!(matches!(looked, Look::Withheld(_)));
        let renamed = CredentialRef {
            name: "upss".parse().unwrap(),
            ..site.reference.clone()
        };
        let looked = held.look(&renamed, zone, &site.target, now);
        assert!(matches!(looked, Look::Withheld(_)));
    }

    #[test]
    fn nobody_waits_for_ever_and_a_refusal_is_not_for_ever() {
        let (mut held, site, now) = (Held::default(), site("x"), Instant::now());
        look(&mut held, &site, now);
        let (_, has_given_up) = held.due(now + GIVE_UP_AFTER);
        assert!(has_given_up);
        let later = now + GIVE_UP_AFTER;
        let Look::Withheld(problem) = look(&mut held, &site, later) else {
            panic!("it was given up");
        };
        assert!(
            problem.message.contains("no logic environment"),
            "{problem}"
        );
        held.due(later + REFUSED_FOR);
        assert!(matches!(
            look(&mut held, &site, later + REFUSED_FOR),
            Look::Wait
        ));
    }

    #[test]
    fn what_is_not_used_is_forgotten_and_so_is_what_is_old() {
        let (mut held, site, now) = (Held::default(), site("x"), Instant::now());
        let lend = |held: &mut Held| {
            look(held, &site, now);
            held.answer(&site.reference.version, Ok((site.loan.clone(), None)), now);
        };
        lend(&mut held);
        held.due(now + UNUSED_FOR);
        assert!(held.entries.is_empty());
        lend(&mut held);
        let mut at = now;
        while at < now + KEPT_FOR {
            look(&mut held, &site, at);
            held.due(at);
            assert!(!held.entries.is_empty());
            at += UNUSED_FOR / 2;
        }
        held.due(at);
        assert!(held.entries.is_empty());
    }

    #[test]
    fn what_is_kept_for_a_short_time_is_renewed_and_stays_while_another_cannot_be_had() {
        let (mut held, site, now) = (Held::default(), site("x"), Instant::now());
        let (name, version) = (&site.reference.name, &site.reference.version);
        let kept = Duration::from_secs(300);
        look(&mut held, &site, now);
        held.answer(version, Ok((site.loan.clone(), Some(kept))), now);
        assert_eq!(held.due(now + kept / 2).0, []);
        let later = now + kept;
        assert_eq!(held.due(later).0, [(name.clone(), version.clone())]);
        assert_eq!(held.due(later).0, []);
        assert!(held.wants(name, version) && !held.waits());
        let away = Problem::new(CODE, Cure::Retry, "Vault is sealed");
        held.answer(version, Err(away), later);
        assert!(matches!(look(&mut held, &site, later), Look::Lent(_)));
        assert_eq!(held.due(later + RENEWED_AFTER).0.len(), 1);
        let mut changed = site.loan.clone();
        let other = Secret::new("other");
        changed.credential.values.insert("community".into(), other);
        held.answer(version, Ok((changed.clone(), Some(kept))), later);
        let Look::Lent(lent) = look(&mut held, &site, later) else {
            panic!("it is here");
        };
        assert_eq!(*lent, changed.credential);
        let gone = Problem::new(CODE, Cure::Operator, "Vault has no secret there");
        held.answer(version, Err(gone), later);
        assert!(matches!(look(&mut held, &site, later), Look::Withheld(_)));
    }
}
