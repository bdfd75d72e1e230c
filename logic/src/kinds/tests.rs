//! The kinds that are served: no environment affects those of another zone.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use proptest::prelude::*;
use utakata_api::release::ReleaseSource;
use utakata_model::{
    Action, EnvironmentId, EnvironmentState, EnvironmentStatus, Kind, Manifest, PoolStatus,
    ReleaseDigest, ReleaseId, Zone, manifest::Risk,
};

use super::{IndexedRelease, Kinds, ReleaseIndex, Served};

/// A manifest whose only control action is as dangerous as this.
fn manifest(kind: &str, version: &str, is_safe: bool) -> Manifest {
    let how = match is_safe {
        true => "risk = \"low\"\nrepeat = \"repeatable\"\n",
        false => {
            "risk = \"high\"\nrepeat = \"once\"\n\
             verify = { action = \"read\", metric = \"hw.power\", value = 1 }\n"
        }
    };
    let text = format!(
        "kind = \"{kind}\"\nversion = \"{version}\"\nprotocol = 1\n[run]\nprogram = \"x\"\n\
         [[action]]\nname = \"read\"\nclass = \"observe\"\n\
         [[action]]\nname = \"cycle\"\nclass = \"control\"\n{how}"
    );
    Manifest::parse(&text).unwrap()
}

fn release(manifest: &Manifest, digest: &str) -> ReleaseId {
    ReleaseId {
        kind: manifest.kind.clone(),
        version: manifest.version.as_str().into(),
        digest: ReleaseDigest(digest.into()),
    }
}

fn pool(manifest: &Manifest, digest: &str, active: bool) -> PoolStatus {
    PoolStatus {
        release: release(manifest, digest),
        manifest: Arc::new(manifest.clone()),
        active,
        starting: 0,
        ready: 1,
        draining: 0,
        running: 0,
        waiting: 0,
        lost: 0,
        problem: None,
        memory: None,
        ended: utakata_model::environment::EndedTasks::default(),
    }
}

fn status(
    id: &str,
    zone: &str,
    state: EnvironmentState,
    pools: Vec<PoolStatus>,
) -> Arc<EnvironmentStatus> {
    Arc::new(EnvironmentStatus {
        id: EnvironmentId::new(id).unwrap(),
        incarnation: utakata_model::Incarnation::generate(),
        zone: Zone::new(zone).unwrap(),
        over: Vec::new(),
        key: None,
        labels: Default::default(),
        state,
        version: "1".into(),
        time: Timestamp::now(),
        clock_ahead_ms: None,
        pools,
        refused: Vec::new(),
        connections: Vec::new(),
        breakers: Vec::new(),
        desired: None,
        needs_networks: false,
        stopped: Default::default(),
        rollouts: Vec::new(),
        workers: None,
        invariants_broken: 0,
        restarted: Vec::new(),
    })
}

/// Applies a status as a logic environment does.
fn hear(kinds: &Kinds, status: &Arc<EnvironmentStatus>) {
    kinds.settle_zone(&status.id, &status.zone);
    kinds.hear(status);
}

fn indexed(manifest: &Manifest, digest: &str, source: ReleaseSource) -> IndexedRelease {
    IndexedRelease {
        id: release(manifest, digest),
        manifest: Arc::new(manifest.clone()),
        source,
    }
}

/// The version, digest and treatment of a kind in a zone.
fn treatment(kinds: &Kinds, kind: &str, zone: &str) -> Option<(ReleaseId, Vec<Action>)> {
    let (kind, zone) = (Kind::new(kind).unwrap(), Zone::new(zone).unwrap());
    let served = kinds.served();
    let one: &Served = served.get(&kind, &zone)?;
    Some((one.release.clone(), one.manifest.actions.clone()))
}

fn version(kinds: &Kinds, kind: &str, zone: &str) -> Option<String> {
    treatment(kinds, kind, zone).map(|(release, _)| release.version.to_string())
}

