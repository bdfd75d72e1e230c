use utakata_model::{FileDigest, ReleaseDigest, manifest::limits::Memory};

use super::*;

const MANIFEST: &str = "kind = \"pdu\"\nversion = \"1.2\"\nprotocol = 1\n\
                        run = { program = \"worker.sh\" }\n\
                        [[action]]\nname = \"read\"\nclass = \"observe\"\n";

fn file(path: &str, bytes: &[u8], executable: bool) -> ContentFile {
    ContentFile {
        path: path.into(),
        digest: FileDigest::of(bytes),
        size: bytes.len() as u64,
        executable,
    }
}

fn content(manifest: &str) -> Content {
    let files = vec![
        file("worker.sh", b"#!/bin/sh", true),
        file("worker.toml", manifest.as_bytes(), false),
    ];
    Content { files }
}

fn wanted(manifest: &str) -> ReleaseId {
    let run = Manifest::parse(manifest).unwrap().run;
    ReleaseId {
        kind: "pdu".parse().unwrap(),
        version: "1.2".into(),
        digest: content(manifest).release_digest(&run),
    }
}

#[track_caller]
fn check(checked: Result<(), Problem>, expect: Option<(&str, &str)>) {
    match (checked, expect) {
        (Ok(()), None) => {}
        (Err(problem), Some((code, words))) => {
            assert_eq!(&*problem.code, code, "{problem}");
            assert!(problem.message.contains(words), "{problem}");
        }
        (checked, expect) => panic!("{checked:?} instead of {expect:?}"),
    }
}

#[test]
fn a_list_that_is_too_large_or_leads_elsewhere_is_refused_before_anything_is_fetched() {
    let limits = config::Content {
        max_file: Memory::mebibytes(2),
        max_release: Memory::mebibytes(3),
        ..config::Content::default()
    };
    let sized = |path: &str, size: u64| ContentFile {
        size,
        ..file(path, b"", false)
    };
    let manifest = || sized("worker.toml", 100);
    let mebibyte = 1 << 20;
    let many = (0..10_001).map(|n| sized(&format!("{n:05}"), 1)).collect();
    let deep = sized(&format!("{}b", "a/".repeat(16)), 1);
    for (files, expect) in [
        (vec![manifest()], None),
        (vec![sized("a", 2 * mebibyte), manifest()], None),
        (
            vec![sized("a", 2 * mebibyte + 1), manifest()],
            Some(("release-large", "max_file is 2MiB")),
        ),
        (
            vec![sized("a", u64::MAX), sized("b", u64::MAX), manifest()],
            Some(("release-large", "max_file")),
        ),
        (
            vec![
                sized("a", 2 * mebibyte),
                sized("b", 2 * mebibyte),
                manifest(),
            ],
            Some(("release-large", "max_release is 3MiB")),
        ),
        (many, Some(("release-large", "10001 files"))),
        (
            vec![deep, manifest()],
            Some(("release-large", "folders deeper")),
        ),
        (
            vec![sized("../a", 1), manifest()],
            Some(("release-content", "../a")),
        ),
        (
            vec![sized("a", 1), sized("a/b", 1), manifest()],
            Some(("release-content", "a is a file and a folder")),
        ),
        (
            vec![sized("a", 1)],
            Some(("release-content", "no worker.toml")),
        ),
        (
            vec![sized("worker.toml", 1 << 20 | 1)],
            Some(("release-large", "worker.toml of")),
        ),
    ] {
        check(list(&Content { files }, &limits), expect);
    }
}

#[test]
fn a_release_other_than_the_requested_one_is_refused() {
    let other = MANIFEST.replace("1.2", "1.3");
    let dotted = MANIFEST.replace("worker.sh", "other.sh");
    let id = wanted(MANIFEST);
    for (wanted, content, manifest, expect) in [
        (id.clone(), content(MANIFEST), MANIFEST, None),
        (
            id.clone(),
            content(&other),
            &*other,
            Some(("release-content", "make the digest")),
        ),
        (
            ReleaseId {
                version: "1.3".into(),
                ..id.clone()
            },
            content(MANIFEST),
            MANIFEST,
            Some(("release-content", "it is pdu@1.2")),
        ),
        (
            ReleaseId {
                kind: "ups".parse().unwrap(),
                ..id.clone()
            },
            content(MANIFEST),
            MANIFEST,
            Some(("release-content", "it is pdu@1.2")),
        ),
        (
            wanted(&dotted),
            content(&dotted),
            &*dotted,
            Some(("release-content", "lacks the executable \"other.sh\"")),
        ),
        (
            id.clone(),
            content(MANIFEST),
            "kind = 3",
            Some(("release-manifest", "kind")),
        ),
        (
            ReleaseId {
                digest: ReleaseDigest("0".repeat(64).into()),
                ..id
            },
            content(MANIFEST),
            MANIFEST,
            Some(("release-content", "make the digest")),
        ),
    ] {
        check(release(&wanted, &content, manifest.as_bytes()), expect);
    }
}
