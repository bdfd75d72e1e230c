//! `read`: the metrics of the profiles.

use std::{
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use async_snmp::Oid;
use serde_json::{Value as Json, json};
use utakata_worker_sdk::{
    Answer, Failure, ReadingBuffer, invariant,
    model::{Cure, Missing, Problem, Recognition, missing},
};

use super::{
    TaskContext,
    fetch::{FetchResult, fetch},
};
use crate::{
    decode::{Decoded, Unread, decode},
    plan::{Filter, Plan, Recognised},
    profile::{
        Profile, Recognise,
        recognise::{Device, Fit},
    },
    session::{Error, Missed},
    value,
};

/// The time for which a device is assumed to be what it was recognised as.
const RECOGNISED: Duration = Duration::from_secs(600);
/// sysObjectID of SNMPv2-MIB: identifies the device model.
const SYSTEM: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 2, 0];
/// The OID of sysDescr: the same, for people.
const DESCRIPTION: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 1, 0];
/// sysServices: the layers on which it works.
const SERVICES: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 7, 0];

impl TaskContext<'_> {
    /// Reads what the plan contains. Half a table is no failure: its readings are suspect, and the
    /// answer lists what is missing.
    pub async fn read(&self) -> Result<Answer, Failure> {
        let filter = filter(&self.task.parameters);
        if self.means_a_row() {
            return self.read_row(&filter).await;
        }
        let mut plan = self.plan(&filter).await?;
        if plan.is_empty() {
            return Err(self.nothing_like(&filter));
        }
        let mut result = fetch(self.session, &plan, self.deadline).await;
        if is_another(&plan, &result) {
            self.session.forget();
            plan = self.plan(&filter).await?;
            result = fetch(self.session, &plan, self.deadline).await;
        }
        let decoded = decode(&plan, &result.fetched);
        let lacking = told(&decoded);
        let is_foreign = self.is_foreign(&filter, &decoded);
        let recognition = filter
            .0
            .is_empty()
            .then(|| self.recognition(&plan, &result, &decoded));
        let mut answer = self.answer(decoded.buffer, &result.missed);
        answer.recognition = recognition.flatten();
        answer
            .missing
            .extend(decoded.unread.iter().filter_map(Unread::missing));
        answer.result = both(answer.result, lacking);
        match (result.trouble, is_foreign) {
            (None, false) => Ok(answer),
            // The reason why nothing arrived is known.
            (None, true) => match result.missed.first() {
                Some(missed) => Err(Failure::failed(self.missed(missed))),
                None => Err(self.foreign()),
            },
            (Some(error), true) => Err(Failure::failed(self.problem(&error).await)),
            (Some(error), false) => {
                let why = self.problem(&error).await;
                answer.missing.explain(&why.message);
                Ok(answer)
            }
        }
    }

    /// Builds an answer that lists what is missing, and any limits on requests to the device.
    pub fn answer(&self, buffer: ReadingBuffer, missed: &[Missed]) -> Answer {
        let limits = self.session.reported_limits();
        Answer {
            buffer,
            missing: missed.iter().map(Missed::told).collect(),
            result: limits.map(|limits| json!({ "requests": limits })),
            ..Answer::default()
        }
    }

    /// Returns what the device was recognised as, and whether anything was understood: more than
    /// what every device has, or the interfaces of a network device.
    fn recognition(
        &self,
        plan: &Plan,
        result: &FetchResult,
        decoded: &Decoded<'_>,
    ) -> Option<Recognition> {
        let recognised = plan.recognised.as_ref()?;
        let mut metrics = decoded.metrics.iter();
        let has_more = metrics.any(|metric| !self.worker.own.contains(*metric));
        let read = recognised
            .profiles
            .iter()
            .chain(&self.worker.settings.profiles);
        let description = plan.oids.iter().position(|oid| oid.arcs() == DESCRIPTION);
        let description = description.and_then(|at| result.fetched.scalars.get(at)?.as_ref());
        Some(Recognition {
            is_understood: has_more || recognised.is_network,
            profiles: read.map(|profile| profile.as_str().into()).collect(),
            identity: recognised.system.as_ref().map(|oid| oid.to_string().into()),
            description: description.map(|value| shown(value).into()),
        })
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
        let build = |of: &Recognised| Plan::build(&self.profiles(&of.profiles), filter);
        if !everything {
            let mut plan = build(&recognised);
            plan.recognised = Some(recognised);
            return Ok(Arc::new(plan));
        }
        let plan = self.worker.plans.of(recognised, build);
        self.session
            .remember_plan(Arc::clone(&plan), now + RECOGNISED);
        Ok(plan)
    }

    /// Identifies the device, and the profiles that match it.
    pub(super) async fn recognise(&self) -> Result<Recognised, Error> {
        let candidates: Vec<&Arc<Profile>> = self.worker.library.recognisable().collect();
        let mut asked = vec![Oid::from_slice(&SYSTEM)];
        let reads_description = |profile: &&Arc<Profile>| {
            let recognise = profile.content.recognise.as_ref();
            recognise.is_some_and(Recognise::reads_description)
        };
        if candidates.iter().any(reads_description) {
            asked.push(Oid::from_slice(&DESCRIPTION));
        }
        let found = self.session.get(self.deadline, &asked).await?;
        let mut found = found.values.into_iter();
        let system = found.next().flatten();
        let description = found.next().flatten();
        let description = description.as_ref().and_then(value::as_text);
        let device = Device {
            system: system.as_ref().and_then(|value| value.as_oid()),
            description: description.as_deref().unwrap_or_default(),
        };
        let asked: Vec<Oid> = recognisers(&candidates).cloned().collect();
        let mut has = self.has(&asked).await?.into_iter();
        let (mut named, mut present) = (Vec::new(), Vec::new());
        for profile in candidates {
            let Some(recognise) = &profile.content.recognise else {
                continue;
            };
            let is_present = recognise.present.iter().fold(false, |is_present, _| {
                has.next().unwrap_or(false) || is_present
            });
            match recognise.device(&device, is_present) {
                Some(Fit::Named) => named.push(profile.name.clone()),
                Some(Fit::Present) => present.push(profile.name.clone()),
                None => {}
            }
        }
        named.append(&mut present);
        let own = &self.worker.settings.profiles;
        let is_strange = named.iter().all(|profile| own.contains(profile));
        named.retain(|profile| !own.contains(profile));
        Ok(Recognised {
            is_network: is_strange && self.is_network().await,
            profiles: named,
            system: device.system.cloned(),
        })
    }

    /// Returns true if the device reports switching or routing (sysServices: 2 for layer 2, 4 for
    /// layer 3). Without sysServices it is false.
    async fn is_network(&self) -> bool {
        let asked = [Oid::from_slice(&SERVICES)];
        let found = self.session.get(self.deadline, &asked).await;
        let services = found
            .ok()
            .and_then(|found| found.values.into_iter().flatten().next());
        services
            .and_then(|value| value.as_i32())
            .is_some_and(|services| services & 6 != 0)
    }

    /// The recognised profiles and those of the release. The library was checked at the start.
    pub(super) fn profiles(&self, recognised: &[String]) -> Vec<Arc<Profile>> {
        let names = recognised.iter().chain(&self.worker.settings.profiles);
        let resolved = self.worker.library.resolve(names.map(String::as_str));
        resolved.unwrap_or_else(|error| {
            invariant::broken(
                "a profile that was recognised is not in the library",
                &error,
            );
            Vec::new()
        })
    }

    /// Returns true if none of the readings is what the kind exists for.
    fn is_foreign(&self, filter: &Filter, decoded: &Decoded<'_>) -> bool {
        let worker = self.worker;
        let mut metrics = decoded.metrics.iter();
        match worker.settings.recognise || !filter.0.is_empty() {
            true => decoded.buffer.is_empty(),
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

/// Returns true if the device is not the one recognised earlier: one of another make has taken its
/// place at the same address.
fn is_another(plan: &Plan, result: &FetchResult) -> bool {
    let recognised = plan.recognised.as_ref();
    let before = recognised.and_then(|recognised| recognised.system.as_ref());
    let at = plan.oids.iter().position(|oid| oid.arcs() == SYSTEM);
    let now = at.and_then(|at| result.fetched.scalars.get(at)?.as_ref()?.as_oid());
    before.zip(now).is_some_and(|(before, now)| before != now)
}

fn recognisers<'a>(candidates: &'a [&Arc<Profile>]) -> impl Iterator<Item = &'a Oid> {
    candidates
        .iter()
        .filter_map(|profile| profile.content.recognise.as_ref())
        .flat_map(|recognise| &recognise.present)
}

