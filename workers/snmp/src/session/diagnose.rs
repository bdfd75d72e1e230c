//! Finds out why a target does not answer, as far as possible from here.
//!
//! A wrong community and a wrong user look like silence: agents do not answer them. One more
//! request tells more: the discovery of SNMPv3 (RFC 3414, section 4), which needs no credential. It
//! uses a socket of its own, so that any reply is seen, even if it is not SNMP, and so that a
//! closed port is noticed.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{net::UdpSocket, time::timeout};

/// An empty GET from no user to an unknown engine: every SNMPv3 agent answers it with a Report that
/// names its engine.
const DISCOVERY: [u8; 60] = [
    0x30, 0x3a, // message
    0x02, 0x01, 0x03, // version 3
    0x30, 0x0f, // header
    0x02, 0x03, 0x01, 0x02, 0x03, // id
    0x02, 0x02, 0x05, 0xc0, // largest message: 1472
    0x04, 0x01, 0x04, // flags: reportable
    0x02, 0x01, 0x03, // security model: user
    0x04, 0x10, 0x30, 0x0e, // security parameters
    0x04, 0x00, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, // engine, boots, time
    0x04, 0x00, 0x04, 0x00, 0x04, 0x00, // user, authentication, privacy
    0x30, 0x12, // scoped PDU
    0x04, 0x00, 0x04, 0x00, // context
    0xa0, 0x0c, 0x02, 0x02, 0x01, 0x02, // GET
    0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x00,
];

/// The result of the diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diagnosis {
    /// An SNMPv3 agent is there: it does not accept the credential.
    AgentIsThere,
    /// Something answers, but not with SNMP.
    NoSnmp,
    /// The host reports that the port is closed.
    NobodyListens,
    /// The network reports that there is no route.
    NoRoute,
    /// Nothing answered.
    Silence,
}

/// Sends the discovery request and waits for its answer, for `patience` at most.
pub async fn diagnose(target: SocketAddr, patience: Duration) -> Diagnosis {
    match timeout(patience, ask(target)).await {
        Err(_) => Diagnosis::Silence,
        Ok(Ok(answer)) if is_snmp(&answer) => Diagnosis::AgentIsThere,
        Ok(Ok(_)) => Diagnosis::NoSnmp,
        Ok(Err(error)) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Diagnosis::NobodyListens,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Diagnosis::NoRoute
            }
            _ => Diagnosis::Silence,
        },
    }
}

/// Sends the discovery request once, and returns what answers.
///
/// # Errors
/// Nobody listens there, or there is no way to it.
pub async fn ask(target: SocketAddr) -> io::Result<Vec<u8>> {
    let any = if target.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(target).await?;
    socket.send(&DISCOVERY).await?;
    let mut answer = vec![0; 2048];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

/// Returns true if it looks like an SNMP message: a sequence that begins with a version.
fn is_snmp(answer: &[u8]) -> bool {
    let after_length = match answer {
        [0x30, length, rest @ ..] if *length < 0x80 => rest,
        [0x30, length, rest @ ..] => rest.get(usize::from(length & 0x7f)..).unwrap_or(&[]),
        _ => &[],
    };
    matches!(after_length, [0x02, 0x01, 0 | 1 | 3, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_a_message_of_snmp_and_noise_is_none() {
        assert!(is_snmp(&DISCOVERY));
        assert_eq!(usize::from(DISCOVERY[1]) + 2, DISCOVERY.len());
        for noise in [
            &b""[..],
            b"\x30",
            b"garbage",
            b"\x30\x03\x02\x01\x07",
            b"\x30\x82",
        ] {
            assert!(!is_snmp(noise), "{noise:?}");
        }
    }
}
