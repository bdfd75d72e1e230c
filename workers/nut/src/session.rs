//! A conversation with one `upsd`. It is opened for a task and closed with it: a kept connection
//! would be dead after each restart of the server, and a reader that says `LOGIN` would count as an
//! attached host.

use std::{io, time::Duration};

use rustix::net::sockopt;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use utakata_worker_sdk::address::Address;

use crate::line::{self, Refusal, Tracked};

/// The longest time for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest line of an answer, in bytes: values are at most a few hundred.
const LINE_MAX: usize = 4096;
/// The largest number of lines of a list.
const LIST_MAX: usize = 4096;
/// The interval at which a tracked request is looked at.
const PACE: Duration = Duration::from_millis(200);

/// The reason why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name of the server cannot be resolved.
    #[error("its name cannot be resolved")]
    Name(#[source] io::Error),
    /// Nobody listens there, or there is no way to it.
    #[error("it cannot be reached")]
    Connect(#[source] io::Error),
    /// No answer arrived in time.
    #[error("no answer arrived in time")]
    Silence,
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The answer is none of this protocol.
    #[error("it answered \"{said}\"")]
    Garbage { said: String },
    /// The server refused.
    #[error("it answered {0}")]
    Refused(Refusal),
}

/// A conversation.
#[derive(Debug)]
pub struct Session {
    stream: BufReader<TcpStream>,
    deadline: Instant,
}

impl Session {
    /// Connects to a server.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn open(address: &Address, deadline: Instant) -> Result<Self, Error> {
        let addresses = timeout_at(deadline, address.resolve()).await;
        let addresses = addresses
            .map_err(|_| Error::Silence)?
            .map_err(Error::Name)?;
        let until = deadline.min(Instant::now() + PATIENCE);
        let connected = timeout_at(until, TcpStream::connect(addresses.as_slice())).await;
        let stream = connected
            .map_err(|_| Error::Silence)?
            .map_err(Error::Connect)?;
        stream.set_nodelay(true).map_err(Error::Broken)?;
        Ok(Self {
            stream: BufReader::new(stream),
            deadline,
        })
    }

    /// Sends a request and returns the words of its answer.
    ///
    /// # Errors
    /// There is none, or it is an error.
    pub async fn ask(&mut self, request: &str) -> Result<Vec<String>, Error> {
        self.send(request).await?;
        let words = self.answer().await?;
        match line::refusal(&words) {
            Some(refusal) => Err(Error::Refused(refusal)),
            None => Ok(words),
        }
    }

    /// Sends a request for a list, and returns the words of its lines after what all of them begin
    /// with.
    ///
    /// # Errors
    /// There is none, or it is an error.
    pub async fn list(&mut self, request: &str) -> Result<Vec<Vec<String>>, Error> {
        let begin = self.ask(&format!("LIST {request}")).await?;
        let named = line::words(request);
        if begin.get(..2) != Some(&["BEGIN".into(), "LIST".into()]) {
            return Err(garbage(&begin));
        }
        let mut lines = Vec::new();
        loop {
            let words = self.answer().await?;
            match words.first().map(String::as_str) {
                Some("END") => return Ok(lines),
                Some(_) if words.starts_with(&named) && lines.len() < LIST_MAX => {
                    lines.push(words.get(named.len()..).unwrap_or_default().to_vec());
                }
                _ => return Err(garbage(&words)),
            }
        }
    }

    /// Waits until a tracked request has a result. `None` if it has none in time.
    ///
    /// # Errors
    /// The server cannot be asked any more.
    pub async fn result(&mut self, id: &str) -> Result<Option<Tracked>, Error> {
        loop {
            self.send(&format!("GET TRACKING {}", line::quoted(id)))
                .await?;
            let words = self.answer().await?;
            match line::tracked(&words).ok_or_else(|| garbage(&words))? {
                Tracked::Pending if Instant::now() + PACE >= self.deadline => return Ok(None),
                Tracked::Pending => tokio::time::sleep(PACE).await,
                done => return Ok(Some(done)),
            }
        }
    }

    /// Says goodbye, best effort.
    pub async fn close(mut self) {
        let _ = self.send("LOGOUT").await;
    }

    async fn send(&mut self, request: &str) -> Result<(), Error> {
        let line = format!("{request}\n");
        let sent = timeout_at(self.deadline, self.stream.write_all(line.as_bytes())).await;
        sent.map_err(|_| Error::Silence)?.map_err(Error::Broken)
    }

    async fn answer(&mut self) -> Result<Vec<String>, Error> {
        let until = self.deadline.min(Instant::now() + PATIENCE);
        let line = timeout_at(until, self.line()).await;
        let line = line.map_err(|_| Error::Silence)??;
        Ok(line::words(&line))
    }

    async fn line(&mut self) -> Result<String, Error> {
        let mut line = Vec::new();
        loop {
            // upsd sends many small segments, and waits for an acknowledgement of each: without
            // this a list takes 40 ms for every few lines.
            let _ = sockopt::set_tcp_quickack(self.stream.get_ref(), true);
            let read = self.stream.fill_buf().await.map_err(Error::Broken)?;
            if read.is_empty() {
                let end = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Err(Error::Broken(end));
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(read.len(), |at| at + 1);
            line.extend_from_slice(read.get(..taken).unwrap_or_default());
            self.stream.consume(taken);
            let text = || String::from_utf8_lossy(&line).into_owned();
            match end {
                Some(_) => return Ok(text()),
                None if line.len() > LINE_MAX => {
                    return Err(garbage(&line::words(text().get(..80).unwrap_or_default())));
                }
                None => {}
            }
        }
    }
}

fn garbage(words: &[String]) -> Error {
    let said: String = words.join(" ").chars().take(120).collect();
    Error::Garbage { said }
}
