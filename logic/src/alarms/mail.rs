//! Messages to people by mail: what they are told, folded into few messages.
//!
//! ```text
//!  changes after the last message ──► digest ──► planned (stored) ──► sent ──► told (stored)
//! ```
//!
//! A message is planned before it is sent. If the process dies in between, the same message is sent
//! again, under the same identifier: mail programs show it once.

mod digest;
mod pace;

use std::{fs, sync::Arc, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use tokio::{sync::watch, time::Instant};
use utakata_api::alarm::AlarmChange;

use self::{digest::Digest, pace::Pace};
use super::{parts::Parts, told, trouble::Trouble};
use crate::config::Mail as Config;

/// The time for which the first message gathers what belongs together.
const GATHER: Duration = Duration::from_secs(10);
/// The number of changes that are read at once, and that one message tells at most.
const AT_ONCE: u32 = 500;
const MAX_CHANGES: u64 = 100_000;
/// The time that one message may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after a failure, doubling from the first value up to the second.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// The channel to people by mail.
pub(super) struct Mail {
    config: Arc<Config>,
    parts: Parts,
    /// The number of the last change that is stored.
    number: watch::Receiver<u64>,
    pace: Pace,
    began: Instant,
}

/// The way to the recipients.
struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// Changes that are told in one message.
struct Batch {
    digest: Digest,
    /// The number of its last change.
    last: u64,
    /// True if it was about to be sent before.
    is_planned: bool,
}

impl Mail {
    pub fn new(config: Arc<Config>, parts: Parts, number: watch::Receiver<u64>) -> Self {
        Self {
            pace: Pace::gathering(config.gather.unwrap_or(GATHER)),
            began: Instant::now(),
            config,
            parts,
            number,
        }
    }

    /// Tells until it is dropped.
    pub async fn run(mut self) {
        let name = self.config.to.join(", ");
        let trouble = Trouble::new(&self.parts.failing, &name);
        let post = match Post::new(&self.config) {
            Ok(post) => post,
            Err(problem) => {
                tracing::error!(problem, "alarms cannot be mailed");
                trouble.set(Some(&problem));
                return;
            }
        };
        let mut pause = RETRY.0;
        while let Err(problem) = self.tell(&post, &name, &trouble, &mut pause).await {
            tracing::warn!(problem, "alarms are not mailed now");
            trouble.set(Some(&problem));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
        }
    }

    /// Tells as long as it succeeds, and until nothing can change any more.
    async fn tell(
        &mut self,
        post: &Post,
        channel: &str,
        trouble: &Trouble,
        pause: &mut Duration,
    ) -> Result<(), String> {
        let planned = format!("{channel} (planned)");
        let mut after = shown(told::begin(&self.parts, channel).await)?;
        let mut waits = None;
        loop {
            let plan = shown(told::last(&self.parts, &planned).await)?;
            let batch = self.batch(after, plan.filter(|plan| *plan > after)).await?;
            let Some(batch) = batch else {
                waits = None;
                trouble.set(None);
                match self.number.changed().await {
                    Ok(()) => continue,
                    Err(_) => return Ok(()),
                }
            };
            if batch.digest.is_empty() {
                after = batch.last;
                continue;
            }
            let now = self.began.elapsed();
            let due = self.pace.due(*waits.get_or_insert(now));
            if due > now && !batch.is_planned {
                tokio::time::sleep(due - now).await;
                continue;
            }
            told::remember(&self.parts, &planned, batch.last).await?;
            post.send(&batch).await?;
            trouble.set(None);
            *pause = RETRY.0;
            self.pace.sent(self.began.elapsed());
            (after, waits) = (batch.last, None);
            told::remember(&self.parts, channel, after).await?;
        }
    }

    /// Returns what is to be told after a number; up to a number, if a message was planned.
    async fn batch(&self, after: u64, planned: Option<u64>) -> Result<Option<Batch>, String> {
        let end = planned.unwrap_or_else(|| after.saturating_add(MAX_CHANGES));
        let (mut last, mut changes) = (after, Vec::new());
        while last < end {
            let rows = shown(self.parts.store.alarm_changes(last, AT_ONCE).await)?;
            let Some(newest) = rows.last().map(|row| row.number) else {
                break;
            };
            last = newest.min(end);
            let meant = rows.iter().filter(|row| row.number <= end);
            let read = meant.filter_map(|row| serde_json::from_str(&row.body).ok());
            changes.extend(read.filter(|change: &AlarmChange| change.notice.is_some()));
        }
        // What was planned and is forgotten cannot be told any more.
        let last = planned.unwrap_or(last);
        Ok((last > after).then(|| Batch {
            digest: Digest::of(changes, self.config.severity),
            last,
            is_planned: planned.is_some(),
        }))
    }
}

fn shown<T>(result: Result<T, crate::store::Error>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

impl Post {
    fn new(config: &Config) -> Result<Self, String> {
        let server = config.server.as_ref().ok_or("there is no mail server")?;
        let wrong = |error: &dyn std::error::Error| utakata_model::chain(error);
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&server.expose());
        let mut builder = builder.map_err(|error| wrong(&error))?;
        if let Some(ca) = &config.ca {
            let pem = fs::read(ca).map_err(|error| format!("{}: {error}", ca.display()))?;
            let authority = Certificate::from_pem(&pem).map_err(|error| wrong(&error))?;
            let tls = TlsParameters::builder(server.host().to_owned())
                .certificate_store(CertificateStore::None)
                .add_root_certificate(authority)
                .build();
            let tls = tls.map_err(|error| wrong(&error))?;
            builder = builder.tls(match server.is_tls() {
                true => Tls::Wrapper(tls),
                false => Tls::Required(tls),
            });
        }
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy().into_owned();
        let transport = builder
            .hello_name(ClientId::Domain(host))
            .timeout(Some(TIMEOUT))
            .build();
        let mailbox = |text: &String| {
            let parsed = text.parse::<Mailbox>();
            parsed.map_err(|error| format!("\"{text}\" is no address of mail: {error}"))
        };
        let from = config.from.as_ref().ok_or("there is no sender")?;
        Ok(Self {
            transport,
            from: mailbox(from)?,
            to: config.to.iter().map(mailbox).collect::<Result<_, _>>()?,
        })
    }

    async fn send(&self, batch: &Batch) -> Result<(), String> {
        let message = self.message(batch)?;
        let sending = tokio::time::timeout(TIMEOUT * 2, self.transport.send(message));
        match sending.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(utakata_model::chain(&error)),
            Err(_) => Err("the mail server does not answer".into()),
        }
    }

    fn message(&self, batch: &Batch) -> Result<Message, String> {
        let domain = self.from.email.domain();
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(batch.digest.subject())
            .message_id(Some(format!("<utakata-alarms-{}@{domain}>", batch.last)))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        let message = message.body(batch.digest.text());
        let mut message = message.map_err(|error| utakata_model::chain(&error))?;
        // Nobody's absence is answered (RFC 3834).
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        let header = HeaderValue::new(name, "auto-generated".into());
        message.headers_mut().insert_raw(header);
        Ok(message)
    }
}
