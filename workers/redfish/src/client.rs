//! A conversation with one service: logged in once, polite, and never near a lockout.
//!
//! ```text
//!            401/403 twice                        15 minutes
//!   fresh ───────────────────────────► locked ─────────────────► fresh
//!     │ POST Sessions: 201                ▲
//!     ├───────────────► session ── 401, and again after one more login
//!     │                    │ no sessions, none free, or too short ones
//!     └───────────────► basic
//! ```

mod login;
mod reply;

use std::{collections::HashSet, time::Duration};

use serde_json::Value as Json;
use tokio::time::Instant;
use utakata_worker_http::{
    Connection, Method, Request, Response, StatusCode,
    connection::{self, Endpoint, IDLE},
    header,
};

use crate::{credential::Credential, document, profile::Talk};
pub use login::Login;
use login::Unanswered;
pub use reply::{Fetched, message};

/// The longest time for one answer: slow BMCs take many seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest document, in bytes: the largest seen has 4 MB, and is never asked for.
const DOCUMENT_MAX: usize = 8 * 1024 * 1024;
/// The time for which no login is tried after the credential was refused: fewer than the attempts
/// after which services lock an account (4 or 5 were seen).
const LOCKED: Duration = Duration::from_secs(900);
/// The shortest interval between two requests, after the first few of a task.
const PACE: Duration = Duration::from_millis(100);
const UNPACED: u32 = 10;
/// The longest time that a service's `Retry-After` is followed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);
/// The number of times that a busy service is asked again.
const RETRIES: u32 = 2;

/// The reason why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service cannot be asked.
    #[error(transparent)]
    Http(#[from] connection::Error),
    /// The credential is refused.
    #[error("it does not accept the credential: {said}")]
    Credential { said: String },
    /// The credential was refused lately, and nothing was sent.
    #[error("it refused the credential {} min ago, so nothing was sent", ago.as_secs() / 60)]
    Locked { ago: Duration },
    /// It answered with an error.
    #[error("it answered {status}{said}")]
    Refused { status: StatusCode, said: String },
    /// The answer is no JSON.
    #[error("{path} is no JSON: {problem}")]
    Garbage { path: String, problem: String },
    /// It leads elsewhere.
    #[error("{path} leads to {to}, which is another host")]
    Elsewhere { path: String, to: String },
}

/// A conversation with a service. One request at a time is under way.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    credential: Credential,
    connection: Option<Connection>,
    used: Instant,
    login: Login,
    /// A login that has no answer yet: it may open a session after its task has ended.
    unanswered: Option<Unanswered>,
    /// The time at which the credential was refused.
    refused: Option<Instant>,
    /// The paths that are refused even to somebody who has just logged in: some services say 401
    /// and mean that the user has no right to it.
    barred: HashSet<String>,
    pub talk: Talk,
    /// The path of the sessions: absent where the root names none. Unknown before the root is read.
    sessions: Option<Option<String>>,
    deadline: Instant,
    /// The number of requests of this task.
    pub requests: u32,
}

impl Client {
    /// A conversation that has not begun.
    pub fn new(endpoint: Endpoint, credential: Credential) -> Self {
        let now = Instant::now();
        Self {
            endpoint,
            credential,
            connection: None,
            used: now,
            login: Login::None,
            unanswered: None,
            refused: None,
            barred: HashSet::new(),
            talk: Talk::default(),
            sessions: None,
            deadline: now,
            requests: 0,
        }
    }

    /// Begins a task. A connection that has been idle for long is not trusted to be open.
    pub fn begin(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.requests = 0;
        if self.used.elapsed() > IDLE {
            self.connection = None;
        }
    }

    /// Closes the connection, and keeps the session.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Returns true if nobody is logged in.
    pub fn is_anonymous(&self) -> bool {
        matches!(self.login, Login::None)
    }

    /// The time at which it was last used.
    pub fn used(&self) -> Instant {
        self.used
    }

