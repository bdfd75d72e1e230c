//! The answer to a request: who asks, for what, and what becomes of it.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::account::{Checked, Login, Taken};
use super::power::Reset;
use super::tree::{self, BOOT_TARGETS, ROOT, Settings};
use super::{Bmc, State};
use crate::chance::draw;
use crate::fault::{Fault, Reply};

/// The limits that a machine can be set to, in watts.
const LIMITS: std::ops::RangeInclusive<f64> = 50.0..=1600.0;

/// A request.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: String,
    /// The token of a session.
    pub token: Option<String>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The header `If-Match`.
    pub tag: Option<String>,
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// The fate of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// No answer, ever.
    Never,
    /// The answer is sent after this delay.
    After(Duration, Answer),
}

impl Answer {
    fn new(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }
    }

    fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An error in the form of DSP0266.
    fn error(status: u16, id: &str, message: &str) -> Self {
        let id = format!("Base.1.15.{id}");
        let info = json!([{ "MessageId": id, "Message": message }]);
        let error = json!({ "code": id, "message": message, "@Message.ExtendedInfo": info });
        Self::new(status, &json!({ "error": error }))
    }

    fn missing() -> Self {
        Self::error(404, "ResourceMissingAtURI", "there is no such resource")
    }

    fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Bmc {
    /// Receives a request, acts on it at once, and returns what becomes of it.
    pub fn receive(&self, asked: &Asked, now: Duration) -> Exchange {
        let mut state = self.state.lock();
        self.settle(&mut state, now);
        if !state.is_there() {
            return Exchange::Never;
        }
        let delay = match state.faults.reply(now) {
            Reply::Never => return Exchange::Never,
            Reply::Garbage => {
                let mut answer = Answer::empty(200);
                answer.body = b"<html>it works</html>".to_vec();
                return Exchange::After(Duration::ZERO, answer);
            }
            Reply::After(delay) => delay,
        };
        let path: Vec<&str> = asked
            .path
            .split('/')
            .filter(|one| !one.is_empty())
            .collect();
        let below = match path.as_slice() {
            ["redfish"] => {
                let versions = json!({ "v1": format!("{ROOT}/") });
                return Exchange::After(delay, Answer::new(200, &versions));
            }
            ["redfish", "v1", below @ ..] => below,
            _ => return Exchange::After(delay, Answer::missing()),
        };
        let mut answer = self.answer(&mut state, asked, below, now);
        let is_measured = asked.method == "GET" && tree::is_measured(below);
        let slow = state.faults.slow_part().filter(|_| is_measured);
        if is_measured && state.faults.has(Fault::Truncated) {
            answer.body.truncate(answer.body.len() / 2);
        }
        Exchange::After(delay.max(slow.unwrap_or_default()), answer)
    }

    fn answer(&self, state: &mut State, asked: &Asked, path: &[&str], now: Duration) -> Answer {
        let method = asked.method.as_str();
        match (method, path) {
            ("GET", []) => return self.show(state, asked, path, now),
            (
                "POST",
                ["SessionService", "Sessions"] | ["SessionService", "Sessions", "Members"],
            ) => {
                return log_in(state, &asked.body, now);
            }
            _ => {}
        }
        if let Some(refusal) = self.refuse_stranger(state, asked, now) {
            return refusal;
        }
        match (method, path) {
            ("GET", _) => self.show(state, asked, path, now),
            ("DELETE", ["SessionService", "Sessions", id]) => {
                match id.parse().is_ok_and(|id| state.account.log_out(id)) {
                    true => Answer::empty(204),
                    false => Answer::missing(),
                }
            }
            ("POST", ["Systems", "1", "Actions", "ComputerSystem.Reset"]) => {
                self.reset(state, &asked.body, now)
            }
            ("PATCH", _) => self.change(state, asked, path),
            _ => Answer::error(405, "OperationNotAllowed", "it does not do that"),
        }
    }

    fn show(&self, state: &State, asked: &Asked, path: &[&str], now: Duration) -> Answer {
        let measured = self.machine.measure(now);
        let view = state.view(self, &measured);
        let found = match asked.query.contains("$expand") {
            true => tree::expanded(&view, path),
            false => tree::document(&view, path),
        };
        match found {
            Some(document) => {
                let tag = state.settings.tag();
                Answer::new(200, &document).with("etag", tag)
            }
            None => Answer::missing(),
        }
    }

    /// Returns the answer to somebody who is not logged in.
    fn refuse_stranger(&self, state: &mut State, asked: &Asked, now: Duration) -> Option<Answer> {
        let stranger = |message: &str| Some(Answer::error(401, "NoValidSession", message));
        let turn = state.tally.counts.requests;
        if let Some(chance) = state.faults.moody()
            && chance.falls(draw(2, &self.name, turn))
        {
            return stranger("there is no valid session");
        }
        if let Some(token) = &asked.token {
            return match state.account.is_logged_in(token, now) {
                true => None,
                false => stranger("there is no valid session"),
            };
        }
        let Some((user, password)) = asked.authorization.as_deref().and_then(credential) else {
            return stranger("log in first");
        };
        if state.faults.has(Fault::BasicRefused) {
            return stranger("only sessions are accepted");
        }
        match state.account.check(&user, &password, now) {
            Checked::Right => None,
            Checked::Wrong => stranger("wrong user or password"),
            Checked::Locked => stranger("the account is locked"),
        }
    }

    fn reset(&self, state: &mut State, body: &[u8], now: Duration) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(reset) = body["ResetType"].as_str().and_then(Reset::parse) else {
            return Answer::error(400, "ActionParameterNotSupported", "no such ResetType");
        };
        state.power.receive(reset);
        if state.faults.has(Fault::Refusing) {
            return refusal();
        }
        if state.faults.has(Fault::Lying) {
            return Answer::empty(204);
        }
        match state.power.order(reset, self.machine.is_on(), now) {
            true => Answer::empty(204),
            false => Answer::error(409, "ResourceInUse", "the machine is so already"),
        }
    }

    fn change(&self, state: &mut State, asked: &Asked, path: &[&str]) -> Answer {
        state.tally.counts.changes += 1;
        let is_current = |tag: &String| tag == "*" || *tag == state.settings.tag();
        if !asked.tag.as_ref().is_none_or(is_current) {
            return Answer::error(
                412,
                "PreconditionFailed",
                "it has changed since it was read",
            );
        }
        if state.faults.has(Fault::Refusing) {
            return refusal();
        }
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let is_lying = state.faults.has(Fault::Lying);
        let mut settings = state.settings.clone();
        if matches!(path, ["AccountService", "Accounts", "2"]) {
            return change_password(state, &body, is_lying);
        }
        let (is_right, limit) = match path {
            ["Systems", "1"] => (change_system(&mut settings, &body), None),
            ["Chassis", "1", "Power"] => {
                let limit = body.pointer("/PowerControl/0/PowerLimit/LimitInWatts");
                (limit.is_some_and(is_limit), limit)
            }
            ["Chassis", "1", "EnvironmentMetrics"] => {
                let limit = body.pointer("/PowerLimitWatts/SetPoint");
                (limit.is_some_and(is_limit), limit)
            }
            _ => return Answer::error(405, "OperationNotAllowed", "nothing there can be changed"),
        };
        if !is_right {
            return Answer::error(400, "PropertyValueError", "it does not take that value");
        }
        if !is_lying {
            if let Some(limit) = limit {
                self.machine.limit(limit.as_f64());
            }
            settings.version += 1;
            state.settings = settings;
        }
        Answer::empty(204)
    }
}

