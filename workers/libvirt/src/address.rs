//! Addresses of hosts, as `virsh -c` takes them: `qemu+tcp://10.0.3.7/system`,
//! `qemu+unix:///system?socket=/run/libvirt/libvirt-sock`, or a host alone. Pure.

use std::path::PathBuf;

use utakata_worker_sdk::address::{self, Address};

/// The port of libvirt without TLS.
pub const PORT: u16 = 16509;
/// The socket of the host itself.
const SOCKET: &str = "/run/libvirt/libvirt-sock";

/// A host, and the driver that is meant there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub host: Host,
    /// The driver: `qemu:///system`.
    pub driver: String,
}

/// The way to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    Tcp(Address),
    Unix(PathBuf),
}

/// The error for a text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its host is none.
    #[error(transparent)]
    Host(#[from] address::Error),
    /// The way to it is none that is spoken.
    #[error("\"+{0}\" is not spoken: use +tcp or +unix")]
    Transport(String),
    /// The path of its socket is none.
    #[error("\"{0}\" is not the path of a socket: socket=/run/libvirt/libvirt-sock")]
    Socket(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Host::Tcp(address) => write!(f, "{address}"),
            Host::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Parses an address.
///
/// # Errors
/// It names no host, or a way to it that is not spoken.
pub fn parse(text: &str) -> Result<Place, Error> {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once("://") else {
        let driver = "qemu:///system".into();
        let host = Host::Tcp(address::parse(text, PORT)?);
        return Ok(Place { host, driver });
    };
    let (driver, transport) = scheme.split_once('+').unwrap_or((scheme, "tcp"));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = match path.trim_start_matches('/') {
        "" => "system",
        path => path,
    };
    let host = match transport {
        "tcp" => Host::Tcp(address::parse(host, PORT)?),
        "unix" => {
            let mut pairs = query.split('&');
            let socket = pairs.find_map(|pair| pair.strip_prefix("socket="));
            let socket = socket.unwrap_or(SOCKET);
            if !socket.starts_with('/') {
                return Err(Error::Socket(socket.into()));
            }
            Host::Unix(socket.into())
        }
        other => return Err(Error::Transport(other.into())),
    };
    let driver = format!("{driver}:///{path}");
    Ok(Place { host, driver })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_host_and_a_driver() {
        for (text, host, driver) in [
            ("10.0.3.7", "10.0.3.7:16509", "qemu:///system"),
            (
                "qemu+tcp://10.0.3.7/system",
                "10.0.3.7:16509",
                "qemu:///system",
            ),
            (
                "test+tcp://127.0.0.1:7000/default",
                "127.0.0.1:7000",
                "test:///default",
            ),
            (
                "qemu+unix:///system",
                "/run/libvirt/libvirt-sock",
                "qemu:///system",
            ),
            (
                "test+unix:///default?socket=/tmp/s",
                "/tmp/s",
                "test:///default",
            ),
            ("[2001:db8::1]:7", "[2001:db8::1]:7", "qemu:///system"),
        ] {
            let place = parse(text).unwrap();
            assert_eq!(place.to_string(), host, "{text}");
            assert_eq!(place.driver, driver, "{text}");
        }
        for text in [
            "",
            "qemu+tls://10.0.3.7/system",
            "qemu+tcp:///system",
            "qemu+unix:///a?socket=b",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
