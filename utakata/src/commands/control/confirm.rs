//! Confirmation before something is done.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Result, bail};
use utakata_api::{Client, inventory::KindView, operation::Plan};
use utakata_model::{ActionName, TargetName, manifest::Risk};

use crate::{exit::Usage, output::prompt};

/// The largest number of targets that are listed.
const NAMED: usize = 5;

/// An action that needs confirmation.
#[derive(Debug)]
pub struct CommandEffect<'a> {
    /// The action: `outlet-off on`.
    pub what: String,
    pub targets: Vec<&'a TargetName>,
    /// The number of targets above which a confirmation must state it.
    pub many: u64,
    pub is_risky: bool,
    /// True if a confirmation was given beforehand: the number of targets, or the plan.
    pub is_meant: bool,
}

/// The user's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// No question was asked.
    NotNeeded,
    /// The user was asked and agreed.
    Given,
    /// The user was asked and did not agree.
    Refused,
}

/// The question that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    None,
    /// A question to answer with yes or no.
    Plain,
    /// A question to answer with the number of targets.
    Count,
}

impl CommandEffect<'_> {
    /// Chooses the question. `is_yes`: the user has agreed beforehand; `is_asked`: there is a
    /// terminal.
    fn question(&self, is_yes: bool, is_asked: bool) -> Result<Question, Usage> {
        let count = self.targets.len() as u64;
        let is_many = count > self.many && !self.is_meant;
        match (is_asked, is_many) {
            (true, true) => Ok(Question::Count),
            (false, true) => Err(Usage(format!(
                "{count} targets are selected, which is more than {}: if they are all meant, give \
                 --expect {count}, or --plan with the token that --dry-run shows",
                self.many
            ))),
            (true, false) if count > 1 || self.is_risky => Ok(Question::Plain),
            (false, false) if self.is_risky && !(is_yes || self.is_meant) => Err(Usage(format!(
                "nothing was done: {} There is no terminal for a confirmation: give --yes, or --plan \
                 with the token that --dry-run shows",
                self.description()
            ))),
            _ => Ok(Question::None),
        }
    }

    fn description(&self) -> String {
        let count = self.targets.len();
        let names: Vec<&str> = self.targets.iter().map(|name| name.as_str()).collect();
        let shown = names[..count.min(NAMED)].join(", ");
        let more = if count > NAMED { ", …" } else { "" };
        let targets = if count == 1 { "target" } else { "targets" };
        let risk = if self.is_risky {
            " This action is of high risk."
        } else {
            ""
        };
        format!("{} {count} {targets}: {shown}{more}.{risk}", self.what)
    }
}

/// Asks the question if there is a terminal.
pub fn consent(asked: &CommandEffect<'_>, is_yes: bool) -> Result<Consent> {
    let is_asked = !is_yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    let count = asked.targets.len().to_string();
    let is_agreed = match asked.question(is_yes, is_asked) {
        Err(usage) => bail!(usage),
        Ok(Question::None) => return Ok(Consent::NotNeeded),
        Ok(Question::Plain) => {
            let answer = ask(&format!("{} Do it? [y/N] ", asked.description()))?;
            matches!(answer.as_str(), "y" | "Y" | "yes")
        }
        Ok(Question::Count) => {
            let told = asked.description();
            ask(&format!(
                "{told} If all of them are meant, type their number:  "
            ))? == count
        }
    };
    Ok(if is_agreed {
        Consent::Given
    } else {
        Consent::Refused
    })
}

fn ask(question: &str) -> Result<String> {
    prompt(question)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Returns true if the action is of high risk for any kind in the plan.
pub(super) async fn is_risky(client: &Client, action: &ActionName, plan: &Plan) -> Result<bool> {
    let kinds = client.kinds().await?;
    let risky = |kind: &KindView| {
        let planned = plan
            .targets
            .iter()
            .any(|task| task.release.kind == kind.kind);
        let action = kind.manifest.action(action);
        planned && action.is_some_and(|action| action.risk == Risk::High)
    };
    Ok(kinds.iter().any(risky))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_targets_or_high_risk_need_an_explicit_confirmation() {
        let name = TargetName::new("pdu-1").unwrap();
        let check = |count: usize, is_risky, is_meant, is_yes, is_asked| {
            let asked = CommandEffect {
                what: "outlet-off on".into(),
                targets: vec![&name; count],
                many: 3,
                is_risky,
                is_meant,
            };
            asked.question(is_yes, is_asked).map_err(|usage| usage.0)
        };
        for (count, is_risky, is_meant, is_yes, is_asked, expect) in [
            (1, false, false, false, true, Question::None),
            (1, true, false, false, true, Question::Plain),
            (2, false, false, false, true, Question::Plain),
            (4, false, false, false, true, Question::Count),
            (4, false, true, false, true, Question::Plain),
            // Without a terminal, or with --yes.
            (2, false, false, false, false, Question::None),
            (2, true, false, true, false, Question::None),
            (2, true, true, false, false, Question::None),
            (4, false, true, false, false, Question::None),
        ] {
            let found = check(count, is_risky, is_meant, is_yes, is_asked);
            assert_eq!(
                found,
                Ok(expect),
                "{count} {is_risky} {is_meant} {is_yes} {is_asked}"
            );
        }
        for is_yes in [false, true] {
            let refused = check(4, false, false, is_yes, false).unwrap_err();
            assert!(refused.contains("--expect 4"), "{refused}");
            assert!(refused.contains("--plan"), "{refused}");
        }
        let refused = check(1, true, false, false, false).unwrap_err();
        assert!(refused.contains("nothing was done"), "{refused}");
        assert!(refused.contains("1 target: pdu-1"), "{refused}");
        assert!(refused.contains("--yes"), "{refused}");
    }
}
