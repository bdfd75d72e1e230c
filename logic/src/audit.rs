//! The audit trail: append-only, and chained by hashes, so that any edit shows.
//!
//! Lines that were written to the ledger together form a page: one JSON object per line, each with
//! `at` and `what`. The hash of a page is SHA-256 of the previous hash (hexadecimal, empty for the
//! first page), the page number in decimal, and the lines, with a line feed after each of the
//! three. To change, remove, add or move a line, one has to change every hash after it, which shows
//! when the last one is compared with a copy kept elsewhere (`utakata audit verify --head`).

mod entry;
pub mod seen;
pub mod verify;
mod view;

use std::ops::Range;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use utakata_model::OperationId;

pub use entry::{
    AlarmAct, AuditEntry, DistrustedMessage, LoginNote, PolicyNote, RefusedLogin, RefusedRequest,
    RotationNote, SiteChange, SiteNote,
};

use crate::store::AuditPage;

/// The largest capacity that is kept for the next page, in bytes.
const MAX_ROOM: usize = 1 << 20;
/// The approximate length of a line, in bytes.
const LINE: usize = 200;

/// The end of the trail, to which pages are added.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    page: u64,
    hash: String,
    lines: Lines,
}

/// Lines that are not written yet, and the operations to which they belong.
#[derive(Debug, Clone, Default)]
struct Lines {
    text: String,
    spans: Spans,
}

/// The positions of the lines about each operation, in bytes, in order.
pub type Spans = Vec<(OperationId, Range<usize>)>;

/// The lines of one page, and the end of the trail that they follow.
#[derive(Debug, Clone)]
pub struct Sealed {
    page: u64,
    before: String,
    lines: Lines,
}

impl Trail {
    /// Creates a trail that continues after the last page.
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

    /// Removes all lines about an operation that was never written.
    pub fn forget(&mut self, operation: OperationId) {
        self.lines.forget(operation);
    }

    /// Closes the page being filled, if there is anything on it: later lines go to the next one.
    /// The end of the trail stays where it was until the page is written ([`Trail::turn`]) or fails
    /// ([`Trail::reopen`]).
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

    /// Moves the end of the trail to a page that was written.
    pub fn turn(&mut self, written: &AuditPage) {
        self.page = written.page;
        self.hash.clone_from(&written.hash);
    }

    /// Puts the lines of a page that was not written before those added since.
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
    /// Returns the page with its hash, and the positions of its lines, in case it cannot be
    /// written.
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

    /// Removes the lines about an operation.
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

/// Returns the hash of a page.
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
