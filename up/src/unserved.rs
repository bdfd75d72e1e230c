//! Environments in which no worker becomes ready: what is wrong, and how to correct it.

use utakata_model::{Cure, EnvironmentState, EnvironmentStatus, PoolStatus, Problem};

use crate::bundle;

/// Returns the pools that keep an environment from serving anything, each with the reason. Empty
/// while a worker is ready or may still become so.
pub fn pools(environment: &EnvironmentStatus) -> Vec<(&PoolStatus, &Problem)> {
    let pools = environment.pools.iter().filter(|pool| pool.active);
    let may_serve =
        |pool: &PoolStatus| pool.ready > 0 || (pool.starting > 0 && pool.problem.is_none());
    if environment.state != EnvironmentState::Running || pools.clone().any(may_serve) {
        return Vec::new();
    }
    pools
        .filter_map(|pool| Some((pool, pool.problem.as_ref()?)))
        .collect()
}

/// Returns the remedy for a pool's problem. Users correct their own workers; a worker shipped with
/// utakata is a bug to report.
pub fn cure(pool: &PoolStatus, problem: &Problem) -> &'static str {
    match problem.cure {
        Cure::Retry => "it may resolve by itself",
        Cure::Operator => "correct the problem; it is retried automatically",
        Cure::Bug if bundle::has(&pool.release) => "report it, with the log of that moment",
        Cure::Bug => "correct the worker, or go back to an earlier release; its log says more",
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::{Manifest, ReleaseDigest, ReleaseId};

    use super::*;

    fn pool(kind: &str, ready: u32, starting: u32, problem: Option<Problem>) -> PoolStatus {
        let text = format!(
            "kind = \"{kind}\"\nversion = \"0.0.1\"\nprotocol = 1\nrun = {{ program = \"x\" }}\n\
             [[action]]\nname = \"read\"\nclass = \"observe\"\n"
        );
        let manifest = Manifest::parse(&text).unwrap();
        PoolStatus {
            release: ReleaseId {
                kind: manifest.kind.clone(),
                version: manifest.version.as_str().into(),
                digest: ReleaseDigest("1".into()),
            },
            manifest: manifest.into(),
            active: true,
            starting,
            ready,
            draining: 0,
            running: 0,
            waiting: 0,
            lost: 0,
            problem,
            memory: None,
            ended: Default::default(),
        }
    }

    fn environment(pools: Vec<PoolStatus>) -> EnvironmentStatus {
        let text = serde_json::json!({
            "id": "here", "incarnation": utakata_model::Incarnation::generate(),
            "zone": "default", "state": "running", "version": "1",
            "time": "2026-01-01T00:00:00Z", "pools": [],
        });
        EnvironmentStatus {
            pools,
            ..serde_json::from_value(text).unwrap()
        }
    }

    fn crash(cure: Cure) -> Option<Problem> {
        Some(Problem::new("worker-crashed", cure, "no such profile"))
    }

    #[test]
    fn an_environment_is_unserved_when_every_worker_failed() {
        let failed = |kind| pool(kind, 0, 1, crash(Cure::Operator));
        for (also, expect) in [
            (pool("idle", 0, 0, None), 2),
            (pool("ready", 1, 0, None), 0),
            (pool("ready", 1, 0, crash(Cure::Operator)), 0),
            (pool("starts", 0, 1, None), 0),
        ] {
            let environment = environment(vec![failed("a"), failed("b"), also]);
            assert_eq!(pools(&environment).len(), expect, "{environment:?}");
        }
        assert!(pools(&environment(Vec::new())).is_empty());
    }

    #[test]
    fn only_a_fault_of_what_ships_with_utakata_is_reported() {
        let own = pool("watchdog", 0, 0, None);
        let mut ours = pool("snmp", 0, 0, None);
        ours.release.version = bundle::version("snmp").unwrap().into();
        let say = |pool, cure_| cure(pool, &crash(cure_).unwrap());
        assert!(say(&own, Cure::Bug).contains("correct the worker"));
        assert!(say(&ours, Cure::Bug).contains("report it"));
        assert!(say(&ours, Cure::Operator).contains("correct the problem"));
    }
}
