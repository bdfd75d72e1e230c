//! The way of those who have no token yet: to log in, and nothing else.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use utakata_openid::{Provider, Visitor};

use super::{Api, Refused, auth, connections::ClientConnection, cookie, gate::Gate};
use crate::{
    audit::{LoginNote, RefusedLogin, SiteNote},
    code::Code,
    config::Login,
    login::LoginKey,
    people::{self, LoggedIn, Via},
    session::SessionKey,
    token::TokenHash,
};

/// Somebody who has no token yet.
pub(super) struct Arriving {
    api: Api,
    from: Option<IpAddr>,
}

impl FromRequestParts<Gate> for Arriving {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Refused> {
        let guest = parts.extensions.get::<ClientConnection>();
        Ok(Self {
            api: gate.of_stranger().clone(),
            from: guest.map(ClientConnection::peer),
        })
    }
}

impl Arriving {
    /// Returns the settings.
    pub(super) fn settings(&self) -> &Login {
        &self.api.handle.config().login
    }

    /// Returns the provider.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn provider(&self) -> Result<&Provider, Refused> {
        self.api.handle.provider().ok_or_else(off)
    }

    /// Returns the key of what those who log in keep.
    ///
    /// # Errors
    /// Admin has no token, under which all is sealed.
    pub(super) fn key(&self) -> Result<LoginKey, Refused> {
        LoginKey::new(&self.api.token).ok_or_else(off)
    }

    /// Lets somebody in whom the provider knows, and records it.
    ///
    /// # Errors
    /// They have no name here, or it is another's, or it cannot be recorded.
    pub(super) async fn admit(&self, visitor: Visitor, via: Via) -> Result<LoggedIn, Refused> {
        let (issuer, subject) = (visitor.issuer.clone(), visitor.subject.clone());
        let login = match self.api.handle.people().log_in(visitor, via).await {
            Ok(login) => login,
            Err(error) => return Err(self.not_admitted(error, issuer, subject).await),
        };
        let note = SiteNote::LoggedIn(LoginNote {
            by: login.name.clone(),
            token: login.token_name.clone(),
            issuer,
            subject,
            groups: login.groups.clone(),
            is_new: login.is_new,
        });
        self.api.handle.ledger().note(note).await.map_err(|error| {
            let detail = format!("the login could not be recorded in the audit trail: {error}");
            Refused::new(Code::StoreInDoubt, detail, "log in again")
        })?;
        tracing::info!(by = %login.name, token = %login.token_name, "somebody has logged in");
        Ok(login)
    }

    async fn not_admitted(&self, error: people::Error, issuer: String, subject: String) -> Refused {
        let name = match &error {
            people::Error::Taken { name, .. } => Some(name.clone()),
            people::Error::Name(_) => None,
            _ => return error.into(),
        };
        let refused = Refused::from(error);
        let note = SiteNote::LoginRefused(RefusedLogin {
            issuer,
            subject,
            name,
            code: refused.code().as_str(),
        });
        if let Err(error) = self.api.handle.ledger().note(note).await {
            tracing::warn!(%error, "a refused login is not in the audit trail");
        }
        self.failed(refused).await
    }

    /// Refuses a login as a wrong token is refused: counted, told, and ever later.
    pub(super) async fn failed(&self, refused: Refused) -> Refused {
        // Who cannot be asked was not deceived.
        let is_wrong = matches!(
            refused.code(),
            Code::LoginExpired | Code::LoginName | Code::LoginRefused | Code::LoginTaken
        );
        if is_wrong {
            auth::count_wrong(&self.api, self.from).await;
        }
        let problem = refused.problem();
        tracing::info!(
            code = problem.code,
            detail = problem.detail,
            "a login has failed"
        );
        refused
    }

    /// Returns the headers that make a login the session of a browser.
    pub(super) fn session(&self, login: &LoggedIn, headers: &HeaderMap) -> (HeaderName, String) {
        let hash = TokenHash::of(login.token.reveal());
        let key = SessionKey::new(&self.api.token);
        let session = key.seal(&login.name, hash, login.ends);
        let seconds = login.ends.as_second() - crate::clock::now().as_second();
        let site = cookie::Site::of(self.settings().origin(), headers);
        (header::SET_COOKIE, site.session(&session, seconds))
    }
}

fn off() -> Refused {
    let detail = "nobody can log in by an identity provider: logic.login.issuer is not set";
    let cure = "use a token: somebody who may change people makes one (`utakata person add NAME`)";
    Refused::new(Code::LoginOff, detail, cure)
}
