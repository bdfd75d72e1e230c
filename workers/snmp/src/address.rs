//! Addresses of SNMP agents: as everywhere, and `udp:` in front is tolerated. Pure.

use utakata_worker_sdk::address;
pub use utakata_worker_sdk::address::{Address, Error, Host};

/// The port of SNMP agents (RFC 3417).
pub const PORT: u16 = 161;

/// Parses an address such as `10.0.3.7`, `pdu-7:1161` or `udp:10.0.3.7`.
pub fn parse(text: &str) -> Result<Address, Error> {
    let plain = text.trim();
    address::parse(plain.strip_prefix("udp:").unwrap_or(plain), PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transport_may_be_named() {
        for text in ["10.0.3.7:1161", "udp:10.0.3.7:1161"] {
            assert_eq!(parse(text).unwrap().to_string(), "10.0.3.7:1161");
        }
        assert_eq!(parse("udp:pdu-a1").unwrap().port, PORT);
    }
}
