//! The questions that a BMC answers without a session (IPMI 2.0, 22.13 and 22.14): whether it is
//! one, and which machine it is in.

use std::time::Duration;

use tokio::{net::UdpSocket, time::Instant};
use utakata_worker_sdk::{address::Address, model::Identifier};

use super::{Error, connect, receive};
use crate::lan::{Request, bare};

/// The times after which a question is sent again.
const WAITS: [Duration; 2] = [Duration::from_millis(800), Duration::from_millis(1_700)];
/// This channel, with what IPMI 2.0 adds; the rights of an administrator are not asked for, only
/// how one would log in as one.
const CAPABILITIES: [u8; 2] = [0x8e, 4];

/// A BMC that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// True if it speaks IPMI 2.0; else it cannot be read.
    pub has_sessions: bool,
    /// The identifiers of the machine, in each order of bytes in which it makes sense.
    pub identifiers: Vec<Identifier>,
}

/// Asks whether there is a BMC. Nobody logs in, and nothing is opened.
///
/// # Errors
/// Nobody answers.
pub async fn ask(address: &Address, deadline: Instant) -> Result<Presence, Error> {
    let socket = connect(address, deadline).await?;
    let capabilities = Request::new(6, 0x38, CAPABILITIES);
    let told = exchange(&socket, &capabilities, 1, deadline).await?;
    // Which machine it is in, is not told by all.
    let machine = Request::new(6, 0x37, []);
    let machine = exchange(&socket, &machine, 2, deadline).await;
    Ok(Presence {
        has_sessions: has_sessions(&told),
        identifiers: machine.map_or_else(|_| Vec::new(), |bytes| identifiers(&bytes)),
    })
}

async fn exchange(
    socket: &UdpSocket,
    request: &Request,
    sequence: u8,
    deadline: Instant,
) -> Result<Vec<u8>, Error> {
    let bytes = bare::encode(request, sequence);
    for wait in WAITS {
        socket.send(&bytes).await.map_err(Error::Network)?;
        let until = deadline.min(Instant::now() + wait);
        while let Some(bytes) = receive(socket, until).await? {
            let answer = bare::decode(&bytes);
            match answer.filter(|answer| answer.is_of(request, sequence)) {
                Some(answer) if answer.code == 0 => return Ok(answer.data),
                Some(answer) => return Err(Error::Code { code: answer.code }),
                None => {}
            }
        }
    }
    Err(Error::Silence)
}

/// Returns true if the capabilities have what IPMI 2.0 adds, and say that it is spoken.
fn has_sessions(capabilities: &[u8]) -> bool {
    matches!(capabilities, [_, types, _, extended, ..] if types & 0x80 != 0 && extended & 2 != 0)
}

/// The identifiers in the bytes of a machine's UUID. By the standard the lowest byte comes first;
/// most BMCs tell it as SMBIOS does, and some as it is written: each of those that is a UUID counts,
/// SMBIOS first.
pub fn identifiers(bytes: &[u8]) -> Vec<Identifier> {
    let Ok(as_written) = <[u8; 16]>::try_from(bytes) else {
        return Vec::new();
    };
    let mut reversed = as_written;
    reversed.reverse();
    let mut as_smbios = as_written;
    for (from, to) in [(0, 4), (4, 6), (6, 8)] {
        if let Some(part) = as_smbios.get_mut(from..to) {
            part.reverse();
        }
    }
    let mut all = Vec::new();
    for bytes in [as_smbios, reversed, as_written] {
        let identifier = Identifier::uuid_bytes(bytes);
        all.extend(identifier.filter(|one| !all.contains(one)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_found_again_whichever_way_its_bytes_are_told() {
        let uuid = "uuid:4c4c4544-0032-4b10-8053-b7c04f4c4d32";
        let as_written = [
            0x4c, 0x4c, 0x45, 0x44, 0, 0x32, 0x4b, 0x10, 0x80, 0x53, 0xb7, 0xc0, 0x4f, 0x4c, 0x4d,
            0x32,
        ];
        let as_smbios = [
            0x44, 0x45, 0x4c, 0x4c, 0x32, 0, 0x10, 0x4b, 0x80, 0x53, 0xb7, 0xc0, 0x4f, 0x4c, 0x4d,
            0x32,
        ];
        let mut reversed = as_written;
        reversed.reverse();
        for bytes in [as_written, as_smbios, reversed] {
            let found = identifiers(&bytes);
            assert!(found.iter().any(|one| one.as_str() == uuid), "{found:?}");
        }
        assert_eq!(identifiers(&[0; 16]), []);
        assert_eq!(identifiers(&[1, 2, 3]), []);
    }

    #[test]
    fn one_without_the_second_version_is_told_apart() {
        assert!(has_sessions(&[1, 0x80, 4, 2, 0, 0, 0, 0]));
        assert!(!has_sessions(&[1, 0x16, 4, 0, 0, 0, 0, 0]));
        assert!(!has_sessions(&[1, 0x80, 4, 1]));
        assert!(!has_sessions(&[]));
    }
}
