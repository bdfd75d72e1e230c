use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use super::*;
use crate::artifact::Image;

const LONG_AGO: Duration = Duration::from_secs(60);

/// A folder of releases and one of programs.
struct Disk {
    folder: TempDir,
    scanner: Scanner,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("programs")).unwrap();
        let scanner = Scanner::new(
            (
                vec![folder.path().join("releases"), folder.path().join("single")],
                vec![folder.path().join("programs")],
            ),
            Arc::default(),
            Allowed::everything(),
        );
        let disk = Self { folder, scanner };
        disk.program("programs/worker", "#!/bin/sh\n");
        disk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str, age: Duration) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    fn program(&self, name: &str, text: &str) {
        self.write(name, text, LONG_AGO);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn release(&self, folder: &str, kind: &str, version: &str, program: &str) {
        let manifest = manifest(kind, version, program);
        self.write(&format!("{folder}/worker.toml"), &manifest, LONG_AGO);
    }

    fn scan(&mut self) -> Catalogue {
        self.scanner.scan(&[])
    }

    /// Returns the releases that were found, by kind and version.
    fn found(&mut self) -> Vec<String> {
        let catalogue = self.scan();
        assert_eq!(catalogue.refused, []);
        let name = |release: &Arc<Release>| format!("{}@{}", release.id.kind, release.id.version);
        catalogue.releases.iter().map(name).collect()
    }

    fn digest(&mut self) -> String {
        self.scan().releases[0].id.digest.0.to_string()
    }

    #[track_caller]
    fn refuses(&mut self, code: &str, words: &str) {
        let catalogue = self.scan();
        let problem = &catalogue.refused[0].problem;
        assert_eq!(&*problem.code, code, "{problem}");
        assert!(problem.message.contains(words), "{problem}");
    }
}

fn manifest(kind: &str, version: &str, program: &str) -> String {
    format!(
        "kind = \"{kind}\"\nversion = \"{version}\"\nprotocol = 1\n\
         [run]\nprogram = \"{program}\"\n\
         [[action]]\nname = \"read\"\nclass = \"observe\"\n"
    )
}

#[test]
fn a_folder_with_a_manifest_is_a_release_wherever_it_is_and_no_other_is() {
    let mut disk = Disk::new();
    assert!(disk.found().is_empty());
    disk.release("releases/pdu", "pdu", "1.0", "worker");
    disk.release("single", "ups", "2.0", "worker");
    disk.write("releases/notes/README", "x", LONG_AGO);
    assert_eq!(disk.found(), ["pdu@1.0", "ups@2.0"]);
    fs::remove_dir_all(disk.path("releases/pdu")).unwrap();
    assert_eq!(disk.found(), ["ups@2.0"]);
}

#[test]
fn the_digest_changes_with_every_file_and_with_the_program_and_with_nothing_else() {
    let mut disk = Disk::new();
    disk.release("releases/pdu", "pdu", "1.0", "worker");
    disk.write("releases/pdu/profiles/a.toml", "a", LONG_AGO);
    let first = disk.digest();
    assert_eq!(first.len(), 64);
    assert_eq!(disk.digest(), first);
    disk.write("releases/pdu/profiles/a.toml", "a", LONG_AGO * 2);
    assert_eq!(disk.digest(), first);
    disk.write("releases/pdu/profiles/a.toml", "b", LONG_AGO);
    let second = disk.digest();
    assert_ne!(second, first);
    disk.program("programs/worker", "#!/bin/sh\n#new\n");
    let third = disk.digest();
    assert_ne!(third, second);
    fs::rename(
        disk.path("releases/pdu/profiles/a.toml"),
        disk.path("releases/pdu/profiles/b.toml"),
    )
    .unwrap();
    assert_ne!(disk.digest(), third);
}

