//! Verification of the trail: that it is complete, and agrees with the ledger. Pure except for
//! [`verify`], which only reads from the store.
//!
//! The pages come first, in order: their numbers, hashes and lines. The contents of the lines about
//! each operation, task and lock are kept, in about a hundred bytes each. Then the rows of the
//! ledger follow, and each is compared and crossed off. Anything left over has no row.

mod line;
mod stand;

use std::collections::BTreeMap;

use utakata_api::audit::{AuditFinding, AuditHead, AuditReport};
use utakata_seal::SignedHead;

use self::{
    line::TrailLine,
    stand::{Operations, Tasks, matches},
};
use super::hash;
use crate::store::{AuditPage, Error, Snapshot, WrittenLock, WrittenOperation, WrittenTask};

/// The largest number of findings in a report.
const MAX_TOLD: usize = 100;

/// Verifies everything that was written up to one moment. A head that was kept elsewhere must be
/// the hash of some page: otherwise the trail was rewritten, or its end is missing.
///
/// # Errors
/// The store cannot be read.
pub async fn verify(snapshot: &mut dyn Snapshot, head: Option<&str>) -> Result<AuditReport, Error> {
    run(snapshot, Check::new(head)).await
}

/// The same, and that every page whose head was published or seen is there as it was.
///
/// # Errors
/// The store cannot be read.
pub async fn verify_published(
    snapshot: &mut dyn Snapshot,
    head: Option<&str>,
    heads: &[SignedHead],
) -> Result<AuditReport, Error> {
    run(snapshot, Check::new(head).with_published(heads)).await
}

async fn run(snapshot: &mut dyn Snapshot, mut check: Check) -> Result<AuditReport, Error> {
    snapshot.each_page(&mut |page| check.page(&page)).await?;
    snapshot.each_task(&mut |row| check.task(&row)).await?;
    let operations = &mut |row| check.operation(&row);
    snapshot.each_operation(operations).await?;
    snapshot.each_lock(&mut |row| check.lock(&row)).await?;
    Ok(check.report())
}

/// A verification in progress: pages, then tasks, then operations, then locks.
#[derive(Debug, Default)]
pub struct Check {
    /// The head that was kept elsewhere, until it is found.
    noted: Option<String>,
    /// The hashes of pages that were published, by page, until they are found.
    published: BTreeMap<u64, String>,
    last: Last,
    lines: u64,
    tasks: Tasks,
    operations: Operations,
    /// The locks according to the trail, as JSON.
    locks: BTreeMap<String, String>,
    counts: Counts,
    findings: Findings,
}

/// The previous page.
#[derive(Debug, Default)]
struct Last {
    page: u64,
    hash: String,
    count: u64,
}

#[derive(Debug, Default)]
struct Counts {
    operations: u64,
    tasks: u64,
    older: u64,
}

#[derive(Debug, Default)]
struct Findings {
    count: u64,
    told: Vec<AuditFinding>,
}

impl Findings {
    fn add(&mut self, subject: impl Into<String>, message: impl Into<String>) {
        self.count += 1;
        if self.told.len() < MAX_TOLD {
            self.told.push(AuditFinding {
                subject: subject.into(),
                message: message.into(),
            });
        }
    }
}

impl Check {
    /// Starts a verification.
    pub fn new(head: Option<&str>) -> Self {
        Self {
            noted: head.map(|head| head.trim().to_ascii_lowercase()),
            ..Self::default()
        }
    }

    /// Compares with heads that were published, too.
    #[must_use]
    pub fn with_published(mut self, heads: &[SignedHead]) -> Self {
        for head in heads {
            let hash = head.hash.to_ascii_lowercase();
            let before = self.published.insert(head.page, hash);
            if before.is_some_and(|before| !before.eq_ignore_ascii_case(&head.hash)) {
                let message = "two different pages of this number were published: the trail was \
                               rewritten, or replaced by an older copy, between them";
                self.findings.add(format!("page {}", head.page), message);
            }
        }
        self
    }

