//! The scale and unit beside a number.

use utakata_profile::{Raw, Scaling, meaning::StatedUnit};

use super::rows::Row;
use crate::profile::{ColumnMetric, Operand, ScaleForm, UnitOf};

/// The largest power of ten accepted from a device.
const EXPONENT_MAX: i64 = 30;

/// Returns the scaling of a metric's numbers in a row. `None` if the row does not state it and the
/// number would be wrong without it.
pub fn of(row: &Row<'_>, metric: &ColumnMetric) -> Option<Scaling> {
    let number = |column: Option<usize>| match column {
        None => Some(1.0),
        Some(column) => row.raw(column).as_ref().and_then(Raw::number),
    };
    let mut scaling = Scaling {
        exponent: 0,
        times: number(metric.times)?,
        divide: number(metric.divide_by).filter(|divisor| *divisor != 0.0)?,
        unit: unit_told(metric.unit_of.as_ref(), |of| row.operand(of)),
    };
    if let Some((column, form)) = metric.scale {
        scale(&row.raw(column)?, form, &mut scaling)?;
    }
    if let Some(column) = metric.precision {
        let digits = whole(&row.raw(column)?).filter(|digits| (-8..=9).contains(digits));
        scaling.exponent -= digits
            .and_then(|digits| i32::try_from(digits).ok())
            .unwrap_or(0);
    }
    Some(scaling)
}

fn scale(raw: &Raw<'_>, form: ScaleForm, scaling: &mut Scaling) -> Option<()> {
    let scale = whole(raw);
    match form {
        ScaleForm::Si => {
            let scale = scale.filter(|scale| (1..=17).contains(scale));
            let steps = scale.map_or(0, |scale| 3 * (scale - 9));
            scaling.exponent += i32::try_from(steps).ok()?;
        }
        ScaleForm::PowerOfTen => {
            let exponent = scale.filter(|power| power.abs() <= EXPONENT_MAX)?;
            scaling.exponent += i32::try_from(exponent).ok()?;
        }
        ScaleForm::SignedDivisor => match scale? {
            0 => {}
            divisor @ ..0 => scaling.divide *= divisor.unsigned_abs() as f64,
            factor => scaling.times *= factor as f64,
        },
    }
    Some(())
}

/// Reads an integer, even where the type has lost its sign or it is sent as text.
fn whole(raw: &Raw<'_>) -> Option<i64> {
    if let Some(negative) = raw.wrapped() {
        return Some(negative);
    }
    raw.whole().or_else(|| {
        let number = raw
            .number()
            .filter(|number| number.fract() == 0.0 && number.abs() < 1e15)?;
        #[allow(
            clippy::cast_possible_truncation,
            reason = "it is whole and small enough"
        )]
        Some(number as i64)
    })
}

/// Returns the unit that a device states for a number.
pub fn unit_told<'a>(
    unit_of: Option<&UnitOf>,
    look: impl Fn(&Operand) -> Option<Raw<'a>>,
) -> StatedUnit {
    let Some(unit_of) = unit_of else {
        return StatedUnit::Own;
    };
    let Some(raw) = look(&unit_of.of) else {
        return StatedUnit::Unknown;
    };
    let named = unit_of.units.iter().find(|(value, _)| value.is(&raw));
    match named {
        Some((_, Some(convert))) => StatedUnit::Other(*convert),
        Some((_, None)) => StatedUnit::Own,
        None if unit_of.is_open => StatedUnit::Own,
        None => StatedUnit::Unknown,
    }
}
