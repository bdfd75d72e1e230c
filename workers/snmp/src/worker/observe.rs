//! Observations with parameters: reading one instance as described by a profile.

use std::sync::Arc;

use async_snmp::ErrorStatus;
use serde_json::Value as Json;
use utakata_worker_sdk::{Answer, Failure};

use super::{TaskContext, problem, raw::wrong};
use crate::{
    decode::{Fetched, decode},
    plan::Plan,
    profile::{Observe, ObservedScalar, Scalar},
    session::GetResult,
};

impl TaskContext<'_> {
    /// Carries out an observe action of a profile. It fails if the device has nothing of it.
    pub async fn observe(&self, observe: &Observe) -> Result<Answer, Failure> {
        let parameters = &self.task.parameters;
        let scalars = observe.scalars.iter();
        let scalars: Result<Vec<Scalar>, String> = scalars
            .map(|scalar| scalar.with_parameters(parameters))
            .collect();
        let plan = Plan::of_scalars(&scalars.map_err(wrong)?);
        let GetResult {
            values: scalars,
            missed,
        } = match self.session.get(self.deadline, &plan.oids).await {
            Ok(got) => got,
            Err(error) => return Err(Failure::failed(self.problem(&error).await)),
        };
        let tables = Vec::new();
        let decoded = decode(&plan, &Fetched { scalars, tables });
        if decoded.metrics.is_empty() {
            return Err(match missed.first() {
                Some(missed) => Failure::failed(self.missed(missed)),
                None => self.nothing_there(&plan),
            });
        }
        Ok(self.answer(decoded.buffer, &missed))
    }

    fn nothing_there(&self, plan: &Plan) -> Failure {
        let target = &self.task.target;
        let oids: Vec<String> = plan.oids.iter().map(ToString::to_string).collect();
        let what = format!("{target} has nothing at {}", oids.join(", "));
        Failure::failed(problem::refused(&what, ErrorStatus::NoSuchName))
    }
}

impl ObservedScalar {
    /// The scalar selected by these parameters.
    fn with_parameters(&self, parameters: &Json) -> Result<Scalar, String> {
        let mut meaning = self.meaning.clone();
        for (key, name) in &self.attributes {
            let text = match parameters.get(name) {
                Some(Json::String(text)) => text.clone(),
                Some(Json::Number(number)) => number.to_string(),
                _ => return Err(format!("{name} is neither a text nor a number")),
            };
            meaning.attributes.push((Arc::clone(key), text.into()));
        }
        Ok(Scalar {
            oids: vec![self.instance.oid(parameters)?],
            largest: Vec::new(),
            beside: Vec::new(),
            when: Vec::new(),
            unit_of: None,
            meaning,
        })
    }
}
