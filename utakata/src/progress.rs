//! Progress on standard error, for anything that takes over a second; only on a terminal.

use std::{future::Future, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{self, plain};

/// The delay before progress is shown.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// A spinner, shown until it is dropped.
pub struct Spinner(ProgressBar);

impl Spinner {
    /// Shows the progress of a command.
    pub fn new(what: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.set_message(what.into());
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Shows another text.
    pub fn say(&self, what: &str) {
        self.0.set_message(plain::line(what).into_owned());
    }

    /// Leaves a line behind, even without a terminal.
    pub fn note(&self, line: &str) {
        self.0.suspend(|| output::tell_lines(line));
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A progress bar, shown until it is dropped.
pub struct Bar(ProgressBar);

impl Bar {
    /// Creates the bar, hidden until it is first shown.
    pub fn new() -> Self {
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}") {
            bar.set_style(style);
        }
        bar.set_draw_target(ProgressDrawTarget::stderr());
        Self(bar)
    }

    /// Shows the amount that is done.
    pub fn show(&self, done: u64, all: u64, what: &'static str) {
        self.0.set_length(all);
        self.0.set_position(done);
        self.0.set_message(what);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Waits for a future, with a spinner.
pub async fn during<T>(what: impl Into<String>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        return done;
    }
    let _spinner = Spinner::new(what);
    work.await
}
