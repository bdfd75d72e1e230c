//! Merging the files of a day, and those of the tier.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    load::hold,
    name,
    shared::{Held, Shared},
};
use crate::{
    block::{Block, concatenate, from_rows},
    dictionary::MAX_SERIES,
    file::{self, BlockFile, Build, Owner, Sealed},
    plan::Sort,
    row::{ColumnId, Content, Row, SourceId},
    tier::{self, Hour, unite},
    time::HOUR,
};

/// The place of the failed attempts of a source among its series in the tier.
#[allow(clippy::cast_possible_truncation, reason = "it has 18 bits")]
pub const HOLES: ColumnId = MAX_SERIES as ColumnId;

/// The space that a new file takes beyond the bytes of what it is made of.
pub const SLACK: u64 = 64 * 1024;

/// Merges the raw files of a day into one, and adds what is new in them to the tier of hours.
/// Returns false if there is no room.
pub fn day(shared: &Shared, day: i64, files: &[Arc<Held>]) -> Result<bool, file::Error> {
    let room = files.iter().map(|held| held.stored.bytes).sum::<u64>() * 2 + 2 * SLACK;
    if !shared.reserve(room) {
        return Ok(false);
    }
    let merged = day_reserved(shared, day, files);
    shared.release(room);
    let (raw, hours) = merged?;
    shared.replace(files, hold(raw).into_iter().chain(hold(hours)));
    Ok(true)
}

fn day_reserved(
    shared: &Shared,
    day: i64,
    files: &[Arc<Held>],
) -> Result<(BlockFile, BlockFile), file::Error> {
    let before = files.iter().filter(|held| held.stored.sort == Sort::RawDay);
    let numbers = before.filter_map(|held| Some(name::parse(&held.file.name())?.number));
    let number = numbers.max().map_or(0, |number| number + 1);
    let of_day = shared.folder("raw").join(name::of_day(day, number));
    let of_hours = shared.folder("hour").join(name::of_hours(day, 1, number));
    let (mut raw, mut tier) = (Build::begin(&of_day)?, Build::begin(&of_hours)?);
    let mut owners = BTreeSet::new();
    for held in files {
        owners.extend(held.file.owners()?);
    }
    for owner in owners {
        let mut blocks = Vec::new();
        // Values of an earlier merge are in the tier already.
        let mut fresh = Vec::new();
        for held in files {
            let decoded = decoded(shared, &held.file, owner)?;
            if held.stored.sort == Sort::RawHour {
                fresh.extend_from_slice(&decoded);
            }
            blocks.extend(decoded);
        }
        let fresh = concatenate(&fresh);
        add_hours(&mut tier, owner.as_source(), &fresh)?;
        let all = match fresh.len() == blocks.len() {
            true => fresh,
            false => concatenate(&blocks),
        };
        for block in all {
            raw.add(&sealed(owner, &block))?;
        }
    }
    let names = |sort: fn(Sort) -> bool| -> Vec<String> {
        let chosen = files.iter().filter(|held| sort(held.stored.sort));
        chosen.map(|held| held.file.name()).collect()
    };
    // The tier first: without its raw file it is known to be ahead, and made again.
    let tier = tier.finish(&names(|sort| sort == Sort::RawHour))?;
    let raw = raw.finish(&names(|_| true))?;
    Ok((raw, tier))
}

fn sealed(owner: Owner, block: &Block) -> Sealed {
    Sealed {
        owner,
        first: block.seen.first().copied().unwrap_or_default(),
        last: block.seen.last().copied().unwrap_or_default(),
        body: block.encode(),
    }
}

/// Returns the blocks of an owner; damaged ones are told, and lost.
fn decoded(shared: &Shared, file: &BlockFile, owner: Owner) -> Result<Vec<Block>, file::Error> {
    let mut blocks = Vec::new();
    for sealed in file.blocks(owner)? {
        match Block::decode(&sealed.body, |_| true) {
            Ok(block) => blocks.push(block),
            Err(error) => shared.found_damage(1, &file.path, &error),
        }
    }
    Ok(blocks)
}

/// Adds the hours of each series of a source, and its failed attempts.
fn add_hours(tier: &mut Build, source: SourceId, blocks: &[Block]) -> Result<(), file::Error> {
    let columns: BTreeSet<ColumnId> = blocks.iter().flat_map(Block::columns).collect();
    for column in columns {
        let mut numbers = Vec::new();
        for block in blocks {
            block.each_number(column, |row, number| {
                numbers.push((block.seen[row], number));
            });
        }
        let hours = Hour::of(numbers.into_iter());
        add_tier(tier, Owner::series(source, column), &hours)?;
    }
    let mut holes: Vec<Row> = Vec::new();
    for block in blocks {
        let folded = folded_holes(block);
        holes.extend(folded);
    }
    add(tier, Owner::series(source, HOLES), &holes)
}

