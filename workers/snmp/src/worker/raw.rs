//! `get`, `walk` and `set`: for users who know OIDs.

use async_snmp::Oid;
use serde_json::{Value as Json, json};
use utakata_worker_sdk::{
    Answer, Failure,
    model::{Cure, Problem, manifest::Repeat, suggest},
};

use super::TaskContext;
use crate::{
    session::{GetResult, Missed, Singles, Why},
    value,
};

/// The default limit of objects for a walk.
const LIMIT: u64 = 1_000;

impl TaskContext<'_> {
    /// Gets the objects `oids`: a list of `{oid, type, value}`.
    pub async fn get(&self) -> Result<Answer, Failure> {
        let given = self.task.parameters.get("oids").and_then(Json::as_array);
        let oids: Result<Vec<Oid>, Failure> = given.into_iter().flatten().map(oid).collect();
        let oids = oids?;
        match self.session.get(self.deadline, &oids).await {
            Err(error) => Err(Failure::failed(self.problem(&error).await)),
            Ok(got) => match got.missed.first() {
                Some(missed) if got.missed.len() == oids.len() => {
                    Err(Failure::failed(self.missed(missed)))
                }
                _ => Ok(answer(shown(&oids, &got), &got.missed)),
            },
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
        let wrong = |error| async move { Failure::failed(self.problem(&error).await) };
        let (_, mut columns) = match self.session.to_walk([((), &root)].into_iter()) {
            Ok(walk) => walk,
            Err(error) => return Err(wrong(error).await),
        };
        let walked = self
            .session
            .walk(self.deadline, &mut singles, &mut columns, limit);
        let missed = match walked.await {
            Ok(missed) => missed,
            Err(error) => return Err(wrong(error).await),
        };
        let cells = columns.iter().flat_map(|walked| walked.column.iter());
        let found = cells.map(|(index, found)| {
            let oid = Oid::new(root.arcs().iter().chain(index).copied());
            value::to_json(&oid, &found)
        });
        let mut found: Vec<Json> = found.collect();
        let missed_ones = missed.iter();
        found.extend(missed_ones.map(|missed| none(&missed.name(), Some(&missed.why))));
        Ok(answer(found, &missed))
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

fn answer(found: Vec<Json>, missed: &[Missed]) -> Answer {
    Answer {
        result: Some(Json::Array(found)),
        missing: missed.iter().map(Missed::told).collect(),
        ..Answer::default()
    }
}

fn shown(oids: &[Oid], got: &GetResult) -> Vec<Json> {
    let found = oids.iter().zip(&got.values).map(|(oid, found)| {
        let missed = got.missed.iter().find(|missed| missed.oid == *oid);
        match found {
            Some(found) => value::to_json(oid, found),
            None => none(oid, missed.map(|missed| &missed.why)),
        }
    });
    found.collect()
}

/// An object without a value, and the reason if it is not simply absent.
fn none(oid: &Oid, why: Option<&Why>) -> Json {
    let mut shown = json!({ "oid": oid.to_string(), "type": "none", "value": null });
    if let (Some(why), Some(shown)) = (why, shown.as_object_mut()) {
        shown.insert("problem".into(), json!(why.word()));
        shown.insert("message".into(), json!(why.to_string()));
    }
    shown
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

/// A parameter that passed the schema but cannot be used.
pub fn wrong(problem: String) -> Failure {
    Failure::failed(Problem::new("bad-parameters", Cure::Operator, problem))
}
