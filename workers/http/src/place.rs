//! Addresses of servers: `10.0.3.7`, `https://pdu.example:8443`, `http://10.0.3.7:9100/metrics`.
//! Pure.

use utakata_worker_sdk::address::{self, Address, Error};

/// A server, and a path there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub server: Address,
    pub is_tls: bool,
    /// The path and the query, from its slash. Absent: none was written.
    pub path: Option<String>,
}

/// The meaning of an address that does not say it.
#[derive(Debug, Clone, Copy)]
pub struct Usual {
    pub is_tls: bool,
    /// The port where there is neither a scheme nor a port.
    pub port: u16,
}

/// Parses an address.
///
/// # Errors
/// The host is none.
pub fn parse(text: &str, usual: Usual) -> Result<Place, Error> {
    let text = text.trim();
    let (is_tls, port, rest) = match text.split_once("://") {
        Some(("http", rest)) => (false, 80, rest),
        Some(("https", rest)) => (true, 443, rest),
        _ => (usual.is_tls, usual.port, text),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Ok(Place {
        server: address::parse(host, port)?,
        is_tls,
        path: (!path.is_empty()).then(|| path.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_server_and_perhaps_a_path() {
        let usual = Usual {
            is_tls: false,
            port: 9100,
        };
        for (text, server, is_tls, path) in [
            ("10.0.3.7", "10.0.3.7:9100", false, None),
            ("10.0.3.7:80", "10.0.3.7:80", false, None),
            ("https://pdu", "pdu:443", true, None),
            ("http://pdu/a?b=c", "pdu:80", false, Some("/a?b=c")),
            ("[2001:db8::1]/m", "[2001:db8::1]:9100", false, Some("/m")),
        ] {
            let place = parse(text, usual).unwrap();
            assert_eq!(place.server.to_string(), server, "{text}");
            assert_eq!(place.is_tls, is_tls, "{text}");
            assert_eq!(place.path.as_deref(), path, "{text}");
        }
        for text in ["", "https://", "ftp://pdu", "10.0.0.300", "a b"] {
            assert!(parse(text, usual).is_err(), "{text}");
        }
    }
}