/// Codes of what does not count of an environment.
fn ignored(kinds: &Kinds, id: &str) -> Vec<String> {
    let mut ignored = kinds.ignored();
    let claims = ignored.remove(&EnvironmentId::new(id).unwrap());
    let claims = claims.unwrap_or_default().into_iter();
    claims.map(|claim| claim.problem.code.to_string()).collect()
}

#[test]
fn the_newest_active_release_of_a_zone_serves_and_only_changes_of_it_wake_anybody() {
    use EnvironmentState::{Draining, Gone, Running};
    let kinds = Kinds::default();
    for id in ["a", "b"] {
        let zone = Zone::new("hall").unwrap();
        kinds.settle_zone(&EnvironmentId::new(id).unwrap(), &zone);
    }
    let mut follow = kinds.follow();
    let of = |versions: &[(&str, bool)]| {
        let pools = versions.iter().map(|(version, active)| {
            let manifest = manifest("pdu", version, false);
            pool(&manifest, version, *active)
        });
        pools.collect()
    };
    for (id, state, versions, expect, wakes) in [
        ("a", Running, &[][..], None, true),
        ("a", Running, &[("1.9.0", true)], Some("1.9.0"), true),
        ("a", Running, &[("1.9.0", true)], Some("1.9.0"), false),
        (
            "a",
            Running,
            &[("1.9.0", true), ("2.0.0", false)],
            Some("1.9.0"),
            true,
        ),
        ("b", Running, &[("1.10.0", true)], Some("1.10.0"), true),
        ("b", Draining, &[("1.10.0", true)], Some("1.9.0"), true),
        ("a", Gone, &[("1.9.0", true)], None, true),
    ] {
        kinds.hear(&status(id, "hall", state, of(versions)));
        assert_eq!(version(&kinds, "pdu", "hall").as_deref(), expect);
        assert_eq!(follow.has_changed().unwrap(), wakes, "{id} {expect:?}");
        follow.mark_unchanged();
    }
}

#[test]
fn what_a_release_declares_comes_from_the_catalogue_and_what_contradicts_it_is_reported() {
    use EnvironmentState::Running;
    let shipped = manifest("pdu", "1.0.0", false);
    let pushed = manifest("ups", "2.0.0", false);
    let kinds = Kinds::default();
    kinds.believe(ReleaseIndex::new([
        indexed(&shipped, "text", ReleaseSource::Shipped),
        indexed(&pushed, "bb", ReleaseSource::Pushed),
    ]));
    let check = |pools: Vec<PoolStatus>, kind: &str, expect: Option<&str>, codes: &[&str]| {
        hear(&kinds, &status("a", "hall", Running, pools));
        assert_eq!(version(&kinds, kind, "hall").as_deref(), expect);
        assert_eq!(ignored(&kinds, "a"), codes);
        let found = treatment(&kinds, kind, "hall");
        if let Some((_, actions)) = found.filter(|_| kind != "mine") {
            assert_eq!(actions[1].risk, Risk::High);
        }
    };
    let safe = |kind, version| manifest(kind, version, true);
    // What comes with utakata is known by what it declares, whatever its program.
    check(vec![pool(&shipped, "x86", true)], "pdu", Some("1.0.0"), &[]);
    check(vec![pool(&shipped, "arm", true)], "pdu", Some("1.0.0"), &[]);
    check(vec![pool(&pushed, "bb", true)], "ups", Some("2.0.0"), &[]);
    // The same names with another manifest, digest or version.
    let contradicts = &["release-contradicts"][..];
    let told = vec![pool(&safe("pdu", "1.0.0"), "x86", true)];
    check(told, "pdu", None, contradicts);
    let told = vec![pool(&safe("ups", "2.0.0"), "bb", true)];
    check(told, "ups", None, contradicts);
    let told = vec![pool(&safe("ups", "2.0.0"), "cc", true)];
    check(told, "ups", None, contradicts);
    let told = vec![pool(&safe("ups", "9.0.0"), "bb", true)];
    check(told, "ups", None, contradicts);
    let mut other = pool(&safe("ups", "9.0.0"), "dd", true);
    other.release.version = "2.0.0".into();
    check(vec![other], "ups", None, contradicts);
    // A kind that comes with utakata is served by nothing that the catalogue does not have.
    let told = vec![pool(&safe("pdu", "999.0.0"), "abab", true)];
    check(told, "pdu", None, &["release-unknown"]);
    // Beside a release of the catalogue, one that is only told does not count.
    let told = vec![
        pool(&pushed, "bb", true),
        pool(&safe("ups", "999.0.0"), "abab", true),
    ];
    check(told, "ups", Some("2.0.0"), &["release-unknown"]);
    // A kind of which the catalogue has nothing is served from a folder.
    let told = vec![pool(&safe("mine", "1.0.0"), "ee", true)];
    check(told, "mine", Some("1.0.0"), &[]);
}

