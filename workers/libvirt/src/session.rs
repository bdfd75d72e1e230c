//! A conversation with one host: opened for a task and closed with it.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    time::{Instant, timeout_at},
};

use crate::{
    address::{Host, Place},
    call::{self, Authentication, HEAD, Incoming, Procedure, Refusal},
    xdr::{Malformed, Writer},
};

/// The longest time for connecting.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest packet that is believed, in bytes.
const PACKET_MAX: usize = 16 * 1024 * 1024;

/// The reason why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name of the host cannot be resolved.
    #[error("its name cannot be resolved")]
    Name(#[source] io::Error),
    /// Nobody listens there, or there is no way to it.
    #[error("it cannot be reached")]
    Connect(#[source] io::Error),
    /// It wants to know who asks in a way that is not spoken.
    #[error("it wants SASL, which is not spoken")]
    Authentication,
    /// It does not let the user of this worker in.
    #[error("it does not let the user of this worker in")]
    Polkit,
    /// No answer arrived in time.
    #[error("no answer arrived in time")]
    Silence,
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The answer is none of this protocol.
    #[error(transparent)]
    Garbage(#[from] Malformed),
    /// The host refused.
    #[error("it answered: {0}")]
    Refused(Refusal),
}

/// A stream to a host.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A conversation.
pub struct Session {
    stream: Box<dyn Stream>,
    serial: u32,
    deadline: Instant,
}

/// The result of knocking at a host that speaks the protocol.
pub enum Entered {
    In(Session),
    /// It does not let this worker in.
    Refused(Error),
}

impl Session {
    /// Connects to a host and opens the driver that is meant.
    ///
    /// # Errors
    /// It cannot be reached, or does not let this worker in.
    pub async fn open(place: &Place, deadline: Instant) -> Result<Self, Error> {
        let mut session = match Self::enter(&place.host, deadline).await? {
            Entered::In(session) => session,
            Entered::Refused(error) => return Err(error),
        };
        let driver = call::open(&place.driver);
        session.call(Procedure::Open, driver).await?;
        Ok(session)
    }

    /// Connects to a host, without opening a driver.
    ///
    /// # Errors
    /// It cannot be reached, or does not speak the protocol.
    pub async fn enter(host: &Host, deadline: Instant) -> Result<Entered, Error> {
        let until = deadline.min(Instant::now() + PATIENCE);
        let connecting = timeout_at(until, connect(host)).await;
        let mut session = Self {
            stream: connecting.map_err(|_| Error::Silence)??,
            serial: 0,
            deadline,
        };
        let none = Writer::default();
        let ways = session.call(Procedure::Authentications, none).await?;
        let ways = call::authentications(&ways)?;
        if ways.contains(&Authentication::Polkit) && !ways.contains(&Authentication::None) {
            match session.call(Procedure::Polkit, Writer::default()).await {
                Ok(_) => {}
                Err(Error::Refused(_)) => return Ok(Entered::Refused(Error::Polkit)),
                Err(error) => return Err(error),
            }
        } else if !ways.is_empty() && !ways.contains(&Authentication::None) {
            return Ok(Entered::Refused(Error::Authentication));
        }
        Ok(Entered::In(session))
    }

    /// Calls a procedure and returns the data of its answer.
    ///
    /// # Errors
    /// There is none, or it is an error.
    pub async fn call(
        &mut self,
        procedure: Procedure,
        arguments: Writer,
    ) -> Result<Vec<u8>, Error> {
        self.serial += 1;
        let packet = call::packet(procedure, self.serial, arguments);
        let sent = timeout_at(self.deadline, self.stream.write_all(&packet)).await;
        sent.map_err(|_| Error::Silence)?.map_err(Error::Broken)?;
        loop {
            let received = timeout_at(self.deadline, self.receive()).await;
            let bytes = received.map_err(|_| Error::Silence)??;
            match call::incoming(&bytes)? {
                Incoming::Reply(serial, answer) if serial == self.serial => {
                    return answer.map_err(Error::Refused);
                }
                Incoming::Reply(..) | Incoming::Other => {}
            }
        }
    }

    /// The next packet, without its length.
    async fn receive(&mut self) -> Result<Vec<u8>, Error> {
        let mut length = [0; 4];
        let read = self.stream.read_exact(&mut length).await;
        read.map_err(Error::Broken)?;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Malformed)?;
        if !(HEAD..=PACKET_MAX).contains(&length) {
            return Err(Malformed.into());
        }
        let mut bytes = vec![0; length - 4];
        let read = self.stream.read_exact(&mut bytes).await;
        read.map_err(Error::Broken)?;
        Ok(bytes)
    }

    /// Says goodbye, best effort.
    pub async fn close(mut self) {
        let _ = self.call(Procedure::Close, Writer::default()).await;
    }
}

async fn connect(host: &Host) -> Result<Box<dyn Stream>, Error> {
    match host {
        Host::Unix(path) => {
            let stream = UnixStream::connect(path).await;
            Ok(Box::new(stream.map_err(Error::Connect)?))
        }
        Host::Tcp(address) => {
            let addresses = address.resolve().await.map_err(Error::Name)?;
            let stream = TcpStream::connect(addresses.as_slice()).await;
            let stream = stream.map_err(Error::Connect)?;
            stream.set_nodelay(true).map_err(Error::Connect)?;
            Ok(Box::new(stream))
        }
    }
}
