//! A conversation with one gateway, opened for a task and closed with it: a device that takes one
//! client only is free for others in between.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::{
    address::Place,
    frame::{self, Answer, FRAME_MAX, Request},
};

/// The longest time for connecting.
const CONNECTING: Duration = Duration::from_secs(3);
/// The longest time for one answer: a unit on a serial line behind a gateway is slow.
const PATIENCE: Duration = Duration::from_secs(3);

/// The reason why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name of the gateway cannot be resolved.
    #[error("its name cannot be resolved")]
    Name(#[source] io::Error),
    /// Nobody listens there, or there is no way to it.
    #[error("it cannot be reached")]
    Connect(#[source] io::Error),
    /// The connection has ended after an earlier request without an answer, so nothing was sent.
    #[error("the connection has ended, so nothing was sent")]
    Ended,
    /// No answer arrived in time.
    #[error("no answer arrived in time")]
    Silence,
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The gateway answers, and the unit behind it does not.
    #[error("the gateway answers, and the unit behind it does not")]
    Away,
    /// The answer is none of this protocol, or of another request.
    #[error("{0}")]
    Garbage(frame::Error),
}

/// A conversation. After a request without an answer it has ended: a late answer would be taken for
/// that of the next request.
#[derive(Debug)]
pub struct Session {
    stream: Option<TcpStream>,
    place: Place,
    number: u16,
    pause: Duration,
    free: Instant,
    deadline: Instant,
}

impl Session {
    /// Connects to a gateway.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn open(place: &Place, deadline: Instant) -> Result<Self, Error> {
        let addresses = timeout_at(deadline, place.gateway.resolve()).await;
        let addresses = addresses
            .map_err(|_| Error::Silence)?
            .map_err(Error::Name)?;
        let until = deadline.min(Instant::now() + CONNECTING);
        let stream = timeout_at(until, TcpStream::connect(addresses.as_slice())).await;
        let stream = stream
            .map_err(|_| Error::Silence)?
            .map_err(Error::Connect)?;
        stream.set_nodelay(true).map_err(Error::Broken)?;
        Ok(Self {
            stream: Some(stream),
            place: place.clone(),
            number: 0,
            pause: Duration::ZERO,
            free: Instant::now(),
            deadline,
        })
    }

    /// Sets the time after each answer.
    pub fn pause(&mut self, pause: Duration) {
        self.pause = pause;
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// There is none.
    pub async fn ask(&mut self, request: &Request) -> Result<Answer, Error> {
        let mut stream = self.stream.take().ok_or(Error::Ended)?;
        tokio::time::sleep_until(self.free.min(self.deadline)).await;
        self.number = self.number.wrapping_add(1);
        let until = self.deadline.min(Instant::now() + PATIENCE);
        let exchange = self.exchange(&mut stream, request);
        let answer = timeout_at(until, exchange)
            .await
            .map_err(|_| Error::Silence)??;
        self.free = Instant::now() + self.pause;
        self.stream = Some(stream);
        Ok(answer)
    }

    async fn exchange(&self, stream: &mut TcpStream, request: &Request) -> Result<Answer, Error> {
        let (framing, unit) = (self.place.framing, self.place.unit);
        let frame = request.frame(framing, unit, self.number);
        stream.write_all(&frame).await.map_err(Error::Broken)?;
        let mut bytes = Vec::with_capacity(FRAME_MAX);
        loop {
            match request.answer(framing, (unit, self.number), &bytes) {
                Err(frame::Error::Short) if bytes.len() < FRAME_MAX => {}
                Err(error) => return Err(Error::Garbage(error)),
                Ok(answer) => return Ok(answer),
            }
            if stream.read_buf(&mut bytes).await.map_err(Error::Broken)? == 0 {
                return Err(Error::Broken(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}
