//! The check that an address asks for: `host` is pinged, `host:port` connected to, `tls://host:port`
//! looked at for its certificate, `https://host/path` asked for a page. Pure.

use utakata_worker_sdk::address::{self, Address};

/// A check of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Echo requests.
    Ping(Address),
    /// A connection.
    Tcp(Address),
    /// A connection, and the certificate behind it.
    Tls(Address),
    /// A page.
    Http {
        address: Address,
        is_tls: bool,
        /// The path and the query.
        path: String,
    },
}

/// The error for a text that asks for no check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The part of it with the host is no address.
    #[error(transparent)]
    Address(#[from] address::Error),
    /// It begins with an unknown scheme.
    #[error("\"{0}://\" is unknown: use tcp://, tls://, http:// or https://")]
    Scheme(String),
    /// It needs a port.
    #[error("\"{0}\" needs a port, as in tcp://10.0.3.7:22")]
    Port(String),
}

impl Check {
    /// Parses an address.
    ///
    /// # Errors
    /// It asks for nothing.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            // A port of 0 cannot be given: it stands for none.
            let address = address::parse(text, 0)?;
            return Ok(match address.port {
                0 => Self::Ping(address),
                _ => Self::Tcp(address),
            });
        };
        match scheme {
            "tcp" => {
                let address = address::parse(rest, 0)?;
                match address.port {
                    0 => Err(Error::Port(text.into())),
                    _ => Ok(Self::Tcp(address)),
                }
            }
            "tls" => Ok(Self::Tls(address::parse(rest, 443)?)),
            "http" | "https" => {
                let is_tls = scheme == "https";
                let (host, path) = match rest.find('/') {
                    Some(at) => rest.split_at(at),
                    None => (rest, "/"),
                };
                let address = address::parse(host, if is_tls { 443 } else { 80 })?;
                let path = path.into();
                Ok(Self::Http {
                    address,
                    is_tls,
                    path,
                })
            }
            other => Err(Error::Scheme(other.into())),
        }
    }

    /// The address to be checked.
    pub fn address(&self) -> &Address {
        match self {
            Self::Ping(address) | Self::Tcp(address) | Self::Tls(address) => address,
            Self::Http { address, .. } => address,
        }
    }

    /// The word for the check, in the attribute of its readings.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ping(_) => "ping",
            Self::Tcp(_) => "tcp",
            Self::Tls(_) => "tls",
            Self::Http { .. } => "http",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_checked() {
        for (text, word, address) in [
            ("10.0.3.7", "ping", "10.0.3.7:0"),
            ("pdu.example", "ping", "pdu.example:0"),
            ("2001:db8::1", "ping", "[2001:db8::1]:0"),
            ("10.0.3.7:22", "tcp", "10.0.3.7:22"),
            ("tcp://10.0.3.7:22", "tcp", "10.0.3.7:22"),
            ("tls://bmc.example", "tls", "bmc.example:443"),
            (
                "https://[2001:db8::1]/redfish/v1",
                "http",
                "[2001:db8::1]:443",
            ),
            ("http://web.example:8080", "http", "web.example:8080"),
        ] {
            let check = Check::parse(text).unwrap();
            assert_eq!(check.word(), word, "{text}");
            assert_eq!(check.address().to_string(), address, "{text}");
        }
        for text in ["", "ftp://a", "tcp://a", "https://", "10.0.3.7:x"] {
            assert!(Check::parse(text).is_err(), "{text}");
        }
    }
}