fn add_tier(tier: &mut Build, owner: Owner, hours: &[Hour]) -> Result<(), file::Error> {
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else {
        return Ok(());
    };
    tier.add(&Sealed {
        owner,
        first: first.hour * HOUR,
        last: last.hour * HOUR + HOUR - 1,
        body: tier::encode(hours),
    })
}

/// Returns the first and the last of failed attempts in a row for the same reason.
fn folded_holes(block: &Block) -> Vec<Row> {
    let mut rows: Vec<(usize, Row)> = Vec::new();
    block.each_hole(|at, code| {
        let row = Row {
            seen: block.seen[at],
            heard: block.heard[at],
            content: Content::Hole(Arc::clone(code)),
        };
        // The last but one is neither the first nor the last of its run.
        if let [.., (before, a), (last, b)] = &rows[..]
            && a.content == row.content
            && b.content == row.content
            && *before < *last
            && *last + 1 == at
        {
            rows.pop();
        }
        rows.push((at, row));
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Merges raw files of hours of one day into one. Returns false if there is no room.
pub fn hours(shared: &Shared, files: &[Arc<Held>]) -> Result<bool, file::Error> {
    let room = files.iter().map(|held| held.stored.bytes).sum::<u64>() + SLACK;
    if !shared.reserve(room) {
        return Ok(false);
    }
    let merged = hours_reserved(shared, files);
    shared.release(room);
    shared.replace(files, hold(merged?));
    Ok(true)
}

fn hours_reserved(shared: &Shared, files: &[Arc<Held>]) -> Result<BlockFile, file::Error> {
    let names: Vec<String> = files.iter().map(|held| held.file.name()).collect();
    let first = names.iter().min().map_or("", String::as_str);
    let stem = first.split('.').next().unwrap_or_default();
    let (raw, journal) = (shared.folder("raw"), shared.folder("journal"));
    let mut numbers = (0..).map(|number| format!("{stem}.{number}"));
    let is_free = |name: &String| {
        !raw.join(format!("{name}.db")).exists() && !journal.join(format!("{name}.log")).exists()
    };
    let name = numbers.find(is_free).unwrap_or_default();
    let mut build = Build::begin(&raw.join(format!("{name}.db")))?;
    let mut owners = BTreeSet::new();
    for held in files {
        owners.extend(held.file.owners()?);
    }
    for owner in owners {
        let mut blocks = Vec::new();
        for held in files {
            blocks.extend(decoded(shared, &held.file, owner)?);
        }
        for block in concatenate(&blocks) {
            build.add(&sealed(owner, &block))?;
        }
    }
    build.finish(&names)
}

/// Merges files of the tier of hours. Returns false if there is no room.
pub fn tiers(shared: &Shared, files: &[Arc<Held>]) -> Result<bool, file::Error> {
    let room = files.iter().map(|held| held.stored.bytes).sum::<u64>() + SLACK;
    if !shared.reserve(room) {
        return Ok(false);
    }
    let merged = tiers_reserved(shared, files);
    shared.release(room);
    shared.replace(files, hold(merged?));
    Ok(true)
}

fn tiers_reserved(shared: &Shared, files: &[Arc<Held>]) -> Result<BlockFile, file::Error> {
    let first = files.iter().map(|held| held.stored.day).min().unwrap_or(0);
    let end = files.iter().map(|held| held.stored.day + held.stored.days);
    let days = end.max().unwrap_or(first + 1) - first;
    let folder = shared.folder("hour");
    let mut paths = (0..).map(|number| folder.join(name::of_hours(first, days, number)));
    let path = paths.find(|path| !path.exists()).unwrap_or_default();
    let mut build = Build::begin(&path)?;
    let mut owners = BTreeSet::new();
    for held in files {
        owners.extend(held.file.owners()?);
    }
    for owner in owners {
        if owner.is_series(HOLES) {
            let mut blocks = Vec::new();
            for held in files {
                blocks.extend(decoded(shared, &held.file, owner)?);
            }
            for block in concatenate(&blocks) {
                build.add(&sealed(owner, &block))?;
            }
            continue;
        }
        let mut parts = Vec::new();
        for held in files {
            for sealed in held.file.blocks(owner)? {
                match tier::decode(&sealed.body) {
                    Ok(hours) => parts.push(hours),
                    Err(error) => shared.found_damage(1, &held.file.path, &error),
                }
            }
        }
        add_tier(&mut build, owner, &unite(parts))?;
    }
    let names: Vec<String> = files.iter().map(|held| held.file.name()).collect();
    build.finish(&names)
}

/// Adds sorted rows as blocks of an owner.
pub fn add(build: &mut Build, owner: Owner, rows: &[Row]) -> Result<(), file::Error> {
    for block in from_rows(rows) {
        let (Some(first), Some(last)) = (block.seen.first(), block.seen.last()) else {
            continue;
        };
        build.add(&Sealed {
            owner,
            first: *first,
            last: *last,
            body: block.encode(),
        })?;
    }
    Ok(())
}