/// Changes the password of the user. Like many, it repeats what it refuses.
fn change_password(state: &mut State, body: &Value, is_lying: bool) -> Answer {
    let Some(password) = body["Password"].as_str() else {
        return Answer::error(400, "PropertyMissing", "only a password can be changed");
    };
    let is_right = match is_lying {
        true => true,
        false => state.account.set_password(password),
    };
    match is_right {
        true => Answer::empty(204),
        false => {
            let said = format!(
                "the value '{password}' for the property Password is not of a length that is accepted"
            );
            Answer::error(400, "PropertyValueFormatError", &said)
        }
    }
}

fn refusal() -> Answer {
    Answer::error(409, "ServiceInUnknownState", "nothing can be done now")
}

fn log_in(state: &mut State, body: &[u8], now: Duration) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    let taken = match state.faults.has(Fault::SessionsFull) {
        true => Taken::ByOthers,
        false => Taken::ByUs,
    };
    let login = state
        .account
        .log_in(text("UserName"), text("Password"), taken, now);
    let counts = &mut state.tally.counts;
    match login {
        Login::Session(session) => {
            counts.logins += 1;
            counts.sessions_max = counts
                .sessions_max
                .max(state.account.sessions().len() as u64);
            let path = format!("{ROOT}/SessionService/Sessions/{}", session.id);
            Answer::new(201, &tree::session(session.id))
                .with("x-auth-token", session.token)
                .with("location", path)
        }
        Login::Wrong => Answer::error(401, "InsufficientPrivilege", "wrong user or password"),
        Login::Locked => Answer::error(401, "AccountLocked", "the account is locked"),
        Login::Full => {
            counts.sessions_refused += 1;
            Answer::error(
                503,
                "SessionLimitExceeded",
                "the maximum of sessions is reached",
            )
        }
    }
}

/// The user and the password in a header.
fn credential(header: &str) -> Option<(String, String)> {
    let both = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let both = String::from_utf8(both).ok()?;
    let (user, password) = both.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn is_limit(limit: &Value) -> bool {
    limit.is_null() || limit.as_f64().is_some_and(|watts| LIMITS.contains(&watts))
}

/// Changes the settings of a system. Returns false if a value is not one.
fn change_system(settings: &mut Settings, body: &Value) -> bool {
    let Some(keys) = body.as_object() else {
        return false;
    };
    keys.iter().all(|(key, value)| {
        match (key.as_str(), value) {
            ("LocationIndicatorActive", Value::Bool(is_lit)) => settings.indicator = *is_lit,
            ("IndicatorLED", Value::String(state)) => match state.as_str() {
                "Lit" | "Blinking" => settings.indicator = true,
                "Off" => settings.indicator = false,
                _ => return false,
            },
            ("Boot", Value::Object(boot)) => {
                return boot
                    .iter()
                    .all(|(key, value)| change_boot(settings, key, value));
            }
            _ => return false,
        }
        true
    })
}

fn change_boot(settings: &mut Settings, key: &str, value: &Value) -> bool {
    const ENABLED: [&str; 3] = ["Disabled", "Once", "Continuous"];
    let (known, to) = match key {
        "BootSourceOverrideTarget" => (BOOT_TARGETS.as_slice(), &mut settings.boot_target),
        "BootSourceOverrideEnabled" => (ENABLED.as_slice(), &mut settings.boot_enabled),
        _ => return false,
    };
    match value.as_str().filter(|text| known.contains(text)) {
        Some(text) => {
            text.clone_into(to);
            true
        }
        None => false,
    }
}
