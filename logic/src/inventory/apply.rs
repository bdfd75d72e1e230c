//! Apply: documents compared with the inventory and then applied, completely or not at all.

use std::sync::Arc;

use utakata_api::{
    apply::{Applied, Change as DocumentChange, Document, Named, Verdict},
    problem::Detail,
};

use super::{
    Error, Inventory, alike, check, delete, difference, floor, index::Index, relation, smart,
};
use crate::store::Change;

/// The number of documents up to which they are compared on this thread.
const FEW: usize = 100;

impl Inventory {
    /// Applies documents, or only reports what would change.
    ///
    /// # Errors
    /// Documents have mistakes (all of them), or the store failed. Nothing was changed.
    pub async fn apply(
        self: &Arc<Self>,
        documents: Vec<Document>,
        dry_run: bool,
    ) -> Result<Applied, Error> {
        self.apply_and_delete(documents, Vec::new(), dry_run).await
    }

    /// Applies documents and deletes other things in one step.
    ///
    /// # Errors
    /// Documents have mistakes, a thing to delete is still used, or the store failed. Nothing was
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
            // This takes long, so it does not run on a thread that others wait for.
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
            let differs = |told: &DocumentChange| told.verdict != Verdict::Unchanged;
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
        let circles = relation::check(documents, &delete, &index);
        findings.errors.extend(circles);
        let fights = smart::check(documents, &delete, &index);
        findings.errors.extend(fights);
        let floors = floor::check(documents, &delete, &index);
        findings.errors.extend(floors.errors);
        findings.warnings.extend(floors.warnings);
        let alike = alike::check(documents, &delete, &index);
        findings.warnings.extend(alike);
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

/// Documents beside the present inventory.
struct Compared {
    /// One entry for each document, in order.
    told: Vec<DocumentChange>,
    /// One entry for each deletion.
    gone: Vec<DocumentChange>,
    deletes: Vec<Change>,
    warnings: Vec<Detail>,
}

/// Reports a mistake of ours where it is seen.
fn unchecked() -> Detail {
    Detail {
        subject: "the documents".into(),
        message: "they could not be checked, by a mistake in utakata: see its log".into(),
    }
}

fn compare(after: &Document, index: &Index) -> DocumentChange {
    let subject = after.subject();
    let Some(before) = there(after, index) else {
        return DocumentChange {
            subject,
            verdict: Verdict::Created,
            differences: Vec::new(),
        };
    };
    if before == *after {
        return DocumentChange {
            subject,
            verdict: Verdict::Unchanged,
            differences: Vec::new(),
        };
    }
    DocumentChange {
        subject,
        verdict: Verdict::Changed,
        differences: difference::between(&before, after),
    }
}

/// Finds the existing document of the same type and name.
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
        Document::Relation(relation) => index
            .relations
            .get(&relation.key())
            .map(|found| Document::Relation(found.as_ref().clone())),
        Document::Alarm(rule) => index
            .alarm_rules
            .get(&rule.name)
            .map(|found| Document::Alarm(Box::new(found.as_ref().clone()))),
        Document::Envelope(envelope) => index
            .envelopes
            .get(&envelope.name)
            .map(|found| Document::Envelope(Box::new(found.as_ref().clone()))),
        Document::Policy(policy) => index
            .policies
            .get(&policy.name)
            .map(|found| Document::Policy(Box::new(found.as_ref().clone()))),
        Document::Floor(floor) => index
            .floors
            .get(&floor.name)
            .map(|found| Document::Floor(Box::new(found.as_ref().clone()))),
        Document::Credential(credential) => index
            .credential(&credential.name)
            .ok()
            .map(|found| Document::Credential(found.as_ref().clone())),
    }
}