#[test]
fn the_program_of_its_own_folder_goes_before_the_one_that_ships_with_utakata() {
    let mut disk = Disk::new();
    disk.release("releases/pdu", "pdu", "1.0", "worker");
    assert_eq!(
        disk.scan().releases[0].artifact,
        Artifact::Program(disk.path("programs/worker"))
    );
    disk.program("releases/pdu/worker", "#!/bin/sh\n");
    let own = disk.path("releases/pdu/worker");
    assert_eq!(disk.scan().releases[0].artifact, Artifact::Program(own));
}

#[test]
fn a_folder_with_an_image_needs_no_program_and_one_that_is_not_pinned_is_refused() {
    let mut disk = Disk::new();
    disk.release("releases/pdu", "pdu", "1.0", "nothing");
    disk.write("releases/pdu/image.toml", "image = \"r/pdu:1.0\"", LONG_AGO);
    disk.refuses("release-image", "a tag may be another image tomorrow");
    disk.write(
        "releases/pdu/image.toml",
        "archive = \"image.tar\"",
        LONG_AGO,
    );
    disk.refuses("release-image", "there is no archive");
    disk.write("releases/pdu/image.tar", "x", LONG_AGO);
    let archive = Image::Archive(disk.path("releases/pdu/image.tar"));
    assert_eq!(disk.scan().releases[0].artifact, Artifact::Image(archive));
    let first = disk.digest();
    disk.write("releases/pdu/image.tar", "y", LONG_AGO);
    assert_ne!(disk.digest(), first);
}

#[test]
fn a_bad_folder_is_refused_with_a_cure_and_the_others_continue() {
    let mut disk = Disk::new();
    disk.release("releases/good", "good", "1.0", "worker");
    for (text, code, words) in [
        ("kind = ", "release-manifest", "worker.toml cannot be read"),
        (
            &manifest("pdu", "x", "worker"),
            "release-manifest",
            "version \"x\"",
        ),
        (
            &manifest("pdu", "1", "nothing"),
            "release-program",
            "copy it there",
        ),
        (
            &manifest("pdu", "1", "../worker"),
            "release-manifest",
            "inside",
        ),
        (
            &manifest("pdu", "1", "/bin/sh"),
            "release-manifest",
            "inside",
        ),
    ] {
        disk.write("releases/bad/worker.toml", text, LONG_AGO);
        disk.refuses(code, words);
        assert_eq!(disk.scan().releases.len(), 1);
    }
    // And taken as soon as it is right, the program alone being enough.
    disk.release("releases/bad", "pdu", "1.0", "late");
    disk.refuses("release-program", "late");
    disk.write("programs/late", "x", LONG_AGO);
    disk.refuses("release-program", "executable");
    disk.program("programs/late", "x");
    assert_eq!(disk.found().len(), 2);
}

#[test]
fn f18_a_change_of_mode_alone_is_another_release() {
    let mut disk = Disk::new();
    disk.release("releases/pdu", "pdu", "1.0", "worker");
    disk.write("releases/pdu/lib.py", "pass", LONG_AGO);
    let plain = disk.digest();
    disk.program("releases/pdu/lib.py", "pass");
    assert_ne!(disk.digest(), plain);
}

#[test]
fn f12_what_the_settings_do_not_allow_is_refused_by_their_name() {
    let mut disk = Disk::new();
    disk.release("releases/pdu", "pdu", "1.0", "worker");
    disk.scanner.allowed = Allowed::new(&crate::Config {
        allow: vec![utakata_model::place::Place::Image],
        ..crate::Config::default()
    });
    disk.refuses("release-not-allowed", "execution.allow");
    assert_eq!(disk.scan().releases, []);
}

#[test]
fn a_folder_that_is_being_written_is_taken_when_it_is_not_any_more() {
    let mut disk = Disk::new();
    let manifest = manifest("pdu", "1.0", "worker");
    disk.write("releases/pdu/worker.toml", &manifest, Duration::ZERO);
    disk.refuses("release-changing", "changed just now");
    disk.write("releases/pdu/profile.toml", "x", Duration::ZERO);
    disk.refuses("release-changing", "changed just now");
    assert_eq!(disk.found(), ["pdu@1.0"]);
}

