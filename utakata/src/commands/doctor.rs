//! `utakata doctor`: finds problems here and shows their cures.

mod access;
#[cfg(feature = "kubernetes")]
mod cluster;
mod machine;
mod place;
mod probes;
mod server;
mod site;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::Context;
use crate::{
    exit::Exit,
    output::{Cell, Row, Tone},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Checks this machine, the data directory, the configuration, the server and the site. It changes
nothing. `utakata status` is the short form, for the site only.

Exit codes: 0 nothing is wrong (there may be warnings), 1 something is wrong

Example: utakata doctor")]
pub struct Arguments {}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: String,
    pub result: Verdict,
    pub seen: String,
    /// The cure, unless all is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cure: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything is as it should be.
    #[serde(rename = "ok")]
    Right,
    /// It works, but somebody should know.
    #[serde(rename = "warning")]
    Doubtful,
    /// Something does not work.
    Wrong,
}

impl Finding {
    /// Creates the finding that all is well.
    pub fn right(check: &str, seen: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            result: Verdict::Right,
            seen: seen.into(),
            cure: String::new(),
        }
    }

    /// A finding that somebody should know.
    pub fn doubtful(check: &str, seen: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            result: Verdict::Doubtful,
            cure: cure.into(),
            ..Self::right(check, seen)
        }
    }

    /// A finding that something does not work.
    pub fn wrong(check: &str, seen: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            result: Verdict::Wrong,
            cure: cure.into(),
            ..Self::right(check, seen)
        }
    }
}

/// Checks everything.
pub async fn run(_: &Arguments, context: &Context<'_>) -> Result<Exit> {
    let mut findings = machine::look();
    findings.extend(place::look(context.global));
    #[cfg(feature = "kubernetes")]
    findings.extend(cluster::look(context.global).await);
    findings.extend(server::look(context).await);
    context.output.list(&findings, "")?;
    let wrong = findings.iter().any(|one| one.result == Verdict::Wrong);
    Ok(if wrong { Exit::Failed } else { Exit::Done })
}

impl Row for Finding {
    const HEADERS: &'static [&'static str] = &["CHECK", "RESULT", "SEEN", "CURE"];

    fn cells(&self) -> Vec<Cell> {
        let (word, tone) = match self.result {
            Verdict::Right => ("ok", Tone::Good),
            Verdict::Doubtful => ("warning", Tone::Doubtful),
            Verdict::Wrong => ("wrong", Tone::Bad),
        };
        vec![
            self.check.clone().into(),
            Cell::toned(word, tone),
            self.seen.clone().into(),
            self.cure.clone().into(),
        ]
    }
}
