//! The terminal: one page, redrawn again and again.

use anyhow::{Context, Result};
use console::{Style, Term};
use jiff::Timestamp;
use utakata_api::{client::server_now, reading::ReadingView};
use utakata_model::Quality;

use super::view::View;
use crate::output::{Output, plain, words};

/// The number of lines that are not readings: heading, header, count, keys.
const OTHER_LINES: usize = 4;
/// The number of spaces between columns.
const GAP: usize = 2;
/// The least width of a column; a narrower one is left out instead.
const LEAST: usize = 8;

/// The positions of the columns.
const TARGET: usize = 0;
const METRIC: usize = 1;
const ATTRIBUTES: usize = 2;
const VALUE: usize = 3;
const SEEN: usize = 4;
const HEADERS: [&str; 5] = ["TARGET", "METRIC", "ATTRIBUTES", "VALUE", "SEEN"];
/// The columns that shrink if the terminal is narrow.
const NARROWED: [usize; 3] = [ATTRIBUTES, METRIC, TARGET];

/// A terminal whose cursor is hidden until this is dropped.
#[derive(Debug)]
pub struct Screen {
    terminal: Term,
    colours: bool,
    has_keys: bool,
}

impl Screen {
    /// Takes over the terminal of standard output.
    pub fn open(output: &Output, has_keys: bool) -> Self {
        let terminal = Term::buffered_stdout();
        // A terminal that does not support this still shows everything that matters.
        let _ = terminal.hide_cursor();
        let _ = terminal.clear_screen();
        Self {
            terminal,
            colours: output.colours(),
            has_keys,
        }
    }

    /// Draws a page over the previous one.
    pub fn draw(&mut self, view: &mut View) -> Result<()> {
        let (height, width) = self.terminal.size();
        let size = (usize::from(height), usize::from(width));
        let lines = page(view, size, self.colours, self.has_keys);
        let draw = || -> std::io::Result<()> {
            self.terminal.move_cursor_to(0, 0)?;
            for (at, line) in lines.iter().enumerate() {
                self.terminal.clear_line()?;
                // A line ending in the last line would scroll.
                match at + 1 == lines.len() {
                    true => self.terminal.write_str(line)?,
                    false => self.terminal.write_line(line)?,
                }
            }
            self.terminal.clear_to_end_of_screen()?;
            self.terminal.flush()
        };
        draw().context("the terminal cannot be written to")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.terminal.write_line("");
        let _ = self.terminal.show_cursor();
        let _ = self.terminal.flush();
    }
}

/// Returns the lines of a page, limited to the size of the terminal.
fn page(
    view: &mut View,
    (height, width): (usize, usize),
    colours: bool,
    has_keys: bool,
) -> Vec<String> {
    let outcomes: Vec<String> = view.outcomes().map(plain).collect();
    let room = height.saturating_sub(OTHER_LINES + outcomes.len()).max(1);
    let count = view.count();
    let (readings, all) = view.look(room);
    let now = server_now();
    let rows: Vec<[String; 5]> = readings.iter().map(|one| cells(one, now)).collect();
    let is_stale: Vec<bool> = readings
        .iter()
        .map(|one| one.reading.quality != Quality::Good)
        .collect();
    let shown = rows.len();
    let bad = Style::new().yellow().force_styling(colours);
    let dim = Style::new().dim().force_styling(colours);
    let widths = widths(&rows, width);
    let mut lines = vec![view.heading()];
    lines.push(
        dim.apply_to(row(&HEADERS.map(ToOwned::to_owned), &widths))
            .to_string(),
    );
    for (cells, is_stale) in rows.iter().zip(is_stale) {
        let line = row(cells, &widths);
        lines.push(match is_stale {
            true => bad.apply_to(line).to_string(),
            false => line,
        });
    }
    let first = view.first();
    let last = first + shown.saturating_sub(1);
    lines.push(match (all, all == count) {
        (0, _) => format!("none of {count} values contains that"),
        (all, true) => format!("{first} to {last} of {all}"),
        (all, false) => format!("{first} to {last} of {all}, searched in {count}"),
    });
    lines.extend(outcomes);
    lines.push(match has_keys {
        true => view.help(width),
        false => "Ctrl-C ends".into(),
    });
    let cut = |line: String| console::truncate_str(&line, width, "…").into_owned();
    lines.into_iter().map(cut).collect()
}

