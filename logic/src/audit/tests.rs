//! The chain of the audit trail.

use jiff::Timestamp;
use utakata_api::ledger::Attribution;
use utakata_model::{OperationId, TaskId};

use super::{AuditEntry, Trail, hash};
use crate::store::AuditPage;

fn note(trail: &mut Trail, by: &str) {
    let attribution = Attribution {
        by: by.into(),
        at: Timestamp::UNIX_EPOCH,
        why: None,
    };
    let entry = AuditEntry::Settled {
        task: TaskId::from_bytes([7; 16]),
        state: "failed",
        attribution: &attribution,
    };
    trail.note(Timestamp::UNIX_EPOCH, &entry);
}

fn page(trail: &mut Trail) -> AuditPage {
    trail.seal().unwrap().page().0
}

#[test]
fn each_page_covers_the_one_before() {
    let mut trail = Trail::default();
    assert!(trail.seal().is_none());
    note(&mut trail, "ann");
    let first = page(&mut trail);
    assert_eq!(first.page, 1);
    assert_eq!(first.hash, hash("", 1, &first.body));
    // What comes while it is written is for the next one.
    note(&mut trail, "bob");
    trail.turn(&first);
    let second = page(&mut trail);
    assert_eq!(second.page, 2);
    assert_eq!(second.hash, hash(&first.hash, 2, &second.body));
    let mut again = Trail::after(Some(first.clone()));
    note(&mut again, "bob");
    assert_eq!(page(&mut again), second);
    note(&mut again, "cat");
    assert_ne!(page(&mut again).hash, second.hash);
}

#[test]
fn a_page_that_was_not_written_is_written_with_the_next_one() {
    let mut trail = Trail::default();
    note(&mut trail, "ann");
    let (failed, spans) = trail.seal().unwrap().page();
    note(&mut trail, "bob");
    trail.reopen(failed, spans);
    let mut at_once = Trail::default();
    note(&mut at_once, "ann");
    note(&mut at_once, "bob");
    assert_eq!(page(&mut trail), page(&mut at_once));
}

#[test]
fn an_operation_that_was_not_written_leaves_no_line_on_any_page() {
    let [gone, stays] = [1, 2].map(|n| OperationId::from_bytes([n; 16]));
    let mut trail = Trail::default();
    let mut without = Trail::default();
    let note_of = |trail: &mut Trail, of: OperationId| {
        let unsettled = usize::from(of.as_bytes()[0]);
        trail.note_of(of, Timestamp::UNIX_EPOCH, &AuditEntry::Gap { unsettled });
    };
    for round in 0..3 {
        for trail in [&mut trail, &mut without] {
            note_of(trail, stays);
            note(trail, "ann");
        }
        note_of(&mut trail, gone);
        note_of(&mut trail, gone);
        if round < 2 {
            let (failed, spans) = trail.seal().unwrap().page();
            note_of(&mut trail, gone);
            trail.reopen(failed, spans);
        }
    }
    trail.forget(gone);
    trail.forget(gone);
    note_of(&mut trail, stays);
    note_of(&mut without, stays);
    trail.forget(OperationId::from_bytes([3; 16]));
    assert_eq!(page(&mut trail), page(&mut without));
}

#[test]
fn a_line_says_when_and_what() {
    let mut trail = Trail::default();
    note(&mut trail, "ann");
    let page = page(&mut trail);
    assert_eq!(
        page.body,
        "{\"at\":\"1970-01-01T00:00:00Z\",\"what\":\"task.settled\",\
         \"task\":\"07070707-0707-0707-0707-070707070707\",\"state\":\"failed\",\
         \"attribution\":{\"by\":\"ann\",\"at\":\"1970-01-01T00:00:00Z\"}}\n"
    );
}
