//! The output of commands: tables for people, JSON and YAML for programs.
//!
//! Everything that the command line writes goes through here, so that no text by people or devices
//! reaches a terminal unescaped ([`plain`]).

/// Prints one line on standard error: see [`tell_lines`] for several.
macro_rules! tell {
    ($($part:tt)*) => { $crate::output::tell(&format!($($part)*)) };
}

mod failure;
pub mod natural;
pub mod plain;
pub mod rows;
pub mod table;
pub mod time;
pub mod units;
pub mod words;

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;

use crate::exit::Usage;

pub use failure::sentence;
pub use table::{Cell, Table, Tone};

/// The format of the output: for people, or complete and stable for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Yaml,
    // Only for targets, as `apply` accepts them. A doc comment would make all help texts longer.
    Csv,
}

/// The use of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// If the output is a terminal.
    Terminal,
    Always,
    Never,
}

/// The format and destination of output: the result goes to standard output, everything else to
/// standard error.
#[derive(Debug, Clone)]
pub struct Output {
    pub format: Format,
    colour: Colour,
}

/// Something that is shown as a row of a table.
pub trait Row {
    /// The names of the columns.
    const HEADERS: &'static [&'static str];
    /// The number of leading columns by which rows are sorted, with 2 before 10; 0 keeps their
    /// order, because it has a meaning.
    const SORTED_BY: usize = 0;
    /// Returns the cells, one per header.
    fn cells(&self) -> Vec<Cell>;
}

impl Output {
    /// Creates an output in a format, with or without colours.
    pub fn new(format: Format, colour: Colour) -> Self {
        Self { format, colour }
    }

    /// Returns true if standard output has colours.
    pub fn colours(&self) -> bool {
        self.has_colours(io::stdout().is_terminal())
    }

    /// Returns true if standard error has colours.
    pub fn error_colours(&self) -> bool {
        self.has_colours(io::stderr().is_terminal())
    }

    fn has_colours(&self, terminal: bool) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Terminal => terminal,
        }
    }

    /// Prints a list. `empty` explains an empty one, to people only.
    pub fn list<T: Row + Serialize>(&self, items: &[T], empty: &str) -> Result<()> {
        match self.format {
            Format::Table if items.is_empty() => {
                tell!("{empty}");
                Ok(())
            }
            Format::Table => self.text(&self.table_of(items).render(self.colours())),
            Format::Json | Format::Yaml => self.machine(&items),
            Format::Csv => Err(no_csv()),
        }
    }

    /// Prints one thing, for people as a text that is only made if needed.
    pub fn one<T: Serialize>(&self, item: &T, people: impl FnOnce() -> String) -> Result<()> {
        match self.format {
            Format::Table => self.text(&people()),
            Format::Json | Format::Yaml => self.machine(item),
            Format::Csv => Err(no_csv()),
        }
    }

    /// Prints one thing as a line of JSON, immediately.
    pub fn json_line<T: Serialize>(&self, item: &T) -> Result<()> {
        let line = serde_json::to_string(item).context("the answer cannot be printed as JSON")?;
        write(&plain::json(&line))
    }

    /// Returns the table of a list.
    pub fn table_of<T: Row>(&self, items: &[T]) -> Table {
        let mut table = Table::new(T::HEADERS);
        for item in items {
            table.add(item.cells());
        }
        table.sort(T::SORTED_BY);
        table
    }

    /// Prints a text and a line ending.
    pub fn text(&self, text: &str) -> Result<()> {
        let text = time::localised(text);
        write(&if self.colours() {
            plain::styled(&text)
        } else {
            plain::lines(&text)
        })
    }

    fn machine<T: Serialize>(&self, item: &T) -> Result<()> {
        let json = || {
            let text = serde_json::to_string_pretty(item);
            text.context("the answer cannot be printed as JSON")
        };
        if self.format == Format::Json {
            return write(&plain::json(&json()?));
        }
        // By way of JSON, because parts of some answers are kept as JSON text.
        let value = serde_json::to_value(item).context("the answer cannot be printed")?;
        let text = utakata_documents::write::yaml([&value])
            .context("the answer cannot be printed as YAML")?;
        if plain::is_plain(&text) {
            return write(&text);
        }
        // JSON is YAML, too, and has an escape for every character.
        write(&plain::json(&json()?))
    }
}

/// Prints one line on standard error; its content cannot start another one.
pub fn tell(text: &str) {
    tell_lines(&text.replace('\n', "\\n"));
}

/// Prints lines on standard error. It is not an error if nobody reads them.
pub fn tell_lines(text: &str) {
    let text = time::localised(text);
    let _ = writeln!(io::stderr().lock(), "{}", plain::styled(&text));
}

/// Prints a prompt on standard error; the answer is typed behind it.
pub fn prompt(question: &str) -> io::Result<()> {
    let mut err = io::stderr().lock();
    write!(err, "{}", plain::line(question))?;
    err.flush()
}

/// Writes a harmless text and a line ending. A reader that has gone away (` head`) is not an error.
fn write(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let text = text.trim_end_matches('\n');
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        done => done.context("nothing can be written to standard output"),
    }
}

/// Only targets can be written as a table of plain texts that can be read again.
pub fn no_csv() -> anyhow::Error {
    Usage("-o csv goes with `get targets`, `target list` and `history` only: use -o json".into())
        .into()
}
