//! The probability that a difference arises by chance.

/// Returns the lower bound of the share of which `hits` of `all` are a sample (Wilson, 1927). The
/// true share is smaller only with the probability that `z` stands for (2.326: one in a hundred).
pub(crate) fn wilson_lower(hits: u64, all: u64, z: f64) -> f64 {
    if all == 0 {
        return 0.0;
    }
    let (hits, all) = (float(hits), float(all));
    let (share, square) = (hits / all, z * z);
    let spread = (share * (1.0 - share) / all + square / (4.0 * all * all)).sqrt();
    let lower = (share + square / (2.0 * all) - z * spread) / (1.0 + square / all);
    lower.max(0.0)
}

/// Fisher's exact test, one-sided: the probability that `one` has at least as many hits if both are
/// the same. Each is hits of all.
pub(crate) fn fisher(one: (u64, u64), other: (u64, u64)) -> f64 {
    let (hits, all) = one;
    let (sum_hits, sum) = (hits + other.0, all + other.1);
    let max = sum_hits.min(all);
    let (low, high) = (other.1, all);
    // Hits that do not fit among the others are in `one` in any case.
    if hits <= sum_hits.saturating_sub(low) || all == 0 {
        return 1.0;
    }
    let base = ln_choose(sum, sum_hits);
    let mut chance = 0.0;
    for k in hits..=max {
        let term = (ln_choose(high, k) + ln_choose(low, sum_hits - k) - base).exp();
        chance += term;
        if term < chance * 1e-12 && term < 1e-12 {
            break;
        }
    }
    chance.min(1.0)
}

/// The rank sum test of Mann and Whitney (1947), one-sided: the probability that `one` is at least
/// this much larger if both are the same. Uses the normal approximation, with ties.
pub(crate) fn rank_sum(one: &[f64], other: &[f64]) -> f64 {
    let (n, m) = (float(one.len() as u64), float(other.len() as u64));
    if one.is_empty() || other.is_empty() {
        return 1.0;
    }
    let mut all: Vec<(f64, bool)> = Vec::with_capacity(one.len() + other.len());
    all.extend(one.iter().map(|&value| (value, true)));
    all.extend(other.iter().map(|&value| (value, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks, mut ties, mut before) = (0.0, 0.0, 0.0);
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        let count = float(same.len() as u64);
        let rank = before + f64::midpoint(count, 1.0);
        ranks += rank * float(same.iter().filter(|(_, is_one)| *is_one).count() as u64);
        ties += count * count * count - count;
        before += count;
    }
    let larger = ranks - n * (n + 1.0) / 2.0;
    let sum = n + m;
    let variance = n * m / 12.0 * (sum + 1.0 - ties / (sum * (sum - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let z = (larger - n * m / 2.0 - 0.5) / variance.sqrt();
    erfc(z / std::f64::consts::SQRT_2) / 2.0
}

/// Returns the value below which this share of the values lies, or 0 if there are none.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place among the values: not negative, and small"
    )]
    let at = (share * float(sorted.len() as u64)).ceil() as usize;
    let at = at.max(1) - 1;
    sorted.get(at).or(sorted.last()).copied().unwrap_or(0.0)
}

/// Exact, since counts here are far below 2^53.
#[allow(clippy::cast_precision_loss, reason = "see above")]
fn float(count: u64) -> f64 {
    count as f64
}

fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// Adds up small numbers and uses Stirling's series for large ones: exact to more than ten digits.
fn ln_factorial(n: u64) -> f64 {
    if n < 32 {
        return (2..=n).map(|k| float(k).ln()).sum();
    }
    let n = float(n);
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + (std::f64::consts::TAU * n).ln() / 2.0 + series
}

/// The complementary error function, by Chebyshev approximation (Press et al., Numerical Recipes,
/// 6.2): relative error below 1.2e-7.
fn erfc(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + x.abs() / 2.0);
    let series = COEFFICIENTS.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let value = t * (series - x * x).exp();
    if x < 0.0 { 2.0 - value } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn near(is: f64, expect: f64) {
        assert!((is - expect).abs() < 1e-4, "{is}, not {expect}");
    }

    #[test]
    fn the_lower_bound_of_a_share_is_that_of_wilson() {
        // R: prop.test(hits, all, correct = FALSE)$conf.int[1]
        for (hits, all, z, expect) in [
            (10, 100, 1.96, 0.0552),
            (0, 50, 1.96, 0.0),
            (3, 3, 1.96, 0.4385),
            (81, 263, 1.959_964, 0.2553),
            (0, 0, 1.96, 0.0),
        ] {
            near(wilson_lower(hits, all, z), expect);
        }
    }

    #[test]
    fn fishers_test_is_exact() {
        // Calculated by hand from binomial coefficients: Muriel Bristol's tea is 17/70.
        for (one, other, expect) in [
            ((3, 4), (1, 4), 17.0 / 70.0),
            ((8, 10), (1, 6), 196.0 / 8008.0),
            ((2, 2), (0, 40), 1.0 / 861.0),
            ((0, 10), (5, 10), 1.0),
            ((5, 5), (5, 5), 1.0),
            ((0, 0), (5, 10), 1.0),
            ((3, 3), (0, 0), 1.0),
        ] {
            near(fisher(one, other), expect);
        }
        assert!(fisher((100, 100), (0, 1_000_000)) < 1e-100);
    }

    #[test]
    fn the_rank_sum_test_is_that_of_mann_and_whitney() {
        let to = |from: u32, to: u32| -> Vec<f64> { (from..to).map(f64::from).collect() };
        // R: wilcox.test(one, other, alternative = "greater", exact = FALSE)
        near(rank_sum(&to(6, 11), &to(1, 6)), 0.006_093);
        near(rank_sum(&to(1, 6), &to(6, 11)), 0.996_690);
        near(rank_sum(&to(1, 6), &to(1, 6)), 0.542_235);
        // All values are the same, or there are none.
        near(rank_sum(&[1.0; 9], &[1.0; 9]), 1.0);
        near(rank_sum(&[], &to(1, 6)), 1.0);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        for (share, expect) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.0, 1.0)] {
            near(quantile(&values, share), expect);
        }
        near(quantile(&[], 0.5), 0.0);
        near(quantile(&[7.0], 0.99), 7.0);
    }

    proptest! {
        #[test]
        fn what_stirling_says_is_the_sum(n in 32u64..2000) {
            let sum: f64 = (2..=n).map(|k| float(k).ln()).sum();
            prop_assert!((ln_factorial(n) - sum).abs() < 1e-8 * sum);
        }

        #[test]
        fn chances_are_chances(
            a in 0u64..50, n in 0u64..200, b in 0u64..50, m in 0u64..2000,
            one in prop::collection::vec(0.0f64..9.0, 0..20),
            other in prop::collection::vec(0.0f64..9.0, 0..20),
        ) {
            let (one_of, other_of) = ((a.min(n), n), (b.min(m), m));
            for chance in [
                fisher(one_of, other_of),
                rank_sum(&one, &other),
                wilson_lower(a.min(n), n, 2.326),
            ] {
                prop_assert!((0.0..=1.0).contains(&chance), "{chance}");
            }
        }
    }
}
