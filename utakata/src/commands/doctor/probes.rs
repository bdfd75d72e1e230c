//! The readiness of the local process (`probes.address`): the only way to query an environment,
//! which has no API.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use super::Finding;

/// The most time for an answer from this machine.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The most bytes read of an answer.
const MAX_ANSWER: u64 = 64 * 1024;

/// Returns the text of `/readyz`; `None` if nothing answers.
pub(super) fn ask(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&near(address), TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(TIMEOUT)).ok()?;
    let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).ok()?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).ok()?;
    let (_, text) = answer.split_once("\r\n\r\n")?;
    Some(text.to_owned())
}

/// Returns the address at which a listener is reached from this machine.
fn near(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Returns a finding for each part, and one for the whole.
pub(super) fn findings(text: &str) -> Vec<Finding> {
    let finding = |line: &str| {
        if let Some(part) = line.strip_prefix("[+]") {
            let name = part.split(' ').next().unwrap_or(part);
            return Finding::right(&format!("part {name}"), "is there");
        }
        if let Some(part) = line.strip_prefix("[-]") {
            let name = part.split(' ').next().unwrap_or(part);
            let cure = "see the log of this process: it says why, and what to do";
            return Finding::wrong(&format!("part {name}"), "is away", cure);
        }
        match line.strip_prefix("not ready: ") {
            Some(reason) => {
                let cure = "wait, and see the log of this process";
                Finding::doubtful("readyz", format!("not ready: {reason}"), cure)
            }
            None => Finding::right("readyz", line),
        }
    };
    text.lines().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn each_part_is_reported() {
        let found =
            findings("[+]tasks ok\n[-]events away: the log says why\nready, but not whole\n");
        let told: Vec<_> = found
            .iter()
            .map(|one| (one.check.as_str(), one.result))
            .collect();
        assert_eq!(
            told,
            [
                ("part tasks", Verdict::Right),
                ("part events", Verdict::Wrong),
                ("readyz", Verdict::Right)
            ]
        );
        let found = findings("not ready: it is draining\n");
        assert_eq!(found[0].result, Verdict::Doubtful);
    }

    #[test]
    fn who_listens_everywhere_is_asked_on_loopback() {
        for (address, expect) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("192.0.2.1:1", "192.0.2.1:1"),
        ] {
            assert_eq!(near(address.parse().unwrap()).to_string(), expect);
        }
    }
}
