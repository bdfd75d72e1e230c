//! Keys, one by one, of a terminal.

use std::{
    io::{self, IsTerminal, Read},
    thread,
};

use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use tokio::sync::mpsc;

/// Keys that were typed and not looked at yet.
const WAITING: usize = 64;

/// A key.
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

/// The keyboard, which does not show what is typed until this is dropped.
#[derive(Debug)]
pub struct Keyboard {
    before: Option<Termios>,
    keys: mpsc::Receiver<Key>,
}

impl Keyboard {
    /// Takes over the terminal of standard input. Where there is none, no key ever comes.
    pub fn open() -> Self {
        let (sender, keys) = mpsc::channel(WAITING);
        let before = io::stdin().is_terminal().then(quiet).flatten();
        if before.is_some() {
            // It ends with the process: a read of a terminal cannot be called off.
            thread::spawn(move || read(&sender));
        }
        Self { before, keys }
    }

    /// Returns whether there are keys.
    pub fn is_there(&self) -> bool {
        self.before.is_some()
    }

    /// Waits until q is typed. Cancel safe.
    pub async fn quit(&mut self) {
        while self.next().await != Key::Character('q') {}
    }

    /// The next key. Cancel safe.
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

/// Has keys come at once and unseen. Ctrl-C still interrupts.
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

/// The keys that a terminal has sent at once.
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
            // Another sequence: it means nothing here.
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
