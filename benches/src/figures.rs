//! Median and spread of several runs.

use std::fmt;

/// The figures of several runs of one measure.
#[derive(Debug, Clone, Default)]
pub struct Figures(Vec<f64>);

impl Figures {
    /// Adds the figure of one run.
    pub fn add(&mut self, figure: f64) {
        self.0.push(figure);
        self.0.sort_by(f64::total_cmp);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the figure below which this share of all lies; 0 if there are none.
    pub fn quantile(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1) as f64;
        self.0
            .get((share * last).round() as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Returns the number of figures above this one.
    pub fn above(&self, limit: f64) -> usize {
        self.0.iter().filter(|figure| **figure > limit).count()
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

impl fmt::Display for Figures {
    /// Writes the median, then the minimum and maximum.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let (least, max) = (self.quantile(0.0), self.quantile(1.0));
        write!(
            f,
            "{:.digits$} ({least:.digits$} to {max:.digits$})",
            self.median()
        )
    }
}

impl Extend<f64> for Figures {
    fn extend<T: IntoIterator<Item = f64>>(&mut self, figures: T) {
        self.0.extend(figures);
        self.0.sort_by(f64::total_cmp);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_median_is_the_middle_and_the_spread_the_ends() {
        let mut figures = super::Figures::default();
        figures.extend([3.0, 1.0, 2.0]);
        assert_eq!(format!("{figures:.1}"), "2.0 (1.0 to 3.0)");
    }
}
