//! Objects in the order of a walk.

use async_snmp::{Oid, Value};

/// Objects collected for a [`View`], in any order.
#[derive(Debug, Default)]
pub struct ViewBuilder(Vec<(Oid, Value)>);

/// All objects of a device at one moment, in the order of a walk.
#[derive(Debug, Default)]
pub struct View(Vec<(Oid, Value)>);

impl ViewBuilder {
    /// Adds the object `base` + `tail`.
    pub fn put(&mut self, base: &[u32], tail: &[u32], value: Value) {
        let oid = Oid::new(base.iter().chain(tail).copied());
        self.0.push((oid, value));
    }

    /// Adds one row of a table: `entry`.column.`index` for each column.
    pub fn row<const N: usize>(
        &mut self,
        entry: (&[u32], &[u32]),
        index: &[u32],
        columns: [(u32, Value); N],
    ) {
        for (column, value) in columns {
            let arcs = entry.0.iter().chain(entry.1).chain([&column]).chain(index);
            self.0.push((Oid::new(arcs.copied()), value));
        }
    }

    /// Sorts the objects; of two values for one object the first is kept.
    pub fn into_view(mut self) -> View {
        self.0.sort_by(|(left, _), (right, _)| left.cmp(right));
        self.0.dedup_by(|(left, _), (right, _)| left == right);
        View(self.0)
    }
}

impl View {
    /// The value of `oid`, or the exception that explains its absence.
    pub fn get(&self, oid: &Oid) -> Value {
        match self.0.binary_search_by(|(other, _)| other.cmp(oid)) {
            Ok(place) => self.0[place].1.clone(),
            Err(_) if self.has_sibling(oid) => Value::NoSuchInstance,
            Err(_) => Value::NoSuchObject,
        }
    }

    /// Returns the first object after `oid`.
    pub fn next(&self, oid: &Oid) -> Option<&(Oid, Value)> {
        self.0
            .get(self.0.partition_point(|(other, _)| other <= oid))
    }

    /// Returns the objects in order.
    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = &(Oid, Value)> {
        self.0.iter()
    }

    fn has_sibling(&self, oid: &Oid) -> bool {
        let Some(object) = oid.parent() else {
            return false;
        };
        let place = self.0.partition_point(|(other, _)| *other < object);
        self.0
            .get(place)
            .is_some_and(|(other, _)| other.starts_with(&object))
    }
}

pub fn integer(number: i32) -> Value {
    Value::Integer(number)
}

/// Converts a measured number to an INTEGER, rounded and clamped.
pub fn rounded(number: f64) -> Value {
    Value::Integer(number.round() as i32)
}

/// Converts a measured number to a Gauge32, rounded and clamped.
pub fn gauge(number: f64) -> Value {
    Value::Gauge32(number.round() as u32)
}

/// Returns an OCTET STRING.
pub fn text(text: &str) -> Value {
    Value::OctetString(text.to_owned().into())
}
