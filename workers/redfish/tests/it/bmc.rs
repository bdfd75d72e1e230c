//! A BMC with the habits of real ones: sessions of which there are few, a lockout, tags, tasks,
//! slashes, pages. It knows nothing of the worker.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};

const ROOT: &str = "/redfish/v1";
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
pub const USER: &str = "admin";
pub const PASSWORD: &str = "secret";

/// The habits of a BMC.
#[derive(Debug, Clone)]
pub struct Habits {
    /// The number of sessions that it has; none: it has no sessions at all.
    pub sessions: usize,
    /// Sessions of others, which must stay.
    pub others: usize,
    /// For how long a session lasts, in seconds, as it tells.
    pub timeout: u64,
    /// Wrong logins after which it lets nobody in.
    pub lockout: u32,
    /// The next so many logins are refused although they are right.
    pub moody: u32,
    /// Paths without a slash at the end are led to those with one.
    pub slash: bool,
    /// It says that it can expand, and does.
    pub expands: bool,
    /// The tag that it takes for a change: `"weak"`, `"strong"`, `"none"`, or any.
    pub tag: &'static str,
    /// A change becomes a task that runs for so many looks.
    pub task: u32,
    /// The answer to a reset: 204, or an error.
    pub reset: u16,
    /// It says that it is busy, so often, before it answers.
    pub busy: u32,
    /// A path that is refused to everybody, as if nobody were logged in.
    pub bars: &'static str,
    /// A reset is answered by closing the connection.
    pub breaks: bool,
    /// Logins are carried out, and not answered before [`Bmc::answer_logins`].
    pub holds_logins: bool,
    /// The only spelling of the root that it knows. Empty: it knows both.
    pub root: &'static str,
    /// The password is right, and must be changed before anything else.
    pub expired: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            sessions: 4,
            others: 0,
            timeout: 1800,
            lockout: 3,
            moody: 0,
            slash: false,
            expands: false,
            tag: "",
            task: 0,
            reset: 204,
            busy: 0,
            bars: "",
            breaks: false,
            holds_logins: false,
            root: "",
            expired: false,
        }
    }
}

/// The state of a BMC, and the requests that it has had.
#[derive(Debug, Default)]
pub struct State {
    pub tree: BTreeMap<String, Json>,
    pub sessions: Vec<String>,
    /// The requests, as `METHOD path`.
    pub requests: Vec<String>,
    pub logins: u32,
    pub wrong: u32,
    pub resets: Vec<String>,
    issued: u32,
    looks: u32,
    habits: Habits,
    /// Closed once logins are answered: they wait for that.
    held: Option<Arc<Semaphore>>,
}

