//! The audit trail: append-only, and chained by hashes, so that any edit shows.
//!
//! What was written to the ledger together is one page: one JSON object a line, each with `at`
//! and `what`. The hash of a page is SHA-256 of the hash before it (hexadecimal, empty for the
//! first), its number in decimal, and its lines, with a line feed after each of the three. Who
//! changes, removes, adds or moves a line, must change every hash after it: compare the last
//! one with a copy that was kept elsewhere (`utakata audit verify --head`).

mod entry;
pub mod verify;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use entry::Entry;

use crate::store::AuditPage;

/// The end of the trail, to which pages are added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    page: u64,
    hash: String,
    lines: String,
}

impl Trail {
    /// Goes on after the last page.
    pub fn after(head: Option<AuditPage>) -> Self {
        head.map_or_else(Self::default, |head| Self {
            page: head.page,
            hash: head.hash,
            lines: String::new(),
        })
    }

    /// Adds a line to the page that is being filled.
    pub fn note(&mut self, at: Timestamp, entry: &Entry<'_>) {
        entry::write(&mut self.lines, at, entry);
    }

    /// How far the page that is being filled is.
    pub fn mark(&self) -> usize {
        self.lines.len()
    }

    /// Takes back what was noted since that mark.
    pub fn cut(&mut self, mark: usize) {
        self.lines.truncate(mark);
    }

    /// The page that is being filled, if there is anything on it. It stays until it is
    /// [`Trail::turn`]ed.
    pub fn page(&self) -> Option<AuditPage> {
        if self.lines.is_empty() {
            return None;
        }
        let page = self.page + 1;
        Some(AuditPage {
            page,
            hash: hash(&self.hash, page, &self.lines),
            body: self.lines.clone(),
        })
    }

    /// That page was written: the next one begins.
    pub fn turn(&mut self, written: &AuditPage) {
        self.page = written.page;
        self.hash.clone_from(&written.hash);
        self.lines.clear();
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
