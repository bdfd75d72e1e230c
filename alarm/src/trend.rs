//! The last values of one series, in bounded memory, and what is calculated of them.

use std::time::Duration;

use jiff::Timestamp;

/// The number of parts of the longest window, each of which has at most one value.
const SPACES: u32 = 30;
/// The largest number of values that are kept: one at each end of a part, and the newest one.
const KEPT: usize = SPACES as usize + 2;
/// The number of values for which memory is taken at a time.
const GROWTH: usize = 4;
/// The share of a window, as a divisor, that has to be known before anything is said about it.
const ENOUGH: u32 = 2;

/// The last values of one series, as far as a window needs them. All rules that look back over the
/// same window of a series share it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trend {
    points: Vec<Point>,
}

/// A value and its time, in milliseconds: half the memory of a [`Timestamp`] with a number.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    at: i64,
    value: f64,
}

impl Trend {
    /// No values.
    pub const NONE: &Self = &Self { points: Vec::new() };

    /// Adds a value. `window` is the longest for which anything will be calculated. Time does not go
    /// back: what a clock shows earlier counts as now. A number that is none is left out.
    pub fn push(&mut self, at: Timestamp, value: f64, window: Duration) {
        if !value.is_finite() {
            return;
        }
        let newest = self.points.last().map_or(i64::MIN, |newest| newest.at);
        let at = at.as_millisecond().max(newest);
        let spacing = window / SPACES;
        let before = self
            .points
            .len()
            .checked_sub(2)
            .map(|at| self.points[at].at);
        // The newest one is always there; it is replaced while it is too near to the one before.
        if before.is_some_and(|before| age(at, before) < spacing) {
            self.points.pop();
        }
        if self.points.last().is_some_and(|last| last.at >= at) {
            self.points.pop();
        }
        let old = |point: &Point| age(at, point.at) > window + spacing;
        let gone = self.points.iter().take_while(|point| old(point)).count();
        let gone = gone.max((self.points.len() + 1).saturating_sub(KEPT));
        self.points.drain(..gone);
        if self.points.len() == self.points.capacity() {
            self.points.reserve_exact(GROWTH);
        }
        self.points.push(Point { at, value });
    }

    /// Returns true if nothing is left of it in a window that ends now.
    pub fn is_over(&self, now: Timestamp, window: Duration) -> bool {
        let newest = self.points.last();
        newest.is_none_or(|newest| age(now.as_millisecond(), newest.at) > window)
    }

    /// Returns the values of a window that ends with the newest one; `None` if too little of it is
    /// known.
    fn within(&self, window: Duration) -> Option<&[Point]> {
        let newest = self.points.last()?.at;
        let from = self
            .points
            .iter()
            .position(|point| age(newest, point.at) <= window)?;
        let points = &self.points[from..];
        let known = age(newest, points[0].at);
        (points.len() > 1 && known >= window / ENOUGH).then_some(points)
    }

    /// Returns the change per second: the median of the slopes of all pairs (Theil-Sen), which one
    /// wild value in four does not move.
    pub(crate) fn slope(&self, window: Duration) -> Option<f64> {
        let points = self.within(window)?;
        let mut slopes = Vec::with_capacity(points.len() * (points.len() - 1) / 2);
        for (at, later) in points.iter().enumerate().skip(1) {
            for earlier in &points[..at] {
                let seconds = age(later.at, earlier.at).as_secs_f64();
                if seconds > 0.0 {
                    slopes.push((later.value - earlier.value) / seconds);
                }
            }
        }
        median(&mut slopes)
    }

    pub(crate) fn average(&self, window: Duration) -> Option<f64> {
        let points = self.within(window)?;
        let sum: f64 = points.iter().map(|point| point.value).sum();
        #[allow(clippy::cast_precision_loss, reason = "there are few")]
        Some(sum / points.len() as f64)
    }

    pub(crate) fn lowest(&self, window: Duration) -> Option<f64> {
        let points = self.within(window)?;
        points.iter().map(|point| point.value).reduce(f64::min)
    }

    pub(crate) fn highest(&self, window: Duration) -> Option<f64> {
        let points = self.within(window)?;
        points.iter().map(|point| point.value).reduce(f64::max)
    }
}

/// Returns the time from then to now, in milliseconds; zero if the clock was set back.
fn age(now: i64, then: i64) -> Duration {
    Duration::from_millis(u64::try_from(now.saturating_sub(then)).unwrap_or_default())
}

/// Returns the median; of an even number of values the upper one.
fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let (_, median, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(step: i64, count: i64, value: impl Fn(i64) -> f64) -> Trend {
        let mut trend = Trend::default();
        for number in 0..count {
            let at = Timestamp::from_second(1_000 + number * step).unwrap();
            trend.push(at, value(number * step), Duration::from_secs(600));
        }
        trend
    }

    #[allow(clippy::cast_precision_loss, reason = "small")]
    fn rising(second: i64) -> f64 {
        20.0 + second as f64 * 0.01
    }

    #[test]
    fn a_slope_is_that_of_the_values_and_not_of_a_wild_one() {
        let window = Duration::from_secs(600);
        let trend = filled(5, 400, rising);
        assert!(trend.points.len() <= KEPT, "{}", trend.points.len());
        assert!((trend.slope(window).unwrap() - 0.01).abs() < 1e-9);
        let wild = filled(60, 11, |at| if at == 300 { 1e6 } else { rising(at) });
        assert!((wild.slope(window).unwrap() - 0.01).abs() < 1e-3);
        assert_eq!(wild.highest(window), Some(1e6));
        assert_eq!(wild.lowest(window), Some(20.0));
    }

    #[test]
    fn nothing_is_said_about_a_window_of_which_too_little_is_known() {
        let window = Duration::from_secs(600);
        assert_eq!(Trend::NONE.slope(window), None);
        assert_eq!(filled(5, 1, rising).slope(window), None);
        assert_eq!(filled(5, 50, rising).slope(window), None);
        assert!(filled(5, 62, rising).slope(window).is_some());
        assert!(filled(5, 62, rising).average(window).is_some());
    }
}
