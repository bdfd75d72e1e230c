//! `utakata profile try`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use utakata_model::workbench::{Answer, Request, Subtree, Trial, TriedReading};
use utakata_up::workbench;

use super::tell_walk;
use crate::{
    commands::Context,
    exit::Exit,
    output::{Cell, Output, Row, words},
    progress,
};

pub async fn run(files: Vec<PathBuf>, walk: PathBuf, context: &Context<'_>) -> Result<Exit> {
    let request = Request::Try { files, walk };
    let asked = progress::during("reading the walk", workbench::ask(&request)).await?;
    let trial = match asked {
        Answer::Trial(trial) => trial,
        Answer::Refused { problems } => return Err(workbench::refused(&problems)),
        _ => bail!("the workbench gave an unexpected answer: is it another version?"),
    };
    let output = context.output;
    tell_walk(&trial.walk);
    output.one(&trial, || description(&trial, output))?;
    for notice in &trial.notices {
        tell!("{notice}");
    }
    match &trial.problem {
        Some(problem) => {
            tell!("{problem}");
            Ok(Exit::Failed)
        }
        None => Ok(Exit::Done),
    }
}

fn description(trial: &Trial, output: &Output) -> String {
    let mut parts = Vec::new();
    for profile in &trial.profiles {
        let is = if profile.is_recognised {
            "is"
        } else {
            "is not"
        };
        parts.push(format!(
            "the device {is} recognised by {}: {}",
            profile.name, profile.because
        ));
    }
    if !trial.readings.is_empty() {
        parts.push(output.table_of(&trial.readings).render(output.colours()));
    }
    parts.push(format!(
        "{} readings; the profiles look at {} of {} objects of the walk",
        trial.readings.len(),
        trial.used,
        trial.walk.objects
    ));
    if !trial.unused.is_empty() {
        parts.push("not looked at:".into());
        parts.push(output.table_of(&trial.unused).render(output.colours()));
    }
    parts.join("\n")
}

impl Row for TriedReading {
    const HEADERS: &'static [&'static str] = &["METRIC", "ATTRIBUTES", "VALUE", "QUALITY", "FROM"];
    const SORTED_BY: usize = 2;

    fn cells(&self) -> Vec<Cell> {
        let reading = &self.reading;
        vec![
            reading.metric.to_string().into(),
            Cell::dim(words::attributes(&reading.attributes)),
            words::reading(reading).into(),
            words::quality(reading.quality),
            Cell::dim(self.oid.clone().unwrap_or_default()),
        ]
    }
}

impl Row for Subtree {
    const HEADERS: &'static [&'static str] = &["SUBTREE", "OBJECTS", "WHAT"];

    fn cells(&self) -> Vec<Cell> {
        let name = self.name.clone().unwrap_or_default();
        let what = match &self.profile {
            Some(profile) => format!("{name}; the profile \"{profile}\" looks at some of it"),
            None => name,
        };
        vec![
            self.oid.clone().into(),
            self.objects.to_string().into(),
            what.trim_start_matches("; ").to_owned().into(),
        ]
    }
}
