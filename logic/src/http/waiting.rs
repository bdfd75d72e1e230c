//! The API while the logic environment waits for something without which it does not start: every
//! request is refused with the reason.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use utakata_model::target::Secret;

use super::{
    Certificate, Doors, Error, Refused, connections,
    local::{self, LocalAdmin, LocalStranger},
};
use crate::{code::Code, config::Http, token::is_same};

/// The reason why the logic environment has not started yet. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Waiting {
    code: Code,
    reason: Arc<RwLock<(String, String)>>,
    /// The token of `admin`, who learns the reason. There are no other people yet.
    token: Secret,
}

impl Waiting {
    /// Creates a reason, told to whoever has this token.
    pub fn new(code: Code, token: Secret) -> Self {
        Self {
            code,
            reason: Arc::default(),
            token,
        }
    }

    /// Says what is missing, and the remedy.
    pub fn tell(&self, detail: String, cure: String) {
        *self.reason.write() = (detail, cure);
    }

    /// Refuses every request until it is dropped or cancelled.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub async fn serve(
        self,
        doors: Doors,
        config: &Http,
        cancel: CancellationToken,
    ) -> Result<(), Error> {
        let Doors {
            listener,
            certificate,
            local,
        } = doors;
        let acceptor = certificate.as_ref().map(Certificate::acceptor).transpose();
        let acceptor = acceptor.map_err(Error::Tls)?;
        let router = Router::new().fallback(refuse).with_state(self);
        let on_socket = {
            let (router, cancel) = (router.clone(), cancel.clone());
            async move {
                match local {
                    Some(local) => local::serve(local, router, cancel).await,
                    None => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            () = connections::serve(listener, router, acceptor, config, cancel.clone()) => {}
            () = on_socket => {}
        }
        Ok(())
    }
}

async fn refuse(State(waiting): State<Waiting>, request: Request) -> Response {
    if let Some(stranger) = request.extensions().get::<LocalStranger>()
        && !request.headers().contains_key(header::AUTHORIZATION)
    {
        return stranger.refusal().into_response();
    }
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let is_admin = request.extensions().get::<LocalAdmin>().is_some()
        || given.is_some_and(|given| is_same(given.as_bytes(), waiting.token.reveal().as_bytes()));
    let (detail, cure) = match is_admin {
        true => waiting.reason.read().clone(),
        false => (
            "the logic environment waits for the key that seals secrets".to_owned(),
            "ask with the token of admin, or see its log".to_owned(),
        ),
    };
    Refused::new(waiting.code, detail, cure).into_response()
}
