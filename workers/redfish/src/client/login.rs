//! Logging in: one session for each service, and Basic where there can be none.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use utakata_worker_http::{
    Connection, Method, Request, Response, StatusCode, connection,
    header::{self, HeaderName},
};

use super::{Client, DOCUMENT_MAX, Error, LOCKED, PATIENCE, message, reply};
use crate::{
    credential::{Auth, Credential, User},
    document,
};

/// The sessions of a service that names none.
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
const SERVICE: &str = "/redfish/v1/SessionService";
/// The token of a session (DSP0266).
const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
/// Sessions that end sooner than most polls come are a login for each poll.
const SHORT: u64 = 60;
/// The time for which there is Basic where no session was free, if the service does not tell for
/// how long its sessions last.
const USUAL: Duration = Duration::from_secs(300);

/// The state of the login.
#[derive(Debug, Default)]
pub enum Login {
    /// Nobody is logged in.
    #[default]
    None,
    Session {
        token: String,
        /// The path of the session, to end it.
        path: Option<String>,
    },
    /// User and password with each request.
    Basic {
        /// The time at which a session is tried again. Absent: never.
        until: Option<Instant>,
    },
}

/// A login that was sent: whoever gives it up leaves a session behind that nobody can end.
#[derive(Debug)]
pub(super) struct Unanswered {
    path: String,
    answer: JoinHandle<(Connection, Result<Response, connection::Error>)>,
}

impl Login {
    /// Forgets a session that is gone.
    pub fn lose(&mut self) {
        if matches!(self, Self::Session { .. }) {
            *self = Self::None;
        }
    }

    /// The header by which the service knows the user.
    pub fn header(&self, credential: &Credential) -> Option<(HeaderName, String)> {
        match (self, &credential.login) {
            (Self::Session { token, .. }, _) => Some((TOKEN, token.clone())),
            (Self::Basic { .. }, Some(User { name, password })) => {
                let both = STANDARD.encode(format!("{name}:{password}"));
                Some((header::AUTHORIZATION, format!("Basic {both}")))
            }
            _ => None,
        }
    }
}

impl Unanswered {
    /// Sends a login, and waits for its answer longer than the task that needs it.
    fn send(mut connection: Connection, request: Request) -> Self {
        let path = request.path.clone();
        let deadline = Instant::now() + PATIENCE;
        let answer = tokio::spawn(async move {
            let answer = connection.send(request, DOCUMENT_MAX, deadline).await;
            (connection, answer)
        });
        Self { path, answer }
    }
}

impl User {
    fn login_request(&self, path: &str) -> Request {
        let mut request = Request::new(Method::POST, path);
        request.body = json!({ "UserName": self.name, "Password": self.password })
            .to_string()
            .into();
        let json = "application/json";
        request.headers = vec![
            (header::CONTENT_TYPE, json.into()),
            (header::ACCEPT, json.into()),
        ];
        request
    }
}

/// Returns the session that an answer has opened.
fn session(response: &Response) -> Option<Login> {
    let token = response.header(&TOKEN)?.to_owned();
    let path = response.header(&header::LOCATION).and_then(document::path);
    Some(Login::Session { token, path })
}

/// The path of a service's sessions, if its root says that it has any.
pub fn sessions(root: &Json) -> Option<String> {
    let named = document::property(root, "Sessions");
    named.or_else(|| root.get("SessionService").map(|_| SESSIONS.into()))
}

impl Client {
    /// Logs in, unless somebody is.
    pub(super) async fn log_in(&mut self) -> Result<(), Error> {
        let Some(user) = self.credential.login.clone() else {
            return Ok(());
        };
        if let Some(refused) = self.refused {
            let ago = refused.elapsed();
            if ago < LOCKED {
                return Err(Error::Locked { ago });
            }
            self.refused = None;
        }
        match self.login {
            Login::Session { .. } | Login::Basic { until: None } => return Ok(()),
            Login::Basic { until: Some(until) } if Instant::now() < until => return Ok(()),
            Login::Basic { .. } | Login::None => {}
        }
        // A service without sessions may answer 401 even to the request for one.
        if self.credential.auth == Auth::Basic || self.sessions == Some(None) {
            self.login = Login::Basic { until: None };
            return Ok(());
        }
        self.open_session(&user).await
    }