    /// Verifies the next page.
    pub fn page(&mut self, page: &AuditPage) {
        let subject = format!("page {}", page.page);
        let expect = self.last.page + 1;
        if page.page == expect {
            if hash(&self.last.hash, page.page, &page.body) != page.hash {
                let message = "its hash does not match its lines and the page before: it, its \
                               hash or the page before was changed";
                self.findings.add(&subject, message);
            }
        } else {
            let missing = match page.page.saturating_sub(1) {
                last if last == expect => format!("page {expect} is missing"),
                last if last > expect => format!("the pages {expect} to {last} are missing"),
                _ => "its number cannot be".into(),
            };
            self.findings.add(&subject, missing);
        }
        if self.noted.as_ref() == Some(&page.hash) {
            self.noted = None;
        }
        let published = self.published.remove(&page.page);
        if published.is_some_and(|hash| hash != page.hash) {
            let message =
                "another page of this number was published: the trail was rewritten since";
            self.findings.add(&subject, message);
        }
        // The next page is compared with what is written here, so that one edit is one finding.
        self.last = Last {
            page: page.page,
            hash: page.hash.clone(),
            count: self.last.count + 1,
        };
        for (at, text) in page.body.lines().enumerate() {
            self.lines += 1;
            match line::parse(text) {
                Ok(line) => self.line(line),
                Err(error) => {
                    let message = format!("line {} cannot be read: {error}", at + 1);
                    self.findings.add(&subject, message);
                }
            }
        }
    }

    fn line(&mut self, line: TrailLine) {
        match line {
            TrailLine::Requested(operation) => self.operations.requested(&operation),
            TrailLine::Changed(id, state) => self.operations.changed(id, state),
            TrailLine::Planned(task) => {
                let operation = self.operations.has_task(task.operation);
                self.tasks.planned(&task, operation);
            }
            TrailLine::State(id, standing) => {
                if let Some(operation) = self.tasks.stands(id, standing) {
                    self.operations.has_ended(operation);
                }
            }
            TrailLine::Locked(target, lock) => drop(self.locks.insert(target, lock)),
            TrailLine::Unlocked(target) => drop(self.locks.remove(&target)),
            TrailLine::Other => {}
        }
    }

    /// Compares the row of a task.
    pub fn task(&mut self, row: &WrittenTask) {
        self.counts.tasks += 1;
        match self.tasks.cross_off(row) {
            Ok(stand::RowFinding::Same) => {}
            Ok(stand::RowFinding::Older) => self.counts.older += 1,
            Err(message) => self.findings.add(format!("task {}", row.id), message),
        }
    }

    /// Compares the row of an operation.
    pub fn operation(&mut self, row: &WrittenOperation) {
        self.counts.operations += 1;
        match self.operations.cross_off(row) {
            Ok(stand::RowFinding::Same) => {}
            Ok(stand::RowFinding::Older) => self.counts.older += 1,
            Err(message) => self.findings.add(format!("operation {}", row.id), message),
        }
    }

    /// Compares the row of a lock.
    pub fn lock(&mut self, row: &WrittenLock) {
        let told = self.locks.remove(&row.target);
        let subject = || format!("target {}", row.target);
        match told {
            None => self
                .findings
                .add(subject(), "it is locked, and the trail does not say so"),
            Some(lock) if !matches(&lock, &row.body) => self
                .findings
                .add(subject(), "its lock differs from the one in the trail"),
            Some(_) => {}
        }
    }

    /// Returns the findings, once everything was compared.
    pub fn report(mut self) -> AuditReport {
        for id in self.tasks.left() {
            let message = "it is in the trail and not in the ledger";
            self.findings.add(format!("task {id}"), message);
        }
        for id in self.operations.left() {
            let message = "it is in the trail and not in the ledger";
            self.findings.add(format!("operation {id}"), message);
        }
        for target in self.locks.into_keys() {
            let message = "it is locked in the trail, but not in the ledger";
            self.findings.add(format!("target {target}"), message);
        }
        if let Some(noted) = self.noted {
            let message = format!(
                "no page has the hash {noted}: the trail was rewritten since that was noted, \
                 or its end is gone"
            );
            self.findings.add("head", message);
        }
        for page in self.published.into_keys() {
            let message = "it was published and is missing: the end of the trail is gone, or the \
                           store was emptied or replaced by an older copy";
            self.findings.add(format!("page {page}"), message);
        }
        AuditReport {
            whole: self.findings.count == 0,
            pages: self.last.count,
            lines: self.lines,
            operations: self.counts.operations,
            tasks: self.counts.tasks,
            older: self.counts.older,
            head: AuditHead {
                page: self.last.page,
                hash: self.last.hash,
                signed: None,
            },
            found: self.findings.count,
            findings: self.findings.told,
        }
    }
}

#[cfg(test)]
mod tests;
