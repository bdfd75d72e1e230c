//! Controls, as described by a profile.

use serde_json::{Value as Json, json};
use utakata_worker_http::{
    Response,
    device::{Error, said},
};
use utakata_worker_sdk::{
    Answer, Failure, Reply,
    model::{Cure, Problem},
};

use super::{Conversation, DOCUMENT_MAX, NoDocument};
use crate::{
    order::{self, Order},
    profile::Control,
};

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
        let order = order::order(control, &self.task.parameters);
        let order = order.map_err(|why| self.refused(&why))?;
        if self.is_done(control).await? {
            return Ok(self.done(json!({ "already": true })));
        }
        let path = format!("{}{}", self.base, order.path);
        let body = order.body.as_ref().map(Json::to_string);
        let device = &mut self.turn.device;
        let response = device
            .change(order.method.clone(), &path, body, DOCUMENT_MAX)
            .await;
        self.judge(control, &order, response)
    }

    /// Returns true if it is so already. What cannot be read has certainly not been touched.
    async fn is_done(&mut self, control: &Control) -> Result<bool, Failure> {
        let Some((path, condition)) = &control.done else {
            return Ok(false);
        };
        let path = order::path(path, &self.task.parameters).map_err(|why| self.refused(&why))?;
        match self.document(&path).await {
            Ok(document) => Ok(condition.holds(&document)),
            Err(NoDocument::Device(Error::Refused { status, .. })) if status.as_u16() == 404 => {
                Err(self.refused(&format!("it has no {path}: nothing was sent")))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn judge(
        &self,
        control: &Control,
        order: &Order,
        response: Result<Response, Error>,
    ) -> Result<Answer, Failure> {
        let told = format!("{} {}", order.method, order.path);
        let response = match response {
            Ok(response) => response,
            Err(Error::Http(error)) if !error.is_unsent() => {
                let failure = Reply::Silence.proof();
                return Err(failure.failure(self.doubtful(&told, &error.to_string())));
            }
            // Nothing was sent, or the user was refused.
            Err(error) => return Err(self.failed(&NoDocument::Device(error))),
        };
        let status = response.status.as_u16();
        let is_ok = match control.ok.as_slice() {
            [] => response.status.is_success(),
            known => known.contains(&status),
        };
        let answered = format!("it answered {}{}", response.status, said(&response));
        match status {
            _ if is_ok => Ok(self.done(json!({ "sent": told }))),
            400..500 => {
                let message = format!("{}: {answered} to {told}", self.task.target);
                let problem = Problem::new("device-refused", Cure::Operator, message);
                Err(Reply::Refused.proof().failure(problem))
            }
            _ => {
                let problem = self.doubtful(&told, &answered);
                Err(Reply::Unclear.proof().failure(problem))
            }
        }
    }

    fn doubtful(&self, told: &str, what: &str) -> Problem {
        let target = &self.task.target;
        let message = format!("{target} was told {told}, and {what}: it may have done it");
        Problem::new("unreachable", Cure::Retry, message)
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
