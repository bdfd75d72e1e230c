use std::time::{Duration, SystemTime};

use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("state"));
    store.open().unwrap();
    (folder, store)
}

fn file(path: &str, bytes: &[u8], executable: bool) -> ContentFile {
    ContentFile {
        path: path.into(),
        digest: FileDigest::of(bytes),
        size: bytes.len() as u64,
        executable,
    }
}

fn put(store: &Store, file: &ContentFile, bytes: &[u8]) {
    store.append(&file.digest, 0, bytes).unwrap();
    assert!(store.complete(file).unwrap());
}

fn name(text: &str) -> Name {
    Name::of(&ReleaseDigest(
        FileDigest::of(text.as_bytes()).as_str().into(),
    ))
    .unwrap()
}

#[test]
fn an_invalid_digest_names_no_folder() {
    for text in ["", "..", "/etc", "../../x", &"A".repeat(64)] {
        assert_eq!(Name::of(&ReleaseDigest(text.into())), None, "{text}");
    }
}

#[test]
fn releases_share_files_and_nobody_may_write_them() {
    let (_folder, store) = store();
    let program = file("bin/worker", b"program", true);
    put(&store, &program, b"program");
    for version in ["1", "2"] {
        let manifest = file("worker.toml", version.as_bytes(), false);
        put(&store, &manifest, version.as_bytes());
        // The same bytes once more, which cannot be executed.
        let data = file("data", b"program", false);
        let content = Content {
            files: vec![program.clone(), data, manifest],
        };
        store.assemble(&name(version), &content).unwrap();
    }
    let path = |version: &str, path: &str| store.release(&name(version)).join(path);
    let meta = |version, at| fs::metadata(path(version, at)).unwrap();
    assert_eq!(fs::read(path("1", "bin/worker")).unwrap(), b"program");
    assert_eq!(meta("1", "bin/worker").ino(), meta("2", "bin/worker").ino());
    assert_eq!(meta("1", "bin/worker").mode() & 0o777, 0o555);
    assert_eq!(meta("1", "data").mode() & 0o777, 0o444);
    assert_eq!(meta("2", "worker.toml").mode() & 0o777, 0o444);
    // What one release has goes with it, what both have stays.
    store.remove(&name("1")).unwrap();
    store.sweep().unwrap();
    assert!(store.has(&program).unwrap());
    assert!(!store.has(&file("worker.toml", b"1", false)).unwrap());
    assert!(store.has(&file("worker.toml", b"2", false)).unwrap());
    store.remove(&name("2")).unwrap();
    store.sweep().unwrap();
    assert!(!store.has(&program).unwrap());
}

#[test]
fn what_was_begun_continues_where_it_ended_and_what_is_wrong_goes() {
    let (_folder, store) = store();
    let whole = file("a", b"0123456789", false);
    store.append(&whole.digest, 0, b"01234").unwrap();
    let again = Store::new(store.root.clone());
    again.open().unwrap();
    assert_eq!(again.begun(&whole.digest).unwrap(), 5);
    assert!(!again.has(&whole).unwrap(), "it is not whole");
    again.append(&whole.digest, 5, b"56789").unwrap();
    assert!(again.complete(&whole).unwrap());
    assert!(again.has(&whole).unwrap());
    let lying = file("b", b"abc", false);
    store.append(&lying.digest, 0, b"abd").unwrap();
    assert!(!store.complete(&lying).unwrap());
    assert_eq!(store.begun(&lying.digest).unwrap(), 0);
    // Somebody has changed what is here.
    let path = store.file(&whole.digest);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&path, "0123456780").unwrap();
    assert!(!store.has(&whole).unwrap());
    assert!(!path.exists());
}

#[test]
fn a_release_is_there_as_a_whole_or_not_at_all() {
    let (_folder, store) = store();
    let manifest = file("worker.toml", b"1", false);
    put(&store, &manifest, b"1");
    let content = Content {
        files: vec![file("a", b"is not here", false), manifest],
    };
    assert!(store.assemble(&name("1"), &content).is_err());
    assert!(!store.release(&name("1")).exists());
    assert_eq!(fs::read_dir(store.new_ones()).unwrap().count(), 0);
    // As if it had been killed in the middle.
    fs::create_dir_all(store.new_ones().join("x/y")).unwrap();
    store.open().unwrap();
    assert_eq!(fs::read_dir(store.new_ones()).unwrap().count(), 0);
}

#[test]
fn those_that_were_used_last_come_last() {
    let (_folder, store) = store();
    let manifest = file("worker.toml", b"1", false);
    put(&store, &manifest, b"1");
    let content = Content {
        files: vec![manifest],
    };
    for (at, version) in ["1", "2", "3"].iter().enumerate() {
        store.assemble(&name(version), &content).unwrap();
        let folder = fs::File::open(store.release(&name(version))).unwrap();
        let age = Duration::from_secs(100 - at as u64);
        folder.set_modified(SystemTime::now() - age).unwrap();
    }
    store.touch(&name("2")).unwrap();
    let digest = |version| ReleaseDigest(name(version).0.as_str().into());
    assert_eq!(store.all().unwrap(), ["1", "3", "2"].map(digest));
}
