//! `get` and `set`: registers by their addresses, for looking at a device and writing a profile.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use utakata_profile::Raw;
use utakata_worker_sdk::{
    Answer, Failure,
    model::{Cure, Problem},
};

use super::{Conversation, problem};
use crate::{
    frame::{self, Table},
    plan::Block,
    profile::Place,
    value::{Kind, Words},
};

/// The parameters of both actions.
#[derive(Debug, Deserialize)]
struct Parameters {
    #[serde(default)]
    table: Option<String>,
    at: u16,
    #[serde(default)]
    count: Option<u16>,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    words: Option<String>,
    #[serde(default)]
    value: Option<f64>,
}

impl Parameters {
    fn read(parameters: &Json) -> Result<Self, Failure> {
        Self::deserialize(parameters).map_err(|error| wrong(&error.to_string()))
    }

    fn place(&self) -> Place {
        let table = match self.table.as_deref() {
            Some("input") => Table::Input,
            Some("coil") => Table::Coil,
            Some("discrete") => Table::Discrete,
            _ => Table::Holding,
        };
        let named = self.r#type.as_deref();
        let known = Kind::NAMES.iter().find(|(name, _)| Some(*name) == named);
        Place {
            table,
            at: self.at,
            kind: known.map_or(Kind::U16, |(_, kind)| *kind),
            words: match self.words.as_deref() {
                Some("little") => Words::Little,
                _ => Words::Big,
            },
        }
    }
}

impl Conversation<'_> {
    /// Reads registers, and tells them as numbers of the type that is asked for.
    pub async fn get(&mut self) -> Result<Answer, Failure> {
        let asked = Parameters::read(&self.task.parameters)?;
        let place = asked.place();
        let size = place.kind.registers();
        let count = asked.count.unwrap_or(1);
        let block = Block {
            table: place.table,
            at: place.at,
            count: count.saturating_mul(size).min(frame::REGISTERS_MAX),
        };
        let answer = self.ask(block).await.map_err(|error| {
            let problem = problem::of(self.task, self.place, &error);
            Failure::failed(problem)
        })?;
        let values = match answer {
            frame::Answer::Values(values) => values,
            frame::Answer::Exception(code) => return Err(self.refused(problem::exception(code))),
            frame::Answer::Confirmed | frame::Answer::Identified(_) => Vec::new(),
        };
        let numbers = values.chunks(usize::from(size)).filter_map(|registers| {
            Some(match place.kind.read(registers, place.words)? {
                Raw::Integer(number) => json!(number),
                Raw::Unsigned(number, _) => json!(number),
                Raw::Float(number) => json!(number),
                _ => return None,
            })
        });
        let numbers: Vec<Json> = numbers.collect();
        Ok(Answer {
            result: Some(json!({ "at": place.at, "values": numbers })),
            ..Answer::default()
        })
    }

    /// Writes a number to registers, exactly or not at all.
    pub async fn set(&mut self) -> Result<Answer, Failure> {
        let asked = Parameters::read(&self.task.parameters)?;
        let place = asked.place();
        if !matches!(place.table, Table::Holding | Table::Coil) {
            return Err(wrong("only holding registers and coils are written"));
        }
        let value = asked.value.ok_or_else(|| wrong("it needs a value"))?;
        let registers = place.kind.write(value, place.words);
        let registers = registers.map_err(|why| self.refused(&why))?;
        self.write(&place, &registers, false).await
    }
}

fn wrong(text: &str) -> Failure {
    Failure::failed(Problem::new("bad-parameters", Cure::Operator, text))
}
