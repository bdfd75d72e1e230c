//! Units of numbers in expressions, and what arithmetic makes of them.

use std::{fmt, sync::Arc};

/// The unit of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// A number as written, or one whose unit cannot be known: it fits every unit.
    Free,
    /// A unit of UCUM: `Cel`, `W`, `1`, `Cel/s`.
    Of(Arc<str>),
}

impl Unit {
    /// Returns a unit of UCUM.
    pub fn of(unit: impl Into<Arc<str>>) -> Self {
        Self::Of(unit.into())
    }

    /// Returns the unit of a change per second.
    #[must_use]
    pub fn per_second(&self) -> Self {
        match self {
            Self::Free => Self::Free,
            Self::Of(unit) => Self::Of(format!("{unit}/s").into()),
        }
    }

    /// Returns the unit of two numbers that are compared or added; `None` if they do not fit.
    pub(crate) fn common(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Free, other) => Some(other.clone()),
            (own, Self::Free) => Some(own.clone()),
            (own, other) => (own == other).then(|| own.clone()),
        }
    }

    /// Returns the unit of a product.
    pub(crate) fn times(&self, other: &Self) -> Self {
        let (Self::Of(left), Self::Of(right)) = (self, other) else {
            // A rate times a number may be a rate or an amount: `slope('10m') * 900.0`.
            return match (self, other) {
                (Self::Of(unit), _) | (_, Self::Of(unit)) if !unit.contains('/') => {
                    Self::Of(Arc::clone(unit))
                }
                _ => Self::Free,
            };
        };
        match (&**left, &**right) {
            ("1", _) => other.clone(),
            (_, "1") => self.clone(),
            (rate, "s") | ("s", rate) if rate.ends_with("/s") => {
                Self::of(&rate[..rate.len() - "/s".len()])
            }
            ("W", "s") | ("s", "W") => Self::of("J"),
            ("V", "A") | ("A", "V") => Self::of("V.A"),
            (left, right) => Self::of(format!("{left}.{right}")),
        }
    }

    /// Returns the unit of a quotient.
    pub(crate) fn over(&self, other: &Self) -> Self {
        let (Self::Of(left), Self::Of(right)) = (self, other) else {
            return match other {
                Self::Free => self.clone(),
                Self::Of(_) => Self::Free,
            };
        };
        match (&**left, &**right) {
            (left, right) if left == right => Self::of("1"),
            (_, "1") => self.clone(),
            ("J", "s") => Self::of("W"),
            (left, right) => Self::of(format!("{left}/{right}")),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free => f.write_str("any unit"),
            Self::Of(unit) => f.write_str(unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    fn unit(text: &str) -> Unit {
        match text {
            "" => Unit::Free,
            text => Unit::of(text),
        }
    }

    #[test]
    fn units_of_products_and_quotients() {
        for (left, right, product, quotient) in [
            ("W", "", "W", "W"),
            ("", "W", "W", ""),
            ("W", "1", "W", "W"),
            ("1", "W", "W", "1/W"),
            ("W", "W", "W.W", "1"),
            ("Cel/s", "", "", "Cel/s"),
            ("Cel/s", "s", "Cel", "Cel/s/s"),
            ("W", "s", "J", "W/s"),
            ("J", "s", "J.s", "W"),
            ("", "", "", ""),
        ] {
            assert_eq!(
                unit(left).times(&unit(right)),
                unit(product),
                "{left}*{right}"
            );
            assert_eq!(
                unit(left).over(&unit(right)),
                unit(quotient),
                "{left}/{right}"
            );
        }
    }

    #[test]
    fn numbers_are_compared_in_one_unit() {
        assert_eq!(unit("W").common(&unit("W")), Some(unit("W")));
        assert_eq!(unit("W").common(&unit("")), Some(unit("W")));
        assert_eq!(unit("").common(&unit("%")), Some(unit("%")));
        assert_eq!(unit("W").common(&unit("%")), None);
        assert_eq!(unit("Cel").common(&unit("Cel/s")), None);
    }
}
