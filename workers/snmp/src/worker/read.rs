//! `read`: the metrics of the profiles.

use std::{
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use async_snmp::Oid;
use serde_json::{Value as Json, json};
use utakata_worker_sdk::{
    Answer, Failure,
    model::{Cure, Problem},
};

use super::{On, fetch::fetch};
use crate::{
    decode::{Decoded, decode},
    plan::{Filter, Plan},
    profile::{
        Profile, Recognise,
        recognise::{Device, Recognised},
    },
    session::Error,
    value,
};

/// How long a device is believed to be what it was recognised as.
const RECOGNISED: Duration = Duration::from_secs(600);
/// sysObjectID of SNMPv2-MIB: what the device is.
const SYSTEM: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 2, 0];
/// sysDescr: what it says of itself.
const DESCRIPTION: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 1, 0];

impl On<'_> {
    /// Reads what the plan says. Half a table is no failure: its readings are suspect, and the
    /// result says what is missing.
    pub async fn read(&self) -> Result<Answer, Failure> {
        let filter = filter(&self.task.parameters);
        let plan = self.plan(&filter).await?;
        if plan.is_empty() {
            return Err(self.nothing_like(&filter));
        }
        let haul = fetch(self.session, &plan, self.deadline).await;
        let decoded = decode(&plan, &haul.fetched);
        let is_foreign = self.is_foreign(&filter, &decoded);
        let answer = Answer {
            sheet: decoded.sheet,
            ..Answer::default()
        };
        match (haul.trouble, is_foreign) {
            (None, false) => Ok(answer),
            (None, true) => Err(self.foreign()),
            (Some(error), true) => Err(Failure::failed(self.problem(&error).await)),
            (Some(error), false) => {
                let problem = incomplete(&self.problem(&error).await);
                Ok(Answer {
                    result: Some(json!({ "incomplete": problem })),
                    ..answer
                })
            }
        }
    }

    async fn plan(&self, filter: &Filter) -> Result<Arc<Plan>, Failure> {
        let everything = filter.0.is_empty();
        if !self.worker.settings.recognise {
            return match everything {
                true => Ok(Arc::clone(&self.worker.plan)),
                false => Ok(Arc::new(Plan::build(&self.profiles(&[]), filter))),
            };
        }
        let now = Clock::now();
        if let Some(plan) = self.session.known_plan(now).filter(|_| everything) {
            return Ok(plan);
        }
        let recognised = match self.recognise().await {
            Ok(recognised) => recognised,
            Err(error) => return Err(Failure::failed(self.problem(&error).await)),
        };
        let plan = Arc::new(Plan::build(&self.profiles(&recognised), filter));
        if everything {
            self.session
                .remember_plan(Arc::clone(&plan), now + RECOGNISED);
        }
        Ok(plan)
    }

    /// The profiles by which the device is recognised, those by its own name first.
    async fn recognise(&self) -> Result<Vec<String>, Error> {
        let candidates: Vec<&Arc<Profile>> = self.worker.library.recognisable().collect();
        let mut asked = vec![Oid::from_slice(&SYSTEM)];
        let reads_description = |profile: &&Arc<Profile>| {
            let recognise = profile.recognise.as_ref();
            recognise.is_some_and(Recognise::reads_description)
        };
        if candidates.iter().any(reads_description) {
            asked.push(Oid::from_slice(&DESCRIPTION));
        }
        let found = self.session.get(self.deadline, &asked).await?;
        let mut found = found.into_iter();
        let system = found.next().flatten();
        let description = found.next().flatten();
        let description = description.as_ref().and_then(value::as_text);
        let device = Device {
            system: system.as_ref().and_then(|value| value.as_oid()),
            description: description.as_deref().unwrap_or_default(),
        };
        let asked: Vec<Oid> = recognisers(&candidates).cloned().collect();
        let has = self.session.has(self.deadline, &asked).await?;
        let mut has = has.into_iter();
        let (mut named, mut present) = (Vec::new(), Vec::new());
        for profile in candidates {
            let Some(recognise) = &profile.recognise else {
                continue;
            };
            let is_present = recognise.present.iter().fold(false, |is_present, _| {
                has.next().unwrap_or(false) || is_present
            });
            match recognise.device(&device, is_present) {
                Some(Recognised::Named) => named.push(profile.name.clone()),
                Some(Recognised::Present) => present.push(profile.name.clone()),
                None => {}
            }
        }
        named.append(&mut present);
        Ok(named)
    }

    /// The recognised profiles and those of the release. The library was checked at the start.
    fn profiles(&self, recognised: &[String]) -> Vec<Arc<Profile>> {
        let names = recognised.iter().chain(&self.worker.settings.profiles);
        self.worker
            .library
            .resolve(names.map(String::as_str))
            .unwrap_or_default()
    }

    /// Whether none of the readings is what the kind is there for.
    fn is_foreign(&self, filter: &Filter, decoded: &Decoded<'_>) -> bool {
        let worker = self.worker;
        let mut metrics = decoded.metrics.iter();
        match worker.settings.recognise || !filter.0.is_empty() {
            true => decoded.sheet.is_empty(),
            false => !metrics.any(|metric| worker.own.contains(*metric)),
        }
    }

    fn nothing_like(&self, filter: &Filter) -> Failure {
        let wanted = filter.0.join(", ");
        Failure::failed(Problem::new(
            "bad-parameters",
            Cure::Operator,
            format!("the kind {} has no metric like {wanted}", self.task.kind),
        ))
    }

    fn foreign(&self) -> Failure {
        Failure::failed(Problem::new(
            "wrong-kind",
            Cure::Operator,
            format!(
                "{} answers, but has nothing of what the kind {} reads: is it another kind of device?",
                self.task.target, self.task.kind
            ),
        ))
    }
}

fn recognisers<'a>(candidates: &'a [&Arc<Profile>]) -> impl Iterator<Item = &'a Oid> {
    candidates
        .iter()
        .filter_map(|profile| profile.recognise.as_ref())
        .flat_map(|recognise| &recognise.present)
}

fn filter(parameters: &Json) -> Filter {
    let names = parameters.get("metrics").and_then(Json::as_array);
    let names = names.into_iter().flatten().filter_map(Json::as_str);
    Filter(names.map(String::from).collect())
}

fn incomplete(cause: &Problem) -> Problem {
    Problem::new(
        "incomplete",
        cause.cure,
        format!(
            "not all was read; tables that broke off are suspect: {}",
            cause.message
        ),
    )
}

/// The text of a value, for messages.
pub fn shown(value: &async_snmp::Value) -> String {
    value::as_text(value).map_or_else(|| value::type_name(value).into(), Into::into)
}
