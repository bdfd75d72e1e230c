//! The mistakes that a floor can have by itself, each with its field.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::{Floor, FloorRow, Metres, Runs, Side};
use crate::invisible::hidden;

/// The largest number of racks of a floor, and of its rows, units and aisles.
pub(super) const MAX_RACKS: usize = 10_000;
const MAX_THINGS: usize = 1000;
/// The lengths of things and rooms, and of tiles, in metres.
const LENGTHS: RangeInclusive<f64> = 0.001..=1000.0;
const TILES: RangeInclusive<f64> = 0.05..=10.0;
/// Lengths that differ by less are the same: they are written in decimals.
const SAME: f64 = 1e-6;

/// A flaw of a floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The field, as a path: `rows.1.at`.
    pub field: String,
    /// The reason, and the cure.
    pub message: String,
}

/// A thing that stands on the floor, where nothing else can stand.
struct Thing {
    field: String,
    name: String,
    at: Metres,
    size: Metres,
}

impl Thing {
    fn overlaps(&self, other: &Self) -> bool {
        (0..2).all(|axis| {
            self.at[axis] + SAME < other.at[axis] + other.size[axis]
                && other.at[axis] + SAME < self.at[axis] + self.size[axis]
        })
    }

    fn is_within(&self, room: Metres) -> bool {
        (0..2).all(|axis| {
            self.at[axis] > -SAME && self.at[axis] + self.size[axis] < room[axis] + SAME
        })
    }
}

impl Floor {
    /// Returns the mistakes, in the order of the document.
    pub fn check(&self) -> Vec<Flaw> {
        let sizes = self.sizes();
        if !sizes.is_empty() {
            return sizes;
        }
        let mut wrong = self.names();
        let rows = self.rows.iter().enumerate().map(|(at, row)| row.thing(at));
        let units = self.units.iter().enumerate().map(|(at, unit)| Thing {
            field: format!("units.{at}"),
            name: unit.target.to_string(),
            at: unit.at,
            size: unit.size,
        });
        let standing: Vec<Thing> = rows.chain(units).collect();
        let aisles = self.aisles.iter().enumerate().map(|(at, aisle)| Thing {
            field: format!("aisles.{at}"),
            name: format!("the aisle {}", aisle.name),
            at: aisle.at,
            size: aisle.size,
        });
        let aisles: Vec<Thing> = aisles.collect();
        for thing in standing.iter().chain(&aisles) {
            if !thing.is_within(self.size) {
                let [x, y] = thing.at.map(rounded);
                let ends = [0, 1].map(|axis| rounded(thing.at[axis] + thing.size[axis]));
                let [width, depth] = self.size;
                wrong.push(Flaw {
                    field: thing.field.clone(),
                    message: format!(
                        "{} reaches from {x}, {y} to {}, {}, and the room is {width} by {depth} m: \
                         move it, or correct the size",
                        thing.name, ends[0], ends[1]
                    ),
                });
            }
        }
        wrong.extend(self.overlaps(&standing));
        wrong
    }

    /// Returns the lengths that cannot be, and the lists that are too long.
    fn sizes(&self) -> Vec<Flaw> {
        let mut wrong = Vec::new();
        let mut length = |field: String, value: f64| {
            if !LENGTHS.contains(&value) {
                let (least, most) = (LENGTHS.start(), LENGTHS.end());
                let message =
                    format!("{value} is not a length between {least} and {most} m: correct it");
                wrong.push(Flaw { field, message });
            }
        };
        for value in self.size {
            length("size".into(), value);
        }
        for (at, row) in self.rows.iter().enumerate() {
            length(format!("rows.{at}.width"), row.width);
            length(format!("rows.{at}.depth"), row.depth);
        }
        let aisles = self.aisles.iter().map(|aisle| ("aisles", aisle.size));
        let units = self.units.iter().map(|unit| ("units", unit.size));
        for sizes in [
            aisles.enumerate().collect::<Vec<_>>(),
            units.enumerate().collect(),
        ] {
            for (at, (list, size)) in sizes {
                for value in size {
                    length(format!("{list}.{at}.size"), value);
                }
            }
        }
        if !TILES.contains(&self.tile) {
            let (least, most) = (TILES.start(), TILES.end());
            let message = format!("a tile is between {least} and {most} m wide, as in tile: 0.6");
            let field = "tile".into();
            wrong.push(Flaw { field, message });
        }
        let counts = [
            ("rows", self.rows.len(), MAX_THINGS),
            ("rows", self.racks().count(), MAX_RACKS),
            ("aisles", self.aisles.len(), MAX_THINGS),
            ("units", self.units.len(), MAX_THINGS),
        ];
        for (field, count, most) in counts {
            if count > most {
                let message = format!("there are {count}, and {most} are the most");
                let field = field.into();
                wrong.push(Flaw { field, message });
            }
        }
        wrong
    }