#[test]
fn what_is_shipped_is_complete_however_young_it_is() {
    let mut disk = Disk::new();
    let shipped = [disk.path("releases")];
    disk.scanner.trust = Arc::new(Trust::load(&Default::default(), &shipped).unwrap());
    let manifest = manifest("pdu", "1.0", "worker");
    disk.write("releases/pdu/worker.toml", &manifest, Duration::ZERO);
    assert_eq!(disk.found(), ["pdu@1.0"]);
}

#[test]
fn what_was_good_continues_while_its_folder_changes_and_when_the_change_cannot_be() {
    let mut disk = Disk::new();
    disk.release("releases/pdu", "pdu", "1.0", "worker");
    let good = disk.digest();
    disk.write("releases/pdu/profile.toml", "x", Duration::ZERO);
    disk.refuses("release-changing", "changed just now");
    disk.write("releases/pdu/worker.toml", "kind = 3", Duration::ZERO);
    disk.refuses("release-changing", "changed just now");
    assert_eq!(disk.digest(), good);
    for _ in 0..3 {
        disk.refuses("release-manifest", "kind");
        assert_eq!(disk.digest(), good);
    }
    let mended = manifest("pdu", "1.1", "worker");
    disk.write("releases/pdu/worker.toml", &mended, LONG_AGO);
    disk.write("releases/pdu/profile.toml", "x", LONG_AGO);
    assert_eq!(disk.found(), ["pdu@1.1"]);
    fs::remove_dir_all(disk.path("releases/pdu")).unwrap();
    assert_eq!(disk.found(), [""; 0]);
}

#[test]
fn of_two_folders_with_one_kind_and_version_the_one_that_changed_last_counts() {
    let mut disk = Disk::new();
    disk.release("releases/b", "pdu", "1.0", "worker");
    assert_eq!(disk.found(), ["pdu@1.0"]);
    disk.release("releases/a", "pdu", "1.0", "worker");
    let catalogue = disk.scan();
    assert_eq!(catalogue.releases.len(), 1);
    assert_eq!(catalogue.releases[0].folder, disk.path("releases/a"));
    disk.refuses("release-twice", "releases/a");
}

#[test]
fn links_that_lead_in_circles_or_nowhere_do_no_harm() {
    let mut disk = Disk::new();
    disk.release("releases/pdu", "pdu", "1.0", "worker");
    symlink(disk.path("releases"), disk.path("releases/pdu/circle")).unwrap();
    symlink(Path::new("/nowhere"), disk.path("releases/pdu/broken")).unwrap();
    assert_eq!(disk.found(), ["pdu@1.0"]);
}

#[test]
fn a_protocol_that_is_not_spoken_here_is_refused_before_anything_is_started() {
    let mut disk = Disk::new();
    let manifest = manifest("pdu", "1.0", "worker").replace("protocol = 1", "protocol = 9");
    disk.write("releases/pdu/worker.toml", &manifest, LONG_AGO);
    disk.refuses("protocol", "speaks version 9");
    assert!(disk.scan().releases.is_empty());
}

/// Nobody, root included, can look at what leads to itself: as with a disk that fails.
fn hide(path: &Path) -> TempDir {
    let away = tempfile::tempdir().unwrap();
    fs::rename(path, away.path().join("it")).unwrap();
    symlink(path, path).unwrap();
    away
}

fn show(path: &Path, away: &TempDir) {
    fs::remove_file(path).unwrap();
    fs::rename(away.path().join("it"), path).unwrap();
}

/// By kind: what changed last is at the end otherwise.
fn sorted(mut catalogue: Catalogue) -> Catalogue {
    catalogue.releases.sort_by(|a, b| a.id.kind.cmp(&b.id.kind));
    catalogue
}

