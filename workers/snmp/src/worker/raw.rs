//! `get`, `walk` and `set`: for people who know OIDs.

use async_snmp::Oid;
use serde_json::{Value as Json, json};
use utakata_worker_sdk::{
    Answer, Failure,
    model::{Cure, Problem, manifest::Repeat, suggest},
};

use super::On;
use crate::{session::Singles, value};

/// Objects that a walk gives where nothing else is said.
const LIMIT: u64 = 1_000;

impl On<'_> {
    /// Gets the objects `oids`: a list of `{oid, type, value}`.
    pub async fn get(&self) -> Result<Answer, Failure> {
        let given = self.task.parameters.get("oids").and_then(Json::as_array);
        let oids: Result<Vec<Oid>, Failure> = given.into_iter().flatten().map(oid).collect();
        let oids = oids?;
        match self.session.get(self.deadline, &oids).await {
            Err(error) => Err(Failure::failed(self.problem(&error).await)),
            Ok(values) => {
                let found = oids.iter().zip(values).map(|(oid, found)| match found {
                    Some(found) => value::to_json(oid, &found),
                    None => json!({ "oid": oid.to_string(), "type": "none", "value": null }),
                });
                Ok(answer(found.collect()))
            }
        }
    }

    /// Walks everything under `oid`, up to `limit` objects.
    pub async fn walk(&self) -> Result<Answer, Failure> {
        let parameters = &self.task.parameters;
        let root = oid(parameters.get("oid").unwrap_or(&Json::Null))?;
        let limit = parameters
            .get("limit")
            .and_then(Json::as_u64)
            .unwrap_or(LIMIT);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut singles = Singles::of(&[]);
        let walk = self.session.to_walk([((), &root)].into_iter());
        let (found, walked) = match walk {
            Err(error) => (Vec::new(), Err(error)),
            Ok((_, mut columns)) => {
                let walked = self
                    .session
                    .walk(self.deadline, &mut singles, &mut columns, limit);
                let walked = walked.await;
                (columns, walked)
            }
        };
        let cells = found.iter().flat_map(|walked| walked.column.iter());
        let found = cells.map(|(index, found)| {
            let oid = Oid::new(root.arcs().iter().chain(index).copied());
            value::to_json(&oid, &found)
        });
        match walked {
            Err(error) => Err(Failure::failed(self.problem(&error).await)),
            Ok(()) => Ok(answer(found.collect())),
        }
    }

    /// Sets the object `oid` to `value` of type `type`.
    pub async fn set(&self, repeat: Repeat) -> Result<Answer, Failure> {
        let parameters = &self.task.parameters;
        let oid = oid(parameters.get("oid").unwrap_or(&Json::Null))?;
        let name = parameters
            .get("type")
            .and_then(Json::as_str)
            .unwrap_or("integer");
        let kind = value::Kind::parse(name).ok_or_else(|| {
            let hint = suggest::hint(name, value::Kind::NAMES);
            wrong(format!("there is no type \"{name}\": {hint}"))
        })?;
        let given = parameters.get("value").unwrap_or(&Json::Null);
        let value = kind
            .value(given)
            .map_err(|problem| wrong(format!("value: {problem}")))?;
        let echo = self.put(&oid, "", &value, repeat).await?;
        Ok(Answer {
            result: Some(value::to_json(&oid, &echo)),
            ..Answer::default()
        })
    }
}

fn answer(found: Vec<Json>) -> Answer {
    Answer {
        result: Some(Json::Array(found)),
        ..Answer::default()
    }
}

fn oid(text: &Json) -> Result<Oid, Failure> {
    let parsed = text.as_str().and_then(|text| Oid::parse(text).ok());
    parsed
        .filter(|oid| oid.len() > 1 && oid.validate_for_wire().is_ok())
        .ok_or_else(|| {
            wrong(format!(
                "{text} is not an OID: numbers and dots, as in 1.3.6.1.2.1.1.3.0"
            ))
        })
}

/// A parameter that the schema let through, and that cannot be used.
pub fn wrong(problem: String) -> Failure {
    Failure::failed(Problem::new("bad-parameters", Cure::Operator, problem))
}
