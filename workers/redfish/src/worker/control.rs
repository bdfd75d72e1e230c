//! Controls, as described by a profile.
//!
//! The resource is read first: what is so already is not sent, what the device does not allow is
//! refused here, and what cannot be reached has certainly not been touched.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value as Json, json};
use tokio::time::Instant;
use utakata_profile::json::body;
use utakata_worker_http::{Method, Response, header};
use utakata_worker_sdk::{
    Answer, Failure, Proof, Reply,
    model::{Cure, Problem},
};

use super::{Conversation, learned::shown, problem};
use crate::{
    client::{Error, Fetched, message},
    document, order,
    profile::{Control, Request},
    walk::{Documents, Found},
};

/// The interval at which a task of the service is looked at.
const PACE: Duration = Duration::from_secs(1);
/// The number of tags that are tried for one change.
const TAGS_MAX: usize = 3;

/// A request that changes something.
pub(super) struct Order {
    pub method: Method,
    pub path: String,
    pub body: Json,
    /// The part of the body that may be shown.
    pub told: Json,
}

impl Order {
    fn new(method: Method, path: String, body: Json) -> Self {
        let told = body.clone();
        Self {
            method,
            path,
            body,
            told,
        }
    }
}

impl Conversation<'_> {
    pub async fn control(&mut self) -> Result<Answer, Failure> {
        let worker = self.worker;
        let bound = worker.program.control(&self.task.action);
        let control =
            bound.and_then(|profile| profile.content.controls.get(self.task.action.as_str()));
        let Some(control) = control else {
            let message = format!("there is no action \"{}\" for a BMC", self.task.action);
            let problem = Problem::new("bad-parameters", Cure::Operator, message);
            return Err(Failure::failed(problem));
        };
        self.learn().await.map_err(|error| self.failed(&error))?;
        let (found, fetched) = self.resource(control).await?;
        let document = &fetched.document;
        if control
            .done
            .as_ref()
            .is_some_and(|done| done.holds(document))
        {
            let result = self.result(&found);
            return Ok(done(result, json!({ "already": true })));
        }
        let order = self.order(control, &found, document).await?;
        let response = match order.method {
            Method::PATCH => self.patch(&order, &fetched).await,
            _ => self.send(&order, None).await,
        };
        let result = self.result(&found);
        self.judge(&order, result, response).await
    }

    /// The resource that is meant, as it is now.
    async fn resource(&mut self, control: &Control) -> Result<(Found, Fetched), Failure> {
        let mut documents = Documents::default();
        let places = BTreeSet::from([control.on.as_str()]);
        let found = self.find(&places, &mut documents).await;
        let found = found.map_err(|error| self.failed(&error))?;
        let mut meant = Vec::new();
        let found: Vec<Found> = found.into_iter().filter(|one| self.is_meant(one)).collect();
        for one in found {
            let fetched = match self.service.client.get(&one.path).await {
                Ok(fetched) => fetched,
                Err(Error::Refused { status, .. }) if status.as_u16() == 404 => continue,
                Err(error) => return Err(self.failed(&error)),
            };
            let has = |at: &String| fetched.document.pointer(at).is_some();
            if control.has.as_ref().is_none_or(has) {
                meant.push((one, fetched));
            }
        }
        if meant.len() == 1 {
            meant.pop().ok_or_else(|| self.refused("it has none"))
        } else {
            let names: Vec<String> = meant.iter().map(|(found, _)| shown(found)).collect();
            Err(self.refused(&which(&control.on, self.place.system.as_deref(), &names)))
        }
    }

    async fn order(
        &mut self,
        control: &Control,
        found: &Found,
        document: &Json,
    ) -> Result<Order, Failure> {
        self.check_allowed(control, document)?;
        let parameters = &self.task.parameters;
        match &control.request {
            Request::Patch(bodies) => {
                let fits = bodies
                    .iter()
                    .find(|(when, _)| when.as_ref().is_none_or(|when| when.holds(document)));
                let (_, body) = fits.ok_or_else(|| self.refused("it has nothing to be set"))?;
                let filled = body::fill(body, parameters, &|_| None);
                let body = filled.map_err(|why| self.refused(&why))?;
                Ok(Order::new(Method::PATCH, found.path.clone(), body))
            }
            Request::Action(name, body) => {
                let target = order::target(document, name);
                let (path, info) =
                    target.ok_or_else(|| self.refused(&format!("it has no action {name}")))?;
                let told = order::allowed_by_action(document, name, "ResetType").is_some();
                let info = match info.filter(|_| !told) {
                    Some(path) => self.service.client.get(&path).await.ok(),
                    None => None,
                };
                let allowed = |parameter: &str| {
                    order::allowed_by_action(document, name, parameter)
                        .or_else(|| order::allowed_by_info(&info.as_ref()?.document, parameter))
                };
                let filled = body::fill(body, parameters, &allowed);
                let body = filled.map_err(|why| self.refused(&why))?;
                Ok(Order::new(Method::POST, path, body))
            }
        }
    }

    /// Checks the parameters against what the device says that it takes.
    fn check_allowed(&self, control: &Control, document: &Json) -> Result<(), Failure> {
        for (parameter, at) in &control.allowed {
            let given = self.task.parameters.get(parameter).and_then(Json::as_str);
            let allowed = document.pointer(at).and_then(order::texts);
            let (Some(given), Some(allowed)) = (given, allowed.filter(|all| !all.is_empty()))
            else {
                continue;
            };
            if !allowed.iter().any(|one| one == given) {
                let known = allowed.join(", ");
                let why = format!("{parameter} may be {known}, and not {given}");
                return Err(self.refused(&why));
            }
        }
        Ok(())
    }

    /// Changes a resource, with the tag of the state in which it was read. Services differ in which
    /// tag they take; one that refuses a tag has changed nothing.
    pub(super) async fn patch(
        &mut self,
        order: &Order,
        fetched: &Fetched,
    ) -> Result<Response, Error> {
        let mut last = None;
        for tag in tags(fetched) {
            let response = self.send(order, tag.as_deref()).await?;
            if !matches!(response.status.as_u16(), 412 | 428) {
                return Ok(response);
            }
            last = Some(response);
        }
        last.ok_or(Error::Http(utakata_worker_http::connection::Error::Unsent))
    }

    async fn send(&mut self, order: &Order, tag: Option<&str>) -> Result<Response, Error> {
        let client = &mut self.service.client;
        let method = order.method.clone();
        client.change(method, &order.path, &order.body, tag).await
    }

    /// Returns what the answer to a change proves. `result` is what it is about.
    pub(super) async fn judge(
        &mut self,
        order: &Order,
        result: Json,
        response: Result<Response, Error>,
    ) -> Result<Answer, Failure> {
        let told = order.told.to_string();
        let response = match response {
            Ok(response) => response,
            Err(Error::Http(error)) if !error.is_unsent() => {
                let problem = problem::doubtful(self.task, &told, &error.to_string());
                return Err(Reply::Silence.proof().failure(problem));
            }
            // Nothing was sent, or the user was refused.
            Err(error) => return Err(self.failed(&error)),
        };
        let status = response.status.as_u16();
        let said = message(&response.body);
        match status {
            202 => self.follow(order, result, &response).await,
            200..300 => Ok(done(result, json!({ "sent": order.told }))),
            400..500 => {
                let why = format!("it answered {} to {told}: {said}", response.status);
                Err(Reply::Refused
                    .proof()
                    .failure(problem::refused(self.task, &why)))
            }
            _ => {
                let what = format!("it answered {}: {said}", response.status);
                let problem = problem::doubtful(self.task, &told, &what);
                Err(Reply::Unclear.proof().failure(problem))
            }
        }
    }

    /// Waits for a task that the service has made of the request (DSP0266, asynchronous operations).
    async fn follow(
        &mut self,
        order: &Order,
        result: Json,
        response: &Response,
    ) -> Result<Answer, Failure> {
        let monitor = response.header(&header::LOCATION).and_then(document::path);
        let sent = &order.told;
        let Some(monitor) = monitor else {
            return Ok(done(result, json!({ "sent": sent })));
        };
        let running = json!({ "sent": sent, "task": monitor, "running": true });
        while Instant::now() + PACE < self.service.client.deadline() {
            tokio::time::sleep(PACE).await;
            let state = match self.service.client.get(&monitor).await {
                Ok(fetched) => fetched.document,
                // A monitor is gone once its task is over.
                Err(Error::Refused { status, .. }) if matches!(status.as_u16(), 404 | 410) => {
                    return Ok(done(result, json!({ "sent": sent, "task": monitor })));
                }
                // Empty or something else: the task is over, or still accepted.
                Err(Error::Garbage { .. } | Error::Refused { .. }) => continue,
                Err(error) => {
                    let what = format!("its task cannot be followed: {error}");
                    let problem = problem::doubtful(self.task, &sent.to_string(), &what);
                    return Err(Proof::Nothing.failure(problem));
                }
            };
            match state.get("TaskState").and_then(Json::as_str) {
                Some("Completed") | None => {
                    return Ok(done(result, json!({ "sent": sent, "task": monitor })));
                }
                Some(failed @ ("Exception" | "Killed" | "Cancelled" | "Interrupted")) => {
                    let said = message(state.to_string().as_bytes());
                    let what = format!("its task ended {failed}: {said}");
                    let problem = problem::doubtful(self.task, &sent.to_string(), &what);
                    return Err(Proof::Nothing.failure(problem));
                }
                Some(_) => {}
            }
        }
        Ok(done(result, running))
    }

    /// Returns what a task was about: its parameters, and the resource.
    fn result(&self, found: &Found) -> Json {
        let mut result = self.task.parameters.clone();
        if let Json::Object(result) = &mut result {
            result.insert("resource".into(), found.path.as_str().into());
        }
        result
    }

    pub(super) fn refused(&self, why: &str) -> Failure {
        Failure::failed(problem::refused(self.task, why))
    }
}

