//! Progress on standard error, for what takes over a second; only on a terminal.

use std::{future::Future, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{self, plain};

/// Shows nothing of what is quicker than this.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// Says that something is waited for, until it is dropped.
pub struct Spinner(ProgressBar);

impl Spinner {
    /// Begins to say it.
    pub fn new(what: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.set_message(what.into());
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Says something else.
    pub fn say(&self, what: &str) {
        self.0.set_message(plain::line(what).into_owned());
    }

    /// Leaves a line behind, also where there is no terminal.
    pub fn note(&self, line: &str) {
        self.0.suspend(|| output::tell_lines(line));
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Says how far something is whose size is known, until it is dropped.
pub struct Bar(ProgressBar);

impl Bar {
    /// Begins to say it, when it is first shown.
    pub fn new() -> Self {
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}") {
            bar.set_style(style);
        }
        bar.set_draw_target(ProgressDrawTarget::stderr());
        Self(bar)
    }

    /// So much of it is done.
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

/// Waits for something, and shows that it is waited for.
pub async fn during<T>(what: impl Into<String>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        return done;
    }
    let _spinner = Spinner::new(what);
    work.await
}
