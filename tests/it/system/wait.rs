//! Waiting on values.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Far more than anything should take, even where many tests share few processors.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Looks again and again until there is something.
pub fn wait_for<T>(look: impl FnMut() -> Option<T>) -> Option<T> {
    wait_up_to(PATIENCE, look)
}

/// The same, with a limit of its own.
pub fn wait_up_to<T>(most: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if began.elapsed() > most {
            return None;
        }
        thread::park_timeout(Duration::from_millis(50));
    }
}
