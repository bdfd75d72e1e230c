//! Controls: commands and variables.
//!
//! `OK` to a command means that it was handed to the driver, and nothing else: so the server is
//! asked to track it, and the result is that of the driver.

use serde_json::{Value as Json, json};
use utakata_profile::Template;
use utakata_worker_sdk::{
    Answer, Failure, Proof, Reply,
    model::{Cure, Problem},
};

use super::{Conversation, problem};
use crate::{
    line::{Tracked, quoted},
    profile::{Control, Request},
    session::Error,
};

/// A request that changes something.
struct Order {
    /// The line to be sent.
    line: String,
    /// Its name, for messages.
    told: String,
}

impl Conversation<'_> {
    pub async fn control(&mut self) -> Result<Answer, Failure> {
        let worker = self.worker;
        let bound = worker.program.control(&self.task.action);
        let control =
            bound.and_then(|profile| profile.content.controls.get(self.task.action.as_str()));
        let Some(control) = control else {
            let message = format!("there is no action \"{}\" for a UPS", self.task.action);
            let problem = Problem::new("bad-parameters", Cure::Operator, message);
            return Err(Failure::failed(problem));
        };
        // What cannot be read cannot be reached either, and has certainly not been touched.
        let variables = self.variables().await?;
        if control
            .done
            .as_ref()
            .is_some_and(|done| done.holds(&variables))
        {
            return Ok(self.done(json!({ "already": true })));
        }
        let order = self.order(control).await?;
        let is_tracked = match self.session.ask("SET TRACKING ON").await {
            Ok(_) => true,
            Err(Error::Refused(_)) => false,
            Err(error) => return Err(self.failed(&error)),
        };
        self.send(&order, is_tracked).await
    }

    async fn order(&mut self, control: &Control) -> Result<Order, Failure> {
        let value = self.value(control.value.as_ref())?;
        let ups = &self.ups;
        let (name, line) = match &control.request {
            Request::Set(name) => (name.clone(), format!("SET VAR {ups} {name}")),
            Request::Command(first) => {
                let request = format!("CMD {ups}");
                let known = self.session.list(&request).await;
                let known = known.map_err(|error| self.failed(&error))?;
                let has = |name: &&String| known.iter().any(|words| words.first() == Some(name));
                let Some(name) = first.iter().find(has) else {
                    return Err(self.no_command(first));
                };
                (name.clone(), format!("INSTCMD {} {name}", self.ups))
            }
        };
        Ok(match value {
            Some(value) => Order {
                line: format!("{line} {}", quoted(&value)),
                told: format!("{name} = {value}"),
            },
            None => Order { line, told: name },
        })
    }

    fn no_command(&self, first: &[String]) -> Failure {
        let message = format!(
            "{}: the driver of {} has no command {}: nothing was sent",
            self.task.target,
            self.ups,
            first.join(", nor ")
        );
        Failure::failed(Problem::new("device-refused", Cure::Operator, message))
    }

    fn value(&self, template: Option<&Template>) -> Result<Option<String>, Failure> {
        let Some(template) = template else {
            return Ok(None);
        };
        let parameter = |name: &str| match self.task.parameters.get(name)? {
            Json::String(text) => Some(text.clone().into()),
            Json::Number(number) => Some(number.to_string().into()),
            _ => None,
        };
        let filled = template.fill(parameter);
        filled.map(Some).ok_or_else(|| {
            let message = "a parameter is neither a text nor a number";
            Failure::failed(Problem::new("bad-parameters", Cure::Operator, message))
        })
    }

    async fn send(&mut self, order: &Order, is_tracked: bool) -> Result<Answer, Failure> {
        let told = &order.told;
        let words = match self.session.ask(&order.line).await {
            Ok(words) => words,
            Err(Error::Refused(refusal)) => {
                let error = Error::Refused(refusal.clone());
                let problem = problem::of(self.task, &self.server, &error);
                return Err(reply(&refusal.code).proof().failure(problem));
            }
            Err(error) => {
                let problem = problem::doubtful(self.task, told, &error.to_string());
                return Err(Reply::Silence.proof().failure(problem));
            }
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["OK", "TRACKING", id] if is_tracked => self.follow(order, id).await,
            ["OK", ..] => Ok(self.done(json!({ "sent": told }))),
            _ => {
                let said = format!("it answered \"{}\"", words.join(" "));
                let problem = problem::doubtful(self.task, told, &said);
                Err(Reply::Garbage.proof().failure(problem))
            }
        }
    }

    async fn follow(&mut self, order: &Order, id: &str) -> Result<Answer, Failure> {
        let told = &order.told;
        let doubt = |what: &str| {
            let problem = problem::doubtful(self.task, told, what);
            Proof::Nothing.failure(problem)
        };
        match self.session.result(id).await {
            Ok(Some(Tracked::Success)) => Ok(self.done(json!({ "sent": told, "result": "done" }))),
            Ok(Some(Tracked::Error(code))) => {
                let problem = problem::refused_by_driver(self.task, told, &code);
                Err(reply(&code).proof().failure(problem))
            }
            Ok(Some(Tracked::Pending) | None) => Err(doubt("its driver gave no result in time")),
            Err(error) => Err(doubt(&error.to_string())),
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

/// The conclusion from an error code. A driver that `FAILED` has tried.
fn reply(code: &str) -> Reply {
    match code {
        "FAILED" | "INSTCMD-FAILED" | "SET-FAILED" => Reply::Unclear,
        "ACCESS-DENIED"
        | "USERNAME-REQUIRED"
        | "PASSWORD-REQUIRED"
        | "UNKNOWN-UPS"
        | "CMD-NOT-SUPPORTED"
        | "VAR-NOT-SUPPORTED"
        | "READONLY"
        | "UNKNOWN"
        | "INVALID-ARGUMENT"
        | "INVALID-VALUE"
        | "TOO-LONG"
        | "DATA-STALE"
        | "DRIVER-NOT-CONNECTED"
        | "UNKNOWN-COMMAND" => Reply::Refused,
        _ => Reply::Unclear,
    }
}
