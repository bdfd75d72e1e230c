//! The metrics.

use std::collections::BTreeSet;

use crate::room::Room;

/// All metric names that exist with a single logic environment: dashboards depend on them.
const NAMES: [&str; 23] = [
    "utakata_approvals_waiting",
    "utakata_control_under_way",
    "utakata_environment_up",
    "utakata_findings_wrong",
    "utakata_invariants_broken",
    "utakata_notification_reads",
    "utakata_notifications",
    "utakata_permit_round_trip_seconds",
    "utakata_poll_lateness_seconds",
    "utakata_problems",
    "utakata_readings_flush_seconds",
    "utakata_reads_under_way",
    "utakata_releases",
    "utakata_schedules",
    "utakata_targets",
    "utakata_targets_by_health",
    "utakata_targets_left_alone",
    "utakata_tasks",
    "utakata_tasks_ended",
    "utakata_tasks_unsettled",
    "utakata_workers",
    "utakata_workers_lost",
    "utakata_wrong_tokens",
];

#[tokio::test]
async fn metrics_have_the_names_that_dashboards_know() {
    let room = Room::served().await;
    let (_, text) = room.get("/v1/metrics").await;
    let text = text.as_str().unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names: BTreeSet<&str> = types.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, BTreeSet::from(NAMES), "{text}");
    assert!(text.contains("utakata_targets 0"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}
