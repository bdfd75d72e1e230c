//! Documents for `apply`: YAML whose mistakes are all reported at once, each with its position, and
//! tables of targets as CSV.

mod check;
pub mod csv;
mod keys;
mod secret;
mod tree;
pub mod write;

use std::{
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use utakata_api::apply::{Document, Named};
use utakata_model::CredentialName;

pub use tree::Position;

/// A mistake in a document, in words for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as named by the user.
    pub file: String,
    pub place: Position,
    /// The document concerned, such as `target pdu-1`.
    pub subject: String,
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
        match place.column {
            0 => write!(f, "{file}:{}: ", place.line)?,
            column => write!(f, "{file}:{}:{column}: ", place.line)?,
        }
        if !subject.is_empty() {
            write!(f, "{subject}: ")?;
        }
        f.write_str(message)
    }
}

/// Every mistake that was found. Nothing was applied.
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

/// The documents that were read.
#[derive(Debug, Default, PartialEq)]
pub struct Contents {
    /// The documents to apply.
    pub documents: Vec<Document>,
    /// Credentials without values: they must exist already, and stay unchanged.
    pub kept: Vec<Kept>,
}

/// A credential without its values, as printed by `get credentials -o yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub name: CredentialName,
    /// The names of its keys.
    pub keys: Vec<String>,
    /// The position of the document, such as `site.yaml:3:1`.
    pub place: String,
}

/// One document, by the use that is made of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A document to apply.
    Document(Document),
    /// A credential that stays unchanged.
    Kept(Kept),
}

impl Contents {
    /// Returns the names of everything to apply.
    pub fn named(&self) -> Vec<Named> {
        let kept = self.kept.iter();
        let kept = kept.map(|kept| Named::Credential(kept.name.clone()));
        self.documents.iter().map(Named::from).chain(kept).collect()
    }

    fn add(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Document(document) => self.documents.push(document),
                Item::Kept(kept) => self.kept.push(kept),
            }
        }
    }
}

/// Reads the documents of files, of the files in folders, and of standard input (`-`).
///
/// # Errors
/// [`Mistakes`], or a file that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Contents> {
    let mut contents = Contents::default();
    let mut mistakes = Vec::new();
    for path in paths {
        for (name, text) in texts(path)? {
            let folder = Path::new(&name).parent().unwrap_or(Path::new(""));
            let parsed = match csv::is_table(Path::new(&name), &text) {
                true => csv::parse(&name, &text),
                false => parse(&name, &text, folder),
            };
            match parsed {
                Ok(found) => contents.add(found),
                Err(found) => mistakes.extend(found),
            }
        }
    }
    if !mistakes.is_empty() {
        return Err(Mistakes(mistakes).into());
    }
    Ok(contents)
}

/// Reads the targets of a table, whatever its file extension; `-` is standard input.
///
/// # Errors
/// [`Mistakes`], or a file that cannot be read.
pub fn read_table(path: &Path) -> Result<Vec<Document>> {
    let mut contents = Contents::default();
    for (name, text) in texts(path)? {
        contents.add(csv::parse(&name, &text).map_err(Mistakes)?);
    }
    Ok(contents.documents)
}

/// Reads the documents of one text. Relative paths in it are resolved against `folder`.
///
/// # Errors
/// Every mistake, in the order of the text.
pub fn parse(file: &str, text: &str, folder: &Path) -> Result<Vec<Item>, Vec<Mistake>> {
    let trees = tree::parse(text).map_err(|(place, message)| {
        vec![Mistake {
            file: file.into(),
            place,
            subject: String::new(),
            message,
        }]
    })?;
    let mut items = Vec::new();
    let mut mistakes = Vec::new();
    for tree in &trees {
        match check::document(tree, file, folder) {
            Ok(item) => items.push(item),
            Err(found) => mistakes.extend(found.into_iter().map(|wrong| Mistake {
                file: file.into(),
                place: wrong.place,
                subject: wrong.subject,
                message: wrong.message,
            })),
        }
    }
    if mistakes.is_empty() {
        Ok(items)
    } else {
        Err(mistakes)
    }
}

fn texts(path: &Path) -> Result<Vec<(String, String)>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("standard input cannot be read")?;
        return Ok(vec![("<stdin>".into(), utf8("standard input", bytes)?)]);
    }
    let mut files = Vec::new();
    collect(path, &mut files)?;
    if files.is_empty() {
        bail!(
            "there is no file in {} that ends in .yaml, .yml, .json or .csv",
            path.display()
        );
    }
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.display().to_string();
            let bytes = fs::read(&path).with_context(|| format!("{name} cannot be read"))?;
            Ok((name.clone(), utf8(&name, bytes)?))
        })
        .collect()
}

/// Decodes UTF-8. Spreadsheets write other encodings unless told otherwise.
fn utf8(name: &str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        anyhow::anyhow!(
            "{name}:{line}: this is not UTF-8 (perhaps Latin-1): save the file as UTF-8, as in \
             \"CSV UTF-8\" of Excel, or convert it: iconv -f latin1 -t utf-8"
        )
    })
}

/// Collects a file, or all files in a folder and its subfolders that may hold documents.
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
        if entry.is_dir() || matches!(ending, Some("yaml" | "yml" | "json" | "csv")) {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
