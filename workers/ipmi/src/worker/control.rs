//! Controls of the chassis.

use serde_json::{Value as Json, json};
use utakata_worker_sdk::{
    Answer, Failure, Proof, Reply,
    model::{Cure, Problem},
};

use super::{Conversation, problem, read::DEVICES};
use crate::{lan::Request, profile::Control};

impl Conversation<'_> {
    pub async fn control(&mut self) -> Result<Answer, Failure> {
        let action = &self.task.action;
        let bound = self.worker.program.control(action);
        let control = bound.and_then(|profile| profile.content.controls.get(action.as_str()));
        let Some(control) = control.copied() else {
            let message = format!("there is no action \"{action}\" for a BMC");
            let problem = Problem::new("bad-parameters", Cure::Operator, message);
            return Err(Failure::failed(problem));
        };
        let request = match control {
            Control::Chassis { order, done } => {
                if self.is_done(done).await? {
                    return Ok(self.done(json!({ "already": true })));
                }
                Request::new(0, 2, [order])
            }
            Control::Identify => {
                let seconds = self.task.parameters.get("seconds").and_then(Json::as_u64);
                let seconds = seconds.and_then(|seconds| u8::try_from(seconds).ok());
                let seconds = seconds.ok_or_else(|| self.refused("seconds are from 0 to 255"))?;
                Request::new(0, 4, [seconds])
            }
            Control::Boot => self.boot()?,
        };
        self.send(&request).await
    }

    /// Returns true if the power is so already. What cannot be read has certainly not been touched.
    async fn is_done(&mut self, done: Option<bool>) -> Result<bool, Failure> {
        let Some(wanted) = done else {
            return Ok(false);
        };
        let data = self.session.ask(&Request::new(0, 1, [])).await;
        let data = data.map_err(|error| self.failed(&error))?;
        let is_on = data.first().map(|power| power & 1 != 0);
        Ok(is_on == Some(wanted))
    }

    /// Set System Boot Options: the flags, valid for the next start.
    fn boot(&self) -> Result<Request, Failure> {
        let device = self.task.parameters.get("device").and_then(Json::as_str);
        let found = device.and_then(|device| DEVICES.iter().find(|(_, word)| *word == device));
        let (number, _) = found.ok_or_else(|| self.refused("there is no such device"))?;
        let valid = 0x80;
        Ok(Request::new(0, 8, [5, valid, number << 2, 0, 0, 0]))
    }

    async fn send(&mut self, request: &Request) -> Result<Answer, Failure> {
        let told = format!(
            "{} ({:#04x} {:02x?})",
            self.task.action, request.command, request.data
        );
        match self.session.change(request).await {
            Ok(_) => Ok(self.done(json!({ "sent": told }))),
            Err(error) if error.is_certain() => {
                let problem = problem::of(self.task, self.address, &error);
                Err(Reply::Refused.proof().failure(problem))
            }
            Err(error) => {
                let problem = problem::doubtful(self.task, &told, &error.to_string());
                Err(Proof::Nothing.failure(problem))
            }
        }
    }

    fn done(&self, besides: Json) -> Answer {
        let mut result = self.task.parameters.clone();
        if let (Json::Object(result), Json::Object(besides)) = (&mut result, besides) {
            result.extend(besides);
        }
        Answer {
            result: Some(result),
            ..Answer::default()
        }
    }
}
