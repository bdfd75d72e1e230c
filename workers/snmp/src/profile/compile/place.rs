//! The places of conditions: scalars, and in tables columns, parts of the index and joins.

use async_snmp::Oid;
use utakata_profile::Convert;

use crate::profile::{
    Condition, Join, JoinRow, Operand, UnitOf,
    file::{self, ColumnRef},
};

/// The operands available to conditions in one place.
pub trait OperandScope {
    /// Resolves an operand. Errors: a sentence about the problem.
    fn operand(&mut self, form: &file::Operand) -> Result<Operand, String>;
}

/// The scalars only.
#[derive(Default)]
pub struct Scalars {
    /// The scalars that are used.
    pub oids: Vec<Oid>,
}

/// The columns of a table during compilation.
pub struct Columns {
    /// The entry, to which column numbers are relative.
    pub entry: Oid,
    /// The columns of the row.
    pub columns: Vec<Oid>,
    /// The columns of other tables.
    pub joins: Vec<Oid>,
    /// The scalars.
    pub beside: Vec<Oid>,
}

impl OperandScope for Scalars {
    fn operand(&mut self, form: &file::Operand) -> Result<Operand, String> {
        match form {
            file::Operand {
                oid: Some(oid),
                column: None,
                index: None,
                join: None,
                ..
            } => Ok(Operand::Scalar(place(&mut self.oids, oid.0.clone()))),
            _ => Err("what a scalar looks at is another scalar: \"oid\"".into()),
        }
    }
}

impl OperandScope for Columns {
    fn operand(&mut self, form: &file::Operand) -> Result<Operand, String> {
        match (&form.oid, &form.column, form.index, &form.join) {
            (Some(oid), None, None, None) => {
                Ok(Operand::Scalar(place(&mut self.beside, oid.0.clone())))
            }
            (None, Some(column), None, None) => Ok(Operand::Column(self.position(column))),
            (None, None, Some(part), None) if part > 0 => Ok(Operand::Index(part - 1)),
            (None, None, None, Some(oid)) => self
                .join(&oid.0, &form.by.0, form.by_column.as_ref())
                .map(Operand::Join),
            _ => Err(
                "a condition looks at one of \"column\", \"index\" (counted from 1), \
                      \"oid\" and \"join\""
                    .into(),
            ),
        }
    }
}

impl Columns {
    /// Returns the position of a column, adding it to those fetched.
    pub fn position(&mut self, of: &ColumnRef) -> usize {
        let oid = match of {
            ColumnRef::Number(number) => self.entry.child(*number),
            ColumnRef::Oid(oid) => oid.clone(),
        };
        place(&mut self.columns, oid)
    }

    /// Returns a cell of another table.
    pub fn join(
        &mut self,
        oid: &Oid,
        by: &[usize],
        by_column: Option<&ColumnRef>,
    ) -> Result<Join, String> {
        let row = match (by, by_column) {
            ([], Some(column)) => JoinRow::Column(self.position(column)),
            ([], None) => return Err("has a join: say \"by\" which parts of the index".into()),
            (parts, None) if !parts.contains(&0) => {
                JoinRow::Index(parts.iter().map(|part| part - 1).collect())
            }
            _ => return Err("has a join by both, or by part 0: parts count from 1".into()),
        };
        let join = place(&mut self.joins, oid.clone());
        Ok(Join { join, row })
    }
}

fn place(list: &mut Vec<Oid>, oid: Oid) -> usize {
    list.iter()
        .position(|known| *known == oid)
        .unwrap_or_else(|| {
            list.push(oid);
            list.len() - 1
        })
}

/// Compiles conditions. Errors: a sentence about the problem.
pub fn conditions(
    forms: &[file::Condition],
    places: &mut impl OperandScope,
) -> Result<Vec<Condition>, String> {
    let compiled = forms.iter().map(|form| {
        Ok(Condition {
            of: places.operand(&form.own)?,
            test: form.shared.compile()?,
        })
    });
    compiled.collect()
}

/// Compiles the object that states the unit of a number.
pub fn unit_of(form: &file::UnitOf, places: &mut impl OperandScope) -> Result<UnitOf, String> {
    let units = &form.shared;
    let of = [
        (&units.celsius, None),
        (&units.fahrenheit, Some(Convert::Fahrenheit)),
        (&units.kelvin, Some(Convert::Kelvin)),
    ];
    let pairs = of
        .iter()
        .flat_map(|(values, convert)| values.0.iter().map(|value| (value.clone(), *convert)));
    let pairs: Vec<_> = pairs.collect();
    if pairs.iter().all(|(_, convert)| convert.is_none()) {
        return Err("\"unit_of\" says which values mean \"fahrenheit\" or \"kelvin\"".into());
    }
    Ok(UnitOf {
        of: places.operand(&form.own)?,
        units: pairs,
        is_open: units.celsius.0.is_empty(),
    })
}
