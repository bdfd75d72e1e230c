//! Control: tasks and operations that need a person.

use utakata_api::overview::{About, Finding, Weight};

use super::SiteFacts;

impl SiteFacts {
    pub(super) fn rotations(&self, found: &mut Vec<Finding>) {
        for (credential, rotation) in &self.stuck {
            let target = &rotation.target;
            let why = rotation.told.as_deref().unwrap_or("no answer");
            found.push(Finding {
                weight: Weight::Wrong,
                about: About::Operation,
                subject: format!("credential {credential}"),
                says: format!(
                    "neither its new nor its old password is known to be right for {target}; both \
                     are kept, and tried again: {why}"
                ),
                cure: Some(format!("`utakata credential rotation {credential}`")),
            });
        }
    }

    pub(super) fn control(&self, found: &mut Vec<Finding>) {
        let Some(control) = &self.control else {
            return;
        };
        let counts = control.counts;
        if let Some((id, target)) = control.unsettled.first() {
            let what = match counts.unsettled {
                1 => format!("1 task is unsettled, on {target}"),
                count => format!("{count} tasks are unsettled, the oldest on {target}"),
            };
            found.push(Finding {
                weight: Weight::Wrong,
                about: About::Task,
                subject: "control".into(),
                says: format!("{what}: a person has to state the outcome"),
                cure: Some(format!(
                    "`utakata task explain {id}`; all: `utakata task list --state unsettled`"
                )),
            });
        }
        let operations = [
            (
                counts.stopped,
                control.stopped.first(),
                Weight::Wrong,
                "stopped because too many tasks failed",
                "explain",
            ),
            (
                counts.awaiting,
                control.awaiting.first(),
                Weight::Notice,
                "waiting for an approval",
                "approve",
            ),
        ];
        for (count, first, weight, how, verb) in operations {
            let Some(first) = first else { continue };
            found.push(Finding {
                weight,
                about: About::Operation,
                subject: "control".into(),
                says: match count {
                    1 => format!("1 operation is {how}"),
                    count => format!("{count} operations are {how}"),
                },
                cure: Some(format!("`utakata operation {verb} {first}`")),
            });
        }
        if counts.paused > 0 {
            found.push(Finding {
                weight: Weight::Notice,
                about: About::Operation,
                subject: "control".into(),
                says: match counts.paused {
                    1 => "1 operation is paused".into(),
                    count => format!("{count} operations are paused"),
                },
                cure: Some("`utakata operation list`".into()),
            });
        }
    }
}
