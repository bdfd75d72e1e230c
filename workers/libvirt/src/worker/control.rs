//! Controls of a virtual machine.

use serde_json::{Value as Json, json};
use utakata_worker_sdk::{
    Answer, Failure, Reply,
    model::{Cure, Problem},
};

use super::{Conversation, problem};
use crate::{
    call::{self, Domain, Procedure, State},
    session::Error,
};

/// An order to a virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    procedure: Procedure,
    /// The state in which there is nothing to do.
    done: Option<State>,
    /// True if the call has flags behind the virtual machine.
    has_flags: bool,
}

const fn order(procedure: Procedure, done: Option<State>) -> Order {
    Order {
        procedure,
        done,
        has_flags: false,
    }
}

impl Order {
    /// The actions.
    pub const ALL: [(&'static str, Self); 6] = [
        ("vm-start", order(Procedure::Create, Some(State::Running))),
        ("vm-shut-down", order(Procedure::ShutDown, Some(State::Off))),
        ("vm-stop", order(Procedure::Destroy, Some(State::Off))),
        ("vm-suspend", order(Procedure::Suspend, Some(State::Paused))),
        ("vm-resume", order(Procedure::Resume, Some(State::Running))),
        (
            "vm-reset",
            Self {
                has_flags: true,
                ..order(Procedure::Reset, None)
            },
        ),
    ];

    /// Returns the order of an action.
    pub fn of(action: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(name, _)| *name == action);
        found.map(|(_, order)| *order)
    }
}

impl Conversation<'_> {
    pub async fn control(&mut self) -> Result<Answer, Failure> {
        let action = self.task.action.as_str();
        let name = self.task.parameters.get("vm").and_then(Json::as_str);
        let (Some(order), Some(name)) = (Order::of(action), name) else {
            let message = format!("there is no action \"{action}\" for it, or no virtual machine");
            let problem = Problem::new("bad-parameters", Cure::Operator, message);
            return Err(Failure::failed(problem));
        };
        // What cannot be read cannot be reached either, and has certainly not been touched.
        let domain = self.find(name).await.map_err(|error| self.failed(&error))?;
        let state = self.state(&domain).await?;
        if order.done == Some(state) {
            return Ok(self.done(json!({ "already": true })));
        }
        let argument = match order.has_flags {
            true => domain.argument().number(0),
            false => domain.argument(),
        };
        match self.session.call(order.procedure, argument).await {
            Ok(_) => Ok(self.done(json!({ "sent": action }))),
            Err(Error::Refused(refusal)) => {
                let reply = match refusal.is_certain() {
                    true => Reply::Refused,
                    false => Reply::Unclear,
                };
                let error = Error::Refused(refusal);
                let problem = problem::of(self.task, self.place, &error);
                Err(reply.proof().failure(problem))
            }
            Err(error) => {
                let problem = problem::doubtful(self.task, action, &error.to_string());
                Err(Reply::Silence.proof().failure(problem))
            }
        }
    }

    async fn state(&mut self, domain: &Domain) -> Result<State, Failure> {
        let argument = domain.argument();
        let info = self.session.call(Procedure::DomainInfo, argument).await;
        let info = info.and_then(|data| Ok(call::info(&data)?));
        info.map(|info| info.state)
            .map_err(|error| self.failed(&error))
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