fn done(mut result: Json, besides: Json) -> Answer {
    if let (Json::Object(result), Json::Object(besides)) = (&mut result, besides) {
        result.extend(besides);
    }
    Answer {
        result: Some(result),
        ..Answer::default()
    }
}

/// The sentence about a resource that is not exactly one.
fn which(on: &str, system: Option<&str>, names: &[String]) -> String {
    match (names, system) {
        ([], Some(system)) => format!("it has no {on} {system}: nothing was sent"),
        ([], None) => format!("it has no {on} for this: nothing was sent"),
        ([first, ..], _) => format!(
            "it has several ({}): name one behind the address, as in 10.0.3.7/{first}",
            names.join(", ")
        ),
    }
}

/// The tags to be tried, each once: that of the answer, that in the resource, without quotes upon
/// quotes, none.
fn tags(fetched: &Fetched) -> Vec<Option<String>> {
    let body = fetched.document.get("@odata.etag").and_then(Json::as_str);
    let header = fetched.etag.as_deref();
    let mut tags: Vec<Option<String>> = Vec::new();
    let plain = header.map(|tag| {
        let inner = tag
            .trim_start_matches("W/")
            .replace("\\\"", "")
            .replace('"', "");
        format!("\"{inner}\"")
    });
    let all = [header.map(String::from), body.map(String::from), plain];
    for tag in all.into_iter().filter(Option::is_some).chain([None]) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags.truncate(TAGS_MAX + 1);
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_tried_in_the_forms_that_services_take() {
        let some = |text: &str| Some(text.to_owned());
        for (header, body, expect) in [
            (None, None, vec![None]),
            (Some("\"a\""), Some("\"a\""), vec![some("\"a\""), None]),
            (
                Some("W/\"a\""),
                None,
                vec![some("W/\"a\""), some("\"a\""), None],
            ),
            (
                Some("\"\"a\"\""),
                Some("W/\"a\""),
                vec![some("\"\"a\"\""), some("W/\"a\""), some("\"a\""), None],
            ),
        ] {
            let document = match body {
                Some(tag) => json!({ "@odata.etag": tag }),
                None => json!({}),
            };
            let etag = header.map(String::from);
            assert_eq!(tags(&Fetched { document, etag }), expect, "{header:?}");
        }
    }
}
