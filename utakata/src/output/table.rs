//! Tables in the usual style of command lines: columns separated by spaces, no rules.

use std::{
    borrow::Cow,
    cmp::Ordering,
    io::{self, IsTerminal},
    ops::Range,
};

use comfy_table::{Attribute, Color, ColumnConstraint, ContentArrangement, TableStyle, Width};
use console::Style;

use super::{natural, plain, time};

/// The columns of whole sentences; each is the last in its table.
const SENTENCES: [&str; 4] = ["PROBLEM", "WHY", "CURE", "MEANING"];
/// The number of spaces between columns.
const GAP: usize = 2;

/// The indent of the second line of a row.
const INDENT: &str = "    ";

/// The meaning of a cell, which determines its colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// No particular style.
    #[default]
    Plain,
    /// Everything is as it should be.
    Good,
    /// Somebody should have a look.
    Doubtful,
    /// Something is wrong.
    Bad,
    /// Less important than the rest.
    Dim,
}

/// A cell of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub tone: Tone,
}

/// Rows under headers.
#[derive(Debug, Clone)]
pub struct Table {
    headers: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Cell {
    /// Creates a cell with a meaning. Its text becomes one line, with local times.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        let text = text.into();
        let local = time::localised(&text);
        let text = match plain::line(&local) {
            Cow::Borrowed(_) => local.into_owned(),
            Cow::Owned(escaped) => escaped,
        };
        Self { text, tone }
    }

    /// Creates a less important cell.
    pub fn dim(text: impl Into<String>) -> Self {
        Self::toned(text, Tone::Dim)
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

impl Table {
    /// Creates a table without rows.
    pub fn new(headers: &[&'static str]) -> Self {
        Self {
            headers: headers.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn add(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Sorts the rows by their first columns, with 2 before 10.
    pub fn sort(&mut self, columns: usize) {
        self.rows.sort_by(|one, other| {
            let cells = one.iter().zip(other).take(columns);
            let compared = cells.map(|(one, other)| natural::compare(&one.text, &other.text));
            compared.fold(Ordering::Equal, Ordering::then)
        });
    }

    /// Renders the table, as wide as the terminal if there is one. If that is too narrow, empty
    /// columns are left out first; then sentences get a line of their own under their row; then
    /// cells wrap between words, or the last columns move to another line. Words are never broken,
    /// because they are copied into the next command.
    pub fn render(&self, colours: bool) -> String {
        self.render_within(terminal_width(), colours)
    }

    fn render_within(&self, width: Option<usize>, colours: bool) -> String {
        let Some(width) = width.filter(|width| self.width() > *width) else {
            return self.lines(colours, None).join("\n");
        };
        let mut narrow = self.without_empty();
        let sentences = narrow.take_sentences(width);
        let lines = if narrow.width() <= width {
            narrow.lines(colours, None)
        } else if sentences.is_none() && narrow.width_of_words() <= width {
            return narrow.lines(colours, Some(width)).join("\n");
        } else {
            narrow.folded(width, colours)
        };
        let (header, lines) = lines
            .split_first()
            .map_or((None, &[][..]), |(first, rest)| (Some(first.clone()), rest));
        let mut text: Vec<String> = header.into_iter().collect();
        let none = std::iter::repeat_with(Cell::default);
        for (line, sentence) in lines
            .iter()
            .zip(sentences.into_iter().flatten().chain(none))
        {
            text.push(line.clone());
            if !sentence.text.is_empty() {
                text.push(format!("{INDENT}{}", styled(&sentence, colours)));
            }
        }
        text.join("\n")
    }

    /// Folds rows into as many lines as they need: columns that do not fit go to the next line.
    fn folded(&self, width: usize, colours: bool) -> Vec<String> {
        let mut folds: Vec<Range<usize>> = Vec::new();
        let mut left = 0;
        for at in 0..self.headers.len() {
            let column = self.width_of(at) + GAP;
            match folds.last_mut().filter(|_| column <= left + GAP) {
                Some(fold) => {
                    fold.end = at + 1;
                    left = left.saturating_sub(column);
                }
                None => {
                    let indent = if folds.is_empty() { 0 } else { INDENT.len() };
                    left = width.saturating_sub(indent + column);
                    folds.push(at..at + 1);
                }
            }
        }
        let mut blocks = vec![String::new(); self.rows.len() + 1];
        for (place, fold) in folds.into_iter().enumerate() {
            let pick = |row: &Vec<Cell>| {
                row.get(fold.clone())
                    .map_or_else(Vec::new, <[Cell]>::to_vec)
            };
            let part = Self {
                headers: self.headers[fold.clone()].to_vec(),
                rows: self.rows.iter().map(pick).collect(),
            };
            for (block, line) in blocks.iter_mut().zip(part.lines(colours, None)) {
                if place > 0 && !console::strip_ansi_codes(&line).trim().is_empty() {
                    block.push_str(&format!("\n{INDENT}{line}"));
                } else if place == 0 {
                    *block = line;
                }
            }
        }
        blocks
    }

    /// Returns the total width of the columns and the space between them.
    fn width(&self) -> usize {
        let columns = (0..self.headers.len()).map(|at| self.width_of(at) + GAP);
        columns.sum::<usize>().saturating_sub(GAP)
    }

    /// Returns the least width, with every cell wrapped between words.
    fn width_of_words(&self) -> usize {
        let columns = (0..self.headers.len()).map(|at| self.width_of_word(at) + GAP);
        columns.sum::<usize>().saturating_sub(GAP)
    }

    fn width_of(&self, at: usize) -> usize {
        let texts = self.texts(at).map(console::measure_text_width);
        texts.max().unwrap_or(0)
    }

    /// Returns the width of the longest word in a column.
    fn width_of_word(&self, at: usize) -> usize {
        let words = self.texts(at).flat_map(str::split_whitespace);
        words.map(console::measure_text_width).max().unwrap_or(0)
    }

    /// Returns the header and the cells of a column.
    fn texts(&self, at: usize) -> impl Iterator<Item = &str> {
        let cells = self.rows.iter().filter_map(move |row| row.get(at));
        let header = self.headers.get(at).copied();
        header
            .into_iter()
            .chain(cells.map(|cell| cell.text.as_str()))
    }

    fn without_empty(&self) -> Self {
        let is_used = |at: &usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.get(*at));
            cells.any(|cell| !cell.text.is_empty())
        };
        let used: Vec<usize> = (0..self.headers.len()).filter(is_used).collect();
        let pick = |row: &Vec<Cell>| used.iter().filter_map(|at| row.get(*at).cloned()).collect();
        Self {
            headers: used.iter().map(|at| self.headers[*at]).collect(),
            rows: self.rows.iter().map(pick).collect(),
        }
    }

    /// Removes the last column if it has sentences and is too wide.
    fn take_sentences(&mut self, width: usize) -> Option<Vec<Cell>> {
        let name = *self.headers.last()?;
        if self.width() <= width || !SENTENCES.contains(&name) {
            return None;
        }
        self.headers.pop();
        let cells = self
            .rows
            .iter_mut()
            .map(|row| row.pop().unwrap_or_default());
        Some(cells.collect())
    }

    /// Returns one line per row; within a given width, cells wrap between words.
    fn lines(&self, colours: bool, width: Option<usize>) -> Vec<String> {
        let mut table = comfy_table::Table::new();
        table.load_style(TableStyle::new());
        table.set_content_arrangement(match width {
            Some(_) => ContentArrangement::Dynamic,
            None => ContentArrangement::Disabled,
        });
        if let Some(width) = width.and_then(|width| u16::try_from(width).ok()) {
            table.set_width(width);
        }
        if colours {
            table.enforce_styling();
        }
        let header = |name: &&str| paint((*name).into(), Tone::Dim, colours);
        table.set_header(self.headers.iter().map(header).collect::<Vec<_>>());
        for row in &self.rows {
            let cell = |cell: &Cell| paint(cell.text.clone(), cell.tone, colours);
            table.add_row(row.iter().map(cell).collect::<Vec<_>>());
        }
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if width.is_some() {
                let word = u16::try_from(self.width_of_word(at) + GAP).unwrap_or(u16::MAX);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(word)));
            }
        }
        table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }
}

/// Returns the width of the terminal, if standard output is one.
fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let (_, width) = console::Term::stdout().size_checked()?;
    Some(width.into())
}

