//! The content of registers: numbers of several types and word orders, and texts. Pure.

use std::borrow::Cow;

use utakata_profile::Raw;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// So many registers of two characters each.
    Text(u16),
}

/// The order of the words of a value of several registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Words {
    /// The most significant first.
    #[default]
    Big,
    /// The least significant first.
    Little,
}

impl Kind {
    /// The names of types, in profiles.
    pub const NAMES: [(&'static str, Self); 8] = [
        ("i16", Self::I16),
        ("u16", Self::U16),
        ("i32", Self::I32),
        ("u32", Self::U32),
        ("i64", Self::I64),
        ("u64", Self::U64),
        ("f32", Self::F32),
        ("f64", Self::F64),
    ];

    /// The number of registers.
    pub fn registers(self) -> u16 {
        match self {
            Self::I16 | Self::U16 => 1,
            Self::I32 | Self::U32 | Self::F32 => 2,
            Self::I64 | Self::U64 | Self::F64 => 4,
            Self::Text(count) => count,
        }
    }

    /// Reads a value. `None` if it has another number of registers.
    pub fn read(self, registers: &[u16], words: Words) -> Option<Raw<'static>> {
        if registers.len() != usize::from(self.registers()) {
            return None;
        }
        if let Self::Text(_) = self {
            let bytes = registers.iter().flat_map(|word| word.to_be_bytes());
            let text: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
            let text = String::from_utf8_lossy(&text).trim().to_owned();
            return Some(Raw::Text(Cow::Owned(text)));
        }
        let ordered = |all: u64, word: &u16| all << 16 | u64::from(*word);
        let bits = match words {
            Words::Big => registers.iter().fold(0, ordered),
            Words::Little => registers.iter().rev().fold(0, ordered),
        };
        #[allow(
            clippy::cast_possible_truncation,
            reason = "its registers have no more bits"
        )]
        Some(match self {
            Self::I16 => Raw::Integer(i64::from((bits as u16).cast_signed())),
            Self::I32 => Raw::Integer(i64::from((bits as u32).cast_signed())),
            Self::I64 => Raw::Integer(bits.cast_signed()),
            Self::U16 => Raw::Unsigned(bits, 16),
            Self::U32 => Raw::Unsigned(bits, 32),
            Self::U64 => Raw::Unsigned(bits, 64),
            Self::F32 => Raw::Float(f64::from(f32::from_bits(bits as u32))),
            Self::F64 => Raw::Float(f64::from_bits(bits)),
            Self::Text(_) => return None,
        })
    }

    /// Writes a number, exactly or not at all. Errors: a sentence about why not.
    pub fn write(self, number: f64, words: Words) -> Result<Vec<u16>, String> {
        /// The difference by which a division of decimal numbers may miss a whole one.
        const ROUNDING: f64 = 1e-6;
        let whole = number.round();
        let range = match self {
            Self::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            Self::U16 => (0.0, f64::from(u16::MAX)),
            Self::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Self::U32 => (0.0, f64::from(u32::MAX)),
            Self::F32 | Self::F64 => (f64::MIN, f64::MAX),
            Self::I64 | Self::U64 | Self::Text(_) => {
                return Err("values of this type are not written".into());
            }
        };
        if !number.is_finite() || number < range.0 || number > range.1 {
            return Err(format!("{number} does not fit: {} to {}", range.0, range.1));
        }
        let is_float = matches!(self, Self::F32 | Self::F64);
        if !is_float && (number - whole).abs() > ROUNDING {
            return Err(format!("{number} is no whole number of steps"));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and fits"
        )]
        let bits = match self {
            Self::F32 => u64::from((number as f32).to_bits()),
            Self::F64 => number.to_bits(),
            _ => (whole as i64).cast_unsigned(),
        };
        let count = self.registers();
        #[allow(clippy::cast_possible_truncation, reason = "a word of it")]
        let mut registers: Vec<u16> = (0..count)
            .rev()
            .map(|at| (bits >> (16 * at)) as u16)
            .collect();
        if words == Words::Little {
            registers.reverse();
        }
        Ok(registers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_both_word_orders() {
        for (kind, big, expect) in [
            (Kind::I16, &[0xff38][..], Raw::Integer(-200)),
            (Kind::U16, &[0xff38], Raw::Unsigned(0xff38, 16)),
            (Kind::I32, &[0xffff, 0xff38], Raw::Integer(-200)),
            (Kind::U32, &[0x0009, 0x6a39], Raw::Unsigned(617_017, 32)),
            (Kind::F32, &[0x4148, 0], Raw::Float(12.5)),
            (Kind::F64, &[0x4029, 0, 0, 0], Raw::Float(12.5)),
            (Kind::U64, &[0, 0, 1, 0], Raw::Unsigned(65_536, 64)),
        ] {
            assert_eq!(kind.read(big, Words::Big), Some(expect.clone()), "{kind:?}");
            let little: Vec<u16> = big.iter().rev().copied().collect();
            assert_eq!(kind.read(&little, Words::Little), Some(expect), "{kind:?}");
            assert_eq!(kind.read(&[], Words::Big), None);
        }
        let text = [0x5244, 0x4630, 0x3430, 0];
        let expect = Some(Raw::Text("RDF040".into()));
        assert_eq!(Kind::Text(4).read(&text, Words::Big), expect);
    }

    #[test]
    fn a_number_is_written_exactly_or_not_at_all() {
        for (kind, number, expect) in [
            (Kind::I16, 225.0, Ok(vec![225])),
            (Kind::I16, -200.0, Ok(vec![0xff38])),
            // 22.5 / 0.1
            (Kind::U16, 224.999_999_999_99, Ok(vec![225])),
            (Kind::U16, 225.5, Err("no whole number")),
            (Kind::U16, -1.0, Err("does not fit")),
            (Kind::U16, 65_536.0, Err("does not fit")),
            (Kind::I32, -200.0, Ok(vec![0xffff, 0xff38])),
            (Kind::F32, 12.5, Ok(vec![0x4148, 0])),
            (Kind::U64, 1.0, Err("not written")),
        ] {
            match (kind.write(number, Words::Big), expect) {
                (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{kind:?} {number}"),
                (Err(found), Err(part)) => assert!(found.contains(part), "{found}"),
                (found, expect) => panic!("{kind:?} {number}: {found:?}, not {expect:?}"),
            }
        }
        let little = Kind::F32.write(12.5, Words::Little);
        assert_eq!(little, Ok(vec![0, 0x4148]));
    }
}
