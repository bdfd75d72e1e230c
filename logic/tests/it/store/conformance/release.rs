//! Requirements on every store: releases and their files.

use std::collections::BTreeMap;

use utakata_api::rollout::KindAssignment;
use utakata_interconnect::message::content::MAX_PART;
use utakata_logic::{
    catalogue::Catalogue,
    store::{KindRow, PutRelease, ReleaseRow, Store},
};
use utakata_model::{Content, ContentFile, FileDigest, Manifest, ReleaseDigest, ReleaseId};

const MANIFEST: &str = "protocol = 1\n[run]\nprogram = \"run\"\n\
                        [[action]]\nname = \"read\"\nclass = \"observe\"\n";

/// The contents of a release's files, by path.
type Files = BTreeMap<&'static str, Vec<u8>>;

fn files(program: &[u8], version: &str) -> Files {
    let manifest = format!("kind = \"pdu\"\nversion = \"{version}\"\n{MANIFEST}");
    [
        ("empty", Vec::new()),
        ("run", program.to_vec()),
        ("same", program.to_vec()),
        ("worker.toml", manifest.into_bytes()),
    ]
    .into()
}

fn row(files: &Files) -> ReleaseRow {
    let file = |(path, bytes): (&&str, &Vec<u8>)| ContentFile {
        path: (*path).into(),
        digest: FileDigest::of(bytes),
        size: bytes.len() as u64,
        executable: *path == "run",
    };
    let content = Content {
        files: files.iter().map(file).collect(),
    };
    let text = std::str::from_utf8(&files["worker.toml"]).unwrap();
    let manifest = Manifest::parse(text).unwrap();
    ReleaseRow {
        id: ReleaseId {
            kind: manifest.kind.clone(),
            version: manifest.version.as_str().into(),
            digest: content.release_digest(&manifest.run),
        },
        manifest,
        content,
        pushed_by: "kim".parse().unwrap(),
        pushed_at: "2026-11-24T12:00:00.123456789Z".parse().unwrap(),
    }
}

async fn put_files(store: &dyn Store, files: &Files) {
    for bytes in files.values() {
        store.put_file(&FileDigest::of(bytes), bytes).await.unwrap();
    }
}

/// Reads part by part, to the end.
async fn read(store: &dyn Store, bytes: &[u8]) -> Vec<u8> {
    let digest = FileDigest::of(bytes);
    let mut read = Vec::new();
    for part in 0.. {
        match store.file_part(&digest, part).await.unwrap() {
            Some(bytes) if part == 0 || !bytes.is_empty() => read.extend(bytes),
            _ => break,
        }
    }
    read
}

/// A program of several parts, more than are written at once.
fn program(first: u8) -> Vec<u8> {
    let size = 9 * MAX_PART + 1234;
    (0..size).map(|at| first ^ (at % 251) as u8).collect()
}

/// A release exists when all of its files do, with the content that was written.
pub async fn a_release_is_there_with_all_of_its_files(store: &dyn Store) {
    let files = files(&program(1), "1.0");
    let first = row(&files);
    let digest = |path: &str| FileDigest::of(&files[path]);
    let missing = [digest("empty"), digest("run"), digest("worker.toml")];
    assert_eq!(
        store.missing_files(&first.content.files).await.unwrap(),
        missing
    );
    assert_eq!(
        store.put_release(&first).await.unwrap(),
        PutRelease::Missing(missing.to_vec())
    );
    assert_eq!(store.releases(None).await.unwrap(), []);
    put_files(store, &files).await;
    put_files(store, &files).await;
    assert_eq!(store.missing_files(&first.content.files).await.unwrap(), []);
    assert_eq!(store.put_release(&first).await.unwrap(), PutRelease::New);
    let found = store.release(&first.id.digest).await.unwrap();
    assert_eq!(found.as_ref(), Some(&first));
    for bytes in files.values() {
        assert!(read(store, bytes).await == *bytes);
    }
    // A file declared larger than its content counts as missing.
    let mut larger = first.content.files.clone();
    larger[1].size += 1;
    assert_eq!(store.missing_files(&larger).await.unwrap(), [digest("run")]);
}

