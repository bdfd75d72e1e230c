//! Addresses of UPSs: `UPS@host:port`, as `upsc` takes them. Pure.

use utakata_worker_sdk::address::{self, Address};

/// The port of `upsd`.
pub const PORT: u16 = 3493;

/// A UPS, and the server that knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of the UPS. Absent: the only one that the server has.
    pub ups: Option<String>,
    /// The address of the server.
    pub server: Address,
}

/// The error for a text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The name of the UPS is none.
    #[error("\"{0}\" is not the name of a UPS: letters, digits, dots, dashes and underscores")]
    Ups(String),
    /// The rest is no address.
    #[error(transparent)]
    Server(#[from] address::Error),
}

/// Parses an address.
pub fn parse(text: &str) -> Result<Place, Error> {
    let (ups, server) = match text.trim().split_once('@') {
        Some((ups, server)) => (Some(ups.to_owned()), server),
        None => (None, text),
    };
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if let Some(name) = ups
        .as_ref()
        .filter(|name| name.is_empty() || !name.chars().all(is_allowed))
    {
        return Err(Error::Ups(name.clone()));
    }
    let server = address::parse(server, PORT)?;
    Ok(Place { ups, server })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_ups_and_its_server() {
        for (text, ups, server) in [
            ("ups1@10.0.3.7", Some("ups1"), "10.0.3.7:3493"),
            ("ups1@nut.example:1493", Some("ups1"), "nut.example:1493"),
            ("ups1@[2001:db8::1]", Some("ups1"), "[2001:db8::1]:3493"),
            ("10.0.3.7", None, "10.0.3.7:3493"),
        ] {
            let place = parse(text).unwrap();
            assert_eq!(place.ups.as_deref(), ups, "{text}");
            assert_eq!(place.server.to_string(), server, "{text}");
        }
        for text in ["ups1@", "@10.0.3.7", "a b@10.0.3.7", "a\nb@10.0.3.7"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
