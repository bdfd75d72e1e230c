//! One target on the shared socket.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use async_snmp::{
    Candidate, Error as SnmpError, ErrorKind, ErrorStatus, RequestRegistration, ResponseIdentity,
    Transport, VarBind, transport::alloc_request_id,
};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Error,
    message::{self, Answer, Bindings},
    odd::{self, Expected, Odd},
    secrets::Secrets,
    socket::{Registration, Socket, Stray},
};

/// The number of recent requests whose ids are kept, to recognise late answers.
const RECENT: usize = 16;

/// One target on the shared socket. Clones share the same target.
#[derive(Clone)]
pub struct Handle {
    socket: Arc<Socket>,
    target: SocketAddr,
    /// The ids and times of recent requests.
    recent: Arc<Mutex<VecDeque<(i32, Instant)>>>,
    /// For SNMPv3: opens answers that the library rejects.
    secrets: Option<Arc<Secrets>>,
}

tokio::task_local! {
    /// The messages received for the v3 request that this task makes through the library.
    static KEPT: Arc<Mutex<Kept>>;
}

/// The messages received for a v3 request.
#[derive(Default)]
struct Kept {
    /// An answer that the library rejects.
    salvaged: Option<Answer>,
    /// The last message passed to the library.
    last: Option<Bytes>,
}

/// The verdict on a message.
pub enum Verdict<T> {
    /// It is the answer.
    Answer(T),
    /// It is anything else.
    Other,
}

/// A message that arrived and was not an answer to the request.
#[derive(Debug)]
pub enum Unexpected {
    /// The answer to a request that had been given up, this long after it was sent.
    Late(std::time::Duration),
    /// A message that is no answer to any request, or not one that can be trusted.
    Odd(Odd),
}

impl Handle {
    /// Creates the handle of a target.
    pub fn new(socket: Arc<Socket>, target: SocketAddr, secrets: Option<Arc<Secrets>>) -> Self {
        Self {
            socket,
            target,
            recent: Arc::default(),
            secrets,
        }
    }

    /// Returns the address of the target.
    pub fn target(&self) -> SocketAddr {
        self.target
    }

    fn register(&self, ids: Vec<i32>) -> Registration {
        let now = Instant::now();
        let mut recent = self.recent.lock();
        for id in &ids {
            if recent.len() >= RECENT {
                recent.pop_front();
            }
            recent.push_back((*id, now));
        }
        drop(recent);
        self.socket.register(ids)
    }

    /// Sends a request, built for the id that it gets, and waits for its answer until a deadline.
    /// `judge` also learns if a message came from the address of the target.
    pub async fn exchange<T>(
        &self,
        until: Instant,
        request: impl FnOnce(i32) -> Result<Vec<u8>, Error>,
        mut judge: impl FnMut(Bytes, bool) -> Verdict<T>,
    ) -> Result<T, Error> {
        let id = alloc_request_id();
        let request = request(id)?;
        let registration = self.register(vec![id]);
        let sent = self.socket.send(self.target, &request).await;
        sent.map_err(|source| Error::Send { source })?;
        while let Some((bytes, from)) = registration.next(until).await {
            match judge(bytes.clone(), from == self.target) {
                Verdict::Answer(answer) => return Ok(answer),
                Verdict::Other => self.socket.keep_stray(from, bytes, true),
            }
        }
        Err(Error::silent())
    }

    /// Takes the last message since a time that the target sent and that was not an answer.
    pub fn take_unexpected(
        &self,
        since: Option<Instant>,
        expected: &Expected<'_>,
    ) -> Option<Unexpected> {
        let Stray {
            at,
            bytes,
            is_rejected,
        } = self.socket.take_stray(self.target)?;
        if since.is_some_and(|since| at < since) {
            return None;
        }
        let id = message::envelope(&bytes).map(|envelope| envelope.id);
        let recent = self.recent.lock();
        let request = recent.iter().find(|(recent, _)| Some(*recent) == id);
        match odd::of(&bytes, expected, request.is_some()) {
            Some(odd) => Some(Unexpected::Odd(odd)),
            None if is_rejected => Some(Unexpected::Odd(Odd::Unproven)),
            None => request.map(|(_, sent)| Unexpected::Late(at.saturating_duration_since(*sent))),
        }
    }

