//! One server that is asked again and again: one kept connection, one request at a time, and never
//! near a lockout.
//!
//! ```text
//!           401 twice            15 minutes
//!   fresh ─────────────► locked ────────────► fresh
//! ```

mod credential;
mod several;

use std::time::Duration;

use hyper::{Method, StatusCode, header};
use tokio::time::Instant;
use utakata_worker_sdk::model::Cure;

use crate::{
    Connection, Request, Response,
    connection::{self, Endpoint, IDLE},
};

pub use credential::{Credential, Login};
pub use several::{Devices, NoTurn, Turn};

/// The longest time for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time for which no login is tried after the credential was refused: fewer than the attempts
/// after which devices lock an account (4 or 5 were seen).
const LOCKED: Duration = Duration::from_secs(900);
/// The shortest interval between two requests, after the first few of a task.
const PACE: Duration = Duration::from_millis(200);
const UNPACED: u32 = 10;
/// The longest text of an answer that is repeated to people, in characters.
const SAID_MAX: usize = 200;

/// The reason why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server cannot be asked.
    #[error(transparent)]
    Http(#[from] connection::Error),
    /// The credential is refused.
    #[error("it does not accept the credential{said}")]
    Credential { said: String },
    /// The credential was refused lately, and nothing was sent.
    #[error("it refused the credential {} min ago, so nothing was sent", ago.as_secs() / 60)]
    Locked { ago: Duration },
    /// It answered with an error.
    #[error("it answered {status} to {path}{said}")]
    Refused {
        path: String,
        status: StatusCode,
        said: String,
    },
    /// It leads elsewhere.
    #[error("{path} leads to {to}, which is another host")]
    Elsewhere { path: String, to: String },
}

/// A conversation with a server.
#[derive(Debug)]
pub struct Device {
    endpoint: Endpoint,
    credential: Credential,
    connection: Option<Connection>,
    used: Instant,
    /// The time at which the credential was refused.
    refused: Option<Instant>,
    deadline: Instant,
    requests: u32,
}

impl Error {
    /// Returns the code of the error, who can cure it, and how.
    pub fn advice(&self) -> (&'static str, Cure, &'static str) {
        match self {
            Self::Http(error) => connection::advice(error),
            Self::Credential { .. } => (
                "bad-credential",
                Cure::Operator,
                "check user and password; nothing is sent for 15 minutes, so that the account is \
                 not locked",
            ),
            Self::Locked { .. } => (
                "bad-credential",
                Cure::Operator,
                "correct the credential: another one is tried at once",
            ),
            Self::Refused { status, .. } if matches!(status.as_u16(), 429 | 500..=599) => {
                ("unreachable", Cure::Retry, "it is busy or starting")
            }
            Self::Refused { .. } => (
                "device-refused",
                Cure::Operator,
                "check the address, and what the user may do",
            ),
            Self::Elsewhere { .. } => (
                "device-garbage",
                Cure::Operator,
                "write that host and port as the address, if it is right",
            ),
        }
    }
}

impl Device {
    /// A conversation that has not begun.
    fn new(endpoint: Endpoint, credential: Credential) -> Self {
        let now = Instant::now();
        Self {
            endpoint,
            credential,
            connection: None,
            used: now,
            refused: None,
            deadline: now,
            requests: 0,
        }
    }

    /// Begins a task. A connection that has been idle for long is not trusted to be open.
    fn begin(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.requests = 0;
        if self.used.elapsed() > IDLE {
            self.connection = None;
        }
    }

