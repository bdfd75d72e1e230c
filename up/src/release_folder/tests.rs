//! Folders that are releases, and folders that are none.

use std::{fs, os::unix::fs::symlink};

use super::*;

const MANIFEST: &str = "kind = \"a\"\nversion = \"1\"\nprotocol = 1\n[run]\nprogram = \"PROGRAM\"\n\
                        [[action]]\nname = \"read\"\nclass = \"observe\"\n";

/// A folder with a manifest that runs this program.
fn release(program: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = MANIFEST.replace("PROGRAM", program);
    fs::write(folder.path().join("worker.toml"), text).unwrap();
    folder
}

fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[track_caller]
fn refused(folder: &Path, words: &str) -> anyhow::Error {
    let error = ReleaseFolder::read(folder).unwrap_err();
    assert!(format!("{error:#}").contains(words), "{error:#}");
    error
}

#[test]
fn the_files_of_a_folder_are_in_order_and_links_are_followed() {
    let folder = release("run/it");
    let at = |path: &str| folder.path().join(path);
    executable(&at("run/it"), "#!/bin/sh");
    fs::write(at("run.d"), "later than run/it").unwrap();
    symlink("run/it", at("link")).unwrap();
    symlink("run", at("folder")).unwrap();
    symlink("nowhere", at("broken")).unwrap();
    let read = ReleaseFolder::read(folder.path()).unwrap();
    let found: Vec<_> = read
        .files()
        .map(|(file, _)| (file.path.as_str(), file.executable))
        .collect();
    let expect = [
        ("link", true),
        ("run/it", true),
        ("run.d", false),
        ("worker.toml", false),
    ];
    assert_eq!(found, expect);
    let files = &read.content.files;
    assert_eq!(files[0].digest, files[1].digest);
    assert_eq!(files[1].digest, FileDigest::of(b"#!/bin/sh"));
    assert_eq!(
        read.digest(),
        read.content.release_digest(&read.manifest.run)
    );
}

#[test]
fn f19_a_link_that_leaves_the_folder_is_refused_by_its_name() {
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = elsewhere.path().join("secret");
    fs::write(&secret, "of the pusher").unwrap();
    let folder = release("run");
    executable(&folder.path().join("run"), "#!/bin/sh");
    fs::create_dir(folder.path().join("lib")).unwrap();
    let link = folder.path().join("lib/notes.txt");
    // Also by way of another link, and by a path that begins within the folder.
    symlink(&secret, folder.path().join("lib/there")).unwrap();
    for target in [secret.as_path(), Path::new("there")] {
        symlink(target, &link).unwrap();
        let error = format!("{:#}", refused(folder.path(), "outside the folder"));
        assert!(error.contains("lib/"), "{error}");
        fs::remove_file(&link).unwrap();
    }
    fs::remove_file(folder.path().join("lib/there")).unwrap();
    // A folder that is itself reached by a link is one all the same.
    let by_link = elsewhere.path().join("release");
    symlink(folder.path(), &by_link).unwrap();
    symlink("../run", &link).unwrap();
    let read = ReleaseFolder::read(&by_link).unwrap();
    assert_eq!(read.content.files[0].path, "lib/notes.txt");
}

#[test]
fn an_image_needs_no_program_next_to_it() {
    let folder = release("run");
    let image = "image = \"r/a@sha256:0000\"";
    fs::write(folder.path().join("image.toml"), image).unwrap();
    let read = ReleaseFolder::read(folder.path()).unwrap();
    assert_eq!(read.content.files.len(), 2);
}

#[test]
fn what_is_not_a_release_is_refused_with_the_reason() {
    let empty = tempfile::tempdir().unwrap();
    assert!(refused(&empty.path().join("x"), "there is no folder").is::<Usage>());
    assert!(refused(empty.path(), "no worker.toml in it").is::<Usage>());
    refused(
        release("utakata-worker-that-nobody-has").path(),
        "copy it there",
    );
    refused(release("../run").path(), "inside the release's folder");
    let folder = release("run");
    fs::write(folder.path().join("run"), "x").unwrap();
    refused(folder.path(), "chmod +x");
    fs::write(folder.path().join("worker.toml"), "kind = 1").unwrap();
    refused(folder.path(), "worker.toml cannot be read");
}
