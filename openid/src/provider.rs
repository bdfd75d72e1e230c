//! A provider, asked when somebody logs in and not before.

use std::{fs, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::{
    sync::{Mutex, Semaphore},
    time::Instant,
};
use url::Url;
use utakata_model::Backoff;

use crate::{
    Challenge, Config, DeviceCode, Error, Visitor, claims,
    exchange::{self, Refused, Tokens},
    id_token::{self, Accepted, Expected},
    keys::Keys,
    metadata::{self, Metadata, SecretIn},
    transport::{Answer, Transport},
};

/// The time after which the provider is asked again what it says of itself.
const FRESH: Duration = Duration::from_secs(3600);
/// The shortest time after which it is asked again because of a key that nobody knows.
const KEYS_AGAIN: Duration = Duration::from_secs(10);
/// The pauses between questions to a provider that is away.
const AWAY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));
/// The largest number of conversations with the provider at a time: strangers can begin them.
const MAX_AT_A_TIME: usize = 16;

/// A provider. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    known: Mutex<Known>,
    conversations: Semaphore,
}

#[derive(Debug)]
struct Known {
    described: Option<Arc<Described>>,
    /// The last failure to ask, and the time until which it is not asked again.
    failed: Option<(Instant, Error)>,
    backoff: Backoff,
}

/// The description that a provider gave of itself, with its keys.
#[derive(Debug)]
struct Described {
    metadata: Metadata,
    keys: Keys,
    at: Instant,
    transport: Transport,
}

/// The state of a login on another device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// The person has not agreed yet.
    Pending {
        /// The pause is to be five seconds longer from now on (RFC 8628, 3.5).
        slow_down: bool,
    },
    /// The person has agreed.
    Done(Visitor),
}

/// The two halves of a client's name.
struct Client<'a> {
    id: &'a str,
    secret: Option<String>,
    secret_in: SecretIn,
}

