//! The person for somebody at the provider, and the rights by their groups.

use jiff::SignedDuration;
use serde_json::json;
use utakata_model::{Binding, Verb};
use utakata_openid::BadName;

use super::*;
use crate::{
    rights::{Earlier, Object},
    store::PeopleRows,
};

const ISSUER: &str = "https://id.example";

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

fn name(name: &str) -> PersonName {
    name.parse().unwrap()
}

fn visitor(subject: &str, name: &str, groups: &[&str]) -> Visitor {
    Visitor {
        issuer: ISSUER.into(),
        subject: subject.into(),
        name: Ok(name.parse().unwrap()),
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
    }
}

fn binding(name: &str, who: &str, role: &str, by: &str, made: i64) -> PeopleChange {
    let binding: Binding = serde_json::from_value(json!({
        "name": name, "who": who, "role": role, "by": by, "made": at(made),
    }))
    .unwrap();
    PeopleChange::PutBinding(binding)
}

/// Logs in; returns the hash of the token.
fn log_in(to: &mut Directory, visitor: &Visitor, token: &str, now: Timestamp) -> TokenHash {
    let person = to.admit(visitor, now).unwrap();
    let hash = TokenHash::of(token);
    let row = TokenRow {
        hash,
        owner: person.name.clone(),
        name: token.parse().unwrap(),
        made: now,
        by: person.name.clone(),
        through: BTreeSet::new(),
        confirmed: None,
        ends: Some(now + SignedDuration::from_hours(8)),
        used: None,
        login: Some(LoginRow {
            groups: visitor.groups.clone(),
        }),
    };
    let mut changes = to.forget_logins(&person.name, now);
    changes.extend([
        PeopleChange::PutToken(row),
        PeopleChange::PutPrincipal(person),
    ]);
    to.change(changes);
    hash
}

fn may(of: &Directory, token: &TokenHash, verb: Verb) -> bool {
    let identity = of.find(token, at(20)).unwrap();
    identity.rights.allow(verb, Object::Site)
}

#[test]
fn a_person_is_who_they_are_at_the_provider_and_not_what_they_are_called() {
    let mut directory = Directory::new(PeopleRows::default());
    log_in(&mut directory, &visitor("1", "ana", &[]), "t1", at(10));
    directory.change([binding("b", "ana", "operator", "admin", 11)]);

    let renamed = directory
        .admit(&visitor("1", "ana-b", &[]), at(12))
        .unwrap();
    assert_eq!(
        renamed.name,
        name("ana"),
        "a new name at the provider changes nothing"
    );
    let nameless = Visitor {
        name: Err(BadName::None { claim: "x".into() }),
        ..visitor("1", "ana", &[])
    };
    assert_eq!(
        directory.admit(&nameless, at(12)).unwrap().name,
        name("ana")
    );

    let reused = directory.admit(&visitor("2", "ana", &[]), at(12));
    assert!(matches!(reused, Err(Error::Taken { .. })), "{reused:?}");
    let elsewhere = Visitor {
        issuer: "https://other.example".into(),
        ..visitor("1", "ana", &[])
    };
    let elsewhere = directory.admit(&elsewhere, at(12));
    assert!(
        matches!(elsewhere, Err(Error::Taken { .. })),
        "{elsewhere:?}"
    );
    let unnamed = Visitor {
        subject: "3".into(),
        ..nameless
    };
    assert!(matches!(
        directory.admit(&unnamed, at(12)),
        Err(Error::Name(_))
    ));
    let admin = directory.admit(&visitor("4", "admin", &[]), at(12));
    assert!(matches!(admin, Err(Error::Taken { .. })), "{admin:?}");
}

#[test]
fn a_group_counts_for_the_login_that_had_it_while_every_login_since_has_it() {
    let mut directory = Directory::new(PeopleRows::default());
    directory.change([
        binding("b", "group:netops", "operator", "sec", 5),
        binding("c", "group:night", "security", "sec", 5),
    ]);
    let first = log_in(
        &mut directory,
        &visitor("1", "ana", &["netops"]),
        "t1",
        at(10),
    );
    assert!(may(&directory, &first, Verb::ControlHigh));
    assert!(!may(&directory, &first, Verb::People));
    let both = visitor("1", "ana", &["netops", "night"]);
    let second = log_in(&mut directory, &both, "t2", at(11));
    assert!(may(&directory, &second, Verb::People));
    assert!(
        !may(&directory, &first, Verb::People),
        "it was not of that login"
    );
    log_in(
        &mut directory,
        &visitor("1", "ana", &["night"]),
        "t3",
        at(12),
    );
    assert!(
        !may(&directory, &first, Verb::ControlHigh),
        "it was left since"
    );
    assert!(!may(&directory, &second, Verb::ControlHigh));
    assert!(may(&directory, &second, Verb::People));
    directory.change([PeopleChange::DeleteBinding("c".parse().unwrap())]);
    assert!(!may(&directory, &second, Verb::People));
    let removal = directory.removal(&name("ana"));
    directory.change(removal);
    assert!(directory.find(&second, at(20)).is_err());
}

