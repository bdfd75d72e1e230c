//! The limits of a worker in a container: network, memory, processors, processes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

words! {
    /// The network of a worker in a container. Outside a container, a worker has the machine's.
    #[derive(
        Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum Network {
        /// No network: it reaches only its manager.
        #[default]
        None = "none",
        /// The network of the machine.
        Host = "host",
        /// A network of its own, behind the bridge of the container engine.
        Bridge = "bridge",
    }
}

impl Network {
    /// Returns true if it is [`Network::None`].
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A size of memory, written as `64MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = String, example = "64MiB")]
pub struct Memory(u64);

/// The reason why a text is not a size of memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a size of memory: write for example 64MiB or 1GiB")]
pub struct MemoryError {
    text: String,
}

const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

impl Memory {
    /// Returns the size of that many mebibytes.
    pub const fn mebibytes(count: u32) -> Self {
        Self((count as u64) << 20)
    }

    /// Parses a size: a whole number followed by `KiB`, `MiB` or `GiB`.
    pub fn parse(text: &str) -> Result<Self, MemoryError> {
        let read = || {
            let (unit, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
            let count: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
            let bytes = count.checked_mul(*factor)?;
            (bytes > 0 && i64::try_from(bytes).is_ok()).then_some(Self(bytes))
        };
        read().ok_or_else(|| MemoryError { text: text.into() })
    }

    /// Returns the size in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, factor): &&(&str, u64)| self.0.is_multiple_of(*factor);
        let (unit, factor) = UNITS.iter().rev().find(fits).unwrap_or(&UNITS[0]);
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl Serialize for Memory {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// A number of processors, to a thousandth: `0.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = f64, example = 0.5)]
pub struct Cpus(u32);

impl Cpus {
    /// One whole processor.
    pub const ONE: Self = Self(1000);

    /// Returns the number in billionths of a processor.
    pub fn billionths(self) -> u64 {
        u64::from(self.0) * 1_000_000
    }
}

impl Serialize for Cpus {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(f64::from(self.0) / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Cpus {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let count = f64::deserialize(from)?;
        if !(0.001..=100_000.0).contains(&count) {
            return Err(D::Error::custom("cpus must be from 0.001 to 100000"));
        }
        // The number is in range, so only the part below a thousandth is cut off.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in range"
        )]
        let thousandths = (count * 1000.0).round() as u32;
        Ok(Self(thousandths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_a_number_with_a_unit_and_is_written_in_the_largest_that_fits() {
        for (text, bytes, written) in [
            ("64MiB", 64 << 20, "64MiB"),
            ("2048 KiB", 2 << 20, "2MiB"),
            ("3GiB", 3 << 30, "3GiB"),
        ] {
            let memory = Memory::parse(text).unwrap();
            assert_eq!(
                (memory.bytes(), memory.to_string()),
                (bytes, written.into())
            );
        }
        for text in ["", "64", "64MB", "0MiB", "-1MiB", "99999999999GiB"] {
            assert!(Memory::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn processors_are_the_same_after_any_way_through_json() {
        for thousandths in [1, 100, 333, 500, 1000, 1100, 64_000] {
            let text = serde_json::to_string(&Cpus(thousandths)).unwrap();
            assert_eq!(
                serde_json::from_str::<Cpus>(&text).unwrap(),
                Cpus(thousandths)
            );
        }
        assert_eq!(Cpus::ONE.billionths(), 1_000_000_000);
        assert!(serde_json::from_str::<Cpus>("0").is_err());
    }
}