/// Returns the part of the result about values that should have been numbers.
fn told(decoded: &Decoded<'_>) -> Option<Json> {
    let unread = decoded.unread.iter().map(
        |unread| json!({ "metric": unread.metric, "row": unread.index, "value": unread.text }),
    );
    let unread: Vec<Json> = unread.collect();
    (decoded.unread_count > 0)
        .then(|| json!({ "not_numbers": unread, "count": decoded.unread_count }))
}

/// Merges the keys of both.
fn both(one: Option<Json>, other: Option<Json>) -> Option<Json> {
    match (one, other) {
        (Some(Json::Object(one)), Some(Json::Object(other))) => {
            Some(one.into_iter().chain(other).collect())
        }
        (one, other) => one.or(other),
    }
}

impl Unread<'_> {
    /// Returns what is missing because of it: nothing where the device says that there is none.
    fn missing(&self) -> Option<Missing> {
        let row = Some(self.index.as_str()).filter(|index| !index.is_empty());
        let message = format!("\"{}\" is not a number", self.text);
        let missing = || Missing::value(self.metric.as_str(), row, missing::UNDECODABLE, &message);
        (!self.is_none).then(missing)
    }
}

fn filter(parameters: &Json) -> Filter {
    let names = parameters.get("metrics").and_then(Json::as_array);
    let names = names.into_iter().flatten().filter_map(Json::as_str);
    Filter(names.map(String::from).collect())
}

/// The text of a value, for messages.
pub fn shown(value: &async_snmp::Value) -> String {
    value::as_text(value).map_or_else(|| value::type_name(value).into(), Into::into)
}
