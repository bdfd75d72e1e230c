//! Server-sent events as bytes: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::mem;

/// Assembles the lines of an event stream. Comments, ids and retry times are ignored.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_return: bool,
    event: String,
    data: Vec<u8>,
}

/// A complete event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The event's name; `message` if the server gave none.
    pub event: String,
    /// The lines of data, separated by `\n`.
    pub data: Vec<u8>,
}

impl Parser {
    /// Takes bytes as they arrive and returns the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for &byte in bytes {
            let ends = byte == b'\r' || (byte == b'\n' && !self.after_return);
            let follows_return = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            if ends {
                frames.extend(self.end_line());
            } else if !follows_return {
                self.line.push(byte);
            }
        }
        frames
    }

    fn end_line(&mut self) -> Option<Frame> {
        let line = mem::take(&mut self.line);
        if line.is_empty() {
            return self.end_event();
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, rest) = line.split_at(colon.unwrap_or(line.len()));
        let text = rest.get(1..).unwrap_or_default();
        let text = text.strip_prefix(b" ").unwrap_or(text);
        match field {
            b"event" => self.event = String::from_utf8_lossy(text).into_owned(),
            b"data" => {
                self.data.extend_from_slice(text);
                self.data.push(b'\n');
            }
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<Frame> {
        let event = mem::take(&mut self.event);
        let mut data = mem::take(&mut self.data);
        data.pop()?;
        let event = if event.is_empty() {
            "message".into()
        } else {
            event
        };
        Some(Frame { event, data })
    }
}
