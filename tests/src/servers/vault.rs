//! A server that answers as HashiCorp Vault does, as far as utakata asks it: the transit engine,
//! KV version 2, tokens with policies, AppRole, and the seal.
//!
//! Vault itself is in no package registry that tests have. Paths, bodies and status codes are those
//! of its HTTP API: "Transit secrets engine", "KV secrets engine - version 2", "Token auth method",
//! "AppRole auth method", "HTTP status codes".

mod state;

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use self::state::{Asked, Shared};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A running server, which ends when it is dropped.
pub struct VaultServer {
    address: SocketAddr,
    state: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl VaultServer {
    /// Starts it, unsealed and empty.
    ///
    /// # Errors
    /// It cannot listen.
    pub async fn start() -> Result<Self> {
        Self::at("127.0.0.1:0".parse()?, Arc::default()).await
    }

    async fn at(address: SocketAddr, state: Arc<Shared>) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            address: listener.local_addr()?,
            state: Arc::clone(&state),
            serving: tokio::spawn(serve(listener, state)),
        })
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a token that may do this: paths, of which one can end in `*`, each with a capability.
    pub fn token(&self, policy: &[(&str, &str)]) -> String {
        self.state.lock().token(policy)
    }

    /// Makes a token that may do everything.
    pub fn root(&self) -> String {
        self.token(&[("*", "read"), ("*", "update")])
    }

    /// Makes a token unknown.
    pub fn revoke(&self, token: &str) {
        self.state.lock().tokens.remove(token);
    }

    /// Seals it, or unseals it.
    pub fn seal(&self, is_sealed: bool) {
        self.state.lock().is_sealed = is_sealed;
    }

    /// Makes a transit key.
    pub fn make_key(&self, name: &str) {
        self.state.lock().make_key(name);
    }

    /// Gives a transit key another version; returns its number.
    pub fn rotate_key(&self, name: &str) -> usize {
        self.state.lock().rotate_key(name)
    }

    /// Lets a transit key open no version before this one.
    pub fn open_from(&self, name: &str, version: usize) {
        self.state.lock().open_from(name, version);
    }

    /// Removes a transit key.
    pub fn remove_key(&self, name: &str) {
        self.state.lock().keys.remove(name);
    }

    /// Puts a secret at a path of `vault kv put`, such as `secret/bmc/a1`.
    pub fn put(&self, path: &str, fields: Value) {
        self.state.lock().put(path, Some(fields));
    }

    /// Deletes the latest version of a secret.
    pub fn delete(&self, path: &str) {
        self.state.lock().put(path, None);
    }

    /// Lets a role log in by AppRole; its tokens may do everything.
    pub fn let_in(&self, role: &str, secret: &str) {
        let mut state = self.state.lock();
        state.roles.insert(role.to_owned(), secret.to_owned());
    }

    /// Returns the requests that were answered, as `POST transit/encrypt/a`.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().requests.clone()
    }

    /// Ends it, and starts it again at the same address with everything that it knows.
    ///
    /// # Errors
    /// It cannot listen there any more.
    pub async fn restart(self) -> Result<Self> {
        let (address, state) = (self.address, Arc::clone(&self.state));
        drop(self);
        Self::at(address, state).await
    }
}

impl Drop for VaultServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<Shared>) {
    let mut served = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while served.try_join_next().is_some() {}
        let state = Arc::clone(&state);
        // A client that goes away is no matter of the server.
        served.spawn(async move { drop(answer_all(stream, &state).await) });
    }
}

/// Answers the requests of a connection, one after the other.
async fn answer_all(stream: TcpStream, state: &Shared) -> Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let method = words.next().unwrap_or_default().to_owned();
        let path = words.next().unwrap_or_default().to_owned();
        let (mut token, mut length) = (None, 0);
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await?;
            let Some((name, value)) = header.trim().split_once(':') else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "x-vault-token" => token = Some(value.trim().to_owned()),
                "content-length" => length = value.trim().parse::<usize>()?.min(MAX_BODY),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let asked = Asked {
            method: &method,
            path: path.strip_prefix("/v1/").unwrap_or(&path),
            token: token.as_deref(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        };
        let (status, answer) = state.lock().answer(&asked);
        let text = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(text.as_bytes()).await?;
    }
}

/// Returns the body of an answer around its data.
fn data(data: &Value) -> Value {
    json!({
        "request_id": "8f3c1e4a-0000-0000-0000-000000000000", "lease_id": "", "renewable": false,
        "lease_duration": 0, "data": data, "wrap_info": null, "warnings": null, "auth": null,
    })
}
