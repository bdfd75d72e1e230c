//! Ctrl-C: the end of a command while its work continues elsewhere.
//!
//! A command that waits for work which continues without it says so when it is interrupted. It ends
//! like any program that does not handle the signal, so that a loop in a shell ends, too: the
//! signal is blocked in all threads, one thread waits for it, prints the message, and lets it
//! through.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
    thread,
};

use nix::sys::signal::{SigSet, Signal, raise};

use crate::output;

/// The message to print, if there is one.
static GOES_ON: Mutex<Option<String>> = Mutex::new(None);

/// Blocks Ctrl-C from now on. Threads started before would still be ended by it.
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

/// Sets the message about work that continues.
pub fn goes_on(what: String) {
    *lock() = Some(what);
}

/// Prints no message any more, because nothing continues.
pub fn over() {
    *lock() = None;
}

fn say() {
    let Some(what) = lock().take() else {
        return;
    };
    if io::stderr().is_terminal() {
        // Overwrites the ^C and the spinner.
        let _ = io::stderr().write_all(b"\r\x1b[2K");
    }
    output::tell_lines(&what);
}

fn lock() -> std::sync::MutexGuard<'static, Option<String>> {
    // A text that was about to be set by a panicking thread is still a text.
    GOES_ON.lock().unwrap_or_else(PoisonError::into_inner)
}
