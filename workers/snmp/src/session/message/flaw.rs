//! Flaws that keep a value from being decoded.

use std::fmt;

use super::ber::tag;

/// The flaw that prevents a value from being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Its length differs from that of its binding.
    Length,
    /// SNMP has no type with this number.
    Type(u8),
    /// Its type cannot have this many bytes.
    Size(u8, usize),
    /// A number outside the range of its type.
    Range(u8),
    /// An invalid OID.
    Oid,
    /// The library could not decode the whole message.
    Message,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("its length does not fit the binding that it is in"),
            Self::Type(tag) => write!(f, "there is no type {tag:#04x} in SNMP"),
            Self::Size(tag, bytes) => write!(f, "{} of {bytes} bytes", name(*tag)),
            Self::Range(tag) => write!(f, "a number that no {} can hold", name(*tag)),
            Self::Oid => f.write_str("an OID that is none"),
            Self::Message => f.write_str("the message that it is in cannot be decoded"),
        }
    }
}

fn name(tag: u8) -> &'static str {
    match tag {
        tag::INTEGER => "INTEGER",
        tag::NULL => "NULL",
        tag::IP_ADDRESS => "IpAddress",
        tag::COUNTER32 => "Counter32",
        tag::GAUGE32 | tag::UINTEGER32 => "Gauge32",
        tag::TIME_TICKS => "TimeTicks",
        tag::COUNTER64 => "Counter64",
        _ => "value",
    }
}

/// Returns what prevents a value of this type and content from being decoded, if anything does.
/// Numbers may use more bytes than necessary, as long as they are in the range of their type.
pub fn of(tag: u8, content: &[u8]) -> Option<Flaw> {
    let flaw = |is_good: bool, flaw| (!is_good).then_some(flaw);
    let length = content.len();
    match tag {
        tag::OCTETS => None,
        tag::OPAQUE => flaw(is_closed(content), Flaw::Length),
        tag::INTEGER
        | tag::COUNTER32
        | tag::GAUGE32
        | tag::UINTEGER32
        | tag::TIME_TICKS
        | tag::COUNTER64
            if length == 0 =>
        {
            Some(Flaw::Size(tag, 0))
        }
        tag::INTEGER => flaw(length - redundant(content) <= 4, Flaw::Range(tag)),
        tag::COUNTER32 | tag::GAUGE32 | tag::UINTEGER32 | tag::TIME_TICKS => {
            flaw(length - zeros(content) <= 4, Flaw::Range(tag))
        }
        tag::COUNTER64 => flaw(length - zeros(content) <= 8, Flaw::Range(tag)),
        tag::OID => flaw(super::ber::is_oid(content), Flaw::Oid),
        tag::IP_ADDRESS => flaw(length == 4, Flaw::Size(tag, length)),
        tag::NULL | tag::NO_SUCH_OBJECT | tag::NO_SUCH_INSTANCE | tag::END_OF_MIB_VIEW => {
            flaw(length == 0, Flaw::Size(tag::NULL, length))
        }
        _ => Some(Flaw::Type(tag)),
    }
}

/// Returns true if an Opaque contains a complete element of ASN.1, as the numbers of Net-SNMP are
/// (0x9f and their type), or something else entirely.
fn is_closed(content: &[u8]) -> bool {
    match content {
        [0x9f, _, length @ ..=0x7f, inner @ ..] => usize::from(*length) == inner.len(),
        _ => true,
    }
}

/// Returns the number of leading bytes that only repeat the sign.
fn redundant(content: &[u8]) -> usize {
    let pairs = content.windows(2).take_while(|pair| match pair {
        [0x00, next] => *next < 0x80,
        [0xff, next] => *next >= 0x80,
        _ => false,
    });
    pairs.count()
}

fn zeros(content: &[u8]) -> usize {
    content.iter().take_while(|byte| **byte == 0).count()
}
