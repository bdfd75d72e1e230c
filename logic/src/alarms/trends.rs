//! The trends of a target, each once for all rules that look back over the same window of a series.

use std::time::Duration;

use jiff::Timestamp;
use utakata_alarm::Trend;
use utakata_model::{MetricName, ReadingValue};

use super::rules::Rules;

/// The trends of a target, in the order of their series.
#[derive(Debug, Default)]
pub struct Trends(Vec<Kept>);

/// The trend of a series over a window.
#[derive(Debug)]
struct Kept {
    /// The identity of the series within its metric.
    series: u64,
    window: Duration,
    metric: MetricName,
    trend: Trend,
}

/// A window of a series.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    pub metric: &'a MetricName,
    /// The identity of the series within its metric.
    pub series: u64,
    pub length: Duration,
}

impl Trends {
    /// Adds the newest value of a series, and lends what is known of it until [`Self::give_back`].
    pub fn lend(&mut self, of: Window<'_>, value: &ReadingValue, now: Timestamp) -> (usize, Trend) {
        let at = self.place(of, now);
        let mut trend = std::mem::take(&mut self.0[at].trend);
        if let ReadingValue::Number(number) = value {
            trend.push(now, *number, of.length);
        }
        (at, trend)
    }

    /// Takes back what was lent.
    pub fn give_back(&mut self, (at, trend): (usize, Trend)) {
        if let Some(kept) = self.0.get_mut(at) {
            kept.trend = trend;
        }
    }

    /// Forgets what no rule looks back over any more.
    pub fn follow(&mut self, rules: &Rules) {
        self.0.retain(|kept| {
            let mut on = rules.on(&kept.metric).iter();
            on.any(|rule| rule.rule.window() == kept.window)
        });
        self.0.shrink_to_fit();
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn place(&mut self, of: Window<'_>, now: Timestamp) -> usize {
        self.find(of).unwrap_or_else(|_| {
            // A device may name others each time.
            self.0.retain(|kept| !kept.trend.is_over(now, kept.window));
            let at = self.find(of).unwrap_or_else(|at| at);
            self.0.reserve_exact(1);
            let new = Kept {
                series: of.series,
                window: of.length,
                metric: of.metric.clone(),
                trend: Trend::default(),
            };
            self.0.insert(at, new);
            at
        })
    }

    fn find(&self, of: Window<'_>) -> Result<usize, usize> {
        let wanted = (of.series, of.length, of.metric);
        self.0
            .binary_search_by(|kept| (kept.series, kept.window, &kept.metric).cmp(&wanted))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn window(metric: &MetricName, series: u64, minutes: u64) -> Window<'_> {
        let length = Duration::from_secs(60 * minutes);
        Window {
            metric,
            series,
            length,
        }
    }

    #[test]
    fn rules_with_a_window_in_common_share_a_trend_and_what_is_over_makes_room() {
        let metric: MetricName = "hw.power".parse().unwrap();
        let mut trends = Trends::default();
        let mut hear = |series, minutes, second| {
            let of = window(&metric, series, minutes);
            let lent = trends.lend(of, &ReadingValue::Number(1.0), at(second));
            trends.give_back(lent);
            trends.0.len()
        };
        assert_eq!([hear(1, 10, 0), hear(1, 10, 0), hear(1, 10, 60)], [1, 1, 1]);
        assert_eq!([hear(1, 5, 60), hear(2, 10, 60)], [2, 3]);
        // All but the new one were heard of for the last time before the longest window.
        assert_eq!(hear(3, 10, 700), 1);
    }

    #[test]
    fn what_no_rule_looks_back_over_is_forgotten() {
        let metric: MetricName = "hw.power".parse().unwrap();
        let mut trends = Trends::default();
        for minutes in [5, 10] {
            let of = window(&metric, 1, minutes);
            let lent = trends.lend(of, &ReadingValue::Number(1.0), at(0));
            trends.give_back(lent);
        }
        let rule = serde_json::json!({ "name": "x", "on": { "metric": "hw.power", "unit": "W" },
            "raise": "slope('5m') > 1.0" });
        let rule = Arc::new(serde_json::from_value(rule).unwrap());
        trends.follow(&Rules::new(&[rule]));
        let left: Vec<Duration> = trends.0.iter().map(|kept| kept.window).collect();
        assert_eq!(left, [Duration::from_secs(300)]);
    }
}