#[test]
fn an_environment_counts_in_its_own_zone_until_it_is_forgotten() {
    use EnvironmentState::Running;
    let kinds = Kinds::default();
    let one = pool(&manifest("mine", "1.0.0", true), "aa", true);
    hear(&kinds, &status("a", "hall-2", Running, vec![one.clone()]));
    assert!(version(&kinds, "mine", "hall-2").is_some());
    hear(&kinds, &status("a", "hall-1", Running, vec![one.clone()]));
    assert_eq!(version(&kinds, "mine", "hall-1"), None);
    assert_eq!(version(&kinds, "mine", "hall-2"), None);
    assert_eq!(ignored(&kinds, "a"), ["zone-not-its-own"]);
    assert!(kinds.releases().is_empty());
    kinds.forget(&EnvironmentId::new("a").unwrap());
    assert!(kinds.environments().is_empty() && kinds.ignored().is_empty());
    hear(&kinds, &status("a", "hall-1", Running, vec![one]));
    assert!(version(&kinds, "mine", "hall-1").is_some());
}

#[test]
fn the_release_that_is_requested_counts_before_newer_ones() {
    use EnvironmentState::Running;
    let (old, new) = (manifest("ups", "1", false), manifest("ups", "2", true));
    let kinds = Kinds::default();
    kinds.believe(ReleaseIndex::new([
        indexed(&old, "aa", ReleaseSource::Pushed),
        indexed(&new, "bb", ReleaseSource::Pushed),
    ]));
    hear(
        &kinds,
        &status("a", "hall", Running, vec![pool(&old, "aa", true)]),
    );
    hear(
        &kinds,
        &status("b", "hall", Running, vec![pool(&new, "bb", true)]),
    );
    assert_eq!(version(&kinds, "ups", "hall").as_deref(), Some("2"));
    let old = Kind::new("ups").map(|ups| (ups, ReleaseDigest("aa".into())));
    kinds.prefer(BTreeMap::from([old.unwrap()]));
    assert_eq!(version(&kinds, "ups", "hall").as_deref(), Some("1"));
}

/// A report of another hall's environment.
#[derive(Debug, Clone)]
struct Said {
    id: usize,
    zone: usize,
    state: usize,
    pools: Vec<(usize, usize, usize, bool, bool)>,
}

const KINDS: [&str; 3] = ["pdu", "ups", "mine"];
const VERSIONS: [&str; 4] = ["1.0.0", "2.0.0", "999.0.0", "0.1"];
const DIGESTS: [&str; 5] = ["text", "x86", "bb", "cc", "abab"];

fn said() -> impl Strategy<Value = Said> {
    let pool = (
        0..3usize,
        0..4usize,
        0..5usize,
        any::<bool>(),
        any::<bool>(),
    );
    let pools = proptest::collection::vec(pool, 0..4);
    (0..3usize, 0..3usize, 0..3usize, pools).prop_map(|(id, zone, state, pools)| Said {
        id,
        zone,
        state,
        pools,
    })
}

impl Said {
    fn status(&self) -> Arc<EnvironmentStatus> {
        use EnvironmentState::{Draining, Gone, Running};
        let pools = self
            .pools
            .iter()
            .map(|(kind, version, digest, safe, active)| {
                let manifest = manifest(KINDS[*kind], VERSIONS[*version], *safe);
                pool(&manifest, DIGESTS[*digest], *active)
            });
        status(
            ["hall-2-a", "hall-2-b", "hall-3-a"][self.id],
            ["hall-1", "hall-2", "hall-3"][self.zone],
            [Running, Draining, Gone][self.state],
            pools.collect(),
        )
    }
}

