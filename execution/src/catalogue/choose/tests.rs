use utakata_model::{EnvironmentId, Labels, RolloutId, RolloutOrder, RolloutPlan, Zone};

use super::*;
use crate::samples::release;

fn catalogue(versions: &[&str]) -> Catalogue {
    let releases = versions.iter().map(|version| release("echo", version));
    Catalogue {
        releases: releases.collect(),
        refused: Vec::new(),
        is_partial: false,
    }
}

fn id(version: &str) -> ReleaseId {
    (*release("echo", version).id).clone()
}

fn stable(version: &str) -> KindDesired {
    KindDesired {
        stable: Some(id(version)),
        ..KindDesired::default()
    }
}

fn rollout(candidate: &str) -> Option<RolloutOrder> {
    Some(RolloutOrder {
        id: RolloutId::generate(),
        candidate: id(candidate),
        plan: RolloutPlan::default(),
        environments: BTreeMap::new(),
    })
}

fn choose_here(catalogue: &Catalogue, desired: &KindDesired, served: Option<&str>) -> Choice {
    let echo = || Kind::new("echo").unwrap();
    let labels = Labels::from([("site".into(), "north".into())]);
    let place = Locality {
        id: &EnvironmentId::new("node-1").unwrap(),
        zone: &Zone::default(),
        labels: &labels,
    };
    let served = served.map(|version| (echo(), id(version).digest));
    choose(
        catalogue,
        &BTreeMap::new(),
        &[(echo(), desired.clone())].into(),
        &served.into_iter().collect(),
        &place,
    )
}

/// The active version, and all that are chosen.
fn chosen(choice: &Choice) -> (Option<&str>, Vec<&str>) {
    let all = choice.kinds.get("echo").map_or(&[][..], Vec::as_slice);
    let active = all.iter().find(|chosen| chosen.is_active);
    (
        active.map(|chosen| &*chosen.release.id.version),
        all.iter()
            .map(|chosen| &*chosen.release.id.version)
            .collect(),
    )
}

#[track_caller]
fn check(
    versions: &[&str],
    desired: &KindDesired,
    served: Option<&str>,
    expect: (Option<&str>, &[&str]),
) -> Choice {
    let choice = choose_here(&catalogue(versions), desired, served);
    let (active, all) = chosen(&choice);
    assert_eq!((active, &*all), expect, "{desired:?}");
    choice
}

#[test]
fn the_newest_version_of_each_kind_is_active_by_its_numbers_where_nothing_is_asked() {
    let mut found = catalogue(&["1.9.0", "1.10.0", "1.2.0"]);
    found.releases.push(release("pdu", "0.1"));
    let size = PoolSize {
        min: 2,
        max: 3,
        reserve: 1,
        ..PoolSize::default()
    };
    let sizes = BTreeMap::from([(Kind::new("pdu").unwrap(), size)]);
    let place = Locality {
        id: &EnvironmentId::new("node-1").unwrap(),
        zone: &Zone::default(),
        labels: &Labels::new(),
    };
    let (desired, served) = (BTreeMap::new(), BTreeMap::new());
    let choice = choose(&found, &sizes, &desired, &served, &place);
    let (active, all) = chosen(&choice);
    assert_eq!(active, Some("1.10.0"));
    assert_eq!(all.len(), 3);
    assert!(choice.kinds["pdu"][0].is_active);
    assert_eq!(choice.kinds["echo"][0].size, PoolSize::default());
    assert_eq!(choice.kinds["pdu"][0].size.min, 2);
    assert_eq!(choice.missing, []);
}

#[test]
fn the_stable_release_is_active_and_only_what_is_kept_is_there_next_to_it() {
    let all = &["1", "2", "3"];
    check(all, &stable("2"), None, (Some("2"), &["2"]));
    let kept = KindDesired {
        kept: vec![id("1")],
        ..stable("2")
    };
    check(all, &kept, Some("3"), (Some("2"), &["1", "2"]));
    check(all, &KindDesired::default(), None, (Some("3"), all));
}

#[test]
fn while_the_stable_release_is_not_here_what_served_continues_and_else_the_newest() {
    let all = &["1", "2", "3"];
    let choice = check(all, &stable("4"), Some("2"), (Some("2"), &["2"]));
    assert_eq!(choice.missing.len(), 1);
    assert_eq!(choice.missing[0].path, "echo@4");
    assert_eq!(&*choice.missing[0].problem.code, "release-missing");
    check(all, &stable("4"), Some("0"), (Some("3"), &["3"]));
    check(all, &stable("4"), None, (Some("3"), &["3"]));
    let none = check(&[], &stable("4"), None, (None, &[]));
    assert_eq!(none.missing.len(), 1);
}

#[test]
fn a_candidate_is_there_and_is_not_what_serves() {
    let desired = KindDesired {
        rollout: rollout("3"),
        ..stable("1")
    };
    let choice = check(&["1", "2", "3"], &desired, None, (Some("1"), &["1", "3"]));
    assert!(!choice.kinds["echo"][1].is_kept);
    // Neither as the newest.
    let unnamed = KindDesired {
        rollout: rollout("3"),
        ..KindDesired::default()
    };
    check(&["1", "3"], &unnamed, None, (Some("1"), &["1", "3"]));
    check(&["3"], &desired, None, (None, &["3"]));
}

#[test]
fn a_kind_is_served_where_it_is_placed() {
    for (placement, is_served) in [
        ("name=node-1", true),
        ("name=node-2", false),
        ("zone=default,site in (north,south)", true),
        ("site!=north", false),
        ("rack", false),
    ] {
        let desired = KindDesired {
            placement: Some(placement.parse().unwrap()),
            ..stable("1")
        };
        let choice = choose_here(&catalogue(&["1"]), &desired, None);
        assert_eq!(!choice.kinds.is_empty(), is_served, "{placement}");
        assert_eq!(choice.missing, []);
    }
}
