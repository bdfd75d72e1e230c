//! Which kinds are served.

use std::sync::Arc;

use jiff::Timestamp;
use utakata_model::{
    EnvironmentId, EnvironmentState, EnvironmentStatus, Kind, Manifest, PoolStatus, ReleaseDigest,
    ReleaseId, Zone,
};

use super::Kinds;

fn pool(version: &str, active: bool) -> PoolStatus {
    let text = format!(
        "kind = \"pdu\"\nversion = \"{version}\"\nprotocol = 1\n[run]\nprogram = \"x\"\n\
         [[action]]\nname = \"read\"\nclass = \"observe\"\n"
    );
    let manifest = Manifest::parse(&text).unwrap();
    PoolStatus {
        release: ReleaseId {
            kind: manifest.kind.clone(),
            version: version.into(),
            digest: ReleaseDigest(version.into()),
        },
        manifest,
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

fn status(id: &str, state: EnvironmentState, pools: Vec<PoolStatus>) -> Arc<EnvironmentStatus> {
    Arc::new(EnvironmentStatus {
        id: EnvironmentId::new(id).unwrap(),
        incarnation: utakata_model::Incarnation::generate(),
        zone: Zone::new(id).unwrap(),
        over: Vec::new(),
        labels: Default::default(),
        state,
        version: "1".into(),
        time: Timestamp::now(),
        pools,
        refused: Vec::new(),
        connections: Vec::new(),
        breakers: Vec::new(),
        desired: None,
        stopped: Default::default(),
        rollouts: Vec::new(),
        workers: None,
    })
}

#[test]
fn the_newest_active_release_serves_and_only_changes_of_it_wake_anybody() {
    use EnvironmentState::{Draining, Gone, Running};
    let kinds = Kinds::default();
    let mut follow = kinds.follow();
    let check = |status, expect: Option<(&str, usize)>, wakes: bool| {
        kinds.hear(&status);
        let served = kinds.served();
        let found = served.get(&Kind::new("pdu").unwrap());
        let found = found.map(|one| (one.release.version.as_ref(), one.zones.len()));
        assert_eq!(found, expect);
        wakes
    };
    for (status, expect, wakes) in [
        (status("a", Running, vec![]), None, true),
        (
            status("a", Running, vec![pool("1.9.0", true)]),
            Some(("1.9.0", 1)),
            true,
        ),
        (
            status("a", Running, vec![pool("1.9.0", true)]),
            Some(("1.9.0", 1)),
            false,
        ),
        (
            status(
                "a",
                Running,
                vec![pool("1.9.0", true), pool("2.0.0", false)],
            ),
            Some(("1.9.0", 1)),
            false,
        ),
        (
            status("b", Running, vec![pool("1.10.0", true)]),
            Some(("1.10.0", 2)),
            true,
        ),
        (
            status("b", Draining, vec![pool("1.10.0", true)]),
            Some(("1.9.0", 1)),
            true,
        ),
        (status("a", Gone, vec![pool("1.9.0", true)]), None, true),
    ] {
        let wakes = check(status, expect, wakes);
        assert_eq!(follow.has_changed().unwrap(), wakes, "{expect:?}");
        follow.mark_unchanged();
    }
}
