//! What is printed: tables for people, JSON and YAML for programs.

mod failure;
pub mod rows;
pub mod table;
pub mod words;

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;

pub use failure::sentence;
pub use table::{Cell, Table, Tone};

/// How to print what was asked for: for people, or, complete and stable, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Yaml,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Where the output goes to a terminal.
    Terminal,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// Where and how to print. Only the answer goes to standard output; all else to standard error.
#[derive(Debug, Clone)]
pub struct Output {
    /// Which format.
    pub format: Format,
    colour: Colour,
}

/// Something that has a line in a table.
pub trait Row {
    /// The names of the columns.
    const HEADERS: &'static [&'static str];
    /// The line; as many cells as headers.
    fn cells(&self) -> Vec<Cell>;
}

impl Output {
    /// Prints in a format, with or without colours.
    pub fn new(format: Format, colour: Colour) -> Self {
        Self { format, colour }
    }

    /// Whether standard output has colours.
    pub fn colours(&self) -> bool {
        self.has_colours(io::stdout().is_terminal())
    }

    /// Whether standard error has colours.
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

    /// Prints a list; `empty` says what it means that there is nothing, to people only.
    pub fn list<T: Row + Serialize>(&self, items: &[T], empty: &str) -> Result<()> {
        match self.format {
            Format::Table if items.is_empty() => {
                eprintln!("{empty}");
                Ok(())
            }
            Format::Table => self.text(&self.table_of(items).render(self.colours())),
            Format::Json | Format::Yaml => self.machine(&items),
        }
    }

    /// Prints one thing, for people as a text that is only made when it is needed.
    pub fn one<T: Serialize>(&self, item: &T, people: impl FnOnce() -> String) -> Result<()> {
        match self.format {
            Format::Table => self.text(&people()),
            Format::Json | Format::Yaml => self.machine(item),
        }
    }

    /// Prints one thing as one line of JSON, at once.
    pub fn json_line<T: Serialize>(&self, item: &T) -> Result<()> {
        let line = serde_json::to_string(item).context("the answer cannot be printed as JSON")?;
        self.text(&line)
    }

    /// The table of a list.
    pub fn table_of<T: Row>(&self, items: &[T]) -> Table {
        let mut table = Table::new(T::HEADERS);
        for item in items {
            table.add(item.cells());
        }
        table
    }

    /// Prints a text and the end of its line. A reader that went away (`| head`) is no error.
    pub fn text(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        let text = text.trim_end_matches('\n');
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
            done => done.context("nothing can be written to standard output"),
        }
    }

    fn machine<T: Serialize>(&self, item: &T) -> Result<()> {
        if self.format == Format::Json {
            let text = serde_json::to_string_pretty(item);
            return self.text(&text.context("the answer cannot be printed as JSON")?);
        }
        // By way of JSON: parts of some answers are kept as JSON text.
        let json = serde_json::to_value(item).context("the answer cannot be printed")?;
        let text = serde_saphyr::to_string(&json);
        self.text(&text.context("the answer cannot be printed as YAML")?)
    }
}
