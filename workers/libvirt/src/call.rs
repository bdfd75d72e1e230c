//! Calls to a host, and its answers. Pure.
//!
//! The numbers of procedures are part of libvirt's protocol and never change:
//! <https://libvirt.org/kbase/internals/rpc.html>

use crate::xdr::{Malformed, Reader, Writer};

/// The program and its version.
const PROGRAM: u32 = 0x2000_8086;
const VERSION: u32 = 1;
/// The length of the head of a packet, with the length itself.
pub const HEAD: usize = 28;
/// The types of packets: a call and a reply. Others are events, which nobody asked for.
const CALL: u32 = 0;
const REPLY: u32 = 1;

/// The flag of a connection by which nothing can be changed.
const READ_ONLY: u32 = 1;

/// A procedure of the remote protocol, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Procedure {
    Open = 1,
    Close = 2,
    NodeInfo = 6,
    Capabilities = 7,
    Create = 9,
    Destroy = 12,
    DomainInfo = 16,
    LookUp = 23,
    Resume = 28,
    ShutDown = 33,
    Suspend = 34,
    HostName = 59,
    Authentications = 66,
    Polkit = 70,
    Smbios = 203,
    Reset = 245,
    Domains = 273,
}

/// A virtual machine, as the protocol names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    pub name: String,
    pub uuid: [u8; 16],
    pub id: i32,
}

/// The facts about a virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    pub state: State,
    /// In KiB.
    pub memory_max: u64,
    pub memory: u64,
    pub processors: u32,
    /// In nanoseconds.
    pub time: u64,
}

/// The state of a virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running,
    Paused,
    Stopping,
    Off,
    Crashed,
    Suspended,
    Unknown,
}

/// The facts about a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// In KiB.
    pub memory: u64,
    pub processors: u32,
}

/// An error that the host answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub code: i32,
    pub message: String,
}

/// A packet that came from the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// The reply to the call of this number.
    Reply(u32, Result<Vec<u8>, Refusal>),
    /// Something that nobody asked for.
    Other,
}

/// The ways in which a host wants to know who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    None,
    Polkit,
    Other,
}

impl Refusal {
    /// There is no such virtual machine.
    pub const NO_DOMAIN: i32 = 42;

    /// Returns true if nothing was done: there is none, it may not or cannot be done, or not in its
    /// present state (libvirt's virErrorNumber).
    pub fn is_certain(&self) -> bool {
        matches!(self.code, 3 | 8 | 29 | Self::NO_DOMAIN | 45 | 55 | 88)
    }
}

impl State {
    /// The state of a number (libvirt's virDomainState).
    fn of(number: u32) -> Self {
        match number {
            // Blocked: it waits for something, as running ones do.
            1 | 2 => Self::Running,
            3 => Self::Paused,
            4 => Self::Stopping,
            5 => Self::Off,
            6 => Self::Crashed,
            7 => Self::Suspended,
            _ => Self::Unknown,
        }
    }

    /// The word for it in readings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Off => "off",
            Self::Crashed => "crashed",
            Self::Suspended => "suspended",
            Self::Unknown => "unknown",
        }
    }
}

impl Domain {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            name: reader.text()?,
            uuid: reader.fixed(16)?.try_into().map_err(|_| Malformed)?,
            id: reader.signed()?,
        })
    }

    /// The virtual machine as an argument.
    pub fn argument(&self) -> Writer {
        let writer = Writer::default().text(&self.name).fixed(&self.uuid);
        writer.number(self.id.cast_unsigned())
    }

    /// Its UUID as people write it.
    pub fn identity(&self) -> String {
        let hex: String = self.uuid.iter().map(|byte| format!("{byte:02x}")).collect();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
            .map(|(from, to)| part(from, to))
            .join("-")
    }
}

/// Writes a call of this number.
pub fn packet(procedure: Procedure, serial: u32, arguments: Writer) -> Vec<u8> {
    let arguments = arguments.finish();
    let length = u32::try_from(HEAD + arguments.len()).unwrap_or(u32::MAX);
    let head = Writer::default()
        .number(length)
        .number(PROGRAM)
        .number(VERSION)
        .number(procedure as u32)
        .number(CALL)
        .number(serial)
        .number(0);
    head.fixed(&arguments).finish()
}

