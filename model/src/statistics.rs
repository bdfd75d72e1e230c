//! How likely a difference is by chance.

/// Fisher's exact test, one-sided: how likely it is that of `all` in the first group at least
/// `bad` are bad, when the first and the second group are alike. From 0 to 1.
///
/// The hypergeometric tail; see R. A. Fisher, "The Design of Experiments", 1935.
pub fn fisher(bad: u64, all: u64, bad_before: u64, all_before: u64) -> f64 {
    let bad_together = bad + bad_before;
    let most = bad_together.min(all);
    let chances = (bad..=most).map(|bad| {
        let good_rest = all_before.checked_sub(bad_together - bad);
        good_rest.map_or(0.0, |_| {
            let ways = ln_choose(all, bad) + ln_choose(all_before, bad_together - bad);
            (ways - ln_choose(all + all_before, bad_together)).exp()
        })
    });
    chances.sum::<f64>().min(1.0)
}

/// The logarithm of the number of ways to choose.
fn ln_choose(of: u64, some: u64) -> f64 {
    ln_factorial(of) - ln_factorial(some) - ln_factorial(of.saturating_sub(some))
}

/// Exact up to 256, beyond by Stirling's series, whose error is below 1e-12 there.
fn ln_factorial(number: u64) -> f64 {
    #[allow(
        clippy::cast_precision_loss,
        reason = "counts of tasks are far below 2^52"
    )]
    let x = number as f64;
    if number <= 256 {
        return (2..=number)
            .map(|factor| {
                #[allow(clippy::cast_precision_loss, reason = "at most 256")]
                let factor = factor as f64;
                factor.ln()
            })
            .sum();
    }
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3));
    x * x.ln() - x + 0.5 * (std::f64::consts::TAU * x).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are sums of binomial coefficients, exact ones.
    #[test]
    fn the_exact_test_gives_known_values() {
        for (bad, all, bad_before, all_before, expect) in [
            (3, 4, 1, 4, 0.242_857_142_857),
            (0, 10, 0, 10, 1.0),
            (2, 2, 0, 38, 0.001_282_051_282),
            (1, 1, 0, 20, 0.047_619_047_619),
            (5, 100, 5, 100, 0.626_235_124_935),
            (10, 300, 4, 700, 0.001_547_399_899),
            (0, 0, 3, 10, 1.0),
        ] {
            let found = fisher(bad, all, bad_before, all_before);
            assert!(
                (found - expect).abs() < 1e-9,
                "{bad}/{all}: {found} {expect}"
            );
        }
    }

    #[test]
    fn large_counts_are_no_problem_and_more_that_is_bad_is_less_likely() {
        let likely = |bad| fisher(bad, 10_000, 100, 100_000);
        assert!(likely(10) > 0.4 && likely(10) < 0.7, "{}", likely(10));
        assert!(likely(40) < 1e-6);
        assert!((1..100).all(|bad| likely(bad + 1) <= likely(bad)));
    }
}
