//! Floors: where the racks, units and aisles of a room are, as somebody has drawn it.

mod check;
mod range;

use serde::{Deserialize, Serialize};

use crate::{FloorName, TargetName};

pub use check::Flaw;

/// A length to the right and one downwards, in metres.
pub type Metres = [f64; 2];

/// A floor, drawn: racks, units and aisles of one room. North is above.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// The name of the floor, which is unique.
    pub name: FloorName,
    /// The room: the label `room` of its targets. Absent if it is the name of the floor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The width and the depth of the room, in metres.
    #[schema(value_type = Vec<f64>, example = json!([24.0, 14.4]))]
    pub size: Metres,
    /// The width of a tile, in metres: the step by which things are moved.
    #[serde(default = "tile")]
    pub tile: f64,
    /// The rows of racks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<FloorRow>,
    /// Cold and hot aisles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aisles: Vec<Aisle>,
    /// Targets that stand in no rack: coolers, UPSs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<Unit>,
}

/// Racks that stand side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FloorRow {
    /// The name of the row. Several may have the same, where a pillar or a door parts a row.
    pub name: String,
    /// The racks in their order: values of the label `rack`. `A01..A20` stands for all between.
    #[serde(deserialize_with = "range::racks")]
    pub racks: Vec<String>,
    /// The upper left corner of its first rack, in metres from that of the room.
    #[schema(value_type = Vec<f64>, example = json!([1.2, 2.4]))]
    pub at: Metres,
    /// The direction from its first rack to the last one.
    #[serde(default, skip_serializing_if = "Runs::is_east")]
    pub runs: Runs,
    /// The width of a rack, along the row.
    #[serde(default = "rack_width")]
    pub width: f64,
    /// The depth of a rack, from its front to its rear.
    #[serde(default = "rack_depth")]
    pub depth: f64,
    /// The side to which the fronts look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face: Option<Side>,
}

words! {
    /// The direction of a row.
    #[derive(
        Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum Runs {
        /// To the right.
        #[default]
        East = "east",
        /// Downwards.
        South = "south",
    }
}

words! {
    /// A side of a rack.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum Side {
        /// Above.
        North = "north",
        /// To the right.
        East = "east",
        /// Below.
        South = "south",
        /// To the left.
        West = "west",
    }
}

/// An aisle between rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Aisle {
    /// The name of the aisle, for people.
    pub name: String,
    /// The air in it.
    pub air: Air,
    /// The upper left corner, in metres from that of the room.
    #[schema(value_type = Vec<f64>)]
    pub at: Metres,
    /// The width and the depth, in metres.
    #[schema(value_type = Vec<f64>)]
    pub size: Metres,
}

words! {
    /// The air of an aisle.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum Air {
        /// Before the fronts.
        Cold = "cold",
        /// Behind the rears.
        Hot = "hot",
    }
}

/// A target with a place of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The target.
    pub target: TargetName,
    /// The upper left corner, in metres from that of the room.
    #[schema(value_type = Vec<f64>)]
    pub at: Metres,
    /// The width and the depth, in metres.
    #[serde(default = "unit_size")]
    #[schema(value_type = Vec<f64>)]
    pub size: Metres,
}

fn tile() -> f64 {
    0.6
}

fn rack_width() -> f64 {
    0.6
}

fn rack_depth() -> f64 {
    1.2
}

fn unit_size() -> Metres {
    [0.9, 0.9]
}

impl Runs {
    /// Returns true for the direction that a row has if nothing is said.
    pub fn is_east(&self) -> bool {
        *self == Self::East
    }
}

impl Floor {
    /// Returns the room that it draws: the value of the label `room`.
    pub fn room(&self) -> &str {
        self.room.as_deref().unwrap_or(self.name.as_str())
    }

    /// Returns the names of all racks that it draws.
    pub fn racks(&self) -> impl Iterator<Item = &str> {
        let racks = self.rows.iter().flat_map(|row| &row.racks);
        racks.map(String::as_str)
    }

    /// Returns the same floor with those racks and units alone that are to be shown.
    #[must_use]
    pub fn only(
        &self,
        is_shown_rack: impl Fn(&str) -> bool,
        is_shown_unit: impl Fn(&TargetName) -> bool,
    ) -> Self {
        let mut floor = self.clone();
        floor.rows = floor
            .rows
            .iter()
            .flat_map(|row| row.parts(&is_shown_rack))
            .collect();
        floor.units.retain(|unit| is_shown_unit(&unit.target));
        floor
    }
}

impl FloorRow {
    /// Returns the place of a rack, by its number in the row: its corner and its size.
    pub fn place(&self, number: usize) -> (Metres, Metres) {
        let along = self.width * number as f64;
        match self.runs {
            Runs::East => ([self.at[0] + along, self.at[1]], [self.width, self.depth]),
            Runs::South => ([self.at[0], self.at[1] + along], [self.depth, self.width]),
        }
    }

    /// Returns the runs of racks that are to be shown, each as a row that begins where its first
    /// rack is.
    fn parts(&self, is_shown: impl Fn(&str) -> bool) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        let mut is_open = false;
        for (number, rack) in self.racks.iter().enumerate() {
            let shown = is_shown(rack);
            if shown && !is_open {
                parts.push(Self {
                    racks: Vec::new(),
                    at: self.place(number).0,
                    ..self.clone()
                });
            }
            if let Some(part) = parts.last_mut().filter(|_| shown) {
                part.racks.push(rack.clone());
            }
            is_open = shown;
        }
        parts
    }
}

#[cfg(test)]
mod tests;
