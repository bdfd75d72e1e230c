//! Checks of the site: targets, control, environments, workers, and all findings of the server.

use utakata_api::overview::{self, FailingGroup, Overview, TargetCounts, Weight};

use super::Finding;
use crate::{commands::Context, output::sentence};

/// The largest number of groups of failing targets that are shown.
const GROUPS: usize = 3;

/// Checks the site by asking the server.
pub async fn look(context: &Context<'_>) -> Vec<Finding> {
    let answer = async { anyhow::Ok(context.client()?.overview().await?) };
    match answer.await {
        Ok(overview) => findings(&overview),
        Err(error) => {
            let cure = "see the log of `utakata up`";
            vec![Finding::wrong("site", sentence(&error), cure)]
        }
    }
}

fn findings(overview: &Overview) -> Vec<Finding> {
    let mut found = targets(overview);
    match overview.control.map(|control| control.open) {
        Some(0) => found.push(Finding::right("control", "nothing is under way")),
        Some(open) => found.push(Finding::right("control", format!("open tasks: {open}"))),
        None => found.push(Finding::wrong(
            "control",
            "the keeper of the ledger does not answer",
            "see whether a logic environment keeps it",
        )),
    }
    found.extend(overview.findings.iter().map(one));
    found
}

fn one(finding: &overview::Finding) -> Finding {
    let cure = finding.cure.clone().unwrap_or_default();
    let make = match finding.weight {
        Weight::Wrong => Finding::wrong,
        Weight::Notice => Finding::doubtful,
    };
    make(&finding.subject, finding.says.clone(), cure)
}

fn targets(overview: &Overview) -> Vec<Finding> {
    let TargetCounts {
        all,
        answering,
        failing,
        stale,
        unobserved,
        unseen,
        partial,
        not_understood,
    } = overview.targets;
    let mut found = Vec::new();
    if failing + stale == 0 {
        let waiting = match unseen {
            0 => String::new(),
            unseen => format!(", {unseen} not read yet"),
        };
        let others = match partial + not_understood {
            0 => String::new(),
            others => format!(", {others} of them in part or not understood"),
        };
        let answering = answering + partial + not_understood;
        let seen = format!("{answering} of {all} answer{others}{waiting}");
        found.push(Finding::right("targets", seen));
    } else {
        let groups = overview.failing.iter().take(GROUPS);
        let groups: Vec<String> = groups
            .map(
                |FailingGroup {
                     kind, code, count, ..
                 }| format!("{count} {kind} ({code})"),
            )
            .collect();
        let more = if overview.failing.len() > GROUPS {
            ", …"
        } else {
            ""
        };
        let seen = format!(
            "{} of {all} do not answer as they should: {}{more}",
            failing + stale,
            groups.join(", ")
        );
        let cure = "`utakata status` says where; `utakata target list --health failing,stale`";
        found.push(Finding::wrong("targets", seen, cure));
    }
    if unobserved > 0 {
        found.push(Finding::doubtful(
            "schedules",
            format!(
                "{unobserved} of {all} targets are read by no schedule: their state is unknown"
            ),
            "apply a schedule; see them: `utakata target list --health unobserved`",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::Verdict, *};

    #[test]
    fn a_site_with_dead_targets_and_unsettled_tasks_is_not_well() {
        let overview = |failing: u64, findings: serde_json::Value| -> Overview {
            serde_json::from_value(json!({
                "time": "2026-03-01T12:00:00Z", "version": "1", "well": false,
                "targets": { "all": 5014, "answering": 5014 - failing, "failing": failing },
                "failing": [{ "kind": "snmp", "health": "failing", "code": "unreachable",
                    "count": failing, "of": 5014, "says": "x", "examples": [] }],
                "failing_left_out": 0, "control": { "open": 4, "unsettled": 4 },
                "environments": {}, "findings": findings, "findings_left_out": 0,
            }))
            .unwrap()
        };
        let verdicts = |overview: &Overview| -> Vec<(String, Verdict)> {
            let found = findings(overview).into_iter();
            found.map(|one| (one.check, one.result)).collect()
        };
        let well = verdicts(&overview(0, json!([])));
        assert!(
            well.iter().all(|(_, result)| *result == Verdict::Right),
            "{well:?}"
        );
        let unsettled = json!([{ "weight": "wrong", "about": "task", "subject": "tasks",
            "says": "4 tasks are unsettled" }]);
        let ill = verdicts(&overview(4002, unsettled));
        for check in ["targets", "tasks"] {
            assert!(
                ill.contains(&(check.into(), Verdict::Wrong)),
                "{check}: {ill:?}"
            );
        }
    }
}
