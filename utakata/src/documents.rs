//! Documents for `apply`: YAML in which every mistake is told with its place, all at once.

mod check;
mod secret;
mod tree;

use std::{
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use utakata_api::apply::Document;

pub use tree::Place;

/// One mistake, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as it was named.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What it is about: `target pdu-1`.
    pub subject: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            place,
            subject,
            message,
        } = self;
        write!(f, "{file}:{}:{}: ", place.line, place.column)?;
        if !subject.is_empty() {
            write!(f, "{subject}: ")?;
        }
        f.write_str(message)
    }
}

/// Everything that is wrong; nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("{}", all(.0))]
pub struct Mistakes(pub Vec<Mistake>);

fn all(mistakes: &[Mistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    let count = match mistakes.len() {
        1 => "1 mistake".into(),
        count => format!("{count} mistakes"),
    };
    format!("{count}; nothing was applied\n{}", lines.join("\n"))
}

/// The documents of files, of the YAML files of folders, and of standard input (`-`).
///
/// # Errors
/// [`Mistakes`], or a file that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    let mut mistakes = Vec::new();
    for path in paths {
        for (name, text) in texts(path)? {
            let folder = Path::new(&name).parent().unwrap_or(Path::new(""));
            match parse(&name, &text, folder) {
                Ok(found) => documents.extend(found),
                Err(found) => mistakes.extend(found),
            }
        }
    }
    if !mistakes.is_empty() {
        return Err(Mistakes(mistakes).into());
    }
    Ok(documents)
}

/// The documents of one text. Relative files that it names are looked up in `folder`.
///
/// # Errors
/// Every mistake, in the order of the text.
pub fn parse(file: &str, text: &str, folder: &Path) -> Result<Vec<Document>, Vec<Mistake>> {
    let trees = tree::parse(text).map_err(|(place, message)| {
        vec![Mistake {
            file: file.into(),
            place,
            subject: String::new(),
            message,
        }]
    })?;
    let mut documents = Vec::new();
    let mut mistakes = Vec::new();
    for tree in &trees {
        match check::document(tree, folder) {
            Ok(document) => documents.push(document),
            Err(found) => mistakes.extend(found.into_iter().map(|wrong| Mistake {
                file: file.into(),
                place: wrong.place,
                subject: wrong.subject,
                message: wrong.message,
            })),
        }
    }
    if mistakes.is_empty() {
        Ok(documents)
    } else {
        Err(mistakes)
    }
}

fn texts(path: &Path) -> Result<Vec<(String, String)>> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("standard input cannot be read")?;
        return Ok(vec![("<stdin>".into(), text)]);
    }
    let mut files = Vec::new();
    collect(path, &mut files)?;
    if files.is_empty() {
        bail!(
            "there is no file in {} that ends in .yaml, .yml or .json",
            path.display()
        );
    }
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            Ok((path.display().to_string(), text))
        })
        .collect()
}

/// A file as it is; of a folder, all YAML files, of the folders in it too.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = || format!("{} cannot be read", path.display());
    if !fs::metadata(path).with_context(unreadable)?.is_dir() {
        files.push(path.into());
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?.path();
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let ending = entry.extension().and_then(|ending| ending.to_str());
        if hidden {
            continue;
        }
        if entry.is_dir() || matches!(ending, Some("yaml" | "yml" | "json")) {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
