//! Sentinels: numbers that mean "there is none" whatever a profile says.

use crate::raw::Raw;

/// The certainty that a number is a sentinel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentinel {
    /// No measurement is exactly this: the limits of integer types.
    Certain,
    /// It may be a real value, if plausible.
    Likely,
}

/// The certain sentinels that fit into a signed integer: all ones and the limits of 32 and 64 bits,
/// and the lowest of 16.
const CERTAIN: [i64; 9] = [
    4_294_967_295,
    2_147_483_647,
    -2_147_483_648,
    i64::MAX,
    i64::MIN,
    -32_768,
    // The same, sent unsigned in 32 bits.
    4_294_934_528,
    // The same with the sign of the next wider type.
    -4_294_967_295,
    -2_147_483_647,
];
/// The likely sentinels: the limits of 16 bits, and the values of RFC 3433 for underflow and
/// overflow, signed and unsigned. One of them is the speed of a port of 1 Gbit/s.
const LIKELY: [i64; 7] = [
    65_535,
    32_767,
    32_768,
    2_147_483_648,
    1_000_000_000,
    -1_000_000_000,
    3_294_967_296,
];

/// Returns the sentinel that a raw value is.
pub fn of(raw: &Raw<'_>) -> Option<Sentinel> {
    match raw {
        Raw::Integer(number) => of_whole(*number),
        Raw::Unsigned(number, _) => match i64::try_from(*number) {
            Ok(number) => of_whole(number),
            // All ones of 64 bits, and negative limits sent unsigned.
            Err(_) => of_whole(number.cast_signed())
                .or((*number == u64::MAX).then_some(Sentinel::Certain)),
        },
        Raw::Float(number) => of_scaled(*number),
        Raw::Bytes(_) | Raw::Text(_) => None,
    }
}

/// Returns the sentinel that a number found in a text is.
pub fn of_number(number: f64) -> Option<Sentinel> {
    of_scaled(number)
}

fn of_whole(number: i64) -> Option<Sentinel> {
    // Most numbers are small: one comparison suffices.
    if (-32_767..32_767).contains(&number) {
        return None;
    }
    if CERTAIN.contains(&number) {
        return Some(Sentinel::Certain);
    }
    LIKELY.contains(&number).then_some(Sentinel::Likely)
}

/// Finds a sentinel with a moved decimal point, as in devices that write texts or floats: 6553.5 is
/// 65535 in tenths. It is only likely, as is one that has lost digits.
fn of_scaled(number: f64) -> Option<Sentinel> {
    const LIMITS: [f64; 3] = [u64::MAX as f64, i64::MAX as f64, f32::MAX as f64];
    if LIMITS
        .iter()
        .any(|limit| (number.abs() - limit).abs() <= limit * 1e-6)
    {
        return Some(Sentinel::Certain);
    }
    let steps = [1.0, 10.0, 100.0, 1000.0];
    let found = steps.iter().find_map(|step| {
        let whole = (number * step).round();
        // Single precision has 7 digits: 429496.7295 becomes 429496.72.
        let is_whole = (number * step - whole).abs() <= whole.abs() * 1e-7;
        let is_small = whole.abs() < 9e15;
        #[allow(
            clippy::cast_possible_truncation,
            reason = "it is whole and small enough"
        )]
        let sentinel = (is_whole && is_small).then(|| near(whole as i64)).flatten();
        sentinel.map(|sentinel| (sentinel, *step))
    });
    found.map(|(sentinel, step)| {
        if step > 1.0 {
            Sentinel::Likely
        } else {
            sentinel
        }
    })
}

/// Like [`of_whole`], within the error of single precision for large numbers.
fn near(number: i64) -> Option<Sentinel> {
    /// The limit up to which single precision has every whole number.
    const EXACT: u64 = 1 << 24;
    of_whole(number).or_else(|| {
        let is_near = |limit: &i64| {
            let size = limit.unsigned_abs();
            size > EXACT && number.abs_diff(*limit) <= size >> 23
        };
        let is_large = number.unsigned_abs() > EXACT;
        (is_large && CERTAIN.iter().any(is_near)).then_some(Sentinel::Likely)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_types_are_sentinels_and_numbers_next_to_them_are_not() {
        let unsigned = |number: u64, bits| Raw::Unsigned(number, bits);
        for (raw, expect) in [
            (Raw::Integer(i64::from(i32::MAX)), Some(Sentinel::Certain)),
            (Raw::Integer(i64::from(i32::MIN)), Some(Sentinel::Certain)),
            (Raw::Integer(-32_768), Some(Sentinel::Certain)),
            (Raw::Integer(65_535), Some(Sentinel::Likely)),
            (Raw::Integer(1_000_000_000), Some(Sentinel::Likely)),
            (unsigned(3_294_967_296, 32), Some(Sentinel::Likely)),
            (unsigned(4_294_967_295, 32), Some(Sentinel::Certain)),
            (unsigned(u64::MAX, 64), Some(Sentinel::Certain)),
            (unsigned(1 << 63, 64), Some(Sentinel::Certain)),
            (unsigned(4_294_934_528, 32), Some(Sentinel::Certain)),
            (Raw::Float(-32_768.0), Some(Sentinel::Certain)),
            (Raw::Float(6_553.5), Some(Sentinel::Likely)),
            (Raw::Float(429_496_729.5), Some(Sentinel::Likely)),
            (
                Raw::Float(f64::from(4_294_967_295_u32 as f32)),
                Some(Sentinel::Likely),
            ),
            (Raw::Float(f64::from(f32::MAX)), Some(Sentinel::Certain)),
            (Raw::Integer(65_534), None),
            (Raw::Integer(0), None),
            (Raw::Integer(-1), None),
            (Raw::Float(23.5), None),
            (unsigned(4_294_967_294, 32), None),
        ] {
            assert_eq!(of(&raw), expect, "{raw:?}");
        }
    }
}
