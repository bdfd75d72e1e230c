//! Controls: a value that is written, exactly or not at all.

use serde_json::{Value as Json, json};
use utakata_worker_sdk::{
    Answer, Failure, Reply,
    model::{Cure, Problem},
};

use super::{Conversation, problem};
use crate::{
    frame::{self, Request, Table},
    plan::Block,
    profile::{Control, Place, Profile},
    session::Error,
};

impl Conversation<'_> {
    pub async fn control(&mut self, profile: &Profile, name: &str) -> Result<Answer, Failure> {
        let Some(control) = profile.content.controls.get(name) else {
            return Ok(Answer::default());
        };
        self.session.pause(profile.content.talk.pause);
        let number = self.number(control)?;
        let registers = control.place.kind.write(number, control.place.words);
        let registers = registers.map_err(|why| self.refused(&why))?;
        self.write(&control.place, &registers, control.many).await
    }

    /// The number that is written, in steps of the register.
    fn number(&self, control: &Control) -> Result<f64, Failure> {
        let parameter = |name: &str| match self.task.parameters.get(name)? {
            Json::String(text) => Some(text.clone().into()),
            Json::Number(number) => Some(number.to_string().into()),
            Json::Bool(on) => Some(u8::from(*on).to_string().into()),
            _ => None,
        };
        let text = control.value.fill(parameter);
        let number = text.and_then(|text| text.trim().parse::<f64>().ok());
        let number = number.ok_or_else(|| {
            let problem = Problem::new("bad-parameters", Cure::Operator, "the value is no number");
            Failure::failed(problem)
        })?;
        Ok((number - control.offset) / control.factor)
    }

    /// Writes registers, after making sure that the device answers. What is so already is not
    /// written.
    pub(super) async fn write(
        &mut self,
        place: &Place,
        registers: &[u16],
        many: bool,
    ) -> Result<Answer, Failure> {
        let told = format!("{:?} {} = {registers:?}", place.table, place.at).to_lowercase();
        match self.ask(Block::of(place)).await {
            Ok(frame::Answer::Values(found)) if found == registers => {
                return Ok(self.done(json!({ "already": true })));
            }
            Ok(frame::Answer::Exception(10 | 11)) => {
                let problem = problem::of(self.task, self.place, &Error::Away);
                return Err(Failure::failed(problem));
            }
            // Some registers can only be written.
            Ok(_) => {}
            Err(error) => {
                let problem = problem::of(self.task, self.place, &error);
                return Err(Failure::failed(problem));
            }
        }
        let request = match (place.table, registers) {
            (Table::Coil, [value]) => Request::WriteCoil {
                at: place.at,
                on: *value != 0,
            },
            (_, [value]) if !many => Request::WriteOne {
                at: place.at,
                value: *value,
            },
            _ => Request::WriteMany {
                at: place.at,
                values: registers.to_vec(),
            },
        };
        let answer = self.session.ask(&request).await;
        self.judge(&told, answer)
    }

    fn judge(&self, told: &str, answer: Result<frame::Answer, Error>) -> Result<Answer, Failure> {
        match answer {
            Ok(frame::Answer::Confirmed) => Ok(self.done(json!({ "sent": told }))),
            Ok(frame::Answer::Exception(code)) => {
                let reply = problem::reply(code);
                let why = problem::exception(code);
                let problem = match reply {
                    Reply::Refused => problem::refused(self.task, &format!("{told}: {why}")),
                    _ => problem::doubtful(self.task, told, why),
                };
                Err(reply.proof().failure(problem))
            }
            Ok(frame::Answer::Values(_) | frame::Answer::Identified(_)) => {
                let problem = problem::doubtful(self.task, told, "it answered something else");
                Err(Reply::Other.proof().failure(problem))
            }
            Err(error) => {
                let reply = match error {
                    Error::Ended => Reply::Unsent,
                    Error::Garbage(_) => Reply::Garbage,
                    _ => Reply::Silence,
                };
                let problem = problem::doubtful(self.task, told, &error.to_string());
                Err(reply.proof().failure(problem))
            }
        }
    }

    pub(super) fn done(&self, besides: Json) -> Answer {
        let mut result = self.task.parameters.clone();
        if let (Json::Object(result), Json::Object(besides)) = (&mut result, besides) {
            result.extend(besides);
        }
        Answer {
            result: Some(result),
            ..Answer::default()
        }
    }

    pub(super) fn refused(&self, why: &str) -> Failure {
        Failure::failed(problem::refused(self.task, why))
    }
}
