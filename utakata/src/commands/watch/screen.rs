//! The terminal: one page, drawn again and again.

use anyhow::{Context, Result};
use console::Term;
use utakata_api::reading::ReadingView;

use super::view::View;
use crate::output::{Output, Row, Table};

/// Lines that are not readings: heading, table header, the count of what is not shown.
const OTHER_LINES: usize = 4;

/// A terminal with its cursor hidden until this is dropped.
#[derive(Debug)]
pub struct Screen {
    terminal: Term,
    colours: bool,
}

impl Screen {
    /// Takes over the terminal of standard output.
    pub fn open(output: &Output) -> Self {
        let terminal = Term::buffered_stdout();
        // A terminal that cannot do this still shows all that matters.
        let _ = terminal.hide_cursor();
        let _ = terminal.clear_screen();
        Self {
            terminal,
            colours: output.colours(),
        }
    }

    /// Draws a page over the one before.
    pub fn draw(&mut self, view: &View) -> Result<()> {
        let (height, width) = self.terminal.size();
        let lines = page(view, usize::from(height), self.colours);
        let draw = || -> std::io::Result<()> {
            self.terminal.move_cursor_to(0, 0)?;
            for line in &lines {
                let line = console::truncate_str(line, usize::from(width), "…");
                self.terminal.clear_line()?;
                self.terminal.write_line(&line)?;
            }
            self.terminal.clear_to_end_of_screen()?;
            self.terminal.flush()
        };
        draw().context("the terminal cannot be written to")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.terminal.show_cursor();
        let _ = self.terminal.flush();
    }
}

fn page(view: &View, height: usize, colours: bool) -> Vec<String> {
    let mut lines = vec![view.heading()];
    let outcomes: Vec<String> = view.outcomes().map(ToOwned::to_owned).collect();
    let room = height.saturating_sub(OTHER_LINES + outcomes.len()).max(1);
    let all = view.count();
    let mut table = Table::new(ReadingView::HEADERS);
    for reading in view.readings(room) {
        table.add(reading.cells());
    }
    lines.extend(
        table
            .render(colours)
            .lines()
            .take(room + 1)
            .map(ToOwned::to_owned),
    );
    if all > room {
        let more = all - room;
        lines.push(format!(
            "… and {more} more: narrow it with a selector or --metric"
        ));
    }
    lines.extend(outcomes);
    lines
}
