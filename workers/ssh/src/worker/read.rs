//! `read`: the outputs of the commands that the profiles name.

use std::{collections::BTreeMap, sync::Arc};

use utakata_profile::{Collection, Filter, Raw, release::Recognised};
use utakata_worker_sdk::{
    Answer, Failure,
    model::{Missing, Recognition, missing},
};

use super::Conversation;
use crate::{
    argument,
    decode::{self, Output},
    profile::{Command, Content, Profile},
    session::Error,
};

/// The exit code of a shell that has not found the program (POSIX, 2.8.2).
const NOT_FOUND: u32 = 127;
/// The longest text of an error that is repeated to people, in characters.
const SAID_MAX: usize = 120;

impl Conversation<'_> {
    /// Reads what the profiles contain. A command that fails is named; the rest is told.
    pub async fn read(&mut self) -> Result<Answer, Failure> {
        let found = self.recognise().await?;
        let filter = Filter::of(&self.task.parameters);
        let commands = commands(&found.profiles, &filter);
        let (outputs, mut missing) = self.outputs(&commands).await?;
        let is_open = filter.is_open();
        let mut all = Collection::new(filter);
        missing.extend(decode::decode(&found.profiles, &outputs, &mut all));
        if all.readings.is_empty() && !(is_open && found.profiles.is_empty()) {
            let why = missing.first().map(|one| format!(": {one}"));
            let why = why.unwrap_or_default();
            return Err(self.refused(&format!("it has nothing of what was asked for{why}")));
        }
        Ok(Answer {
            missing: missing.into_iter().chain(all.unread).collect(),
            recognition: Some(Recognition {
                is_understood: !all.readings.is_empty(),
                profiles: found
                    .names
                    .iter()
                    .map(|name| name.as_str().into())
                    .collect(),
                identity: None,
                description: None,
            }),
            readings: all.readings,
            ..Answer::default()
        })
    }

    /// The profiles with which the host is read.
    async fn recognise(&mut self) -> Result<Recognised<Content>, Failure> {
        let program = &self.worker.program;
        let mut fitting: Vec<&str> = Vec::new();
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        if program.settings.recognise {
            for profile in program.library.recognisable() {
                let Some((arguments, test)) = &profile.content.recognise else {
                    continue;
                };
                let command = self.command(arguments.iter().map(String::as_str))?;
                if !known.contains_key(&command) {
                    let done = self.run(&command).await?;
                    known.insert(command.clone(), done.output.text);
                }
                let text = known
                    .get(&command)
                    .map(|text| Raw::Text(text.trim().into()));
                if test.holds(text.as_ref()) {
                    fitting.push(&profile.name);
                }
            }
        }
        let found = program.recognise(|profile| fitting.contains(&profile.name.as_str()));
        found.map_err(|error| self.refused(&error.to_string()))
    }

    fn command<'a>(&self, arguments: impl Iterator<Item = &'a str>) -> Result<String, Failure> {
        argument::command(arguments).map_err(|why| self.refused(&why))
    }

    /// Runs commands. A host that does not answer any more ends it, unless something has arrived.
    async fn outputs(
        &mut self,
        commands: &BTreeMap<&str, &Command>,
    ) -> Result<(BTreeMap<String, Output>, Vec<Missing>), Failure> {
        let (mut outputs, mut missing) = (BTreeMap::new(), Vec::new());
        for (name, command) in commands {
            let text = self.command(command.arguments.iter().map(String::as_str))?;
            match self.try_run(&text).await {
                Ok(done) if command.exit.contains(&done.output.exit) => {
                    outputs.insert((*name).to_owned(), done.output);
                }
                Ok(done) if done.output.exit == NOT_FOUND && command.is_optional => {}
                Ok(done) => {
                    let said: String = done.errors.trim().chars().take(SAID_MAX).collect();
                    let exit = done.output.exit;
                    let message = format!("{text}: it ended with {exit}: {said}");
                    missing.push(Missing::rest(name, missing::REFUSED, &message));
                }
                Err(error @ (Error::Large | Error::Signal(_) | Error::NotRun)) => {
                    let message = format!("{text}: {error}");
                    missing.push(Missing::rest(name, missing::REFUSED, &message));
                }
                Err(error) if outputs.is_empty() => {
                    return Err(Failure::failed(self.problem(&error)));
                }
                Err(error) => {
                    let message = format!("{text}: {error}");
                    missing.push(Missing::rest(name, missing::NO_ANSWER, &message));
                    break;
                }
            }
        }
        Ok((outputs, missing))
    }
}

/// The commands that tell something that is asked for. The first profile that has one decides.
fn commands<'a>(profiles: &'a [Arc<Profile>], filter: &Filter) -> BTreeMap<&'a str, &'a Command> {
    let mut commands = BTreeMap::new();
    for profile in profiles {
        for (name, command) in &profile.content.commands {
            let mut readers = profiles.iter();
            let tells = |profile: &Arc<Profile>| {
                let metrics = profile.content.metrics_of(name);
                metrics.iter().any(|metric| filter.has(metric))
            };
            if readers.any(tells) {
                commands.entry(name.as_str()).or_insert(command);
            }
        }
    }
    commands
}
