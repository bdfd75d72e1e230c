//! The output of a worker, in our log under its name: line by line, and limited in size.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    time::Instant,
};
use tracing::Level;
use utakata_model::WorkerId;

/// Lines of a worker in one period.
const MAX_LINES: u32 = 100;
const PERIOD: Duration = Duration::from_secs(1);
/// Longer lines are cut, so that one without an end fills no memory.
const MAX_LINE: usize = 4096;

/// The lines that are still let through in this period.
#[derive(Debug)]
struct Throttle {
    since: Instant,
    passed: u32,
    withheld: u64,
}

impl Throttle {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            passed: 0,
            withheld: 0,
        }
    }

    /// Returns whether a line passes, and how many were withheld before it in an earlier period.
    fn on_line(&mut self, now: Instant) -> (bool, u64) {
        let mut before = 0;
        if now.saturating_duration_since(self.since) >= PERIOD {
            before = self.withheld;
            *self = Self::new(now);
        }
        let passes = self.passed < MAX_LINES;
        if passes {
            self.passed += 1;
        } else {
            self.withheld += 1;
        }
        (passes, before)
    }
}

/// Logs what a worker prints until it prints no more; returns the last line that says something.
pub async fn follow(from: impl AsyncRead + Unpin, worker: WorkerId) -> Option<String> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    let mut throttle = Throttle::new(Instant::now());
    let mut last = None;
    while let Ok(true) = read_line(&mut from, &mut line).await {
        let (passes, withheld) = throttle.on_line(Instant::now());
        if withheld > 0 {
            tracing::warn!(%worker, withheld, "lines of a worker that prints too much");
        }
        if passes {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            log_line(&worker, text);
            if !text.is_empty() {
                last = Some(text.to_owned());
            }
        }
    }
    last
}

/// Logs a line at the level that it begins with, if it begins with one.
fn log_line(worker: &WorkerId, text: &str) {
    match levelled(text) {
        (Level::ERROR, text) => tracing::error!(target: "utakata::worker", %worker, "{text}"),
        (Level::WARN, text) => tracing::warn!(target: "utakata::worker", %worker, "{text}"),
        (Level::DEBUG, text) => tracing::debug!(target: "utakata::worker", %worker, "{text}"),
        (Level::TRACE, text) => tracing::trace!(target: "utakata::worker", %worker, "{text}"),
        (_, text) => tracing::info!(target: "utakata::worker", %worker, "{text}"),
    }
}

/// The level of a line and what follows it, as the SDKs print it: ` WARN it is late`.
fn levelled(text: &str) -> (Level, &str) {
    let levels = [
        ("ERROR", Level::ERROR),
        ("WARN", Level::WARN),
        ("WARNING", Level::WARN),
        ("INFO", Level::INFO),
        ("DEBUG", Level::DEBUG),
        ("TRACE", Level::TRACE),
    ];
    let found = text.trim_start().split_once(' ').and_then(|(word, rest)| {
        let (_, level) = levels.iter().find(|(name, _)| *name == word)?;
        Some((*level, rest.trim_start()))
    });
    found.unwrap_or((Level::INFO, text))
}

/// Reads up to the end of a line; the rest of a line that is too long is skipped. `false` at
/// the end.
async fn read_line(
    from: &mut (impl AsyncBufReadExt + Unpin),
    line: &mut Vec<u8>,
) -> std::io::Result<bool> {
    line.clear();
    let mut seen = false;
    loop {
        let available = from.fill_buf().await?;
        if available.is_empty() {
            return Ok(seen);
        }
        seen = true;
        let end = available.iter().position(|&byte| byte == b'\n');
        let piece = &available[..end.unwrap_or(available.len())];
        let room = MAX_LINE.saturating_sub(line.len());
        line.extend_from_slice(&piece[..piece.len().min(room)]);
        let used = end.map_or(available.len(), |end| end + 1);
        from.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_without_an_end_is_cut_and_the_next_one_is_whole() {
        let text = format!("{}\nnext\nlast", "x".repeat(3 * MAX_LINE));
        let mut from = BufReader::with_capacity(100, text.as_bytes());
        let mut line = Vec::new();
        let mut lengths = Vec::new();
        while read_line(&mut from, &mut line).await.unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [MAX_LINE, 4, 4]);
    }

    #[test]
    fn a_line_is_logged_at_the_level_that_it_begins_with() {
        for (line, level, text) in [
            (" INFO draining left=0", Level::INFO, "draining left=0"),
            (" WARN  it is late", Level::WARN, "it is late"),
            ("ERROR it broke", Level::ERROR, "it broke"),
            ("WARNING from Python", Level::WARN, "from Python"),
            ("INFORMATION for you", Level::INFO, "INFORMATION for you"),
            (
                "Traceback (most recent call last):",
                Level::INFO,
                "Traceback (most recent call last):",
            ),
            ("INFO", Level::INFO, "INFO"),
        ] {
            assert_eq!(levelled(line), (level, text), "{line}");
        }
    }

    #[test]
    fn a_worker_that_prints_too_much_is_cut_short_and_that_is_told() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        let passed = (0..150).filter(|_| throttle.on_line(start).0).count();
        assert_eq!(passed, 100);
        assert_eq!(throttle.on_line(start + PERIOD), (true, 50));
        assert_eq!(throttle.on_line(start + PERIOD), (true, 0));
    }
}
