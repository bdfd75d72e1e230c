//! The rate of counters that are kept raw. Pure.

/// The number at which a counter of 32 bits begins anew.
const WRAP_32: f64 = 4_294_967_296.0;
/// The number at which a counter of 64 bits begins anew.
const WRAP_64: f64 = 18_446_744_073_709_551_616.0;
/// The part of its range at whose end a counter must have been for a wrap to be believed, and at
/// whose beginning it must be then.
const EDGE: f64 = 0.25;

/// The step of a counter from one value to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The growth.
    pub increase: f64,
    pub turn: Turn,
}

/// The way in which a counter came to its next value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It grew, or stayed.
    Grew,
    /// It passed the end of its range.
    Wrapped,
    /// It began anew: its device was restarted, or it was cleared.
    Reset,
}

/// Returns the step between two values of a counter. A fall is a wrap if both values are at the
/// edges of the range of 32 or 64 bits, and a reset otherwise: a large jump is never invented.
pub fn rate(before: f64, next: f64) -> Rate {
    if next >= before {
        return Rate {
            increase: next - before,
            turn: Turn::Grew,
        };
    }
    for range in [WRAP_32, WRAP_64] {
        let is_at_end = before < range && before >= range * (1.0 - EDGE);
        if is_at_end && next >= 0.0 && next < range * EDGE {
            return Rate {
                increase: range - before + next,
                turn: Turn::Wrapped,
            };
        }
    }
    Rate {
        // From 0: what was counted before the reset is not known.
        increase: if next.is_finite() && next > 0.0 {
            next
        } else {
            0.0
        },
        turn: Turn::Reset,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_counter_grows_wraps_or_begins_anew() {
        for (before, next, increase, turn) in [
            (5.0, 9.0, 4.0, Turn::Grew),
            (5.0, 5.0, 0.0, Turn::Grew),
            (4_294_967_290.0, 10.0, 16.0, Turn::Wrapped),
            (4_000_000_000.0, 100.0, 294_967_396.0, Turn::Wrapped),
            // In the middle of the range no wrap is believed.
            (2_000_000_000.0, 10.0, 10.0, Turn::Reset),
            (
                4_294_967_290.0,
                4_000_000_000.0,
                4_000_000_000.0,
                Turn::Reset,
            ),
            (
                18_446_744_073_709_500_000.0,
                1000.0,
                52_616.0,
                Turn::Wrapped,
            ),
            (1e15, 3.0, 3.0, Turn::Reset),
            (7.0, 0.0, 0.0, Turn::Reset),
            (7.0, f64::NAN, 0.0, Turn::Reset),
        ] {
            let found = rate(before, next);
            assert_eq!(found.turn, turn, "{before} {next}");
            assert!(
                (found.increase - increase).abs() < 4096.0_f64.min(1.0 + increase * 0.1),
                "{found:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_ever_shrinks(before in any::<f64>(), next in any::<f64>()) {
            let found = rate(before, next).increase;
            prop_assert!(found.is_nan() || found >= 0.0, "{found}");
        }

        #[test]
        fn a_counter_of_32_bits_is_right_over_any_wrap(
            start in any::<u32>(),
            steps in proptest::collection::vec(0u32..1 << 29, 1..40),
        ) {
            let (mut value, mut sum, mut expect) = (start, 0.0, 0.0);
            for step in steps {
                let next = value.wrapping_add(step);
                sum += rate(f64::from(value), f64::from(next)).increase;
                expect += f64::from(step);
                value = next;
            }
            prop_assert_eq!(sum, expect);
        }
    }
}
