//! The audit trail: append-only, and chained by hashes, so that any edit shows.
//!
//! What was written to the ledger together is one page: one JSON object a line, each with `at`
//! and `what`. The hash of a page is SHA-256 of the hash before it (hexadecimal, empty for the
//! first), its number in decimal, and its lines, with a line feed after each of the three. Who
//! changes, removes, adds or moves a line, must change every hash after it: compare the last
//! one with a copy that was kept elsewhere (`utakata audit verify --head`).

mod entry;
pub mod verify;
mod view;

use std::ops::Range;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use utakata_model::OperationId;

pub use entry::AuditEntry;

use crate::store::AuditPage;

/// The most bytes that are kept ready for a page.
const MAX_ROOM: usize = 1 << 20;
/// About as many bytes has a line.
const LINE: usize = 200;

/// The end of the trail, to which pages are added.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    page: u64,
    hash: String,
    lines: Lines,
}

/// Lines that are not written yet, and which of them tell of an operation and its tasks.
#[derive(Debug, Clone, Default)]
struct Lines {
    text: String,
    spans: Spans,
}

/// The bytes of the lines that tell of an operation, in their order.
pub type Spans = Vec<(OperationId, Range<usize>)>;

/// The lines of one page and the end of the trail that they go after.
#[derive(Debug, Clone)]
pub struct Sealed {
    page: u64,
    before: String,
    lines: Lines,
}

impl Trail {
    /// Goes on after the last page.
    pub fn after(head: Option<AuditPage>) -> Self {
        head.map_or_else(Self::default, |head| Self {
            page: head.page,
            hash: head.hash,
            lines: Lines::default(),
        })
    }

    /// Adds a line to the page that is being filled.
    pub fn note(&mut self, at: Timestamp, entry: &AuditEntry<'_>) {
        entry::write(&mut self.lines.text, at, entry);
    }

    /// Adds a line about an operation or one of its tasks.
    pub fn note_of(&mut self, operation: OperationId, at: Timestamp, entry: &AuditEntry<'_>) {
        let from = self.lines.text.len();
        self.note(at, entry);
        let span = from..self.lines.text.len();
        self.lines.spans.push((operation, span));
    }

    /// Takes back all lines about an operation that was never written.
    pub fn forget(&mut self, operation: OperationId) {
        self.lines.forget(operation);
    }

    /// The page that was being filled, if there is anything on it: what is noted from now on is
    /// for the next one. The trail still ends where it did, until the page is written
    /// ([`Trail::turn`]) or was not ([`Trail::reopen`]).
    pub fn seal(&mut self) -> Option<Sealed> {
        if self.lines.text.is_empty() {
            return None;
        }
        // The next one is about as long.
        let room = self.lines.text.len().min(MAX_ROOM);
        let next = Lines {
            text: String::with_capacity(room),
            spans: Vec::with_capacity(room / LINE),
        };
        Some(Sealed {
            page: self.page + 1,
            before: self.hash.clone(),
            lines: std::mem::replace(&mut self.lines, next),
        })
    }

    /// A page was written: the trail ends with it.
    pub fn turn(&mut self, written: &AuditPage) {
        self.page = written.page;
        self.hash.clone_from(&written.hash);
    }

    /// A page was not written: its lines go before those that were noted since.
    pub fn reopen(&mut self, page: AuditPage, spans: Spans) {
        let since = std::mem::take(&mut self.lines);
        self.lines = Lines {
            text: page.body,
            spans,
        };
        self.lines.append(since);
    }
}

impl Sealed {
    /// The page, with its hash, and what its lines tell of, in case that it cannot be written.
    pub fn page(self) -> (AuditPage, Spans) {
        let page = AuditPage {
            page: self.page,
            hash: hash(&self.before, self.page, &self.lines.text),
            body: self.lines.text,
        };
        (page, self.lines.spans)
    }
}

impl Lines {
    fn append(&mut self, after: Self) {
        let offset = self.text.len();
        self.text.push_str(&after.text);
        let moved = after.spans.into_iter();
        let moved = moved.map(|(of, span)| (of, span.start + offset..span.end + offset));
        self.spans.extend(moved);
    }

    /// Takes out what tells of an operation.
    fn forget(&mut self, operation: OperationId) {
        if self.spans.iter().all(|(of, _)| *of != operation) {
            return;
        }
        let before = std::mem::take(self);
        let mut from = 0;
        for (of, span) in before.spans {
            self.text.push_str(&before.text[from..span.start]);
            from = span.end;
            if of != operation {
                let start = self.text.len();
                self.text.push_str(&before.text[span]);
                self.spans.push((of, start..self.text.len()));
            }
        }
        self.text.push_str(&before.text[from..]);
    }
}

/// The hash of a page.
fn hash(before: &str, page: u64, body: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{before}\n{page}\n"));
    hasher.update(body);
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests;
