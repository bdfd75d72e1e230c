use jiff::Timestamp;
use utakata_api::status::Duties;
use utakata_model::LogicId;

use super::*;

fn status() -> Status {
    Status {
        version: String::new(),
        started: Timestamp::UNIX_EPOCH,
        targets: 0,
        schedules: 0,
        mqtt: None,
        environments: Vec::new(),
        duties: None,
        connections: Vec::new(),
        problems: Vec::new(),
        invariants_broken: 0,
        wrong_tokens: Default::default(),
    }
}

fn overview() -> Overview {
    serde_json::from_value(serde_json::json!({
        "time": "2026-03-01T12:00:00Z", "version": "1", "well": false,
        "targets": { "all": 9, "answering": 1, "failing": 5, "unobserved": 3 },
        "failing": [], "failing_left_out": 5,
        "control": { "open": 4, "unsettled": 2, "awaiting": 1 },
        "environments": {}, "findings_left_out": 0,
        "findings": [{ "weight": "wrong", "about": "task", "subject": "control", "says": "x" },
            { "weight": "notice", "about": "order", "subject": "kind snmp", "says": "x" }],
    }))
    .unwrap()
}

/// These lines are among the metrics.
#[track_caller]
fn check(status: &Status, lines: &[&str]) {
    let under_way = TasksUnderWay {
        reads: 0,
        control: None,
    };
    let registry = Registry::with_prefix("utakata");
    let text = text(registry, status, under_way, &overview()).unwrap();
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line}: {text}");
    }
}

/// As `wee-1` may tell it, with a limit of workers and a rollout.
fn environment() -> EnvironmentStatus {
    let release =
        |version: &str| serde_json::json!({ "kind": "pdu", "version": version, "digest": version });
    let pool = |version: &str, ready: u32, failed: u64| {
        serde_json::json!({
            "release": release(version), "active": ready > 1, "starting": 0, "ready": ready,
            "draining": 0, "running": 0, "waiting": 7, "lost": 0,
            "ended": { "succeeded": 9, "failed": failed, "unknown": 1 },
            "manifest": { "kind": "pdu", "version": version, "protocol": 1,
                "run": { "program": "p" },
                "action": [{ "name": "a", "class": "observe" }] },
        })
    };
    serde_json::from_value(serde_json::json!({
        "id": "wee-1", "incarnation": "0192f0c1-0000-7000-8000-00000000000e", "zone": "hall-1",
        "state": "running", "version": "1", "time": "2026-03-01T12:00:00Z",
        "pools": [pool("1", 3, 0), pool("2", 1, 4), pool("0", 0, 0)],
        "workers": { "max": 4, "short": ["pdu"] },
        "rollouts": [{ "id": "0192f0c1-0000-7000-8000-00000000000f", "kind": "pdu",
            "candidate": release("2"), "phase": "canary", "since": "2026-03-01T12:00:00Z",
            "evidence": {} }],
    }))
    .unwrap()
}

#[test]
fn of_rollouts_and_of_a_limit_of_workers_all_is_reported() {
    let status = Status {
        environments: vec![environment(), environment()],
        ..status()
    };
    let of = |release: &str, outcome: &str| {
        format!(
            r#"utakata_tasks_ended_total{{environment="wee-1",kind="pdu",release="{release}",outcome="{outcome}"}}"#
        )
    };
    check(
        &status,
        &[
            r#"utakata_rollouts{kind="pdu",phase="canary"} 2"#,
            r#"utakata_workers_max{environment="wee-1",zone="hall-1"} 4"#,
            r#"utakata_workers_short{environment="wee-1",kind="pdu"} 1"#,
        ],
    );
    let status = Status {
        environments: vec![environment()],
        ..status
    };
    check(
        &status,
        &[
            r#"utakata_releases{environment="wee-1",kind="pdu"} 2"#,
            &format!("{} 9", of("1", "succeeded")),
            &format!("{} 4", of("2", "failed")),
            &format!("{} 1", of("2", "unknown")),
        ],
    );
}

#[test]
fn broken_invariants_are_counted_of_each_process() {
    let status = Status {
        environments: vec![EnvironmentStatus {
            invariants_broken: 3,
            ..environment()
        }],
        invariants_broken: 2,
        ..status()
    };
    check(
        &status,
        &[
            r#"utakata_invariants_broken_total{of="logic"} 2"#,
            r#"utakata_invariants_broken_total{of="wee-1"} 3"#,
        ],
    );
}

#[test]
fn of_several_logic_environments_each_tells_its_duties_and_connections() {
    let status = Status {
        duties: Some(Duties {
            id: LogicId::new("le-1").unwrap(),
            ledger: true,
            ledger_at: None,
            unfit: None,
            shards: 8,
            members: vec![LogicId::new("le-1").unwrap()],
        }),
        connections: vec![ConnectionStatus {
            notices: Vec::new(),
            name: "tasks".into(),
            to: String::new(),
            since: Timestamp::UNIX_EPOCH,
            problem: Some("away".into()),
            lost: 3,
            waiting: 4,
            dropped: 5,
            ignored: 6,
            distrusted: 7,
        }],
        ..status()
    };
    check(
        &status,
        &[
            "utakata_ledger_kept 1",
            "utakata_schedule_shards 8",
            "utakata_logic_environments 1",
            r#"utakata_connection_up{of="logic",name="tasks"} 0"#,
            r#"utakata_connection_waiting{of="logic",name="tasks"} 4"#,
            r#"utakata_connection_lost_total{of="logic",name="tasks"} 3"#,
            r#"utakata_connection_dropped_total{of="logic",name="tasks"} 5"#,
            r#"utakata_connection_ignored_total{of="logic",name="tasks"} 6"#,
            r#"utakata_connection_distrusted_total{of="logic",name="tasks"} 7"#,
        ],
    );
}

#[test]
fn what_somebody_should_do_something_about_can_be_watched() {
    check(
        &status(),
        &[
            "utakata_targets_by_health{health=\"failing\"} 5",
            "utakata_targets_by_health{health=\"unobserved\"} 3",
            "utakata_targets_by_health{health=\"stale\"} 0",
            "utakata_tasks_unsettled 2",
            "utakata_approvals_waiting 1",
            "utakata_findings_wrong 1",
        ],
    );
}
