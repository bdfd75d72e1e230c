//! The display on standard error while a drill runs: a panel on a terminal, otherwise lines.

use std::{io::IsTerminal, time::Duration};

use console::Term;
use tokio::time::Instant;

use crate::{
    crew::Log,
    disaster::{Among, Victim},
    load::Tally,
};

const PANEL_EVERY: Duration = Duration::from_secs(1);
const LINE_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Disasters happen, for this much longer.
    Wild(Duration),
    /// All is well again, and unknown tasks are settled, within this much longer.
    Settling(Duration),
}

/// The display of a drill's progress.
#[derive(Debug)]
pub struct Show {
    among: Among,
    terminal: Option<Term>,
    drawn: usize,
    next: Instant,
}

impl Show {
    /// Opens the display on standard error.
    pub fn open(among: Among) -> Self {
        let terminal = std::io::stderr().is_terminal().then(Term::stderr);
        Self {
            among,
            next: Instant::now() + terminal.as_ref().map_or(LINE_EVERY, |_| PANEL_EVERY),
            terminal,
            drawn: 0,
        }
    }

    /// Shows the progress if it is time to.
    pub fn tell(&mut self, phase: Phase, log: &Log, tally: &Tally) {
        if Instant::now() < self.next {
            return;
        }
        let Some(terminal) = &self.terminal else {
            self.next = Instant::now() + LINE_EVERY;
            eprintln!("{}", lines(self.among, phase, log, tally).join("; "));
            return;
        };
        self.next = Instant::now() + PANEL_EVERY;
        // A terminal that does not support this still shows the lines.
        let _ = terminal.clear_last_lines(self.drawn);
        let lines = lines(self.among, phase, log, tally);
        self.drawn = lines.len();
        for line in lines {
            let width = usize::from(terminal.size().1);
            let _ = terminal.write_line(&console::truncate_str(&line, width, "…"));
        }
    }

    /// Removes the panel.
    pub fn close(&mut self) {
        if let Some(terminal) = &self.terminal {
            let _ = terminal.clear_last_lines(std::mem::take(&mut self.drawn));
        }
    }
}

fn lines(among: Among, phase: Phase, log: &Log, tally: &Tally) -> Vec<String> {
    let phase = match phase {
        Phase::Wild(left) => format!("{}s left", left.as_secs()),
        Phase::Settling(left) => format!("settling, at most {}s more", left.as_secs()),
    };
    let (stalled, killed): (Vec<_>, Vec<_>) =
        Victim::all(among).partition(|victim| victim.is_stalled());
    let stalls = stalled.iter().filter_map(|victim| log.kills.get(victim));
    let stalls: u64 = stalls.sum();
    let kills: Vec<String> = killed
        .iter()
        .map(|victim| {
            let count = log.kills.get(victim).copied().unwrap_or_default();
            format!("{} {count}", victim.as_str())
        })
        .collect();
    let Tally {
        operations,
        sending,
        under_way,
        succeeded,
        failed,
        unknown,
        settled,
        waiting,
    } = tally;
    vec![
        format!("{phase}, killed: {}; stalled {stalls}", kills.join(", ")),
        format!("operations: {operations} accepted, {sending} being sent"),
        format!(
            "tasks: {under_way} under way, {succeeded} succeeded, {failed} failed, {unknown} unknown \
             now, {settled} settled, {waiting} for a person"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_everything_that_matters() {
        let mut log = Log::default();
        log.kills.insert(Victim::Logic, 3);
        log.kills.insert(Victim::StalledHost, 1);
        log.kills.insert(Victim::StalledLogic, 1);
        let tally = Tally {
            operations: 7,
            waiting: 2,
            ..Tally::default()
        };
        let left = Duration::from_secs(12);
        let told = lines(Among::Ourselves, Phase::Wild(left), &log, &tally).join("; ");
        for part in [
            "12s left",
            "logic 3, everything 0, disk 0; stalled 2",
            "7 accepted",
            "2 for a person",
        ] {
            assert!(told.contains(part), "{told}");
        }
    }
}
