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

/// Ids of recent requests, kept to recognise late answers.
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
    Is(T),
    /// It is not an answer.
    Not,
}

/// A message that arrived and was not an answer to the request.
#[derive(Debug)]
pub enum Unexpected {
    /// The answer to a request that had been given up, this long after it was sent.
    Late(std::time::Duration),
    /// It is an odd message.
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

    /// Sends a request built for its id, and waits for its answer until then.
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
                Verdict::Is(answer) => return Ok(answer),
                Verdict::Not => self.socket.keep_stray(from, bytes, true),
            }
        }
        Err(Error::silent())
    }

    /// Returns the last message from the target since then that was not an answer, once.
    pub fn came(&self, since: Option<Instant>, expected: &Expected<'_>) -> Option<Unexpected> {
        let Stray {
            at,
            bytes,
            is_rejected,
        } = self.socket.take_stray(self.target)?;
        if since.is_some_and(|since| at < since) {
            return None;
        }
        let id = message::envelope(&bytes).map(|envelope| envelope.id);
        let asked = self.recent.lock();
        let asked = asked.iter().find(|(asked, _)| Some(*asked) == id).copied();
        match odd::of(&bytes, expected, asked.is_some()) {
            Some(odd) => Some(Unexpected::Odd(odd)),
            None if is_rejected => Some(Unexpected::Odd(Odd::Unproven)),
            None => asked.map(|(_, asked)| Unexpected::Late(at.saturating_duration_since(asked))),
        }
    }

    /// Runs a request through the library, but reads the received messages ourselves: including
    /// what the library rejects or misreads. Errors: there is no answer.
    pub async fn salvaging(
        &self,
        ask: impl Future<Output = async_snmp::Result<Vec<VarBind>>>,
    ) -> Result<Answer, Box<SnmpError>> {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let taken = KEPT.scope(Arc::clone(&kept), ask).await;
        let Kept { salvaged, last } = std::mem::take(&mut *kept.lock());
        let open = || last.and_then(|last| self.open(&last));
        match taken {
            // One message is the answer to one request.
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

    /// Keeps what can be read of a message that the library rejects. Returns whether there is
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
                    // Kept in case the library rejects it after all.
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