/// A site of three halls; the first serves a kind that comes with utakata, one that was pushed,
/// and one that lies in the folder of its environment.
fn site(zones: &BTreeMap<EnvironmentId, Zone>) -> Kinds {
    let kinds = Kinds::default();
    let shipped = manifest("pdu", "1.0.0", false);
    let pushed = manifest("ups", "1.0.0", false);
    let other = manifest("ups", "2.0.0", true);
    kinds.believe(ReleaseIndex::new([
        indexed(&shipped, "text", ReleaseSource::Shipped),
        indexed(&pushed, "bb", ReleaseSource::Pushed),
        indexed(&other, "cc", ReleaseSource::Pushed),
    ]));
    kinds.settle_zones(zones.clone());
    let mine = manifest("mine", "1.0.0", false);
    let pools = vec![
        pool(&shipped, "x86", true),
        pool(&pushed, "bb", true),
        pool(&mine, "ee", true),
    ];
    kinds.hear(&status(
        "hall-1-a",
        "hall-1",
        EnvironmentState::Running,
        pools,
    ));
    kinds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Arbitrary statuses, in any order, before and after a restart at which what is retained
    /// comes again in any order.
    #[test]
    fn whatever_an_environment_publishes_the_tasks_of_another_zone_are_treated_as_before(
        said in proptest::collection::vec(said(), 0..12),
        restart in any::<bool>(),
    ) {
        let halls = [("hall-1-a", "hall-1"), ("hall-2-a", "hall-2"), ("hall-2-b", "hall-2"),
            ("hall-3-a", "hall-3")];
        let zones = halls.map(|(id, zone)| {
            (EnvironmentId::new(id).unwrap(), Zone::new(zone).unwrap())
        });
        let zones = BTreeMap::from(zones);
        let mut kinds = site(&zones);
        let before = KINDS.map(|kind| treatment(&kinds, kind, "hall-1"));
        prop_assert!(before.iter().all(Option::is_some));
        let known = |kinds: &Kinds| {
            let served = kinds.served();
            let kind = Kind::new("pdu").unwrap();
            let zone = Zone::new("hall-1").unwrap();
            served.get(&kind, &zone).map(|one| one.environments.clone())
        };
        let serving = known(&kinds);
        for one in &said {
            hear(&kinds, &one.status());
            let after = KINDS.map(|kind| treatment(&kinds, kind, "hall-1"));
            prop_assert_eq!(&after, &before);
            prop_assert_eq!(known(&kinds), serving.clone());
        }
        if restart {
            kinds = site(&zones);
            for one in said.iter().rev() {
                hear(&kinds, &one.status());
            }
        }
        let after = KINDS.map(|kind| treatment(&kinds, kind, "hall-1"));
        prop_assert_eq!(after, before);
    }
}

#[test]
fn two_processes_under_one_id_are_a_problem_of_it_until_one_is_forgotten() {
    use utakata_model::Incarnation;
    let kinds = Kinds::default();
    let lives = [1_u8, 2].map(|life| Incarnation::from_bytes([life; 16]));
    for second in 0..6_usize {
        let told = status("a", "hall", EnvironmentState::Running, Vec::new());
        let mut told = Arc::unwrap_or_clone(told);
        told.incarnation = lives[second % 2];
        told.time = Timestamp::from_second(1_800_000_000 + second as i64).unwrap();
        assert!(second > 3 || kinds.problems().is_empty(), "{second}");
        hear(&kinds, &Arc::new(told));
    }
    let codes: Vec<String> = kinds
        .problems()
        .iter()
        .map(|one| one.code.to_string())
        .collect();
    assert_eq!(codes, ["environment-twice"]);
    assert_eq!(kinds.twins().len(), 1);
    kinds.forget(&EnvironmentId::new("a").unwrap());
    assert!(kinds.problems().is_empty());
}
