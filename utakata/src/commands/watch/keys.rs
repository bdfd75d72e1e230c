//! The keys of a terminal, one by one.

use std::{
    io::{self, IsTerminal, Read},
    thread,
};

use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use tokio::sync::mpsc;

/// The number of keys that may be typed ahead.
const WAITING: usize = 64;

/// A key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Character(char),
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
}

/// The keyboard, with its echo turned off until this is dropped.
#[derive(Debug)]
pub struct Keyboard {
    before: Option<Termios>,
    keys: mpsc::Receiver<Key>,
}

impl Keyboard {
    /// Takes over the terminal of standard input. Without one, no key ever arrives.
    pub fn open() -> Self {
        let (sender, keys) = mpsc::channel(WAITING);
        let before = io::stdin().is_terminal().then(quiet).flatten();
        if before.is_some() {
            // The thread ends with the process: a blocking read of a terminal cannot be cancelled.
            thread::spawn(move || read(&sender));
        }
        Self { before, keys }
    }

    /// Returns true if keys can be read.
    pub fn is_there(&self) -> bool {
        self.before.is_some()
    }

    /// Waits for the key q. Cancel safe.
    pub async fn quit(&mut self) {
        while self.next().await != Key::Character('q') {}
    }

    /// Waits for the next key. Cancel safe.
    pub async fn next(&mut self) -> Key {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// Turns off line buffering and echo. Ctrl-C still interrupts.
fn quiet() -> Option<Termios> {
    let before = termios::tcgetattr(io::stdin()).ok()?;
    let mut quiet = before.clone();
    quiet
        .local_modes
        .remove(LocalModes::ICANON | LocalModes::ECHO);
    termios::tcsetattr(io::stdin(), OptionalActions::Now, &quiet).ok()?;
    Some(before)
}

fn read(keys: &mpsc::Sender<Key>) {
    let mut bytes = [0; 64];
    loop {
        let Ok(count @ 1..) = io::stdin().lock().read(&mut bytes) else {
            return;
        };
        for key in parse(&bytes[..count]) {
            if keys.blocking_send(key).is_err() {
                return;
            }
        }
    }
}

/// Parses the keys that a terminal has sent together.
fn parse(bytes: &[u8]) -> Vec<Key> {
    const SEQUENCES: [(&str, Key); 12] = [
        ("\u{1b}[A", Key::Up),
        ("\u{1b}[B", Key::Down),
        ("\u{1b}OA", Key::Up),
        ("\u{1b}OB", Key::Down),
        ("\u{1b}[5~", Key::PageUp),
        ("\u{1b}[6~", Key::PageDown),
        ("\u{1b}[H", Key::Home),
        ("\u{1b}[F", Key::End),
        ("\u{1b}[1~", Key::Home),
        ("\u{1b}[4~", Key::End),
        ("\u{1b}OH", Key::Home),
        ("\u{1b}OF", Key::End),
    ];
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.as_ref();
    let mut keys = Vec::new();
    while let Some(first) = rest.chars().next() {
        if let Some((sequence, key)) = SEQUENCES.iter().find(|(one, _)| rest.starts_with(one)) {
            keys.push(*key);
            rest = &rest[sequence.len()..];
            continue;
        }
        rest = &rest[first.len_utf8()..];
        match first {
            // Another escape sequence, which has no meaning here.
            '\u{1b}' if rest.starts_with('[') || rest.starts_with('O') => return keys,
            '\u{1b}' => keys.push(Key::Escape),
            '\r' | '\n' => keys.push(Key::Enter),
            '\u{7f}' | '\u{8}' => keys.push(Key::Backspace),
            other if other.is_control() => {}
            other => keys.push(Key::Character(other)),
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_sends_becomes_keys() {
        for (bytes, expect) in [
            ("q", vec![Key::Character('q')]),
            ("\u{1b}[A\u{1b}[6~", vec![Key::Up, Key::PageDown]),
            ("\u{1b}", vec![Key::Escape]),
            (
                "é\u{7f}\r",
                vec![Key::Character('é'), Key::Backspace, Key::Enter],
            ),
            ("a\u{1b}[1;5C", vec![Key::Character('a')]),
        ] {
            assert_eq!(parse(bytes.as_bytes()), expect, "{bytes:?}");
        }
    }
}
