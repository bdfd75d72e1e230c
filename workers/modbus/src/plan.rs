//! The requests for some points: as few as the device takes, around holes that it has. Pure.

use std::collections::BTreeSet;

use crate::{
    frame::Table,
    profile::{Place, Talk},
};

/// Registers that are read in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    pub table: Table,
    pub at: u16,
    pub count: u16,
}

/// The places where a device was seen to have nothing: requests go around them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holes(BTreeSet<Block>);

impl Block {
    /// The registers of a place.
    pub fn of(place: &Place) -> Self {
        Self {
            table: place.table,
            at: place.at,
            count: place.kind.registers(),
        }
    }

    /// The first register after it.
    fn end(self) -> u32 {
        u32::from(self.at) + u32::from(self.count)
    }

    /// Returns true if it has all registers of another one.
    pub fn has(self, other: Self) -> bool {
        self.table == other.table && self.at <= other.at && self.end() >= other.end()
    }
}

impl Holes {
    /// Notes that the device has no such registers.
    pub fn add(&mut self, block: Block) {
        self.0.insert(block);
    }

    /// Returns true if a block is known to be none.
    pub fn has(&self, block: Block) -> bool {
        self.0.contains(&block)
    }
}

/// The blocks that have all places, in order, without those that the device does not have. A block
/// never begins or ends within a value.
pub fn blocks<'a>(
    places: impl Iterator<Item = &'a Place>,
    talk: Talk,
    holes: &Holes,
) -> Vec<Block> {
    let mut wanted: Vec<Block> = places
        .map(Block::of)
        .filter(|one| !holes.has(*one))
        .collect();
    wanted.sort_unstable();
    let mut blocks: Vec<Block> = Vec::new();
    for one in wanted {
        let joined = blocks.last().and_then(|last| join(*last, one, talk));
        match (joined, blocks.last_mut()) {
            (Some(joined), Some(last)) => *last = joined,
            _ => blocks.push(one),
        }
    }
    blocks
}

fn join(last: Block, one: Block, talk: Talk) -> Option<Block> {
    let is_near = u32::from(one.at) <= last.end() + u32::from(talk.gap);
    let end = last.end().max(one.end());
    let count = u16::try_from(end - u32::from(last.at)).ok()?;
    // Where a hole begins is not known: it is not read along.
    let is_one = last.table == one.table && is_near && count <= talk.max;
    is_one.then_some(Block { count, ..last })
}

/// The halves of a block that the device refused, between two places. `None` if there is only one
/// place in it.
pub fn halves<'a>(
    block: Block,
    places: impl Iterator<Item = &'a Place>,
) -> Option<[Vec<Block>; 2]> {
    let mut within: Vec<Block> = places
        .map(Block::of)
        .filter(|one| block.has(*one))
        .collect();
    within.sort_unstable();
    within.dedup();
    if within.len() < 2 {
        return None;
    }
    let second = within.split_off(within.len() / 2);
    Some([within, second])
}

/// The block around others.
pub fn around(blocks: &[Block]) -> Option<Block> {
    let first = *blocks.first()?;
    let end = blocks.iter().map(|block| block.end()).max()?;
    let count = u16::try_from(end - u32::from(first.at)).ok()?;
    Some(Block { count, ..first })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::{Kind, Words};

    fn place(at: u16, kind: Kind) -> Place {
        Place {
            table: Table::Holding,
            at,
            kind,
            words: Words::Big,
        }
    }

    fn shown(places: &[Place], gap: u16, max: u16, holes: &Holes) -> Vec<(u16, u16)> {
        let talk = Talk {
            gap,
            max,
            ..Talk::default()
        };
        let blocks = blocks(places.iter(), talk, holes);
        blocks.iter().map(|block| (block.at, block.count)).collect()
    }

    #[test]
    fn neighbours_are_read_in_one_request() {
        let places = [
            place(10, Kind::U16),
            place(0, Kind::U16),
            place(1, Kind::U32),
            place(4, Kind::F32),
        ];
        let none = Holes::default();
        assert_eq!(shown(&places, 0, 64, &none), [(0, 3), (4, 2), (10, 1)]);
        assert_eq!(shown(&places, 1, 64, &none), [(0, 6), (10, 1)]);
        assert_eq!(shown(&places, 4, 64, &none), [(0, 11)]);
        assert_eq!(shown(&places, 4, 5, &none), [(0, 3), (4, 2), (10, 1)]);
        let mut holes = Holes::default();
        holes.add(Block::of(&places[2]));
        assert_eq!(shown(&places, 0, 64, &holes), [(0, 1), (4, 2), (10, 1)]);
    }

    #[test]
    fn a_refused_block_is_halved_between_values() {
        let places = [
            place(0, Kind::U32),
            place(2, Kind::U16),
            place(3, Kind::F64),
        ];
        let block = Block {
            table: Table::Holding,
            at: 0,
            count: 7,
        };
        let [first, second] = halves(block, places.iter()).unwrap();
        assert_eq!(around(&first), Some(Block { count: 2, ..block }));
        assert_eq!(around(&second).map(|one| (one.at, one.count)), Some((2, 5)));
        assert_eq!(halves(Block { count: 2, ..block }, places.iter()), None);
    }

    proptest! {
        #[test]
        fn every_value_is_in_a_block_that_the_device_takes(
            at in prop::collection::vec(0_u16..300, 1..40), gap in 0_u16..10, max in 4_u16..125,
        ) {
            let kinds = [Kind::U16, Kind::U32, Kind::F64];
            let places: Vec<Place> =
                at.iter().map(|at| place(*at, kinds[usize::from(at % 3)])).collect();
            let talk = Talk { gap, max, ..Talk::default() };
            let blocks = blocks(places.iter(), talk, &Holes::default());
            for one in &places {
                prop_assert!(blocks.iter().any(|block| block.has(Block::of(one))));
            }
            prop_assert!(blocks.iter().all(|block| block.count <= max));
        }
    }
}