/// Returns the cells of a reading. A value that is not good is marked.
fn cells(view: &ReadingView, now: Timestamp) -> [String; 5] {
    let reading = &view.reading;
    let value = words::reading(reading);
    let quality = match reading.quality {
        Quality::Good => "",
        Quality::Suspect => " (suspect)",
        Quality::Stale => " (stale)",
    };
    [
        plain(view.target.as_str()),
        plain(reading.metric.as_str()),
        plain(&words::attributes(&reading.attributes)),
        plain(&format!("{value}{quality}")),
        words::age(view.time, now),
    ]
}

/// Removes everything that a terminal would act on: devices may send anything.
fn plain(text: &str) -> String {
    plain::line(text).into_owned()
}

/// Returns the width of each column; 0 leaves it out.
fn widths(rows: &[[String; 5]], width: usize) -> [usize; 5] {
    let mut widths = HEADERS.map(str::len);
    for cells in rows {
        for (at, cell) in cells.iter().enumerate() {
            widths[at] = widths[at].max(console::measure_text_width(cell));
        }
    }
    if rows.iter().all(|cells| cells[ATTRIBUTES].is_empty()) {
        widths[ATTRIBUTES] = 0;
    }
    let total = |widths: &[usize; 5]| {
        let columns = widths.iter().filter(|one| **one > 0);
        columns
            .map(|one| one + GAP)
            .sum::<usize>()
            .saturating_sub(GAP)
    };
    // The widest column shrinks first, so that something of each remains.
    while total(&widths) > width {
        let widest = NARROWED.into_iter().max_by_key(|at| widths[*at]);
        match widest.filter(|at| widths[*at] > LEAST) {
            Some(at) => widths[at] -= 1,
            None => break,
        }
    }
    // Still too wide: leave out the columns that matter least.
    for at in [SEEN, ATTRIBUTES, METRIC] {
        if total(&widths) > width {
            widths[at] = 0;
        }
    }
    widths
}

/// Returns a line; values are right-aligned, so that their digits line up.
fn row(cells: &[String; 5], widths: &[usize; 5]) -> String {
    let mut parts = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        let width = widths[at];
        if width == 0 {
            continue;
        }
        let side = match at {
            VALUE => console::Alignment::Right,
            _ => console::Alignment::Left,
        };
        parts.push(console::pad_str(cell, width, side, Some("…")).into_owned());
    }
    parts.join(&" ".repeat(GAP)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{filter::Filter, order::Sort},
        *,
    };

    fn view(count: usize) -> View {
        let reading = |at: usize| {
            let json = json!({
                "target": format!("pdu-{at}.hall-1.example"), "time": Timestamp::now(),
                "metric": "hw.power", "unit": "W", "quality": "good", "value": at,
                "attributes": { "hw.name": format!("Outlet {at} \u{1b}[31m"), "outlet": at.to_string() },
            });
            serde_json::from_value(json).unwrap()
        };
        let mut view = View::new(Filter::default(), Sort::Name, false);
        view.fill((0..count).map(reading).collect());
        view
    }

    #[test]
    fn a_page_fits_its_terminal_and_breaks_no_word() {
        for size in [(24, 80), (24, 50), (12, 30), (50, 200)] {
            let lines = page(&mut view(147), size, false, true);
            assert_eq!(lines.len(), size.0, "{lines:#?}");
            for line in &lines {
                assert!(console::measure_text_width(line) <= size.1, "{line}");
                assert!(!line.contains('\u{1b}'), "{line:?}");
            }
            assert!(lines[2].starts_with("pdu-0"), "{lines:#?}");
            assert!(lines[4].starts_with("pdu-2"), "{lines:#?}");
            assert!(lines[size.0 - 1].contains("q quit"), "{lines:#?}");
        }
    }

    #[test]
    fn where_there_is_room_nothing_is_cut() {
        let lines = page(&mut view(3), (24, 120), false, true);
        assert!(lines[2].contains("outlet=0"), "{lines:#?}");
        assert!(lines.contains(&"1 to 3 of 3".to_owned()), "{lines:#?}");
    }
}
