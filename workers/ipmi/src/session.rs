//! A session with one BMC: opened for a task and closed with it, because BMCs have few.

mod open;
pub mod presence;

use std::{io, time::Duration};

use tokio::{
    net::UdpSocket,
    time::{Instant, timeout_at},
};
use utakata_worker_sdk::address::Address;

use crate::{
    credential::Credential,
    lan::{Answer, Keys, Packet, Payload, Privilege, Request, Secrets, Suite},
};

/// The times after which a request that harms nobody is sent again.
const RETRIES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_millis(1500),
    Duration::from_secs(2),
    Duration::from_secs(2),
];
/// The longest time for the answer to a request that changes something, which is sent once.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest packet.
const PACKET_MAX: usize = 2048;

/// The reason why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name of the BMC cannot be resolved.
    #[error("its name cannot be resolved")]
    Name(#[source] io::Error),
    /// It cannot be reached.
    #[error("it cannot be reached")]
    Network(#[source] io::Error),
    /// No answer arrived in time.
    #[error("no answer arrived in time")]
    Silence,
    /// It has none of the cipher suites.
    #[error("it does not have the cipher suites {0}")]
    Suites(String),
    /// It refuses the user, the password or the rights.
    #[error("it refuses the user: {0}")]
    Refused(&'static str),
    /// It refused the user lately, and nothing was sent.
    #[error("it refused the user {} min ago, so nothing was sent", ago.as_secs() / 60)]
    Locked { ago: Duration },
    /// It cannot open another session.
    #[error("it has no session left")]
    Full,
    /// It does not know the password.
    #[error("it does not prove that it knows the password")]
    Impostor,
    /// It answered with something else.
    #[error("it answered something that is none of this: {0}")]
    Garbage(&'static str),
    /// It answered with an error.
    #[error("it answered {code:#04x}{}", reason(*code))]
    Code { code: u8 },
    /// No random numbers are to be had.
    #[error("this host has no random numbers")]
    Random,
}

/// A session with one BMC over RMCP+. It is one conversation: a request, then its answer.
#[derive(Debug)]
pub struct Session {
    socket: UdpSocket,
    keys: Keys,
    /// The identifiers of the session: ours, and the BMC's.
    console: u32,
    bmc: u32,
    /// The number of the last packet.
    number: u32,
    /// The number of the last request.
    sequence: u8,
    deadline: Instant,
}

/// The way in which a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// Again, where there is no answer.
    Repeatedly,
    /// Once: it must not be done twice.
    Once,
}

impl Error {
    /// Returns true if the BMC has certainly not done what it was asked last.
    pub fn is_certain(&self) -> bool {
        match self {
            // It may still be doing it.
            Self::Silence | Self::Garbage(_) | Self::Impostor => false,
            // A time-out, an unspecified error, or one of the device behind it (IPMI 2.0, table 5-2).
            Self::Code { code } => !matches!(code, 0xc3 | 0xce | 0xd2 | 0xd3 | 0xff | 0x01..=0xbf),
            _ => true,
        }
    }
}

/// The meaning of a completion code (IPMI 2.0, table 5-2), after a colon.
fn reason(code: u8) -> &'static str {
    match code {
        0xc0 => ": it is busy",
        0xc1 => ": it does not know the command",
        0xc3 => ": it ran out of time",
        0xc9 | 0xcc => ": it does not take the value",
        0xca | 0xc8 => ": it cannot tell that many bytes",
        0xcb => ": it does not have that",
        0xd4 => ": the user may not do that",
        0xd5 => ": not in its present state",
        _ => "",
    }
}

impl Session {
    /// Opens a session with one of the suites, and tells which one it was.
    ///
    /// # Errors
    /// It cannot be reached, or does not let the user in.
    pub async fn open(
        address: &Address,
        credential: &Credential,
        suites: &[Suite],
        privilege: Privilege,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let socket = connect(address, deadline).await?;
        let opened = open::open(&socket, credential, suites, privilege, deadline).await?;
        let mut session = Self {
            socket,
            keys: opened.keys,
            console: opened.console,
            bmc: opened.bmc,
            number: 0,
            sequence: 0,
            deadline,
        };
        // Set Session Privilege Level: it begins with the rights of a user.
        let request = Request::new(6, 0x3b, [privilege as u8]);
        match session.ask(&request).await {
            Ok(_) => Ok(session),
            Err(Error::Code { code: 0x80..=0x82 }) => {
                session.close().await;
                Err(Error::Refused("it may not have these rights"))
            }
            Err(error) => Err(error),
        }
    }

    /// The suite of the session.
    pub fn suite(&self) -> Suite {
        self.keys.suite
    }

    /// Sends a request that harms nobody if it is carried out twice, and returns the data of its
    /// answer.
    ///
    /// # Errors
    /// There is none, or it is an error.
    pub async fn ask(&mut self, request: &Request) -> Result<Vec<u8>, Error> {
        self.exchange(request, Sending::Repeatedly).await
    }

    /// Sends a request that changes something, once.
    ///
    /// # Errors
    /// There is no answer, or it is an error.
    pub async fn change(&mut self, request: &Request) -> Result<Vec<u8>, Error> {
        self.exchange(request, Sending::Once).await
    }

    async fn exchange(&mut self, request: &Request, sending: Sending) -> Result<Vec<u8>, Error> {
        // The same number for each repetition: a BMC that has done it answers, and does no more.
        self.sequence = (self.sequence + 1) & 0x3f;
        let sequence = self.sequence;
        let once = [PATIENCE];
        let waits = match sending {
            Sending::Repeatedly => RETRIES.as_slice(),
            Sending::Once => once.as_slice(),
        };
        for wait in waits {
            if Instant::now() >= self.deadline {
                break;
            }
            self.send(request.encode(sequence)).await?;
            let until = self.deadline.min(Instant::now() + *wait);
            if let Some(answer) = self.answer(request, sequence, until).await? {
                return match answer.code {
                    0 => Ok(answer.data),
                    code => Err(Error::Code { code }),
                };
            }
        }
        Err(Error::Silence)
    }

    async fn send(&mut self, data: Vec<u8>) -> Result<(), Error> {
        self.number = self.number.wrapping_add(1).max(1);
        let mut vector = [0; 16];
        getrandom::fill(&mut vector).map_err(|_| Error::Random)?;
        let packet = Packet {
            payload: Payload::Message,
            session: self.bmc,
            number: self.number,
            data,
        };
        let keys = &self.keys;
        let bytes = packet.encode(Some(&Secrets { keys, vector }));
        let sent = self.socket.send(&bytes).await;
        sent.map(drop).map_err(Error::Network)
    }

    /// The answer to a request. What belongs to another one, or to nobody, is passed over.
    async fn answer(
        &self,
        request: &Request,
        sequence: u8,
        until: Instant,
    ) -> Result<Option<Answer>, Error> {
        while let Some(bytes) = receive(&self.socket, until).await? {
            let packet = Packet::decode(&bytes, Some(&self.keys));
            let Some(packet) = packet.ok().filter(|packet| packet.session == self.console) else {
                continue;
            };
            let answer = Answer::decode(&packet.data);
            if let Some(answer) = answer.filter(|answer| answer.is_of(request, sequence)) {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// Closes the session, best effort: a BMC has few of them.
    pub async fn close(&mut self) {
        let request = Request::new(6, 0x3c, self.bmc.to_le_bytes());
        self.deadline = self.deadline.max(Instant::now() + RETRIES[0]);
        let _ = self.exchange(&request, Sending::Once).await;
    }
}

async fn connect(address: &Address, deadline: Instant) -> Result<UdpSocket, Error> {
    let addresses = timeout_at(deadline, address.resolve()).await;
    let addresses = addresses
        .map_err(|_| Error::Silence)?
        .map_err(Error::Name)?;
    let Some(to) = addresses.first() else {
        return Err(Error::Name(io::ErrorKind::NotFound.into()));
    };
    let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(from).await.map_err(Error::Network)?;
    socket.connect(to).await.map_err(Error::Network)?;
    Ok(socket)
}

/// The next packet until then. `None`: there is none.
async fn receive(socket: &UdpSocket, until: Instant) -> Result<Option<Vec<u8>>, Error> {
    let mut bytes = vec![0; PACKET_MAX];
    match timeout_at(until, socket.recv(&mut bytes)).await {
        Err(_) => Ok(None),
        Ok(Ok(length)) => {
            bytes.truncate(length);
            Ok(Some(bytes))
        }
        Ok(Err(error)) => Err(Error::Network(error)),
    }
}
