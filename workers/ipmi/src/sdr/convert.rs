//! The conversion of a raw reading: `L((M x + B 10^K1) 10^K2)` (IPMI 2.0, 36.3).

/// The conversion of a sensor's readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// The form of the raw number: unsigned, ones' complement, two's complement.
    pub format: u8,
    pub linearisation: Linearisation,
    pub factors: Factors,
}

/// The factors of a conversion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Factors {
    pub m: i16,
    pub b: i16,
    pub b_exponent: i8,
    pub result_exponent: i8,
}

/// The function that is applied last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linearisation {
    Linear,
    Ln,
    Log10,
    Log2,
    E,
    Exp10,
    Exp2,
    Reciprocal,
    Square,
    Cube,
    SquareRoot,
    CubeRoot,
    /// The factors depend on the reading: the BMC is asked for them.
    Asked,
    Unknown,
}

impl Linearisation {
    /// The function of a number in a record.
    pub fn of(number: u8) -> Self {
        match number {
            0 => Self::Linear,
            1 => Self::Ln,
            2 => Self::Log10,
            3 => Self::Log2,
            4 => Self::E,
            5 => Self::Exp10,
            6 => Self::Exp2,
            7 => Self::Reciprocal,
            8 => Self::Square,
            9 => Self::Cube,
            10 => Self::SquareRoot,
            11 => Self::CubeRoot,
            0x70..=0x7f => Self::Asked,
            _ => Self::Unknown,
        }
    }

    fn apply(self, number: f64) -> Option<f64> {
        Some(match self {
            Self::Linear | Self::Asked => number,
            Self::Ln => number.ln(),
            Self::Log10 => number.log10(),
            Self::Log2 => number.log2(),
            Self::E => number.exp(),
            Self::Exp10 => 10_f64.powf(number),
            Self::Exp2 => number.exp2(),
            Self::Reciprocal => number.recip(),
            Self::Square => number.powi(2),
            Self::Cube => number.powi(3),
            Self::SquareRoot => number.sqrt(),
            Self::CubeRoot => number.cbrt(),
            Self::Unknown => return None,
        })
    }
}

impl Factors {
    /// Reads the six bytes of a record from M to the exponents; those of an answer are the same.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [m, m_high, b, b_high, _, exponents] = bytes else {
            return None;
        };
        let ten = |low: u8, high: u8| {
            let number = i16::from(low) | i16::from(high >> 6) << 8;
            number << 6 >> 6
        };
        let four = |number: u8| (number << 4).cast_signed() >> 4;
        Some(Self {
            m: ten(*m, *m_high),
            b: ten(*b, *b_high),
            b_exponent: four(exponents & 0x0f),
            result_exponent: four(exponents >> 4),
        })
    }
}

impl Conversion {
    /// The value of a raw reading. `None` if it has none.
    pub fn value(&self, raw: u8) -> Option<f64> {
        let raw = match self.format {
            0 => f64::from(raw),
            1 => match raw.cast_signed() {
                negative @ ..0 => f64::from(negative) + 1.0,
                positive => f64::from(positive),
            },
            _ => f64::from(raw.cast_signed()),
        };
        let Factors {
            m,
            b,
            b_exponent,
            result_exponent,
        } = self.factors;
        let b = scaled(f64::from(b), b_exponent);
        let number = scaled(f64::from(m) * raw + b, result_exponent);
        self.linearisation
            .apply(number)
            .filter(|one| one.is_finite())
    }
}

/// A number by a power of ten. Dividing keeps tenths what they are.
fn scaled(number: f64, exponent: i8) -> f64 {
    let power = 10_f64.powi(i32::from(exponent.unsigned_abs()));
    match exponent < 0 {
        true => number / power,
        false => number * power,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_reading_becomes_a_value() {
        let of = |m, b, b_exponent, result_exponent| Factors {
            m,
            b,
            b_exponent,
            result_exponent,
        };
        for (format, linearisation, factors, raw, expect) in [
            (0, 0, of(6, 0, 0, -2), 201, Some(12.06)),
            (2, 0, of(1, 0, 0, 0), 0xf6, Some(-10.0)),
            (1, 0, of(1, 0, 0, 0), 0xf5, Some(-10.0)),
            (0, 0, of(-5, 25, 2, -1), 100, Some(200.0)),
            (0, 7, of(2, 0, 0, 0), 10, Some(0.05)),
            (0, 7, of(2, 0, 0, 0), 0, None),
            (0, 10, of(1, 0, 0, 0), 144, Some(12.0)),
            (0, 0x40, of(1, 0, 0, 0), 1, None),
        ] {
            let conversion = Conversion {
                format,
                linearisation: Linearisation::of(linearisation),
                factors,
            };
            let value = conversion.value(raw);
            let is_same = match (value, expect) {
                (Some(value), Some(expect)) => (value - expect).abs() < 1e-9,
                (value, expect) => value == expect,
            };
            assert!(is_same, "{factors:?} {raw}: {value:?}");
        }
    }

    #[test]
    fn factors_have_signs() {
        let read = Factors::read(&[0xfb, 0xc0, 0x19, 0x40, 0, 0xe1]).unwrap();
        let expect = Factors {
            m: -5,
            b: 281,
            b_exponent: 1,
            result_exponent: -2,
        };
        assert_eq!(read, expect);
    }
}