#[test]
fn a_group_has_to_be_somebody_s_since_before_what_they_approve() {
    let mut directory = Directory::new(PeopleRows::default());
    directory.change([binding("b", "group:chiefs", "approver", "sec", 5)]);
    log_in(
        &mut directory,
        &visitor("1", "ana", &["chiefs"]),
        "t1",
        at(10),
    );
    let again = log_in(
        &mut directory,
        &visitor("1", "ana", &["chiefs"]),
        "t2",
        at(30),
    );
    let late = log_in(
        &mut directory,
        &visitor("2", "bo", &["chiefs"]),
        "t3",
        at(30),
    );
    let approves = |token: &TokenHash, requested: i64, by: &str| {
        let identity = directory.find(token, at(31)).unwrap();
        let to = Earlier {
            by: Some(&Actor::of(name(by), [])),
            at: at(requested),
            needs: Verb::Approve,
        };
        identity.agrees_as_another(to, Object::Site).is_ok()
    };
    assert!(approves(&again, 20, "ken"), "the group was there before");
    assert!(!approves(&again, 8, "ken"));
    assert!(
        !approves(&late, 20, "ken"),
        "the group is younger than the operation"
    );
    assert!(
        !approves(&again, 20, "sec"),
        "the requester gave the role to the group"
    );
}

#[test]
fn nobody_gives_rights_to_themselves_by_way_of_a_group() {
    let mut directory = Directory::new(PeopleRows::default());
    directory.change([binding("b", "group:all", "operator", "sec", 5)]);
    let giver = log_in(&mut directory, &visitor("1", "sec", &["all"]), "t1", at(10));
    let other = log_in(&mut directory, &visitor("2", "ana", &["all"]), "t2", at(10));
    assert!(!may(&directory, &giver, Verb::ControlHigh));
    assert!(may(&directory, &other, Verb::ControlHigh));
}

#[test]
fn the_number_of_logins_is_bounded_and_those_that_ended_are_forgotten() {
    let mut directory = Directory::new(PeopleRows::default());
    let ana = visitor("1", "ana", &[]);
    let tokens: Vec<TokenHash> = (0..25)
        .map(|number| log_in(&mut directory, &ana, &format!("t{number}"), at(number)))
        .collect();
    let lasting = tokens
        .iter()
        .filter(|token| directory.find(token, at(30)).is_ok());
    assert_eq!(lasting.count(), MAX_LOGINS);
    assert!(directory.find(&tokens[24], at(30)).is_ok());
    let later = at(9 * 3600);
    log_in(&mut directory, &visitor("2", "bo", &[]), "b", later);
    assert_eq!(directory.logins().count(), 1);
}

#[test]
fn a_login_that_somebody_has_linked_is_theirs_too_until_another_confirms_it() {
    let mut directory = Directory::new(PeopleRows::default());
    let hash = log_in(&mut directory, &visitor("1", "ana", &[]), "t1", at(10));
    let row = |directory: &Directory| directory.find(&hash, at(20)).unwrap().token.unwrap();
    assert!(row(&directory).makers().is_empty(), "by themselves");
    let linked = TokenRow {
        by: name("sec"),
        through: [name("max")].into(),
        ..TokenRow::clone(&row(&directory))
    };
    directory.change([PeopleChange::PutToken(linked)]);
    assert_eq!(
        row(&directory).makers(),
        [&name("max"), &name("sec")].into()
    );

    let (ana, token) = (name("ana"), "t1".parse().unwrap());
    for (by, makers) in [
        ("sec", None),
        ("max", None),
        ("kim", Some("sec")),
        ("ana", None),
    ] {
        let by = Actor::of(name(by), makers.map(name));
        let refused = directory.confirmation(&ana, &token, (&by, at(20)));
        assert!(matches!(refused, Err(Error::OwnToken { .. })), "{by:?}");
    }
    let kim = Actor::of(name("kim"), []);
    let (changes, _) = directory
        .confirmation(&ana, &token, (&kim, at(20)))
        .unwrap();
    directory.change(changes);
    assert!(row(&directory).makers().is_empty());
    // So the next login has it as well.
    let link = directory.principal(&ana).unwrap().link.as_ref().unwrap();
    assert_eq!(link.confirmed.as_ref().unwrap().by, name("kim"));
}
