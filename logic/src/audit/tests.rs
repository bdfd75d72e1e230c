//! The chain of the audit trail.

use jiff::Timestamp;
use utakata_api::ledger::Said;
use utakata_model::TaskId;

use super::{Entry, Trail, hash};

fn note(trail: &mut Trail, by: &str) {
    let said = Said {
        by: by.into(),
        at: Timestamp::UNIX_EPOCH,
        why: None,
    };
    let entry = Entry::Settled {
        task: TaskId::from_bytes([7; 16]),
        state: "failed",
        said: &said,
    };
    trail.note(Timestamp::UNIX_EPOCH, &entry);
}

#[test]
fn each_page_covers_the_one_before() {
    let mut trail = Trail::default();
    assert_eq!(trail.page(), None);
    note(&mut trail, "ann");
    let first = trail.page().unwrap();
    assert_eq!(first.page, 1);
    assert_eq!(first.hash, hash("", 1, &first.body));
    trail.turn(&first);
    note(&mut trail, "bob");
    let second = trail.page().unwrap();
    assert_eq!(second.hash, hash(&first.hash, 2, &second.body));
    let again = Trail::after(Some(first.clone()));
    let mut again = again;
    note(&mut again, "bob");
    assert_eq!(again.page().unwrap(), second);
    note(&mut again, "cat");
    assert_ne!(again.page().unwrap().hash, second.hash);
}

#[test]
fn what_was_not_written_can_be_taken_back() {
    let mut trail = Trail::default();
    note(&mut trail, "ann");
    let one = trail.page();
    let mark = trail.mark();
    note(&mut trail, "bob");
    trail.cut(mark);
    assert_eq!(trail.page(), one);
}

#[test]
fn a_line_says_when_and_what() {
    let mut trail = Trail::default();
    note(&mut trail, "ann");
    let page = trail.page().unwrap();
    assert_eq!(
        page.body,
        "{\"at\":\"1970-01-01T00:00:00Z\",\"what\":\"task.settled\",\
         \"task\":\"07070707-0707-0707-0707-070707070707\",\"state\":\"failed\",\
         \"said\":{\"by\":\"ann\",\"at\":\"1970-01-01T00:00:00Z\"}}\n"
    );
}
