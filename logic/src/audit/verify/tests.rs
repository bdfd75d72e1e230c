//! A trail as written is complete, even with a million tasks.

use super::*;
use crate::audit::Trail;

fn page(after: &AuditPage, body: &str) -> AuditPage {
    let page = after.page + 1;
    AuditPage {
        page,
        hash: hash(&after.hash, page, body),
        body: body.into(),
    }
}

fn none() -> AuditPage {
    AuditPage {
        page: 0,
        hash: String::new(),
        body: String::new(),
    }
}

fn check(pages: &[AuditPage], head: Option<&str>) -> Vec<String> {
    let mut check = Check::new(head);
    pages.iter().for_each(|page| check.page(page));
    let report = check.report();
    assert_eq!(report.whole, report.findings.is_empty());
    let told = |one: AuditFinding| format!("{}: {}", one.subject, one.message);
    report.findings.into_iter().map(told).collect()
}

fn chain(count: usize) -> Vec<AuditPage> {
    let mut pages: Vec<AuditPage> = Vec::new();
    for at in 0..count {
        let body = format!("{{\"at\":\"2026-11-24T00:00:00Z\",\"what\":\"test\",\"n\":{at}}}\n");
        let next = page(pages.last().unwrap_or(&none()), &body);
        pages.push(next);
    }
    pages
}

#[test]
fn an_unbroken_chain_is_whole_and_so_is_none() {
    assert_eq!(check(&[], None), Vec::<String>::new());
    let pages = chain(5);
    assert_eq!(check(&pages, None), Vec::<String>::new());
    // A head is good as long as its page is there, whatever came after it.
    for page in &pages {
        let upper = page.hash.to_uppercase();
        assert_eq!(check(&pages, Some(&upper)), Vec::<String>::new());
    }
    let mut trail = Trail::after(pages.last().cloned());
    let task = utakata_model::TaskId::generate();
    let attribution = utakata_api::ledger::Attribution {
        by: "ann".into(),
        at: jiff::Timestamp::UNIX_EPOCH,
        why: None,
    };
    let state = "failed";
    let entry = crate::audit::AuditEntry::Settled {
        task,
        state,
        attribution: &attribution,
    };
    trail.note(attribution.at, &entry);
    let pages = [pages, vec![trail.seal().unwrap().page().0]].concat();
    assert_eq!(check(&pages, None), Vec::<String>::new());
}

#[test]
fn every_edit_of_the_chain_is_found_once() {
    let whole = chain(6);
    let edit = |edit: fn(&mut Vec<AuditPage>)| {
        let mut pages = whole.clone();
        edit(&mut pages);
        check(&pages, None)
    };
    for (name, found, expect) in [
        (
            "a byte",
            edit(|pages| pages[2].body = pages[2].body.replace("test", "tesu")),
            "page 3: its hash",
        ),
        (
            "a hash",
            edit(|pages| pages[5].hash = pages[0].hash.clone()),
            "page 6: its hash",
        ),
        (
            "no page",
            edit(|pages| drop(pages.remove(2))),
            "page 4: page 3 is missing",
        ),
        (
            "no pages",
            edit(|pages| drop(pages.drain(1..4))),
            "page 5: the pages 2 to 4 are missing",
        ),
        (
            "no start",
            edit(|pages| drop(pages.remove(0))),
            "page 2: page 1 is missing",
        ),
        (
            "no JSON",
            edit(|pages| {
                let mut body = pages[4].body.clone();
                body.push_str("oops\n");
                pages[5] = page(&pages[4], &body);
            }),
            "page 6: line 2 cannot be read",
        ),
    ] {
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert!(found[0].starts_with(expect), "{name}: {found:?}");
    }
    for pages in [
        edit(|pages| {
            pages.swap(1, 2);
            (pages[1].page, pages[2].page) = (2, 3);
        }),
        edit(|pages| {
            let copy = pages[1].clone();
            pages.insert(2, copy);
            for (at, page) in pages.iter_mut().enumerate() {
                page.page = at as u64 + 1;
            }
        }),
    ] {
        assert!(!pages.is_empty());
    }
}

#[test]
fn a_missing_end_is_revealed_by_a_head_that_was_noted() {
    let mut pages = chain(6);
    let head = pages[5].hash.clone();
    pages.truncate(5);
    assert_eq!(check(&pages, None), Vec::<String>::new());
    let found = check(&pages, Some(&head));
    assert!(found[0].contains("rewritten since"), "{found:?}");
}

#[test]
fn of_a_thousand_findings_a_hundred_are_reported() {
    let mut check = Check::new(None);
    let mut pages = chain(1000);
    pages.iter_mut().for_each(|page| page.hash.truncate(10));
    pages.iter().for_each(|page| check.page(page));
    let report = check.report();
    assert_eq!((report.found, report.findings.len()), (1000, 100));
    assert!(!report.whole);
}