    /// Runs a request through the library, and reads the messages that it received once more, with
    /// our own decoder: also those that the library rejects or misreads.
    ///
    /// # Errors
    /// Neither the library nor our decoder found an answer.
    pub async fn salvaging(
        &self,
        ask: impl Future<Output = async_snmp::Result<Vec<VarBind>>>,
    ) -> Result<Answer, Box<SnmpError>> {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let result = KEPT.scope(Arc::clone(&kept), ask).await;
        let Kept { salvaged, last } = std::mem::take(&mut *kept.lock());
        let open = || last.and_then(|last| self.open(&last));
        match result {
            // With another number of bindings, the message kept is not the one that was answered.
            Ok(bindings) => Ok(open()
                .filter(|own| own.bindings.count() == bindings.len())
                .unwrap_or(Answer {
                    status: ErrorStatus::NoError,
                    index: 0,
                    bindings: Bindings::Decoded(bindings),
                })),
            Err(error) => {
                let is_answer = matches!(error.exchange_source(), SnmpError::Snmp { .. });
                let is_doubt = matches!(
                    error.kind(),
                    ErrorKind::Decode | ErrorKind::MalformedResponse | ErrorKind::ResponseShape
                );
                let salvaged = salvaged.filter(|_| is_doubt);
                let own = salvaged.or_else(|| open().filter(|_| is_answer || is_doubt));
                own.ok_or(error)
            }
        }
    }

    fn open(&self, bytes: &Bytes) -> Option<Answer> {
        self.secrets.as_deref()?.open(bytes)
    }

    /// Keeps what can be read of a message that the library rejects. Returns true if there is
    /// anything.
    fn salvage(&self, bytes: &Bytes) -> bool {
        let Some(answer) = self.open(bytes) else {
            return false;
        };
        KEPT.try_with(|kept| kept.lock().salvaged = Some(answer))
            .is_ok()
    }
}

impl Transport for Handle {
    async fn send(&self, data: &[u8]) -> async_snmp::Result<()> {
        let sent = self.socket.send(self.target, data).await;
        sent.map_err(|source| {
            Box::new(SnmpError::Network {
                target: self.target,
                source,
            })
        })
    }

    async fn request_with<T, F>(
        &self,
        data: &[u8],
        registration: RequestRegistration,
        mut validate: F,
    ) -> async_snmp::Result<T>
    where
        T: Send,
        F: FnMut(Bytes, SocketAddr) -> async_snmp::Result<Candidate<T>> + Send,
    {
        let ids = std::iter::once(registration.request_id());
        let ids = ids.chain(registration.aliases().iter().copied());
        let began = Instant::now();
        let waiting = self.register(ids.collect());
        self.send(data).await?;
        while let Some((bytes, from)) = waiting.next(registration.deadline()).await {
            let identity = registration.evaluate_response_identity(&bytes, from == self.target);
            if identity == ResponseIdentity::Reject {
                self.socket.keep_stray(from, bytes, true);
                continue;
            }
            match validate(bytes.clone(), from)? {
                Candidate::Accept(value) => {
                    // Kept in case the library rejects it after all. Outside of `salvaging`, nobody
                    // asks for it.
                    KEPT.try_with(|kept| kept.lock().last = Some(bytes)).ok();
                    return Ok(value);
                }
                Candidate::Reject if self.salvage(&bytes) => {
                    return Err(Box::new(SnmpError::MalformedResponse {
                        target: self.target,
                    }));
                }
                Candidate::Reject => self.socket.keep_stray(from, bytes, true),
            }
        }
        Err(Box::new(SnmpError::Timeout {
            target: self.target,
            elapsed: began.elapsed(),
            retries: 0,
        }))
    }

    fn peer_addr(&self) -> SocketAddr {
        self.target
    }

    fn local_addr(&self) -> SocketAddr {
        self.socket.local()
    }

    fn is_reliable(&self) -> bool {
        false
    }
}
