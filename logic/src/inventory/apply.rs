//! Apply: what shall be, compared with what is, then made so; all of it or nothing.

use std::sync::Arc;

use utakata_api::{
    apply::{Applied, Change as Told, Document, Named, Verdict},
    problem::Detail,
};

use super::{Error, Inventory, check, delete, difference, index::Index};
use crate::store::Change;

/// The most documents that are looked at at once.
const FEW: usize = 100;

impl Inventory {
    /// Makes what is as the documents say, or only tells what would change.
    ///
    /// # Errors
    /// Documents are wrong (every one that is), or the store failed. Nothing was changed.
    pub async fn apply(
        self: &Arc<Self>,
        documents: Vec<Document>,
        dry_run: bool,
    ) -> Result<Applied, Error> {
        self.apply_and_delete(documents, Vec::new(), dry_run).await
    }

    /// The same, and lets other things go in the same stroke.
    ///
    /// # Errors
    /// Documents are wrong, what is to go is still used, or the store failed. Nothing was
    /// changed.
    pub async fn apply_and_delete(
        self: &Arc<Self>,
        documents: Vec<Document>,
        delete: Vec<Named>,
        dry_run: bool,
    ) -> Result<Applied, Error> {
        let _alone = self.changing.lock().await;
        let (documents, compared) = if documents.len() + delete.len() <= FEW {
            let compared = self.compare(&documents, delete);
            (documents, compared)
        } else {
            // It takes long: not on a thread that others wait for.
            let inventory = Arc::clone(self);
            let comparing = tokio::task::spawn_blocking(move || {
                let compared = inventory.compare(&documents, delete);
                (documents, compared)
            });
            comparing.await.map_err(|_| Error::Documents {
                problems: vec![unchecked()],
            })?
        };
        let Compared {
            mut told,
            gone,
            deletes,
            warnings,
        } = compared?;
        if !dry_run {
            let differs = |told: &Told| told.verdict != Verdict::Unchanged;
            let pairs = documents.into_iter().zip(&told);
            let changes = pairs.filter(|(_, told)| differs(told));
            let puts = changes.map(|(document, _)| Change::Put(document));
            self.commit(puts.chain(deletes).collect()).await?;
        }
        told.extend(gone);
        Ok(Applied {
            dry_run,
            changes: told,
            warnings,
        })
    }

    /// Compares documents with the inventory.
    fn compare(&self, documents: &[Document], delete: Vec<Named>) -> Result<Compared, Error> {
        let index = self.index.read();
        let mut findings = check::check(documents, &index, &self.kinds.served());
        let undeletable = delete::check(&delete, documents, &index);
        findings.errors.extend(undeletable);
        if !findings.errors.is_empty() {
            return Err(Error::Documents {
                problems: findings.errors,
            });
        }
        Ok(Compared {
            told: documents.iter().map(|one| compare(one, &index)).collect(),
            gone: delete::told(&delete, &index),
            deletes: delete::changes(delete, &index),
            warnings: findings.warnings,
        })
    }
}

/// Documents beside what there is.
struct Compared {
    /// One for each document, in their order.
    told: Vec<Told>,
    /// One for each thing that is to go.
    gone: Vec<Told>,
    deletes: Vec<Change>,
    warnings: Vec<Detail>,
}

/// A mistake of ours, told where it is seen.
fn unchecked() -> Detail {
    Detail {
        subject: "the documents".into(),
        message: "they could not be checked, by a mistake in utakata: see its log".into(),
    }
}

fn compare(after: &Document, index: &Index) -> Told {
    let subject = after.subject();
    let Some(before) = there(after, index) else {
        return Told {
            subject,
            verdict: Verdict::Created,
            differences: Vec::new(),
        };
    };
    if before == *after {
        return Told {
            subject,
            verdict: Verdict::Unchanged,
            differences: Vec::new(),
        };
    }
    Told {
        subject,
        verdict: Verdict::Changed,
        differences: difference::between(&before, after),
    }
}

/// Finds the document that has the type and name of another one now.
fn there(document: &Document, index: &Index) -> Option<Document> {
    match document {
        Document::Target(target) => index
            .targets
            .get(&target.name)
            .map(|known| Document::Target(known.target.as_ref().clone())),
        Document::Schedule(schedule) => index
            .schedules
            .get(&schedule.name)
            .map(|found| Document::Schedule(found.as_ref().clone())),
        Document::Credential(credential) => index
            .credentials
            .get(&credential.name)
            .map(|found| Document::Credential(found.as_ref().clone())),
    }
}
