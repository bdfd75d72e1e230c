//! A rack PDU that speaks JAWS, over plain HTTP or TLS. It knows nothing of the worker.

use std::{net::SocketAddr, path::Path, sync::Arc};

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
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};
use utakata_worker_http_json::HttpJsonWorker;
use utakata_worker_sdk::harness::alone::Alone;

/// The state of a PDU, and the requests that it has had.
#[derive(Debug, Default)]
pub struct State {
    /// The states of the outlets AA1 and AA2.
    pub outlets: [bool; 2],
    /// The requests, as `METHOD path`.
    pub requests: Vec<String>,
    /// The answer to a change: 204, or an error. 0: the connection breaks.
    pub answer: u16,
    /// True if it says that it has done what it does not do.
    pub lies: bool,
    /// The paths that everybody may see; `/` are all of them.
    pub public: &'static str,
}

/// A running PDU; it ends when dropped.
pub struct Pdu {
    pub state: Arc<Mutex<State>>,
    pub address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Pdu {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Pdu {
    pub async fn start() -> Self {
        Self::listen(None).await
    }

    pub async fn start_with_tls() -> Self {
        let made = rcgen::generate_simple_self_signed(["pdu".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key);
        Self::listen(Some(Arc::new(config.unwrap()).into())).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let state = Arc::new(Mutex::new(State {
            outlets: [true, false],
            answer: 204,
            public: "/none",
            ..State::default()
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    let serve = service_fn(move |request| answer(Arc::clone(&shared), request));
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = match tls {
                        None => http.serve_connection(TokioIo::new(stream), serve).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => http.serve_connection(TokioIo::new(stream), serve).await,
                            Err(_) => Ok(()),
                        },
                    };
                });
            }
        });
        Self {
            state,
            address,
            server,
        }
    }

    /// The worker of a release, with this PDU as its target.
    pub fn of_release(&self, release: &str, password: &str) -> Alone<HttpJsonWorker> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases");
        let credential = [("user", "admin"), ("password", password)];
        let address = format!("http://{}", self.address);
        Alone::build(&folder.join(release), address, &credential).unwrap()
    }

    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().requests)
    }
}

fn outlet(at: usize, is_on: bool) -> Json {
    let state = if is_on { "On" } else { "Off" };
    let load = if is_on { 57 } else { 0 };
    json!({ "id": format!("AA{}", at + 1), "name": format!("Outlet {}", at + 1), "state": state,
        "active_power": load, "current": f64::from(load) / 208.0, "energy": 701_280,
        "power_factor": 0.78, "current_utilized": 2.3, "status": "Normal", "voltage": 208.2 })
}

fn document(state: &State, path: &str) -> Option<Json> {
    let outlets = state.outlets.iter().enumerate();
    let outlets: Vec<Json> = outlets.map(|(at, is_on)| outlet(at, *is_on)).collect();
    Some(match path {
        "/jaws/monitor/units" => json!([{ "id": "A", "name": "Master", "status": "Normal" }]),
        "/jaws/config/info/units" => json!([{ "id": "A", "name": "Master",
            "model_number": "C2L36TE", "product_serial_number": "AEVB0000345" }]),
        "/jaws/monitor/outlets" => Json::Array(outlets),
        "/jaws/monitor/phases" => json!([{ "id": "AA1", "name": "L1-L2", "active_power": 278,
            "energy": 4075.4, "current": 1.62, "voltage": 208.1, "power_factor": 0.83,
            "status": "High Warning" }]),
        "/jaws/monitor/sensors/temp" => json!([
            { "id": "A1", "name": "T A1", "status": "Normal", "temperature_celsius": 20.9 },
            { "id": "A2", "name": "T A2", "status": "Not Found" } ]),
        path => {
            let id = path.strip_prefix("/jaws/monitor/outlets/AA")?;
            outlets
                .get(id.parse::<usize>().ok()?.checked_sub(1)?)?
                .clone()
        }
    })
}

async fn answer(
    shared: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path = parts.uri.path().to_owned();
    let mut state = shared.lock();
    state.requests.push(format!("{} {path}", parts.method));
    let status = |code: u16, text: String| {
        Response::builder()
            .status(StatusCode::from_u16(code).unwrap())
            .body(Full::new(Bytes::from(text)))
    };
    let said = parts.headers.get(header::AUTHORIZATION);
    // admin:admin
    let is_public = path.starts_with(state.public);
    if !is_public && said.is_none_or(|said| said != "Basic YWRtaW46YWRtaW4=") {
        return Ok(status(401, String::new()).unwrap());
    }
    if parts.method == Method::GET {
        return Ok(match document(&state, &path) {
            Some(document) => status(200, document.to_string()).unwrap(),
            None => status(404, "{}".into()).unwrap(),
        });
    }
    let body: Json = serde_json::from_slice(&body).unwrap();
    let id = path.strip_prefix("/jaws/control/outlets/AA").unwrap();
    let at = id.parse::<usize>().unwrap() - 1;
    if state.answer < 300 && !state.lies {
        state.outlets[at] = body["control_action"] != "off";
    }
    match state.answer {
        0 => Err(std::io::Error::other("it breaks")),
        code => Ok(status(code, "busy".into()).unwrap()),
    }
}