    /// Closes the connection: nobody will ask soon.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Reads a page of at most so many bytes.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn get(&mut self, path: &str, accept: &str, limit: usize) -> Result<Response, Error> {
        let mut request = Request::new(Method::GET, path);
        request.headers.push((header::ACCEPT, accept.into()));
        let response = self.ask(request, limit).await?;
        match response.status {
            StatusCode::OK => Ok(response),
            status => Err(Error::Refused {
                path: path.into(),
                status,
                said: said(&response),
            }),
        }
    }

    /// Sends a request that changes something, once. Only one that has certainly not been seen is
    /// sent again.
    ///
    /// # Errors
    /// There is no answer, or the user is refused.
    pub async fn change(
        &mut self,
        method: Method,
        path: &str,
        body: Option<String>,
        limit: usize,
    ) -> Result<Response, Error> {
        let mut request = Request::new(method, path);
        if let Some(body) = body {
            let json = "application/json";
            request.headers.push((header::CONTENT_TYPE, json.into()));
            request.body = body.into();
        }
        self.ask(request, limit).await
    }

    /// Sends a request as the user. A refusal of the credential is not believed at once: some
    /// devices refuse the right one now and then.
    async fn ask(&mut self, mut request: Request, limit: usize) -> Result<Response, Error> {
        if let Some(ago) = self.refused.map(|at| at.elapsed()) {
            if ago < LOCKED {
                return Err(Error::Locked { ago });
            }
            self.refused = None;
        }
        request.headers.extend(self.credential.header());
        let first = self.follow(request.clone(), limit).await?;
        if first.status != StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        if self.credential.login == Login::Nobody {
            let said = said(&first);
            return Err(Error::Credential { said });
        }
        let second = self.follow(request, limit).await?;
        if second.status != StatusCode::UNAUTHORIZED {
            return Ok(second);
        }
        self.refused = Some(Instant::now());
        let said = said(&second);
        Err(Error::Credential { said })
    }

    /// Sends a request, following one redirection within the host.
    async fn follow(&mut self, request: Request, limit: usize) -> Result<Response, Error> {
        let response = self.exchange(request.clone(), limit).await?;
        if !matches!(response.status.as_u16(), 301 | 302 | 307 | 308) {
            return Ok(response);
        }
        let to = response.header(&header::LOCATION).unwrap_or_default();
        match to.starts_with('/') && !to.starts_with("//") {
            true => {
                let path = to.to_owned();
                self.exchange(Request { path, ..request }, limit).await
            }
            false => Err(Error::Elsewhere {
                path: request.path,
                to: to.to_owned(),
            }),
        }
    }

    /// Sends a request over the connection, or over a new one if it had ended.
    async fn exchange(&mut self, request: Request, limit: usize) -> Result<Response, Error> {
        if self.requests >= UNPACED {
            tokio::time::sleep_until((self.used + PACE).min(self.deadline)).await;
        }
        self.requests += 1;
        let is_kept = self.connection.as_ref().is_some_and(Connection::is_open);
        let sent = self.send(request.clone(), limit).await;
        self.used = Instant::now();
        match sent {
            Err(error) if is_kept && error.is_unsent() => {
                self.connection = None;
                Ok(self.send(request, limit).await?)
            }
            // A kept connection of a device that has restarted breaks; reading again harms nobody.
            Err(connection::Error::Broken(_)) if is_kept && request.method == Method::GET => {
                self.connection = None;
                Ok(self.send(request, limit).await?)
            }
            other => Ok(other?),
        }
    }

    async fn send(
        &mut self,
        request: Request,
        limit: usize,
    ) -> Result<Response, connection::Error> {
        let deadline = self.deadline.min(Instant::now() + PATIENCE);
        let mut connection = match self.connection.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => Connection::open(&self.endpoint, deadline).await?,
        };
        let response = connection.send(request, limit, deadline).await?;
        self.connection = Some(connection);
        Ok(response)
    }
}

/// The text of an answer for people, after a colon; nothing of a page in HTML.
pub fn said(response: &Response) -> String {
    let text = String::from_utf8_lossy(&response.body);
    let text = text.trim();
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = plain.chars().take(SAID_MAX).collect();
    match short.is_empty() || short.starts_with('<') {
        true => String::new(),
        false => format!(": {short}"),
    }
}
