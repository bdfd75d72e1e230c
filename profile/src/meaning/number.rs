//! Numbers: scaled, converted, and judged by the plausible range of their metric.

use utakata_model::{
    Quality, ReadingValue,
    quantity::{self, Nature, Plausible},
};

use super::{Interpretation, Scaling, StatedUnit};
use crate::{
    convert::Convert,
    form,
    number::Find,
    raw::Raw,
    sentinel::{self, Sentinel},
    text,
};

/// A number: `raw * multiply / divide + offset`, then converted.
#[derive(Debug, Clone)]
pub struct Number {
    /// The multiplier,
    pub multiply: f64,
    /// the divisor (so that tenths are exact),
    pub divide: f64,
    /// the offset,
    pub offset: f64,
    /// and the conversion that follows.
    pub convert: Option<Convert>,
    /// The position of the number in a text.
    pub find: Find,
    /// The limits beyond which there is no reading.
    pub valid: (f64, f64),
    /// The limits beyond which a reading is suspect.
    pub range: (f64, f64),
    /// The nature of the metric's numbers.
    pub nature: Nature,
}

impl Number {
    /// Compiles the keys of a number.
    pub(super) fn compile(form: &form::Value, metric: &str) -> Result<Self, String> {
        let (multiply, divide) = fraction(form.factor.unwrap_or(1.0));
        let convert = form.convert.as_deref().map(Convert::parse).transpose()?;
        if let Some(convert) = convert.filter(|convert| convert.unit() != form.unit) {
            return Err(format!(
                "\"convert\" makes {} of \"{metric}\", and its unit is {}",
                convert.unit(),
                form.unit
            ));
        }
        let plausible = Plausible::of(metric, &form.unit);
        let range = (
            form.min.unwrap_or(plausible.range.0),
            form.max.unwrap_or(plausible.range.1),
        );
        if let Some((low, high)) = quantity::limits(metric, &form.unit)
            && (form.min.is_some_and(|min| min < low) || form.max.is_some_and(|max| max > high))
        {
            return Err(format!(
                "\"min\" and \"max\" of \"{metric}\" allow what is not possible: in {} it is \
                 {low} to {high}",
                form.unit
            ));
        }
        let valid = form.valid.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        for (what, (low, high)) in [("\"min\" and \"max\"", range), ("\"valid\"", valid)] {
            if low > high {
                return Err(format!(
                    "{what} of \"{metric}\" leave nothing: {low} to {high}"
                ));
            }
        }
        Ok(Self {
            multiply,
            divide,
            offset: form.offset,
            convert,
            find: form
                .number
                .as_deref()
                .map(Find::parse)
                .transpose()?
                .unwrap_or_default(),
            valid,
            range,
            nature: plausible.nature,
        })
    }

    /// Interprets a raw value.
    pub(super) fn read(&self, raw: &Raw<'_>, scaling: &Scaling, unit: &str) -> Interpretation {
        let (number, sentinel, doubt) = match raw {
            Raw::Integer(number) => (
                self.scaled(*number as f64, scaling),
                sentinel::of(raw),
                false,
            ),
            Raw::Unsigned(number, _) => (
                self.scaled(*number as f64, scaling),
                sentinel::of(raw),
                false,
            ),
            Raw::Float(number) => (self.scaled(*number, scaling), sentinel::of(raw), false),
            Raw::Bytes(bytes) => match text::of(bytes) {
                Some(text) => match self.in_text(&text, scaling, unit) {
                    Some(found) => found,
                    None => return Interpretation::NoNumber,
                },
                None => return Interpretation::NoNumber,
            },
            Raw::Text(text) => match self.in_text(text, scaling, unit) {
                Some(found) => found,
                None => return Interpretation::NoNumber,
            },
        };
        let is_doubtful = doubt || scaling.unit == StatedUnit::Unknown;
        self.judge(number, raw, sentinel, is_doubtful, scaling)
    }