fn styled(cell: &Cell, colours: bool) -> String {
    let style = match cell.tone {
        Tone::Plain => Style::new(),
        Tone::Good => Style::new().green(),
        Tone::Doubtful => Style::new().yellow(),
        Tone::Bad => Style::new().red(),
        Tone::Dim => Style::new().dim(),
    };
    style
        .force_styling(colours)
        .apply_to(&cell.text)
        .to_string()
}

fn paint(text: String, tone: Tone, colours: bool) -> comfy_table::Cell {
    let cell = comfy_table::Cell::new(text);
    match tone {
        _ if !colours => cell,
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::Green),
        Tone::Doubtful => cell.fg(Color::Yellow),
        Tone::Bad => cell.fg(Color::Red),
        Tone::Dim => cell.add_attribute(Attribute::Dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a227fb-ad66-73d3-b4fa-d6588134eb36";

    fn table(headers: &[&'static str], rows: &[&[&str]]) -> Table {
        let mut table = Table::new(headers);
        for row in rows {
            table.add(row.iter().map(|text| Cell::from(*text)).collect());
        }
        table
    }

    #[test]
    fn what_does_not_fit_goes_to_the_next_line_and_no_word_is_broken() {
        let table = table(
            &["TASK", "TARGET", "ACTION", "STATE", "LABELS", "PROBLEM"],
            &[
                &[
                    ID,
                    "pdu-a1-left",
                    "read",
                    "failed",
                    "feed=A rack=A1 room=demo",
                    "it is silent",
                ],
                &[ID, "pdu-a1-right", "read", "succeeded", "", ""],
            ],
        );
        assert_eq!(
            table.render_within(Some(80), false),
            format!(
                "TASK                                  TARGET        ACTION  STATE\n    LABELS\n\
                 {ID}  pdu-a1-left   read    failed\n    feed=A rack=A1 room=demo\n    \
                 it is silent\n\
                 {ID}  pdu-a1-right  read    succeeded"
            )
        );
        // Narrower than the widest word, which is left to the terminal.
        let narrow = table.render_within(Some(20), false);
        assert!(
            narrow.contains(ID) && narrow.contains("pdu-a1-right"),
            "{narrow}"
        );
        assert_eq!(table.render_within(Some(200), false).lines().count(), 3);
        assert_eq!(table.render_within(None, false).lines().count(), 3);
    }

    #[test]
    fn cells_wrap_between_words_where_that_is_enough() {
        let table = table(
            &["KIND", "CONTROL", "ENVIRONMENTS"],
            &[&["apc-pdu", "outlet-on outlet-off outlet-cycle", "vm"]],
        );
        let text = table.render_within(Some(40), false);
        assert!(text.lines().all(|line| line.len() <= 40), "{text}");
        for word in ["outlet-on", "outlet-off", "outlet-cycle", "ENVIRONMENTS"] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}
