//! Addresses of services, and of one system behind them: `10.0.3.7`, `https://bmc.example:8443`,
//! `10.0.3.7/System_0`. Pure.

use utakata_worker_sdk::address::{self, Address, Error};

/// The path of every service (DSP0266).
const ROOT: &str = "/redfish/v1";

/// A service, and the one system of it that is meant, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub server: Address,
    pub is_tls: bool,
    /// The identifier of a system. Absent means that all systems are read, and that control is for
    /// the only one.
    pub system: Option<String>,
}

/// Parses an address.
///
/// # Errors
/// The text names no host, or has a port that is none.
pub fn parse(text: &str) -> Result<Place, Error> {
    let text = text.trim();
    let (is_tls, rest) = match text.split_once("://") {
        Some(("http", rest)) => (false, rest),
        Some(("https", rest)) => (true, rest),
        _ => (true, text),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = path.strip_prefix(ROOT).unwrap_or(path);
    let path = path.strip_prefix("/Systems").unwrap_or(path);
    let system = path.trim_matches('/');
    Ok(Place {
        server: address::parse(host, if is_tls { 443 } else { 80 })?,
        is_tls,
        system: (!system.is_empty()).then(|| system.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_service_and_perhaps_a_system() {
        for (text, server, is_tls, system) in [
            ("10.0.3.7", "10.0.3.7:443", true, None),
            ("10.0.3.7:8443/", "10.0.3.7:8443", true, None),
            (
                "http://[2001:db8::1]:8000",
                "[2001:db8::1]:8000",
                false,
                None,
            ),
            (
                "https://bmc.example/redfish/v1",
                "bmc.example:443",
                true,
                None,
            ),
            ("bmc/System_0", "bmc:443", true, Some("System_0")),
            (
                "https://bmc/redfish/v1/Systems/1",
                "bmc:443",
                true,
                Some("1"),
            ),
        ] {
            let place = parse(text).unwrap();
            assert_eq!(place.server.to_string(), server, "{text}");
            assert_eq!(place.is_tls, is_tls, "{text}");
            assert_eq!(place.system.as_deref(), system, "{text}");
        }
        for text in ["", "https://", "ftp://bmc", "10.0.0.300"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
