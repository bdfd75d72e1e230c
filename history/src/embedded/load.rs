//! The files that an earlier process left, read when history is opened.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Config, OpenError, name,
    shared::{Held, Shared, View, remove},
};
use crate::{
    dictionary::Dictionary,
    file::{BlockFile, UNFINISHED},
    plan::{Sort, Stored},
    row::SourceId,
};

/// Files of the journal that were not sealed, whose rows are not known yet.
pub struct Left {
    pub journals: Vec<PathBuf>,
    /// Blocks that could not be opened.
    pub damaged: u64,
}

/// Opens a folder: the dictionary, and all files of blocks.
pub fn load(config: Config) -> Result<(Shared, Dictionary, Left), OpenError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Folder { path, source }
    };
    for folder in ["journal", "raw", "hour"] {
        let folder = config.folder.join(folder);
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
    }
    let mut damaged = 0;
    let mut files = Vec::new();
    for folder in ["raw", "hour"] {
        let folder = config.folder.join(folder);
        let found = held(&folder, &mut damaged).map_err(failed(&folder))?;
        files.extend(found);
    }
    let files = without_replaced(files);
    let folder = config.folder.join("journal");
    let journals = unsealed(&folder, &files).map_err(failed(&folder))?;
    let used = || files.iter().map(greatest_source).max().unwrap_or(0);
    let (dictionary, is_new) =
        Dictionary::open(&config.folder, used).map_err(OpenError::Dictionary)?;
    damaged += u64::from(is_new);
    let reader = Dictionary::of_folder(&config.folder).map_err(OpenError::Dictionary)?;
    let view = View {
        files: files.into_iter().map(Into::into).collect(),
        ..View::default()
    };
    let shared = Shared::new(config, reader, view);
    Ok((shared, dictionary, Left { journals, damaged }))
}

fn greatest_source(held: &Held) -> SourceId {
    match held.stored.sort {
        Sort::Hours => 0,
        Sort::RawHour | Sort::RawDay => held.file.greatest().map_or(0, |owner| owner.as_source()),
    }
}

/// Opens the files of a folder; what was never finished is deleted.
fn held(folder: &Path, damaged: &mut u64) -> io::Result<Vec<Held>> {
    let mut found = Vec::new();
    for path in paths(folder)? {
        if path.extension().is_some_and(|one| one == UNFINISHED) {
            remove(&path);
            continue;
        }
        if name_of(&path).and_then(|name| name::parse(&name)).is_none() {
            continue;
        }
        match BlockFile::open(&path) {
            Ok(file) => found.extend(hold(file)),
            Err(error) => {
                *damaged += 1;
                let error = error_text(&error);
                let path = path.display();
                tracing::error!(%path, error, "a file of history cannot be read");
            }
        }
    }
    Ok(found)
}

/// Returns a file with what plans need of it.
pub fn hold(file: BlockFile) -> Option<Held> {
    let name = name::parse(&file.name())?;
    let stored = Stored {
        sort: name.sort,
        day: name.day,
        days: name.days,
        first: file.first,
        last: file.last,
        bytes: file.bytes,
        parts: file.made_of.len(),
    };
    Some(Held { stored, file })
}

/// Deletes files whose contents are in others: a process died before it could.
fn without_replaced(mut files: Vec<Held>) -> Vec<Held> {
    let names: HashSet<String> = files.iter().map(|held| held.file.name()).collect();
    let of_tier = |held: &Held| held.stored.sort == Sort::Hours;
    let replaced = |by_tier: bool| -> HashSet<String> {
        let by = files.iter().filter(|held| of_tier(held) == by_tier);
        by.flat_map(|held| held.file.made_of.iter().cloned())
            .collect()
    };
    let (in_raw, in_tier) = (replaced(false), replaced(true));
    files.retain(|held| {
        let name = held.file.name();
        // A tier of which the raw files were not merged yet: both are made again.
        let is_ahead = of_tier(held)
            && held.file.made_of.iter().any(|one| {
                let is_raw = name::parse(one).is_some_and(|one| one.sort == Sort::RawHour);
                is_raw && names.contains(one) && !in_raw.contains(one)
            });
        let is_replaced = match of_tier(held) {
            true => in_tier.contains(&name),
            false => in_raw.contains(&name),
        };
        if is_ahead || is_replaced {
            remove(&held.file.path);
        }
        !(is_ahead || is_replaced)
    });
    files
}

/// Returns the files of the journal that are not sealed yet; the others are deleted.
fn unsealed(folder: &Path, files: &[Held]) -> io::Result<Vec<PathBuf>> {
    let sealed: HashSet<&str> = files
        .iter()
        .flat_map(|held| held.file.made_of.iter().map(String::as_str))
        .collect();
    let mut left = Vec::new();
    for path in paths(folder)? {
        let Some(name) = name_of(&path).filter(|name| name.ends_with(".log")) else {
            continue;
        };
        let in_blocks = name.replace(".log", ".db");
        if sealed.contains(&*name) || sealed.contains(&*in_blocks) {
            remove(&path);
        } else {
            left.push(path);
        }
    }
    Ok(left)
}

/// Returns the paths in a folder, sorted.
fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?;
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths?;
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

/// Returns an error with its causes.
pub fn error_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
