//! Tokens: from a file each time, or by a login that is kept until most of its time is over.

use std::{fs, path::Path, time::Duration};

use serde_json::json;
use tokio::{sync::Mutex, time::Instant};
use utakata_model::target::Secret;
use zeroize::Zeroizing;

use crate::{
    Auth, Error,
    answer::{self, Asked, Login, What},
    transport::{Request, Transport},
};

/// The share of a token's time after which another is taken.
const FRESH: f64 = 0.7;

/// The way to a token, and the token of the last login.
#[derive(Debug)]
pub(crate) struct Tokens {
    auth: Auth,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    token: Secret,
    /// The time from which on it is not used any more; `None` if it does not end.
    until: Option<Instant>,
}

impl Tokens {
    pub(crate) fn new(auth: Auth) -> Self {
        Self {
            auth,
            kept: Mutex::default(),
        }
    }

    /// Returns the one who asks, for people.
    pub(crate) fn who(&self) -> String {
        self.auth.who()
    }

    /// Returns a token.
    pub(crate) async fn get(&self, transport: &Transport) -> Result<Secret, Error> {
        let (mount, body) = match &self.auth {
            Auth::TokenFile(file) => return content(file, transport.address()),
            Auth::AppRole {
                role_id,
                secret_id_file,
                mount,
            } => {
                let secret = content(secret_id_file, transport.address())?;
                (
                    mount,
                    json!({ "role_id": role_id, "secret_id": secret.reveal() }),
                )
            }
            Auth::Kubernetes {
                role,
                token_file,
                mount,
            } => {
                let token = content(token_file, transport.address())?;
                (mount, json!({ "role": role, "jwt": token.reveal() }))
            }
        };
        let mut kept = self.kept.lock().await;
        let is_fresh = |kept: &Kept| kept.until.is_none_or(|until| Instant::now() < until);
        if let Some(kept) = kept.as_ref().filter(|kept| is_fresh(kept)) {
            return Ok(kept.token.clone());
        }
        let path = format!("auth/{mount}/login");
        let asked = Asked {
            address: transport.address(),
            path: &path,
            what: What::Login,
        };
        let request = Request {
            path: &path,
            body: Some(&body),
        };
        let answer = transport.send(request, None).await?;
        let read = answer::read::<Login>(&answer, asked);
        let login = read.unwrap_or_else(|| Err(self.unknown(transport)))?.auth;
        let lasts = Duration::from_secs(login.lease_duration);
        let until = (!lasts.is_zero()).then(|| Instant::now() + lasts.mul_f64(FRESH));
        let token = login.client_token.clone();
        *kept = Some(Kept {
            token: login.client_token,
            until,
        });
        Ok(token)
    }

    /// Forgets a token that was not accepted. Returns true if another can be had at once.
    pub(crate) async fn forget(&self, token: &Secret) -> bool {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.token == *token) {
            kept.take();
        }
        !matches!(self.auth, Auth::TokenFile(_))
    }

    pub(crate) fn unknown(&self, transport: &Transport) -> Error {
        Error::Unknown {
            address: transport.address().to_owned(),
            who: self.who(),
        }
    }
}

/// Returns the content of a file with a secret.
fn content(path: &Path, address: &str) -> Result<Secret, Error> {
    let wrong = |reason: String| Error::NoToken {
        address: address.to_owned(),
        path: path.to_owned(),
        reason,
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let text = Zeroizing::new(text);
    match text.trim() {
        "" => Err(wrong("it is empty".into())),
        token => Ok(Secret::new(token)),
    }
}
