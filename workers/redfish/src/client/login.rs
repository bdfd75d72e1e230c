//! Logging in: one session for each service, and Basic where there can be none.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};
use tokio::time::Instant;
use utakata_worker_http::{
    Method, Request, Response, StatusCode,
    header::{self, HeaderName},
};

use super::{Client, Error, LOCKED, message, reply};
use crate::{
    credential::{Auth, Credential},
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
            (Self::Basic { .. }, Some((user, password))) => {
                let both = STANDARD.encode(format!("{user}:{password}"));
                Some((header::AUTHORIZATION, format!("Basic {both}")))
            }
            _ => None,
        }
    }
}

/// The path of a service's sessions, if its root says that it has any.
pub fn sessions(root: &Json) -> Option<String> {
    let named = document::property(root, "Sessions");
    named.or_else(|| root.get("SessionService").map(|_| SESSIONS.into()))
}

impl Client {
    /// Logs in, unless somebody is.
    pub(super) async fn log_in(&mut self) -> Result<(), Error> {
        if self.credential.login.is_none() {
            return Ok(());
        }
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
        self.open_session().await
    }

    async fn open_session(&mut self) -> Result<(), Error> {
        let mut response = self.post_session().await?;
        // A service that is starting says 401 to the right password, now and then.
        if response.status == StatusCode::UNAUTHORIZED {
            response = self.post_session().await?;
        }
        let status = response.status;
        let token = response.header(&TOKEN).map(String::from);
        match (status.as_u16(), token) {
            (200..300, Some(token)) => {
                let path = response.header(&header::LOCATION).and_then(document::path);
                self.login = Login::Session { token, path };
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

    async fn post_session(&mut self) -> Result<Response, Error> {
        let (user, password) = self.credential.login.clone().unwrap_or_default();
        let path = self
            .sessions
            .clone()
            .flatten()
            .unwrap_or_else(|| SESSIONS.into());
        let mut request = Request::new(Method::POST, path);
        request.body = json!({ "UserName": user, "Password": password })
            .to_string()
            .into();
        let json = "application/json";
        request.headers.push((header::CONTENT_TYPE, json.into()));
        self.follow(request).await
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

    /// Ends the own session, best effort.
    pub async fn log_out(&mut self) {
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