    /// Returns the number in a text, its sentinel if it is one, and whether it is doubtful.
    fn in_text(
        &self,
        text: &str,
        scaling: &Scaling,
        unit: &str,
    ) -> Option<(f64, Option<Sentinel>, bool)> {
        let found = self.find.in_text(text, unit)?;
        let sentinel = sentinel::of_number(found.number);
        let own_factor = self.multiply / self.divide;
        let number = match found.spelling {
            Some(spelling) if own_factor == 1.0 => {
                self.scaled(spelling.apply(found.number), scaling)
            }
            // The profile's factor is the same, or the unit is written before it is applied.
            Some(spelling)
                if spelling.is_plain()
                    || (spelling.convert.is_none()
                        && (spelling.multiply / spelling.divide - own_factor).abs()
                            < own_factor.abs() * 1e-9) =>
            {
                self.scaled(found.number, scaling)
            }
            Some(_) => return None,
            None => self.scaled(found.number, scaling),
        };
        Some((number, sentinel, found.is_doubtful))
    }

    /// Scales a raw number. It multiplies once and divides once, by whole numbers if the profile
    /// has tenths, so that 455 becomes exactly 0.455.
    fn scaled(&self, raw: f64, scaling: &Scaling) -> f64 {
        let mut multiply = self.multiply * scaling.times;
        let mut divide = self.divide * scaling.divide;
        match scaling.exponent {
            0 => {}
            exponent @ 1.. => multiply *= 10_f64.powi(exponent),
            exponent => divide *= 10_f64.powi(-exponent),
        }
        let number = raw * multiply / divide + self.offset;
        let number = match scaling.unit {
            StatedUnit::Other(convert) => convert.apply(number),
            StatedUnit::Own | StatedUnit::Unknown => number,
        };
        self.convert.map_or(number, |convert| convert.apply(number))
    }

    fn judge(
        &self,
        number: f64,
        raw: &Raw<'_>,
        sentinel: Option<Sentinel>,
        is_doubtful: bool,
        scaling: &Scaling,
    ) -> Interpretation {
        if !number.is_finite() {
            return Interpretation::Nothing;
        }
        let is_plausible = number >= self.range.0 && number <= self.range.1;
        let sentinel = self.sentinel(sentinel, raw);
        if self.is_none(sentinel, raw, is_plausible) {
            return Interpretation::Nothing;
        }
        let mut number = number;
        let mut is_good = is_plausible && sentinel.is_none();
        let may_be_negative = self.range.0 < 0.0 && self.nature == Nature::Measured;
        if !is_plausible
            && may_be_negative
            && let Some(negative) = raw.wrapped()
        {
            // -50 in an unsigned type. No other measurement yields such a number.
            number = self.scaled(negative as f64, scaling);
            is_good = number >= self.range.0 && number <= self.range.1;
        }
        if let (Nature::Amount, false, Raw::Integer(negative @ -0x8000_0000..0)) =
            (self.nature, is_plausible, raw)
        {
            // More than a signed type can hold, such as storage in blocks: all bits count.
            number = self.scaled((negative + (1 << 32)) as f64, scaling);
        }
        match number >= self.valid.0 && number <= self.valid.1 {
            true => seen(number, is_good && !is_doubtful),
            false => Interpretation::Nothing,
        }
    }

    /// Returns the sentinel that a raw value is for this metric.
    fn sentinel(&self, sentinel: Option<Sentinel>, raw: &Raw<'_>) -> Option<Sentinel> {
        match self.nature {
            Nature::Measured => sentinel,
            Nature::Amount => sentinel.filter(|sentinel| *sentinel == Sentinel::Certain),
            // It takes every value in turn, and is all ones once in 136 years.
            Nature::Total => raw.is_all_ones().then_some(Sentinel::Certain),
        }
    }

    /// Returns true if a number means that there is none.
    fn is_none(&self, sentinel: Option<Sentinel>, raw: &Raw<'_>, is_plausible: bool) -> bool {
        match sentinel {
            Some(Sentinel::Certain) => true,
            Some(Sentinel::Likely) => !is_plausible,
            // -1 for something that cannot be negative.
            None => !is_plausible && self.range.0 >= 0.0 && raw.number() == Some(-1.0),
        }
    }
}

fn seen(number: f64, is_good: bool) -> Interpretation {
    let quality = match is_good {
        true => Quality::Good,
        false => Quality::Suspect,
    };
    Interpretation::Reading(ReadingValue::Number(number), quality)
}

/// Turns a factor into a whole divisor if it is one: 37 / 10 is 3.7, while 37 * 0.1 is not.
fn fraction(factor: f64) -> (f64, f64) {
    let divisor = (1.0 / factor).round();
    if factor.abs() < 1.0 && divisor.is_finite() && (divisor * factor - 1.0).abs() < 1e-12 {
        (1.0, divisor)
    } else {
        (factor, 1.0)
    }
}
