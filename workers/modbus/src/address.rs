//! Addresses of units: `10.0.3.7`, `10.0.3.7:502/3`, `rtu://gateway:4001/3`. Pure.

use utakata_worker_sdk::address::{self, Address};

/// The port of Modbus/TCP.
pub const PORT: u16 = 502;
/// The unit of a device that has no other.
pub const UNIT: u8 = 1;

/// The framing of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Modbus/TCP.
    Tcp,
    /// The frames of a serial line, passed through TCP.
    Rtu,
}

/// A unit, and the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub gateway: Address,
    pub framing: Framing,
    pub unit: u8,
}

/// The error for a text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The unit is none.
    #[error("\"{0}\" is no unit: a number from 0 to 255, as in 10.0.3.7:502/3")]
    Unit(String),
    /// The rest is no address.
    #[error(transparent)]
    Gateway(#[from] address::Error),
}

/// Parses an address.
///
/// # Errors
/// It is none.
pub fn parse(text: &str) -> Result<Place, Error> {
    let text = text.trim();
    let (framing, rest) = match text.split_once("://") {
        Some(("rtu", rest)) => (Framing::Rtu, rest),
        Some(("tcp", rest)) => (Framing::Tcp, rest),
        _ => (Framing::Tcp, text),
    };
    let (host, unit) = match rest.split_once('/') {
        None => (rest, UNIT),
        Some((host, unit)) => {
            let number = unit.parse().map_err(|_| Error::Unit(unit.into()))?;
            (host, number)
        }
    };
    let gateway = address::parse(host, PORT)?;
    Ok(Place {
        gateway,
        framing,
        unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_unit_and_the_way_to_it() {
        for (text, gateway, framing, unit) in [
            ("10.0.3.7", "10.0.3.7:502", Framing::Tcp, 1),
            ("tcp://crac:1502/17", "crac:1502", Framing::Tcp, 17),
            (
                "rtu://[2001:db8::1]:4001/0",
                "[2001:db8::1]:4001",
                Framing::Rtu,
                0,
            ),
        ] {
            let place = parse(text).unwrap();
            assert_eq!(place.gateway.to_string(), gateway, "{text}");
            assert_eq!((place.framing, place.unit), (framing, unit), "{text}");
        }
        for text in ["", "10.0.3.7/256", "10.0.3.7/x", "udp://a"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