impl Provider {
    /// Creates a provider that nobody has asked yet.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(Inner {
            config,
            known: Mutex::new(Known {
                described: None,
                failed: None,
                backoff: AWAY,
            }),
            conversations: Semaphore::new(MAX_AT_A_TIME),
        }))
    }

    /// Returns the address to which a browser is sent, to come back with a code.
    ///
    /// # Errors
    /// The provider is away or does not fit.
    pub async fn authorization(&self, challenge: &Challenge) -> Result<String, Error> {
        let _place = self.0.conversations.acquire().await;
        let described = self.described().await?;
        let unfit = |reason: String| self.unfit(reason);
        let mut url = Url::parse(&described.metadata.authorization_endpoint)
            .map_err(|error| unfit(error.to_string()))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.0.config.client_id)
            .append_pair("redirect_uri", self.redirect()?)
            .append_pair("scope", &self.0.config.scope())
            .append_pair("state", &challenge.state)
            .append_pair("nonce", &challenge.nonce)
            .append_pair("code_challenge", &challenge.code_challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Returns the one for whom a code was made, with which a browser has come back.
    ///
    /// # Errors
    /// The provider is away, refuses the code, or what it says is not accepted.
    pub async fn visitor(
        &self,
        code: &str,
        challenge: &Challenge,
        now: Timestamp,
    ) -> Result<Visitor, Error> {
        let _place = self.0.conversations.acquire().await;
        let described = self.described().await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect()?),
            ("code_verifier", &challenge.verifier),
        ];
        let answer = self.token(&described, &form).await?;
        match answer {
            Ok(tokens) => self.meet(&described, tokens, Some(challenge), now).await,
            Err(refused) => Err(refused.into_error(&self.0.config.issuer)),
        }
    }

    /// Begins a login on another device.
    ///
    /// # Errors
    /// The provider is away, or lets nobody log in so.
    pub async fn begin_device(&self) -> Result<DeviceCode, Error> {
        let _place = self.0.conversations.acquire().await;
        let described = self.described().await?;
        let url = described.metadata.device_authorization_endpoint.as_deref();
        let url = url.ok_or_else(|| self.unfit("it has no login on another device (RFC 8628)"))?;
        let scope = self.0.config.scope();
        let answer = self.post(&described, url, &[("scope", &scope)]).await?;
        if answer.status == 200 {
            return exchange::device_code(&answer.body).map_err(|reason| self.away(reason));
        }
        Err(match exchange::refusal(&answer.body) {
            Some(Refused::Us(reason) | Refused::Other(reason)) => self.unfit(reason),
            _ => self.away(format!("{url} answered {}", answer.status)),
        })
    }

    /// Asks whether somebody has agreed on another device.
    ///
    /// # Errors
    /// The provider is away, the person has refused, or what it says is not accepted.
    pub async fn poll_device(&self, device_code: &str, now: Timestamp) -> Result<Polled, Error> {
        let _place = self.0.conversations.acquire().await;
        let described = self.described().await?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", device_code),
        ];
        match self.token(&described, &form).await? {
            Ok(tokens) => {
                let visitor = self.meet(&described, tokens, None, now).await?;
                Ok(Polled::Done(visitor))
            }
            Err(Refused::Pending) => Ok(Polled::Pending { slow_down: false }),
            Err(Refused::SlowDown) => Ok(Polled::Pending { slow_down: true }),
            Err(refused) => Err(refused.into_error(&self.0.config.issuer)),
        }
    }

    /// Accepts tokens; returns the one whom they are about.
    async fn meet(
        &self,
        described: &Arc<Described>,
        tokens: Tokens,
        challenge: Option<&Challenge>,
        now: Timestamp,
    ) -> Result<Visitor, Error> {
        let config = &self.0.config;
        let id_token = tokens
            .id_token
            .ok_or_else(|| Error::refused("the provider sent no ID token"))?;
        let described = match id_token::is_by_unknown_key(&id_token, &described.keys) {
            true => {
                let before = described.at;
                let is_newer =
                    |known: &Described| known.at > before || known.at.elapsed() < KEYS_AGAIN;
                self.described_if(is_newer).await?
            }
            false => Arc::clone(described),
        };
        let expected = Expected {
            issuer: &config.issuer,
            client_id: &config.client_id,
            nonce: challenge.map(|challenge| challenge.nonce.as_str()),
            now,
        };
        let Accepted {
            subject,
            mut claims,
        } = id_token::accept(&id_token, &described.keys, expected)?;
        let is_whole =
            claims::has(&claims, &config.name_claim) && claims::has(&claims, &config.groups_claim);
        if let Some(url) = described.metadata.userinfo_endpoint.as_deref()
            && !is_whole
        {
            let access = &tokens.access_token;
            let further = self.further(&described, url, access, &subject).await?;
            for (claim, value) in further {
                claims.entry(claim).or_insert(value);
            }
        }
        Ok(Visitor {
            issuer: config.issuer.clone(),
            subject,
            name: claims::name(&claims, &config.name_claim),
            groups: claims::groups(&claims, &config.groups_claim),
        })
    }

    /// Asks for what the ID token does not say.
    async fn further(
        &self,
        described: &Described,
        url: &str,
        access: &str,
        subject: &str,
    ) -> Result<Map<String, Value>, Error> {
        let answer = described.transport.get(url, Some(access)).await;
        let answer = answer.map_err(|reason| self.away(reason))?;
        if answer.status != 200 {
            return Err(self.away(format!("{url} answered {}", answer.status)));
        }
        let claims: Map<String, Value> = serde_json::from_slice(&answer.body)
            .map_err(|error| self.away(format!("{url}: {error}")))?;
        // Otherwise the groups of one could become another's (OpenID Connect Core 1.0, 5.3.2).
        match claims.get("sub").and_then(Value::as_str) == Some(subject) {
            true => Ok(claims),
            false => Err(Error::refused("the provider speaks of two people")),
        }
    }

    async fn token(
        &self,
        described: &Described,
        form: &[(&str, &str)],
    ) -> Result<Result<Tokens, Refused>, Error> {
        let url = &described.metadata.token_endpoint;
        let answer = self.post(described, url, form).await?;
        if answer.status == 200 {
            let read = serde_json::from_slice(&answer.body);
            return read
                .map(Ok)
                .map_err(|error| self.away(format!("{url}: {error}")));
        }
        let refusal = exchange::refusal(&answer.body).filter(|_| answer.status < 500);
        let status = answer.status;
        let refusal = refusal.ok_or_else(|| self.away(format!("{url} answered {status}")))?;
        Ok(Err(refusal))
    }

    async fn post(
        &self,
        described: &Described,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let client = self.client(&described.metadata)?;
        let mut form = form.to_vec();
        let in_header = match (&client.secret, client.secret_in) {
            (Some(secret), SecretIn::Header) => Some((client.id, secret.as_str())),
            (Some(secret), SecretIn::Body) => {
                form.extend([("client_id", client.id), ("client_secret", secret)]);
                None
            }
            (None, _) => {
                form.push(("client_id", client.id));
                None
            }
        };
        let answer = described.transport.post(url, &form, in_header).await;
        answer.map_err(|reason| self.away(reason))
    }

    /// Reads our secret, which may have been replaced since the last time.
    fn client(&self, metadata: &Metadata) -> Result<Client<'_>, Error> {
        let config = &self.0.config;
        let secret = match &config.client_secret_file {
            None => None,
            Some(path) => {
                let wrong = |reason: String| Error::File {
                    path: path.clone(),
                    reason,
                };
                let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
                let text = text.trim().to_owned();
                if text.is_empty() {
                    return Err(wrong("it is empty".into()));
                }
                Some(text)
            }
        };
        Ok(Client {
            id: &config.client_id,
            secret,
            secret_in: metadata.secret_in(),
        })
    }

    fn redirect(&self) -> Result<&str, Error> {
        let redirect = self.0.config.redirect.as_deref();
        redirect.ok_or_else(|| self.unfit("logic.login.url is not set"))
    }

    async fn described(&self) -> Result<Arc<Described>, Error> {
        self.described_if(|known| known.at.elapsed() < FRESH).await
    }

    /// Returns what the provider says of itself now, if what it said before is not good enough. While
    /// it is away, what it said last goes on.
    async fn described_if(
        &self,
        is_good: impl FnOnce(&Described) -> bool,
    ) -> Result<Arc<Described>, Error> {
        // Held while it is asked: of many who come at once, one asks.
        let mut known = self.0.known.lock().await;
        let before = known.described.clone();
        if let Some(before) = before.as_ref().filter(|before| is_good(before)) {
            return Ok(Arc::clone(before));
        }
        if let Some((until, error)) = &known.failed
            && Instant::now() < *until
        {
            return before.ok_or_else(|| error.clone());
        }
        match self.describe().await {
            Ok(described) => {
                let described = Arc::new(described);
                known.described = Some(Arc::clone(&described));
                known.failed = None;
                known.backoff.reset();
                Ok(described)
            }
            Err(error) => {
                let wait = known.backoff.wait();
                known.failed = Some((Instant::now() + wait, error.clone()));
                tracing::warn!(%error, "the identity provider cannot be used");
                before.ok_or(error)
            }
        }
    }

    async fn describe(&self) -> Result<Described, Error> {
        let config = &self.0.config;
        let url = metadata::address(&config.issuer);
        let transport = Transport::new(config.ca.as_deref(), url.starts_with("https://"))?;
        let document = self.fetch(&transport, &url).await?;
        let metadata =
            Metadata::read(&document, &config.issuer).map_err(|reason| self.unfit(reason))?;
        let keys = self.fetch(&transport, &metadata.jwks_uri).await?;
        let keys = Keys::read(&keys).map_err(|reason| self.away(reason))?;
        Ok(Described {
            metadata,
            keys,
            at: Instant::now(),
            transport,
        })
    }

    async fn fetch(&self, transport: &Transport, url: &str) -> Result<Vec<u8>, Error> {
        let answer = transport.get(url, None).await;
        let answer = answer.map_err(|reason| self.away(reason))?;
        match answer.status {
            200 => Ok(answer.body),
            404 => Err(self.unfit(format!("there is nothing at {url}: is the issuer right?"))),
            status => Err(self.away(format!("{url} answered {status}"))),
        }
    }

    fn away(&self, reason: impl Into<String>) -> Error {
        Error::Away {
            issuer: self.0.config.issuer.clone(),
            reason: reason.into(),
        }
    }

    fn unfit(&self, reason: impl Into<String>) -> Error {
        Error::Unfit {
            issuer: self.0.config.issuer.clone(),
            reason: reason.into(),
        }
    }
}
