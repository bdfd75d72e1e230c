//! Tables as on most command lines: columns with spaces between, no lines.

use std::{
    borrow::Cow,
    cmp::Ordering,
    io::{self, IsTerminal},
};

use comfy_table::{Attribute, Color, ContentArrangement, TableStyle};
use console::Style;

use super::{natural, plain, time};

/// Columns of whole sentences; each stands last in its table.
const SENTENCES: [&str; 4] = ["PROBLEM", "WHY", "CURE", "MEANING"];
/// Spaces between columns.
const GAP: usize = 2;

/// A column that was taken out: its header and its cells.
type Sentences = (&'static str, Vec<Cell>);

/// What a cell means; colours follow from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Somebody should look.
    Doubtful,
    /// It is wrong.
    Bad,
    /// Less important than the rest.
    Dim,
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// What it means.
    pub tone: Tone,
}

/// Rows under headers.
#[derive(Debug, Clone)]
pub struct Table {
    headers: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Cell {
    /// A cell with a meaning. Its text is one line, whatever it came from, with its times as here.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        let text = text.into();
        let local = time::localised(&text);
        let text = match plain::line(&local) {
            Cow::Borrowed(_) => local.into_owned(),
            Cow::Owned(escaped) => escaped,
        };
        Self { text, tone }
    }

    /// A less important cell.
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
    /// A table without rows.
    pub fn new(headers: &[&'static str]) -> Self {
        Self {
            headers: headers.to_vec(),
            rows: Vec::new(),
        }
    }

    /// One more row.
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

    /// The text, as wide as the terminal where there is one. Where it is too narrow, columns
    /// without a word go first; then sentences get a line of their own under their row.
    pub fn render(&self, colours: bool) -> String {
        let Some(width) = terminal_width() else {
            return self.lines(colours).join("\n");
        };
        if self.width() <= width {
            return self.lines(colours).join("\n");
        }
        let mut narrow = self.without_empty();
        let sentences = narrow.take_sentences(width);
        let lines = narrow.lines(colours);
        if lines.len() != narrow.rows.len() + 1 {
            // Still too narrow: everything wraps.
            return narrow.with_sentences(sentences).lines(colours).join("\n");
        }
        let mut text = Vec::new();
        let mut lines = lines.into_iter();
        text.extend(lines.next());
        let sentences = sentences.map_or_else(Vec::new, |(_, cells)| cells);
        let none = std::iter::repeat_with(Cell::default);
        for (line, sentence) in lines.zip(sentences.into_iter().chain(none)) {
            text.push(line);
            if !sentence.text.is_empty() {
                text.push(format!("    {}", styled(&sentence, colours)));
            }
        }
        text.join("\n")
    }

    /// The widths of its columns and what stands between them.
    fn width(&self) -> usize {
        let column = |at: usize| {
            let cells = self.rows.iter().filter_map(move |row| row.get(at));
            let cells = cells.map(|cell| console::measure_text_width(&cell.text));
            let header = self.headers.get(at).map_or(0, |name| name.len());
            cells.max().unwrap_or(0).max(header) + GAP
        };
        (0..self.headers.len())
            .map(column)
            .sum::<usize>()
            .saturating_sub(GAP)
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

    /// Takes the last column out, if it has sentences and is too wide.
    fn take_sentences(&mut self, width: usize) -> Option<Sentences> {
        let name = *self.headers.last()?;
        if self.width() <= width || !SENTENCES.contains(&name) {
            return None;
        }
        self.headers.pop();
        let cells = self
            .rows
            .iter_mut()
            .map(|row| row.pop().unwrap_or_default());
        Some((name, cells.collect()))
    }

    fn with_sentences(mut self, sentences: Option<Sentences>) -> Self {
        let Some((name, cells)) = sentences else {
            return self;
        };
        self.headers.push(name);
        for (row, cell) in self.rows.iter_mut().zip(cells) {
            row.push(cell);
        }
        self
    }

    fn lines(&self, colours: bool) -> Vec<String> {
        let mut table = comfy_table::Table::new();
        table.load_style(TableStyle::new());
        table.set_content_arrangement(ContentArrangement::Dynamic);
        if colours {
            table.enforce_styling();
        } else if !table.is_tty() {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
        let header = |name: &&str| paint((*name).into(), Tone::Dim, colours);
        table.set_header(self.headers.iter().map(header).collect::<Vec<_>>());
        for row in &self.rows {
            let cell = |cell: &Cell| paint(cell.text.clone(), cell.tone, colours);
            table.add_row(row.iter().map(cell).collect::<Vec<_>>());
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }
}

/// How wide the terminal is, if standard output is one.
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
