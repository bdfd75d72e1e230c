//! What Ctrl-C ends here and what goes on elsewhere.
//!
//! A command that waits for something that goes on without it says so when it is interrupted. It
//! ends as any program does that knows nothing of the signal, so that a loop of a shell ends, too:
//! the signal is held back for all threads, one thread waits for it, says what there is to say,
//! and lets it through.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
    thread,
};

use nix::sys::signal::{SigSet, Signal, raise};

use crate::output;

/// Returns the events, in a few lines.
static GOES_ON: Mutex<Option<String>> = Mutex::new(None);

/// Holds Ctrl-C back from now on. Threads that were started before would still be ended by it.
pub fn hold() {
    let mut interrupt = SigSet::empty();
    interrupt.add(Signal::SIGINT);
    if interrupt.thread_block().is_err() {
        return;
    }
    let waiting = thread::Builder::new().name("interrupt".into());
    let started = waiting.spawn(move || {
        if interrupt.wait().is_ok() {
            say();
        }
        let _ = interrupt.thread_unblock();
        let _ = raise(Signal::SIGINT);
    });
    if started.is_err() {
        let _ = interrupt.thread_unblock();
    }
}

/// From now on this goes on, whoever leaves.
pub fn goes_on(what: String) {
    *lock() = Some(what);
}

/// Nothing does any more.
pub fn over() {
    *lock() = None;
}

fn say() {
    let Some(what) = lock().take() else {
        return;
    };
    if io::stderr().is_terminal() {
        // Over the ^C and over what says that it is waited for.
        let _ = io::stderr().write_all(b"\r\x1b[2K");
    }
    output::tell_lines(&what);
}

fn lock() -> std::sync::MutexGuard<'static, Option<String>> {
    // A text that somebody was about to set when he panicked is still a text.
    GOES_ON.lock().unwrap_or_else(PoisonError::into_inner)
}