/// Reads a packet without its length.
pub fn incoming(bytes: &[u8]) -> Result<Incoming, Malformed> {
    let mut reader = Reader::new(bytes);
    let (program, version) = (reader.number()?, reader.number()?);
    let (_, kind, serial, status) = (
        reader.number()?,
        reader.number()?,
        reader.number()?,
        reader.number()?,
    );
    if version != VERSION || (program != PROGRAM && kind == REPLY) {
        return Err(Malformed);
    }
    if kind != REPLY {
        return Ok(Incoming::Other);
    }
    let data = bytes.get(HEAD - 4..).unwrap_or_default();
    match status {
        0 => Ok(Incoming::Reply(serial, Ok(data.to_vec()))),
        1 => {
            let code = reader.signed()?;
            reader.signed()?;
            let message = reader.perhaps(Reader::text)?;
            let message = message.unwrap_or_else(|| format!("error {code}"));
            Ok(Incoming::Reply(serial, Err(Refusal { code, message })))
        }
        _ => Err(Malformed),
    }
}

/// The arguments by which a driver is opened.
pub fn open(driver: &str) -> Writer {
    Writer::default().number(1).text(driver).number(0)
}

/// The arguments by which a driver is opened only to look.
pub fn look(driver: &str) -> Writer {
    Writer::default().number(1).text(driver).number(READ_ONLY)
}

/// The ways in which a host wants to know who asks.
pub fn authentications(data: &[u8]) -> Result<Vec<Authentication>, Malformed> {
    let all = Reader::new(data).list(Reader::number)?;
    let of = |number| match number {
        0 => Authentication::None,
        2 => Authentication::Polkit,
        _ => Authentication::Other,
    };
    Ok(all.into_iter().map(of).collect())
}

/// The virtual machines in a list.
pub fn domains(data: &[u8]) -> Result<Vec<Domain>, Malformed> {
    Reader::new(data).list(Domain::read)
}

/// The only virtual machine.
pub fn domain(data: &[u8]) -> Result<Domain, Malformed> {
    Domain::read(&mut Reader::new(data))
}

/// Reads the facts about a virtual machine.
pub fn info(data: &[u8]) -> Result<Info, Malformed> {
    let mut reader = Reader::new(data);
    Ok(Info {
        state: State::of(reader.number()?),
        memory_max: reader.long()?,
        memory: reader.long()?,
        processors: reader.number()?,
        time: reader.long()?,
    })
}

/// Reads the facts about a host.
pub fn node(data: &[u8]) -> Result<Node, Malformed> {
    let mut reader = Reader::new(data);
    // The model: 32 characters of four bytes each.
    reader.fixed(32 * 4)?;
    Ok(Node {
        memory: reader.long()?,
        processors: reader.number()?,
    })
}

/// A text that is the whole answer.
pub fn text(data: &[u8]) -> Result<String, Malformed> {
    Reader::new(data).text()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_call_has_the_form_of_the_protocol() {
        let bytes = packet(Procedure::Open, 7, open("test:///default"));
        assert_eq!(bytes.len(), HEAD + 4 + 4 + 16 + 4);
        assert_eq!(&bytes[..8], [0, 0, 0, 56, 0x20, 0, 0x80, 0x86]);
        assert_eq!(
            &bytes[12..28],
            [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0]
        );
    }

    #[test]
    fn an_error_is_told_by_its_number() {
        let head = |status| {
            let head = Writer::default().number(PROGRAM).number(VERSION);
            head.number(23).number(REPLY).number(7).number(status)
        };
        let error = head(1).number(42).number(10).number(1).text("no domain");
        let Ok(Incoming::Reply(7, Err(refusal))) = incoming(&error.finish()) else {
            panic!("it is an error");
        };
        assert!(refusal.is_certain());
        assert_eq!(refusal.to_string(), "no domain");
        let reply = incoming(&head(0).number(5).finish());
        assert_eq!(reply, Ok(Incoming::Reply(7, Ok(vec![0, 0, 0, 5]))));
    }

    #[test]
    fn a_domain_has_a_name_and_an_identity() {
        let domain = Domain {
            name: "node1".into(),
            uuid: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            id: -1,
        };
        let bytes = domain.argument().finish();
        assert_eq!(super::domain(&bytes), Ok(domain.clone()));
        assert_eq!(domain.identity(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = incoming(&bytes);
            let _ = domains(&bytes);
            let _ = info(&bytes);
            let _ = node(&bytes);
            let _ = authentications(&bytes);
        }
    }
}