    async fn open_session(&mut self, user: &User) -> Result<(), Error> {
        let mut response = self.post_session(user).await?;
        // A service that is starting says 401 to the right password, now and then.
        if response.status == StatusCode::UNAUTHORIZED {
            response = self.post_session(user).await?;
        }
        let status = response.status;
        match (status.as_u16(), session(&response)) {
            (200..300, Some(session)) => {
                self.login = session;
                self.judge_timeout().await;
                Ok(())
            }
            (401 | 403, _) => Err(self.lock(message(&response.body))),
            // There are no sessions, or none without a token.
            (404 | 405 | 501, _) | (200..300, None) => {
                self.login = Login::Basic { until: None };
                Ok(())
            }
            // No session is free (RAC0218, SessionLimitExceeded): those of others are left alone.
            (400 | 429 | 500 | 503, _) => {
                let until = Some(Instant::now() + USUAL);
                self.login = Login::Basic { until };
                Ok(())
            }
            _ => Err(reply::refused(status, &response)),
        }
    }

    async fn post_session(&mut self, user: &User) -> Result<Response, Error> {
        let path = match &self.unanswered {
            Some(earlier) => earlier.path.clone(),
            None => self.sessions.clone().flatten().unwrap_or(SESSIONS.into()),
        };
        let is_kept = self.connection.is_some();
        let response = match self.ask(user, &path).await {
            // The kept connection ended just now, and the service has not seen it.
            Err(Error::Http(error)) if is_kept && error.is_unsent() => self.ask(user, &path).await,
            answered => answered,
        }?;
        match self.redirection(&path, &response)? {
            Some(path) => self.ask(user, &path).await,
            None => Ok(response),
        }
    }

    /// Sends a login, unless one is under way, and returns its answer.
    async fn ask(&mut self, user: &User, path: &str) -> Result<Response, Error> {
        if self.unanswered.is_none() {
            let deadline = self.deadline.min(Instant::now() + PATIENCE);
            let connection = self.connect(deadline).await?;
            let request = user.login_request(path);
            self.unanswered = Some(Unanswered::send(connection, request));
            self.requests += 1;
        }
        self.answer().await
    }

    /// Returns the answer to the login that is under way.
    async fn answer(&mut self) -> Result<Response, Error> {
        let Some(unanswered) = &mut self.unanswered else {
            return Err(Error::Http(connection::Error::Unsent));
        };
        // It stays here while it is waited for: the task may be given up at any time.
        let waited = timeout_at(self.deadline, &mut unanswered.answer).await;
        self.used = Instant::now();
        let Ok(answered) = waited else {
            return Err(Error::Http(connection::Error::Silence));
        };
        self.unanswered = None;
        match answered {
            Ok((connection, Ok(response))) => {
                self.connection = Some(connection);
                Ok(response)
            }
            Ok((_, Err(error))) => {
                if !error.is_unsent() {
                    // It may have opened a session that nobody can end: there are few.
                    let until = Some(Instant::now() + USUAL);
                    self.login = Login::Basic { until };
                }
                Err(Error::Http(error))
            }
            Err(error) => Err(Error::Http(connection::Error::Broken(error.to_string()))),
        }
    }

    /// Ends a session that would not last until the next poll, and goes on without.
    async fn judge_timeout(&mut self) {
        let mut request = Request::new(Method::GET, SERVICE);
        request.headers.extend(self.login.header(&self.credential));
        let Ok(response) = self.follow(request).await else {
            return;
        };
        let told = reply::json(SERVICE, &response).ok();
        let timeout = told.and_then(|told| told.get("SessionTimeout").and_then(Json::as_u64));
        if timeout.is_some_and(|seconds| seconds < SHORT) {
            self.log_out().await;
            self.login = Login::Basic { until: None };
        }
    }

    /// Ends the own session, best effort; also one that a login is about to open.
    pub async fn log_out(&mut self) {
        if self.unanswered.is_some() {
            let late = self.answer().await;
            if let Some(session) = late.ok().as_ref().and_then(session) {
                self.login = session;
            }
        }
        let Login::Session {
            path: Some(path), ..
        } = &self.login
        else {
            return;
        };
        let mut request = Request::new(Method::DELETE, path.clone());
        request.headers.extend(self.login.header(&self.credential));
        let _ = self.follow(request).await;
        self.login = Login::None;
    }
}
