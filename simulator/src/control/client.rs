//! Client of the control port of a running simulator.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

use super::Request;

const PATIENCE: Duration = Duration::from_secs(10);

/// The reason why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing listens on the port.
    #[error(
        "cannot talk to the control port {address}: is the simulator running, and is this the `control` of its last start line?"
    )]
    Connection { address: String, source: io::Error },
    /// The peer does not speak this protocol.
    #[error("the answer of {0} is not that of a simulator")]
    Answer(String),
    /// The simulator refused the request.
    #[error("{0}")]
    Refused(String),
}

/// Sends a request to the control port at `address`; returns the value of `devices`.
pub fn ask(address: &str, request: &Request) -> Result<Value, Error> {
    let line = exchange(address, request).map_err(|source| Error::Connection {
        address: address.to_owned(),
        source,
    })?;
    let mut answer: Value =
        serde_json::from_str(&line).map_err(|_| Error::Answer(address.to_owned()))?;
    if let Some(error) = answer["error"].as_str() {
        return Err(Error::Refused(error.to_owned()));
    }
    match answer["devices"].take() {
        Value::Null => Err(Error::Answer(address.to_owned())),
        devices => Ok(devices),
    }
}

fn exchange(address: &str, request: &Request) -> io::Result<String> {
    let socket = address
        .to_socket_addrs()?
        .next()
        .ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&socket, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{}\n", serde_json::to_string(request)?).as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}