#[test]
fn what_cannot_be_read_stays_in_use_and_is_reported_and_the_rest_is_unaffected() {
    let mut disk = Disk::new();
    disk.release("releases/pdu", "pdu", "1.0", "worker");
    disk.release("releases/ups", "ups", "1.0", "worker");
    disk.release("single", "crac", "1.0", "worker");
    let whole = sorted(disk.scan());
    assert_eq!((whole.releases.len(), whole.is_partial), (3, false));
    for hidden in [
        "releases",
        "releases/pdu",
        "releases/pdu/worker.toml",
        "programs",
    ] {
        let path = disk.path(hidden);
        let away = hide(&path);
        for _ in 0..3 {
            let partial = sorted(disk.scan());
            assert_eq!(partial.releases, whole.releases, "{hidden}");
            assert!(partial.is_partial, "{hidden}");
            let problem = &partial.refused[0].problem;
            assert_eq!(&*problem.code, "release-unreadable");
            assert!(problem.message.starts_with("cannot access "), "{problem}");
        }
        show(&path, &away);
        let again = sorted(disk.scan());
        assert_eq!(again.releases, whole.releases, "{hidden}");
        assert_eq!((again.refused, again.is_partial), (Vec::new(), false));
    }
    // What is really gone is gone, also while something else cannot be looked at.
    let away = hide(&disk.path("releases"));
    fs::remove_dir_all(disk.path("single")).unwrap();
    let kinds = sorted(disk.scan()).releases.into_iter();
    let kinds: Vec<_> = kinds.map(|release| release.id.kind.to_string()).collect();
    assert_eq!(kinds, ["pdu", "ups"]);
    show(&disk.path("releases"), &away);
}

#[test]
fn a_release_half_of_which_cannot_be_read_stays_what_it_was() {
    let mut disk = Disk::new();
    disk.release("releases/pdu", "pdu", "1.0", "worker");
    disk.write("releases/pdu/profiles/a.toml", "a", LONG_AGO);
    let digest = disk.digest();
    for hidden in ["releases/pdu/profiles", "releases/pdu/profiles/a.toml"] {
        let away = hide(&disk.path(hidden));
        assert_eq!(disk.digest(), digest, "{hidden}");
        assert!(disk.scan().is_partial, "{hidden}");
        show(&disk.path(hidden), &away);
        assert_eq!(disk.digest(), digest, "{hidden}");
        assert_eq!(disk.found(), ["pdu@1.0"]);
    }
}

#[test]
fn what_could_not_be_read_at_first_serves_once_it_can_be() {
    let mut disk = Disk::new();
    disk.release("releases/pdu", "pdu", "1.0", "worker");
    disk.release("single", "crac", "1.0", "worker");
    let path = disk.path("releases/pdu/worker.toml");
    let away = hide(&path);
    let partial = disk.scan();
    assert_eq!((partial.releases.len(), partial.is_partial), (1, true));
    assert!(partial.may_have(&"pdu".parse().unwrap()));
    assert!(!partial.may_have(&"crac".parse().unwrap()));
    show(&path, &away);
    assert_eq!(disk.found(), ["crac@1.0", "pdu@1.0"]);
}

#[test]
fn a_fetched_release_that_cannot_be_read_stays_in_use() {
    let mut disk = Disk::new();
    disk.release("fetched", "pdu", "1.0", "worker");
    disk.program("fetched/worker", "#!/bin/sh\n");
    let read = read(&disk.path("fetched"), &[]).unwrap();
    let folder = disk.path(&format!("content/{}", read.id.digest.0));
    fs::create_dir(disk.path("content")).unwrap();
    fs::rename(disk.path("fetched"), &folder).unwrap();
    let fetched = [folder.clone()];
    let whole = disk.scanner.scan(&fetched);
    assert_eq!(whole.releases.len(), 1);
    for hidden in [&folder, &folder.join("worker.toml"), &folder.join("worker")] {
        let away = hide(hidden);
        let partial = disk.scanner.scan(&fetched);
        assert_eq!(partial.releases, whole.releases, "{}", hidden.display());
        assert!(partial.is_partial);
        show(hidden, &away);
        assert_eq!(disk.scanner.scan(&fetched), whole);
    }
}
