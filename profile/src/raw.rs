//! Raw values of devices, and the literals that profiles compare them with.

use std::borrow::Cow;

use crate::{number, text};

/// A value as the device sent it.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw<'a> {
    /// A signed whole number.
    Integer(i64),
    /// An unsigned whole number, and the number of bits of its type.
    Unsigned(u64, u32),
    /// A floating-point number.
    Float(f64),
    /// Octets, most often a text.
    Bytes(&'a [u8]),
    Text(Cow<'a, str>),
}

/// A raw value as written in a profile.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A whole number.
    Number(i64),
    /// A decimal number.
    Decimal(f64),
    Text(Box<str>),
}

impl Raw<'_> {
    /// Returns the value as a number, including numbers that a device writes as text.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Unsigned(number, _) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Bytes(bytes) => number::plain(&text::of(bytes)?),
            Self::Text(text) => number::plain(text),
        }
    }

    /// Returns the value as a whole number; a text is none.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Unsigned(number, _) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Returns the negative number that was perhaps sent in an unsigned type.
    pub fn wrapped(&self) -> Option<i64> {
        match self {
            Self::Unsigned(number, bits) => signed(*number, *bits),
            _ => None,
        }
    }

    /// Returns true if all bits of its type are ones.
    pub fn is_all_ones(&self) -> bool {
        match self {
            Self::Unsigned(number, bits) => 64_u32
                .checked_sub(*bits)
                .is_some_and(|unused| *number == u64::MAX >> unused),
            _ => false,
        }
    }

    /// Returns the value as text; octets that are not text become hexadecimal.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Integer(number) => number.to_string().into(),
            Self::Unsigned(number, _) => number.to_string().into(),
            Self::Float(number) => number.to_string().into(),
            Self::Bytes(bytes) => text::shown(bytes),
            Self::Text(text) => text.trim().into(),
        }
    }
}

/// Returns an unsigned number as a signed one of the same width. `None` unless that makes it
/// negative.
fn signed(number: u64, bits: u32) -> Option<i64> {
    let unused = 64_u32.checked_sub(bits)?;
    let number = (number << unused).cast_signed() >> unused;
    (number < 0).then_some(number)
}

impl Literal {
    /// Returns true if a value equals the literal.
    pub fn is(&self, raw: &Raw<'_>) -> bool {
        match (self, raw) {
            (Self::Number(number), Raw::Integer(_) | Raw::Unsigned(..)) => {
                raw.whole() == Some(*number)
            }
            (Self::Number(number), _) => raw.number() == Some(*number as f64),
            (Self::Decimal(number), _) => raw.number() == Some(*number),
            (Self::Text(text), Raw::Bytes(bytes)) => {
                *bytes == text.as_bytes() || text::of(bytes).is_some_and(|found| found == **text)
            }
            (Self::Text(text), _) => raw.text() == **text,
        }
    }

    /// Returns true if a value equals the literal, even if the device or its type lost the sign: -1
    /// is 4294967295 in an unsigned type of 32 bits, and the other way round.
    pub fn means(&self, raw: &Raw<'_>) -> bool {
        if self.is(raw) {
            return true;
        }
        let Self::Number(wanted) = self else {
            return false;
        };
        match raw {
            Raw::Unsigned(..) => raw.wrapped() == Some(*wanted),
            Raw::Integer(number) if *number < 0 => [16, 32].into_iter().any(|bits| {
                let wanted = u64::try_from(*wanted).ok();
                // -1 is too frequent a value for 65535 to mean it.
                let is_reported = bits != 16 || *number < -1;
                is_reported
                    && wanted
                        .filter(|wanted| wanted >> bits == 0)
                        .and_then(|wanted| signed(wanted, bits))
                        == Some(*number)
            }),
            // In a text or a float the type is unknown, so any type that fits will do.
            Raw::Float(_) | Raw::Bytes(_) | Raw::Text(_) if *wanted < 0 => {
                let of_bits = |bits: i32| *wanted as f64 + 2_f64.powi(bits);
                let number = raw.number();
                number == Some(of_bits(32)) || number == Some(of_bits(64))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_means_a_value_whatever_became_of_its_sign() {
        let bytes = |text: &'static str| Raw::Bytes(text.as_bytes());
        for (literal, raw, is, means) in [
            (-1, Raw::Integer(-1), true, true),
            (-1, Raw::Unsigned(u64::from(u32::MAX), 32), false, true),
            (-1, Raw::Unsigned(u64::MAX, 64), false, true),
            (-1, Raw::Unsigned(u64::from(u32::MAX), 64), false, false),
            (-1, Raw::Unsigned(65_535, 16), false, true),
            (-1, bytes("4294967295"), false, true),
            (-1, bytes("-1"), true, true),
            (4_294_967_295, Raw::Integer(-1), false, true),
            (65_535, Raw::Integer(-1), false, false),
            (32_768, Raw::Integer(-32_768), false, true),
            (255, Raw::Integer(-1), false, false),
            (3, Raw::Integer(4), false, false),
        ] {
            let literal = Literal::Number(literal);
            assert_eq!(literal.is(&raw), is, "{literal:?} {raw:?}");
            assert_eq!(literal.means(&raw), means, "{literal:?} {raw:?}");
        }
    }

    #[test]
    fn a_text_is_compared_without_what_pads_it() {
        let literal = Literal::Text("n/a".into());
        for (bytes, expect) in [
            (&b"n/a"[..], true),
            (b"n/a\0\0\0", true),
            (b" n/a\r\n", true),
            (b"n/a!", false),
            (b"\x00\xff", false),
        ] {
            assert_eq!(literal.is(&Raw::Bytes(bytes)), expect, "{bytes:?}");
        }
    }
}