    /// Returns racks and units that are drawn twice, rows without racks, and fronts that look along
    /// their row.
    fn names(&self) -> Vec<Flaw> {
        let mut wrong = Vec::new();
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (at, row) in self.rows.iter().enumerate() {
            if row.racks.is_empty() {
                let message = format!("row {} has no rack: leave it out", row.name);
                let field = format!("rows.{at}.racks");
                wrong.push(Flaw { field, message });
            }
            for (number, rack) in row.racks.iter().enumerate() {
                let field = format!("rows.{at}.racks.{number}");
                if rack.is_empty() || hidden(rack).is_some() {
                    let message = match hidden(rack) {
                        None => "a rack has a name, as in the label \"rack\"".into(),
                        Some(code_point) => format!(
                            "the rack {rack:?} has the character {code_point}, which nobody sees: \
                             write it without"
                        ),
                    };
                    wrong.push(Flaw { field, message });
                } else if let Some(other) = seen.insert(rack, &row.name) {
                    let message = format!(
                        "rack {rack} is in row {other} already: a rack stands in one place"
                    );
                    wrong.push(Flaw { field, message });
                }
            }
            let is_along = row.face.is_some_and(|face| row.runs.is_along(face));
            if is_along {
                let field = format!("rows.{at}.face");
                let (runs, sides) = match row.runs {
                    Runs::East => ("east", "north or south"),
                    Runs::South => ("south", "east or west"),
                };
                let message =
                    format!("racks of a row that runs {runs} stand side by side: face {sides}");
                wrong.push(Flaw { field, message });
            }
        }
        let mut units = BTreeMap::new();
        for (at, unit) in self.units.iter().enumerate() {
            if units.insert(&unit.target, at).is_some() {
                let field = format!("units.{at}.target");
                let message = format!("{} is drawn twice: leave one out", unit.target);
                wrong.push(Flaw { field, message });
            }
        }
        wrong
    }

    /// Returns the things that stand where another one stands, each with the first that it is over.
    fn overlaps(&self, standing: &[Thing]) -> Vec<Flaw> {
        let mut wrong = Vec::new();
        for (at, thing) in standing.iter().enumerate() {
            let Some(other) = standing[..at].iter().find(|other| other.overlaps(thing)) else {
                continue;
            };
            let (what, which) = self.nearest(thing, other);
            let [x, y] = what.at.map(rounded);
            wrong.push(Flaw {
                field: thing.field.clone(),
                message: format!(
                    "{} at {x}, {y} is where {} is: move {} (\"at\")",
                    what.name, which.name, thing.name
                ),
            });
        }
        wrong
    }

    /// Returns the racks of two rows that overlap, or what overlaps as it is.
    fn nearest(&self, thing: &Thing, other: &Thing) -> (Thing, Thing) {
        let ours = self.parts(thing);
        let theirs = self.parts(other);
        let pairs = ours
            .iter()
            .flat_map(|a| theirs.iter().map(move |b| (a, b)))
            .find(|(a, b)| a.overlaps(b));
        let copy = |one: &Thing| Thing {
            field: one.field.clone(),
            name: one.name.clone(),
            ..*one
        };
        pairs.map_or_else(|| (copy(thing), copy(other)), |(a, b)| (copy(a), copy(b)))
    }

    /// Returns the racks of a row, each as a thing; a unit is its own only part.
    fn parts(&self, thing: &Thing) -> Vec<Thing> {
        let row = thing.field.strip_prefix("rows.");
        let row = row.and_then(|at| self.rows.get(at.parse::<usize>().ok()?));
        let Some(row) = row else {
            return vec![Thing {
                field: thing.field.clone(),
                name: thing.name.clone(),
                ..*thing
            }];
        };
        let racks = row.racks.iter().enumerate();
        racks
            .map(|(number, rack)| {
                let (at, size) = row.place(number);
                let name = format!("rack {rack}");
                let field = thing.field.clone();
                Thing {
                    field,
                    name,
                    at,
                    size,
                }
            })
            .collect()
    }
}

impl FloorRow {
    fn thing(&self, at: usize) -> Thing {
        let along = self.width * self.racks.len().max(1) as f64;
        let size = match self.runs {
            Runs::East => [along, self.depth],
            Runs::South => [self.depth, along],
        };
        Thing {
            field: format!("rows.{at}"),
            name: format!("row {}", self.name),
            at: self.at,
            size,
        }
    }
}

impl Runs {
    fn is_along(self, face: Side) -> bool {
        match self {
            Self::East => matches!(face, Side::East | Side::West),
            Self::South => matches!(face, Side::North | Side::South),
        }
    }
}

/// Returns a length in whole millimetres, which is what people read.
fn rounded(metres: f64) -> f64 {
    (metres * 1000.0).round() / 1000.0
}
