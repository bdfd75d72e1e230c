//! Documents for `apply`: YAML, and tables of targets.

use std::path::Path;

use utakata_documents::{Item, csv, parse, write};

/// Parses a text as documents and as a table. Valid ones are written and read back.
pub fn documents(data: &[u8]) {
    let Some(text) = super::text(data) else {
        return;
    };
    // A folder that does not exist: secrets may name files.
    let folder = Path::new("/nowhere");
    match parse("a.yaml", text, folder) {
        Ok(items) => again(items, text),
        Err(mistakes) => assert!(!mistakes.is_empty(), "refused without a mistake: {text:?}"),
    }
    if let Ok(items) = csv::parse("a.csv", text) {
        again(items, text);
    }
}

fn again(items: Vec<Item>, text: &str) {
    // Credentials are never written with their values.
    let documents = items.into_iter().filter_map(|item| match item {
        Item::Document(document) if !document.subject().starts_with("credential ") => {
            Some(document)
        }
        _ => None,
    });
    let documents: Vec<_> = documents.collect();
    let Ok(written) = write::yaml(&documents) else {
        panic!("cannot be written: {text:?}");
    };
    match parse("b.yaml", &written, Path::new("/nowhere")) {
        Ok(read) => {
            let documents: Vec<_> = documents.into_iter().map(Item::Document).collect();
            assert_eq!(read, documents, "{text:?} is written as {written}");
        }
        Err(mistakes) => panic!("{text:?} is written as {written}: {mistakes:?}"),
    }
}