    /// The end of the task.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The root, which needs no login (DSP0266).
    ///
    /// # Errors
    /// There is no service.
    pub async fn root(&mut self) -> Result<Json, Error> {
        const ROOTS: [&str; 2] = ["/redfish/v1/", "/redfish/v1"];
        let mut last = None;
        for path in ROOTS {
            let request = Request::new(Method::GET, path);
            let response = self.follow(request).await?;
            match response.status {
                StatusCode::OK => {
                    let root = reply::json(path, &response)?;
                    self.sessions = Some(login::sessions(&root));
                    return Ok(root);
                }
                // Some want a login even here, and some only with one of the two spellings.
                status => last = Some(reply::refused(status, &response)),
            }
        }
        match last {
            Some(Error::Refused { status, .. }) if status == StatusCode::UNAUTHORIZED => {
                let fetched = self.get("/redfish/v1").await?;
                Ok(fetched.document)
            }
            Some(error) => Err(error),
            None => Err(Error::Http(connection::Error::Unsent)),
        }
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn get(&mut self, path: &str) -> Result<Fetched, Error> {
        let mut tries = 0;
        loop {
            let request = Request::new(Method::GET, self.spelled(path));
            let response = self.as_user(request).await?;
            match response.status {
                StatusCode::OK => {
                    return Ok(Fetched {
                        document: reply::json(path, &response)?,
                        etag: response.header(&header::ETAG).map(String::from),
                    });
                }
                status if is_busy(status) && tries < RETRIES => {
                    tries += 1;
                    let wait = reply::retry_after(&response)
                        .unwrap_or(Duration::from_secs(u64::from(2 * tries)))
                        .min(RETRY_AFTER_MAX);
                    if Instant::now() + wait >= self.deadline {
                        return Err(reply::refused(status, &response));
                    }
                    tokio::time::sleep(wait).await;
                }
                status => return Err(reply::refused(status, &response)),
            }
        }
    }

    /// Sends a request that changes something, once. Only one that was certainly not carried out is
    /// sent again: over a connection that had ended, or with a session that is gone.
    ///
    /// # Errors
    /// There is no answer, or the user is refused.
    pub async fn change(
        &mut self,
        method: Method,
        path: &str,
        body: &Json,
        etag: Option<&str>,
    ) -> Result<Response, Error> {
        let mut request = Request::new(method, path);
        request.body = body.to_string().into();
        let json = "application/json";
        request.headers.push((header::CONTENT_TYPE, json.into()));
        if let Some(etag) = etag {
            request.headers.push((header::IF_MATCH, etag.into()));
        }
        self.as_user(request).await
    }

    /// Sends a request as the user, logging in before it, and once anew if the session is gone.
    async fn as_user(&mut self, request: Request) -> Result<Response, Error> {
        let mut is_second = false;
        loop {
            self.log_in().await?;
            let mut own = request.clone();
            own.headers.extend(self.login.header(&self.credential));
            let response = self.follow(own).await?;
            if response.status != StatusCode::UNAUTHORIZED || self.barred.contains(&request.path) {
                return Ok(response);
            }
            let said = message(&response.body);
            match (&self.login, is_second) {
                (Login::None, _) => return Err(Error::Credential { said }),
                // The login before it proves that the credential is right.
                (Login::Session { .. }, true) => {
                    self.barred.insert(request.path);
                    return Ok(response);
                }
                (Login::Basic { .. }, true) => return Err(self.lock(said)),
                (_, false) => {}
            }
            // A session ends with the time, with a restart of the BMC, and sometimes for nothing: then
            // it is still there, and would be one of few until it is forgotten.
            self.log_out().await;
            self.login.lose();
            is_second = true;
        }
    }

    fn lock(&mut self, said: String) -> Error {
        self.refused = Some(Instant::now());
        self.login = Login::None;
        Error::Credential { said }
    }

    /// Sends a request, following one redirection within the host.
    async fn follow(&mut self, request: Request) -> Result<Response, Error> {
        let response = self.exchange(request.clone()).await?;
        match self.redirection(&request.path, &response)? {
            Some(path) => self.exchange(Request { path, ..request }).await,
            None => Ok(response),
        }
    }

    /// Returns the path to which an answer leads, if it leads anywhere.
    fn redirection(&self, path: &str, response: &Response) -> Result<Option<String>, Error> {
        if !matches!(response.status.as_u16(), 301 | 302 | 307 | 308) {
            return Ok(None);
        }
        let to = response.header(&header::LOCATION).unwrap_or_default();
        let is_here = to.starts_with('/') || reply::is_host(to, &self.endpoint.address);
        match document::path(to) {
            Some(path) if is_here => Ok(Some(path)),
            _ => Err(Error::Elsewhere {
                path: path.into(),
                to: to.into(),
            }),
        }
    }

    /// Sends a request over the connection, or over a new one if it had ended.
    async fn exchange(&mut self, mut request: Request) -> Result<Response, Error> {
        request
            .headers
            .push((header::ACCEPT, "application/json".into()));
        if self.requests >= UNPACED {
            tokio::time::sleep_until((self.used + PACE).min(self.deadline)).await;
        }
        self.requests += 1;
        let is_kept = self.connection.as_ref().is_some_and(Connection::is_open);
        let sent = self.send(request.clone()).await;
        self.used = Instant::now();
        match sent {
            Err(error) if is_kept && error.is_unsent() => {
                self.connection = None;
                Ok(self.send(request).await?)
            }
            // A kept connection of a BMC that has restarted breaks; reading again harms nobody.
            Err(connection::Error::Broken(_)) if is_kept && request.method == Method::GET => {
                self.connection = None;
                Ok(self.send(request).await?)
            }
            other => Ok(other?),
        }
    }

    async fn send(&mut self, request: Request) -> Result<Response, connection::Error> {
        let deadline = self.deadline.min(Instant::now() + PATIENCE);
        let mut connection = self.connect(deadline).await?;
        let response = connection.send(request, DOCUMENT_MAX, deadline).await?;
        self.connection = Some(connection);
        Ok(response)
    }

    /// The kept connection, or a new one.
    async fn connect(&mut self, deadline: Instant) -> Result<Connection, connection::Error> {
        match self.connection.take().filter(Connection::is_open) {
            Some(connection) => Ok(connection),
            None => Connection::open(&self.endpoint, deadline).await,
        }
    }

    /// The path as the service wants it.
    fn spelled(&self, path: &str) -> String {
        let adds = self.talk.slash == Some(true) && !path.ends_with('/') && !path.contains('?');
        match adds {
            true => format!("{path}/"),
            false => path.to_owned(),
        }
    }
}

/// Returns true if a service may be less busy later.
fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 503)
}