/// A version has one content for good; properties outside the digest may change.
pub async fn a_version_is_one_release_for_good(store: &dyn Store) {
    let (one, other, next) = (
        files(b"one", "1.0"),
        files(b"other", "1.0"),
        files(b"one", "1.1"),
    );
    for files in [&one, &other, &next] {
        put_files(store, files).await;
    }
    let (first, taken) = (row(&one), row(&other));
    assert_eq!(store.put_release(&first).await.unwrap(), PutRelease::New);
    let refused = store.put_release(&taken).await.unwrap();
    assert_eq!(refused, PutRelease::Taken(first.id.clone()));
    assert_eq!(store.release(&taken.id.digest).await.unwrap(), None);
    let mut signed = one.clone();
    signed.insert("signatures.toml", b"signed".to_vec());
    put_files(store, &signed).await;
    let again = ReleaseRow {
        pushed_by: "ana".parse().unwrap(),
        ..row(&signed)
    };
    assert_eq!(again.id, first.id);
    assert_eq!(store.put_release(&again).await.unwrap(), PutRelease::Again);
    let found = store.release(&first.id.digest).await.unwrap().unwrap();
    assert_eq!(found.content, again.content);
    assert_eq!(found.pushed_by.as_str(), "kim");
    let second = row(&next);
    assert_eq!(store.put_release(&second).await.unwrap(), PutRelease::New);
    let kind = &first.id.kind;
    let listed = store.releases(Some(kind)).await.unwrap();
    assert_eq!(listed, store.releases(None).await.unwrap());
    assert_eq!(listed.len(), 2);
    let other = "ups".parse().unwrap();
    assert_eq!(store.releases(Some(&other)).await.unwrap(), []);
}

/// Deleting a release removes the files that no other release has, and no others.
pub async fn a_deleted_release_leaves_the_files_of_others(store: &dyn Store) {
    let (one, two) = (files(&program(1), "1.0"), files(&program(1), "1.1"));
    let (first, second) = (row(&one), row(&two));
    for (files, row) in [(&one, &first), (&two, &second)] {
        put_files(store, files).await;
        assert_eq!(store.put_release(row).await.unwrap(), PutRelease::New);
    }
    assert!(store.delete_release(&first.id.digest).await.unwrap());
    assert!(!store.delete_release(&first.id.digest).await.unwrap());
    assert_eq!(
        store.releases(None).await.unwrap(),
        std::slice::from_ref(&second)
    );
    assert_eq!(
        store.missing_files(&second.content.files).await.unwrap(),
        []
    );
    let missing = store.missing_files(&first.content.files).await.unwrap();
    assert_eq!(missing, [FileDigest::of(&one["worker.toml"])]);
    assert!(store.delete_release(&second.id.digest).await.unwrap());
    let missing = store.missing_files(&second.content.files).await.unwrap();
    assert_eq!(missing.len(), 3);
}

/// A release that an earlier version has stored gets the digest that it has by now, and so does
/// what was desired of it.
pub async fn f18_a_release_is_renamed_wherever_it_is_named(store: &dyn Store) {
    let files = files(b"one", "1.0");
    put_files(store, &files).await;
    let now = row(&files);
    let mut before = now.clone();
    before.id.digest = ReleaseDigest(FileDigest::of(b"before").as_str().into());
    assert_eq!(store.put_release(&before).await.unwrap(), PutRelease::New);
    let asked = |row: &ReleaseRow| KindRow {
        kind: row.id.kind.clone(),
        requested: KindAssignment {
            stable: Some(row.id.clone()),
            ..KindAssignment::default()
        },
    };
    store
        .put_rollout(7, Some(&asked(&before)), None)
        .await
        .unwrap();
    Catalogue::renew(store).await.unwrap();
    assert_eq!(
        store.releases(None).await.unwrap(),
        std::slice::from_ref(&now)
    );
    let desired = store.kinds_desired().await.unwrap();
    assert_eq!(desired.kinds, [asked(&now)]);
    assert!(store.orders().await.unwrap().revision > 7);
}
