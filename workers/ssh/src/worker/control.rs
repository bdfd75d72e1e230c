//! Controls: a command that a profile names, with parameters that it allows.

use serde_json::{Value as Json, json};
use utakata_worker_sdk::{
    Answer, Failure, Reply,
    model::{Cure, Problem},
};

use super::{Conversation, problem};
use crate::{
    argument,
    profile::Control,
    session::{Done, Error},
};

/// The longest text of an error that is repeated to people, in characters.
const SAID_MAX: usize = 200;

impl Conversation<'_> {
    pub async fn control(&mut self) -> Result<Answer, Failure> {
        let action = &self.task.action;
        let bound = self.worker.program.control(action);
        let control = bound.and_then(|profile| profile.content.controls.get(action.as_str()));
        let Some(control) = control else {
            let message = format!("there is no action \"{action}\" for it");
            let problem = Problem::new("bad-parameters", Cure::Operator, message);
            return Err(Failure::failed(problem));
        };
        self.check_allowed(control)?;
        let arguments = argument::fill(&control.arguments, &self.task.parameters);
        let arguments = arguments.map_err(|why| self.refused(&why))?;
        let command = argument::command(arguments.iter().map(String::as_str));
        let command = command.map_err(|why| self.refused(&why))?;
        let done = self.try_run(&command).await;
        self.judge(control, &command, done)
    }

    /// Checks the parameters against the list of the profile.
    fn check_allowed(&self, control: &Control) -> Result<(), Failure> {
        for (parameter, allowed) in &control.allow {
            let given = match self.task.parameters.get(parameter) {
                Some(Json::String(text)) => text.clone(),
                Some(Json::Number(number)) => number.to_string(),
                _ => String::new(),
            };
            if !allowed.has(&given) {
                let why =
                    format!("{parameter} may not be \"{given}\": its profile does not allow it");
                return Err(self.refused(&why));
            }
        }
        Ok(())
    }

    fn judge(
        &self,
        control: &Control,
        command: &str,
        done: Result<Done, Error>,
    ) -> Result<Answer, Failure> {
        let done = match done {
            Ok(done) => done,
            Err(error) if error.is_unsent() => {
                return Err(Reply::Unsent.proof().failure(self.problem(&error)));
            }
            Err(error) => {
                let problem = problem::doubtful(self.task, command, &error.to_string());
                return Err(Reply::Silence.proof().failure(problem));
            }
        };
        let exit = done.output.exit;
        let said: String = done.errors.trim().chars().take(SAID_MAX).collect();
        if control.done.contains(&exit) {
            let mut result = self.task.parameters.clone();
            if let Json::Object(result) = &mut result {
                result.insert("exit".into(), json!(exit));
            }
            return Ok(Answer {
                result: Some(result),
                ..Answer::default()
            });
        }
        let what = format!("it ended with {exit}: {said}");
        if control.refused.contains(&exit) {
            let message = format!("{}: {command}: {what}", self.task.target);
            let problem = Problem::new("device-refused", Cure::Operator, message);
            return Err(Reply::Refused.proof().failure(problem));
        }
        let problem = problem::doubtful(self.task, command, &what);
        Err(Reply::Unclear.proof().failure(problem))
    }
}