/// A running BMC; it ends when dropped.
pub struct Bmc {
    pub state: Arc<Mutex<State>>,
    pub address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Bmc {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Bmc {
    pub async fn start(tree: Json, habits: Habits) -> Self {
        let mut state = State {
            sessions: (0..habits.others).map(|at| format!("other-{at}")).collect(),
            held: habits.holds_logins.then(|| Arc::new(Semaphore::new(0))),
            habits,
            ..State::default()
        };
        for (path, document) in tree.as_object().unwrap() {
            let mut document = document.clone();
            document["@odata.id"] = path.as_str().into();
            state.tree.insert(path.clone(), document);
        }
        let state = Arc::new(Mutex::new(state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&shared), request));
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self {
            state,
            address,
            server,
        }
    }

    /// Answers the logins that wait, and those to come.
    pub fn answer_logins(&self) {
        if let Some(held) = self.state.lock().held.take() {
            held.close();
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of requests so far that begin so.
    pub fn count(&self, request: &str) -> usize {
        let state = self.state.lock();
        state
            .requests
            .iter()
            .filter(|one| one.starts_with(request))
            .count()
    }
}

type Answer = Result<Response<Full<Bytes>>, Broken>;

/// An answer that is a broken connection.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let text = |name: &str| {
        let value = head.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let asked = Asked {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        token: text("x-auth-token"),
        basic: text("authorization"),
        tag: text("if-match"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let (response, held) = {
        let mut state = state.lock();
        let is_login = asked.method == Method::POST && asked.path == SESSIONS;
        (
            state.answer(&asked),
            state.held.clone().filter(|_| is_login),
        )
    };
    if let Some(held) = held {
        // It fails as soon as it is closed, which is what is waited for.
        let _ = held.acquire().await;
    }
    response.ok_or(Broken)
}

struct Asked {
    method: Method,
    path: String,
    query: String,
    token: Option<String>,
    basic: Option<String>,
    tag: Option<String>,
    body: Json,
}

impl State {
    /// `None`: the connection breaks.
    fn answer(&mut self, asked: &Asked) -> Option<Response<Full<Bytes>>> {
        self.requests
            .push(format!("{} {}", asked.method, asked.path));
        if self.habits.slash && !asked.path.ends_with('/') {
            let to = format!("{}/", asked.path);
            return Some(with(308, &Json::Null, &[("location", &to)]));
        }
        let path = asked.path.trim_end_matches('/').to_owned();
        let root = self.habits.root;
        if path == ROOT && !root.is_empty() && asked.path != root {
            return Some(plain(401));
        }
        if path == ROOT && asked.method == Method::GET {
            return Some(self.resource(&path, asked));
        }
        if path == SESSIONS && asked.method == Method::POST {
            return Some(self.log_in(&asked.body));
        }
        if !self.habits.bars.is_empty() && path.starts_with(self.habits.bars) {
            return Some(plain(401));
        }
        if let Some(refusal) = self.refusal(asked) {
            return Some(refusal);
        }
        if self.habits.busy > 0 {
            self.habits.busy -= 1;
            return Some(with(503, &error("busy"), &[("retry-after", "0")]));
        }
        let session = path
            .strip_prefix(SESSIONS)
            .and_then(|rest| rest.strip_prefix('/'));
        match (&asked.method, session) {
            (&Method::DELETE, Some(session)) => {
                self.sessions.retain(|one| one != session);
                Some(plain(204))
            }
            (&Method::GET, _) if path.contains("/TaskMonitors/") => Some(self.look()),
            (&Method::GET, _) => Some(self.resource(&path, asked)),
            (&Method::PATCH, _) => Some(self.patch(&path, asked)),
            (&Method::POST, _) => self.reset(&path, &asked.body),
            _ => Some(plain(405)),
        }
    }

    fn log_in(&mut self, body: &Json) -> Response<Full<Bytes>> {
        if self.habits.sessions == 0 {
            return plain(405);
        }
        self.logins += 1;
        if self.habits.moody > 0 {
            self.habits.moody -= 1;
            return plain(401);
        }
        if self.wrong >= self.habits.lockout {
            return with(401, &error("the account is locked"), &[]);
        }
        if body["UserName"] != USER || body["Password"] != PASSWORD {
            self.wrong += 1;
            return with(401, &error("wrong password"), &[]);
        }
        if self.habits.expired {
            return with(403, &error("the factory password must be changed"), &[]);
        }
        if self.sessions.len() >= self.habits.sessions {
            return with(503, &error("RAC0218: the maximum of sessions"), &[]);
        }
        self.issued += 1;
        let session = format!("own-{}", self.issued);
        self.sessions.push(session.clone());
        let path = format!("{SESSIONS}/{session}");
        with(
            201,
            &json!({}),
            &[("x-auth-token", &session), ("location", &path)],
        )
    }

    /// The answer to somebody who is not logged in.
    fn refusal(&mut self, asked: &Asked) -> Option<Response<Full<Bytes>>> {
        // admin:secret
        let right = "Basic YWRtaW46c2VjcmV0";
        if asked.basic.as_deref() == Some(right) && self.wrong < self.habits.lockout {
            return None;
        }
        if asked
            .token
            .as_ref()
            .is_some_and(|token| self.sessions.contains(token))
        {
            return None;
        }
        self.wrong += u32::from(asked.basic.is_some());
        Some(with(401, &error("log in first"), &[]))
    }

    fn resource(&self, path: &str, asked: &Asked) -> Response<Full<Bytes>> {
        let key = match asked.query.starts_with("skip") {
            true => format!("{path}?{}", asked.query),
            false => path.to_owned(),
        };
        let Some(document) = self.tree.get(&key) else {
            return with(404, &error("there is no such resource"), &[]);
        };
        let mut document = document.clone();
        if self.habits.expands && asked.query.contains("$expand") {
            for member in document["Members"].as_array_mut().into_iter().flatten() {
                let link = member["@odata.id"].as_str().unwrap_or_default();
                *member = self.tree.get(link).cloned().unwrap_or_default();
            }
        }
        if path == ROOT && self.habits.expands {
            document["ProtocolFeaturesSupported"] =
                json!({ "ExpandQuery": { "Levels": true, "MaxLevels": 1 } });
        }
        if path.ends_with("/SessionService") {
            document["SessionTimeout"] = self.habits.timeout.into();
        }
        with(200, &document, &[("etag", "W/\"1\"")])
    }

    fn patch(&mut self, path: &str, asked: &Asked) -> Response<Full<Bytes>> {
        let tag = asked.tag.as_deref();
        let is_taken = match self.habits.tag {
            "weak" => tag == Some("W/\"1\""),
            "strong" => tag == Some("\"1\""),
            "none" => tag.is_none(),
            _ => true,
        };
        if !is_taken {
            return plain(if tag.is_some() { 412 } else { 428 });
        }
        let Some(document) = self.tree.get_mut(path) else {
            return plain(404);
        };
        merge(document, &asked.body);
        plain(200)
    }

    fn reset(&mut self, path: &str, body: &Json) -> Option<Response<Full<Bytes>>> {
        let Some((system, _)) = path.split_once("/Actions/") else {
            return Some(plain(404));
        };
        let kind = body["ResetType"].as_str().unwrap_or_default().to_owned();
        if self.habits.reset >= 300 {
            return Some(with(self.habits.reset, &error("not now"), &[]));
        }
        self.resets.push(kind.clone());
        let state = match kind.as_str() {
            "ForceOff" | "GracefulShutdown" => "Off",
            _ => "On",
        };
        if let Some(document) = self.tree.get_mut(system) {
            document["PowerState"] = state.into();
        }
        if self.habits.breaks {
            return None;
        }
        if self.habits.task > 0 {
            self.looks = self.habits.task;
            let monitor = "/redfish/v1/TaskService/TaskMonitors/1";
            return Some(with(202, &json!({}), &[("location", monitor)]));
        }
        Some(plain(self.habits.reset))
    }

    fn look(&mut self) -> Response<Full<Bytes>> {
        self.looks = self.looks.saturating_sub(1);
        let state = if self.looks == 0 {
            "Completed"
        } else {
            "Running"
        };
        with(200, &json!({ "TaskState": state }), &[])
    }
}

/// Changes a document as a PATCH does.
fn merge(document: &mut Json, change: &Json) {
    match (document, change) {
        (Json::Object(document), Json::Object(change)) => {
            for (key, value) in change {
                merge(document.entry(key).or_insert(Json::Null), value);
            }
        }
        (Json::Array(document), Json::Array(change)) => {
            for (one, value) in document.iter_mut().zip(change) {
                merge(one, value);
            }
        }
        (document, change) => *document = change.clone(),
    }
}

fn error(message: &str) -> Json {
    json!({ "error": { "@Message.ExtendedInfo": [{ "Message": message }] } })
}

fn plain(status: u16) -> Response<Full<Bytes>> {
    with(status, &Json::Null, &[])
}

fn with(status: u16, body: &Json, headers: &[(&str, &str)]) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(status).unwrap();
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let response = response.header(header::CONTENT_TYPE, "application/json");
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    response.body(Full::new(body.into())).unwrap()
}

fn links(paths: &[&str]) -> Json {
    paths
        .iter()
        .map(|path| json!({ "@odata.id": path }))
        .collect()
}

/// A machine with the old model, sensors, and two fans of which one is absent.
pub fn tree() -> Json {
    json!({
        "/redfish/v1": {
            "Vendor": "Example", "Product": "Server", "UUID": "0001",
            "Systems": { "@odata.id": "/redfish/v1/Systems" },
            "Chassis": { "@odata.id": "/redfish/v1/Chassis" },
            "SessionService": { "@odata.id": "/redfish/v1/SessionService" },
            "Links": { "Sessions": { "@odata.id": SESSIONS } },
        },
        "/redfish/v1/SessionService": {},
        "/redfish/v1/Systems": { "Members": links(&["/redfish/v1/Systems/1"]) },
        "/redfish/v1/Systems/1": {
            "Id": "1", "PowerState": "On", "Model": "S1", "IndicatorLED": "Off",
            "Status": { "Health": "OK", "State": "Enabled" },
            "Boot": { "BootSourceOverrideTarget": "None",
                "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd"] },
            "Actions": { "#ComputerSystem.Reset": {
                "target": "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": ["ForceOn", "ForceOff", "ForceRestart"] } },
        },
        "/redfish/v1/Chassis": { "Members": links(&["/redfish/v1/Chassis/1"]) },
        "/redfish/v1/Chassis/1": {
            "Id": "1", "Status": { "Health": "OK", "State": "Enabled" },
            "Sensors": { "@odata.id": "/redfish/v1/Chassis/1/Sensors" },
            "Thermal": { "@odata.id": "/redfish/v1/Chassis/1/Thermal/" },
            "Power": { "@odata.id": "/redfish/v1/chassis/1/power" },
        },
        "/redfish/v1/Chassis/1/Sensors": {
            "Members": links(&["/redfish/v1/Chassis/1/Sensors/a"]),
            "Members@odata.nextLink": "/redfish/v1/Chassis/1/Sensors?skip=1",
        },
        "/redfish/v1/Chassis/1/Sensors?skip=1": {
            "Members": { "@odata.id": "/redfish/v1/Chassis/1/Sensors/b" },
        },
        "/redfish/v1/Chassis/1/Sensors/a": {
            "Id": "a", "Name": "Inlet", "Reading": "23.5", "ReadingUnits": "Cel",
            "ReadingType": "Temperature", "Status": { "State": "Enabled" },
        },
        "/redfish/v1/Chassis/1/Sensors/b": {
            "Id": "b", "Name": "Outlet", "Reading": "nan", "ReadingUnits": "Cel",
            "ReadingType": "Temperature", "Status": { "State": "Enabled" },
        },
        "/redfish/v1/Chassis/1/Thermal": {
            "Temperatures": [
                { "MemberId": "0", "Name": "Inlet", "ReadingCelsius": 23 },
                { "MemberId": "1", "Name": "CPU", "ReadingCelsius": 61 },
                { "MemberId": "2", "Name": "CPU 2", "ReadingCelsius": 0,
                  "Status": { "State": "Absent" } },
            ],
            "Fans": [{ "MemberId": "0", "Name": "Fan", "Reading": 35, "ReadingUnits": "Percent" }],
        },
        "/redfish/v1/chassis/1/power": {
            "PowerControl": [{ "MemberId": "0", "PowerConsumedWatts": 310,
                "PowerLimit": { "LimitInWatts": 500 } }],
            "PowerSupplies": [{ "MemberId": "0", "PowerInputWatts": 320, "LineInputVoltage": 230,
                "Status": { "Health": "Critical", "State": "Enabled" } }],
        },
    })
}

/// A machine with the new model alone, and two systems.
pub fn modern() -> Json {
    let system = |id: &str, state: &str| {
        json!({ "Id": id, "PowerState": state, "Actions": { "#ComputerSystem.Reset": {
            "target": format!("/redfish/v1/Systems/{id}/Actions/ComputerSystem.Reset"),
            "@Redfish.ActionInfo": "/redfish/v1/Systems/ResetInfo" } } })
    };
    json!({
        "/redfish/v1": {
            "Systems": { "@odata.id": "/redfish/v1/Systems" },
            "Chassis": { "@odata.id": "/redfish/v1/Chassis" },
        },
        "/redfish/v1/Systems": {
            "Members": links(&["/redfish/v1/Systems/A", "/redfish/v1/Systems/B"]),
        },
        "/redfish/v1/Systems/A": system("A", "On"),
        "/redfish/v1/Systems/B": system("B", "Off"),
        "/redfish/v1/Systems/ResetInfo": {
            "Parameters": [{ "Name": "ResetType", "AllowableValues": ["On", "ForceOff"] }],
        },
        "/redfish/v1/Chassis": {
            "Members": links(&["/redfish/v1/Chassis/X", "/redfish/v1/Chassis/Y"]),
        },
        "/redfish/v1/Chassis/X": {
            "Id": "X",
            "ThermalSubsystem": { "@odata.id": "/redfish/v1/Chassis/X/ThermalSubsystem" },
            "PowerSubsystem": { "@odata.id": "/redfish/v1/Chassis/X/PowerSubsystem" },
            "EnvironmentMetrics": { "@odata.id": "/redfish/v1/Chassis/X/EnvironmentMetrics" },
        },
        "/redfish/v1/Chassis/Y": { "Id": "Y" },
        "/redfish/v1/Chassis/X/ThermalSubsystem": {
            "Fans": { "@odata.id": "/redfish/v1/Chassis/X/ThermalSubsystem/Fans" },
        },
        "/redfish/v1/Chassis/X/ThermalSubsystem/Fans": {
            "Members": links(&["/redfish/v1/Chassis/X/ThermalSubsystem/Fans/F1"]),
        },
        "/redfish/v1/Chassis/X/ThermalSubsystem/Fans/F1": {
            "Id": "F1", "Name": "Fan 1", "SpeedPercent": { "Reading": 42, "SpeedRPM": 9100 },
            "Status": { "Health": "OK", "State": "Enabled" },
        },
        "/redfish/v1/Chassis/X/PowerSubsystem": {
            "PowerSupplies": { "@odata.id": "/redfish/v1/Chassis/X/PowerSubsystem/PowerSupplies" },
        },
        "/redfish/v1/Chassis/X/PowerSubsystem/PowerSupplies": {
            "Members": links(&["/redfish/v1/Chassis/X/PowerSubsystem/PowerSupplies/0"]),
        },
        "/redfish/v1/Chassis/X/PowerSubsystem/PowerSupplies/0": {
            "Id": "0", "Status": { "Health": "OK", "State": "Enabled" },
            "Metrics": { "@odata.id": "/redfish/v1/Chassis/X/PowerSubsystem/PowerSupplies/0/Metrics" },
        },
        "/redfish/v1/Chassis/X/PowerSubsystem/PowerSupplies/0/Metrics": {
            "InputPowerWatts": { "Reading": 700.5 }, "InputVoltage": { "Reading": 229.1 },
        },
        "/redfish/v1/Chassis/X/EnvironmentMetrics": { "PowerWatts": { "Reading": 690 } },
    })
}
