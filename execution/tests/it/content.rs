//! Releases that are wanted and are in no folder: they are fetched, whatever goes wrong on the way.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use utakata_execution::{catalogue, trust};
use utakata_interconnect::message::content::{ContentPiece, ContentRequest, MAX_PART};
use utakata_interconnect_conformance::faulty::{Faults, FaultyEvents, Lose};
use utakata_model::{
    Content, Cure, EnvironmentStatus, FileDigest, KindDesired, OutcomeStatus, Problem, ReleaseId,
    Target, Task,
};

use crate::{
    player::until,
    shelf::{Files, Shelf, ask, want},
    site::{Setup, Site, add_echo, assert_ended, echo, set},
};

/// A site that keeps fetched releases in its folder.
async fn site(setup: Setup) -> (Site, PathBuf) {
    let state = setup.folder.path().join("state");
    let config_state = state.clone();
    let site = Site::build(setup, |config| {
        config.state_folder = Some(config_state);
        config.content.again_after = Duration::from_millis(200);
    })
    .await;
    (site, state)
}

async fn empty() -> (Site, PathBuf, Shelf) {
    let (site, state) = site(Setup::new(tempfile::tempdir().unwrap())).await;
    let shelf = Shelf::open(Arc::new(site.bus.clone())).await;
    (site, state, shelf)
}

/// The task for a target that is pinned to a version.
fn pinned(version: &str, mut task: Task) -> Task {
    task.target = Arc::new(Target {
        pin: Some(version.into()),
        ..(*task.target).clone()
    });
    task
}

/// Returns the problem of a release that is not here.
fn said<'s>(status: &'s EnvironmentStatus, release: &ReleaseId) -> Option<&'s Problem> {
    let path = format!("release {}@{}", release.kind, release.version);
    let refused = status.refused.iter().find(|refused| refused.path == path);
    refused.map(|refused| &refused.problem)
}

async fn told(site: &Site, release: &ReleaseId, code: &str) -> Problem {
    let is_reported = |status: &EnvironmentStatus| {
        said(status, release).is_some_and(|problem| &*problem.code == code)
    };
    let status = site.status(is_reported).await;
    said(&status, release).unwrap().clone()
}

/// Waits until a release has been fetched completely, and has a pool.
async fn here(site: &Site, state: &Path, release: &ReleaseId) {
    let is_here = |status: &EnvironmentStatus| {
        let mut pools = status.pools.iter();
        pools.any(|pool| pool.release == *release) && said(status, release).is_none()
    };
    site.status(is_here).await;
    assert!(state.join("releases").join(&*release.digest.0).is_dir());
}

fn names(folder: PathBuf) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_release_is_fetched_and_serves_whatever_is_lost_duplicated_or_overtaken() {
    let faults = Faults {
        lose: 0.1,
        may_lose: Lose::Protocol,
        double: 0.1,
        late: 0.1,
        reorder: 0.2,
        fail: 0.0,
        max_delay: Duration::from_millis(30),
        ..Faults::bad_day(7)
    };
    let setup = Setup {
        faults: Some(faults.clone()),
        ..Setup::new(tempfile::tempdir().unwrap())
    };
    let (mut site, state) = site(setup).await;
    let worse = Faults {
        fail: 0.05,
        ..faults
    };
    let events = FaultyEvents::new(Arc::new(site.bus.clone()), worse);
    let shelf = Shelf::open(Arc::new(events)).await;
    let (one, two) = (Files::echo("1.0", 5 << 20), Files::echo("2.0", 5 << 20));
    let first = shelf.put(&one);
    want(&site, 1, &[&first]).await;
    here(&site, &state, &first).await;
    let outcome = site.ask(pinned("1.0", set("a", "0ms"))).await;
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    assert_eq!(*outcome.ran_by.unwrap().release, first);
    // Another release with the same data: only what is new is fetched.
    let data = FileDigest::of(&one.0["data"].0);
    let asked = shelf.asked_for(&data).len();
    assert!(asked > one.0["data"].0.len() / MAX_PART);
    let second = shelf.put(&two);
    want(&site, 2, &[&first, &second]).await;
    here(&site, &state, &second).await;
    let outcome = site.ask(pinned("2.0", set("a", "0ms"))).await;
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    assert_eq!(*outcome.ran_by.unwrap().release, second);
    assert_eq!(shelf.asked_for(&data).len(), asked);
    assert_eq!(names(state.join("partial")), [""; 0]);
    site.end().await;
}

/// Returns false answers, in place of the true ones.
fn lies() -> Vec<(&'static str, &'static str, crate::shelf::Lie)> {
    let list = |change: fn(&mut Content)| -> crate::shelf::Lie {
        Box::new(move |_, truth| match truth {
            ContentPiece::Release(mut content) => {
                change(&mut content);
                Some(ContentPiece::Release(content))
            }
            truth => Some(truth),
        })
    };
    let part = |change: fn(Vec<u8>) -> Vec<u8>| -> crate::shelf::Lie {
        Box::new(move |_, truth| match truth {
            ContentPiece::Part(bytes) => Some(ContentPiece::Part(change(bytes.to_vec()).into())),
            truth => Some(truth),
        })
    };
    vec![
        (
            "release-content",
            "another SHA-256",
            part(|mut bytes| {
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                bytes
            }),
        ),
        (
            "release-content",
            "it has more than",
            part(|bytes| [bytes, vec![0]].concat()),
        ),
        ("release-content", "it ends after 0", part(|_| Vec::new())),
        (
            "release-content",
            "is not a path inside",
            list(|content| {
                content.files[0].path = "../../data".into();
            }),
        ),
        (
            "release-content",
            "make the digest",
            list(|content| {
                content.files.remove(0);
            }),
        ),
        (
            "release-large",
            "max_file",
            list(|content| content.files[0].size = 1 << 40),
        ),
        (
            "no-release",
            "nobody has pushed it",
            Box::new(|_, _| {
                let nothing = Problem::new("no-release", Cure::Operator, "nobody has pushed it");
                Some(ContentPiece::Nothing(nothing))
            }),
        ),
    ]
}

#[tokio::test]
async fn wrong_content_is_reported_and_none_of_it_is_kept() {
    let (site, state, shelf) = empty().await;
    for (at, (code, words, lie)) in lies().into_iter().enumerate() {
        let files = Files::small("pdu", &format!("1.{at}"), 3 * MAX_PART);
        let release = shelf.put(&files);
        shelf.0.lock().lie = Some(lie);
        want(&site, 2 * at as u64, &[&release]).await;
        let problem = told(&site, &release, code).await;
        assert!(problem.message.contains(words), "{problem}");
        for folder in ["releases", "files", "partial", "new"] {
            assert_eq!(names(state.join(folder)), [""; 0], "{words}");
        }
        // The failed content is not held against the release.
        shelf.be_honest();
        here(&site, &state, &release).await;
        fs::remove_dir_all(state.join("releases").join(&*release.digest.0)).unwrap();
        want(&site, 2 * at as u64 + 1, &[]).await;
        until(|| names(state.join("files")).is_empty()).await;
    }
    let nowhere = ReleaseId {
        digest: utakata_model::ReleaseDigest("../../../etc".into()),
        ..Files::small("pdu", "9", 1).id()
    };
    want(&site, 100, &[&nowhere]).await;
    told(&site, &nowhere, "release-content").await;
    site.end().await;
}

/// A separate file system, unmounted on drop. Only root can mount it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at);
        mount.status().is_ok_and(|status| status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_reported_and_left_clean_and_tried_again_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("state");
    fs::create_dir(&at).unwrap();
    if !SmallDisk::mount(&at, "size=2m") {
        eprintln!("skipped: only root can mount a small disk");
        return;
    }
    let _disk = SmallDisk(at.clone());
    let (site, state) = site(Setup::new(folder)).await;
    let shelf = Shelf::open(Arc::new(site.bus.clone())).await;
    let release = shelf.put(&Files::small("pdu", "1", 4 << 20));
    want(&site, 1, &[&release]).await;
    let problem = told(&site, &release, "release-disk-full").await;
    assert_eq!(problem.cure, Cure::Operator);
    for folder in ["releases", "files", "partial", "new"] {
        assert_eq!(names(state.join(folder)), [""; 0]);
    }
    assert!(SmallDisk::mount(&at, "remount,size=16m"));
    here(&site, &state, &release).await;
    site.end().await;
}

#[tokio::test]
async fn a_fetch_that_was_killed_in_the_middle_continues_where_it_was() {
    let (first, state, shelf) = empty().await;
    let files = Files::small("pdu", "1", 20 * MAX_PART);
    let release = shelf.put(&files);
    let data = FileDigest::of(&files.0["data"].0);
    // Half of it arrives, then nobody answers any more.
    let half = 10 * MAX_PART as u64;
    let wanted = data.clone();
    shelf.lie(move |want, truth| match want {
        ContentRequest::File { digest, from } if *digest == wanted && *from >= half => None,
        _ => Some(truth),
    });
    want(&first, 1, &[&release]).await;
    let part = state.join("partial").join(data.as_str());
    until(|| fs::metadata(&part).is_ok_and(|part| part.len() == half)).await;
    let problem = told(&first, &release, "release-fetching").await;
    assert_eq!(problem.cure, Cure::Retry);
    // Killed: nothing is drained.
    let (bus, before) = (first.bus.clone(), first.bus.subscribers());
    let Site { folder, handle, .. } = first;
    drop(handle);
    until(|| bus.subscribers() < before).await;
    let (second, state) = site(Setup::new(folder)).await;
    let shelf = Shelf::open(Arc::new(second.bus.clone())).await;
    shelf.put(&files);
    // The last order is remembered.
    here(&second, &state, &release).await;
    let asked = shelf.asked_for(&data);
    assert!(
        !asked.is_empty() && asked.iter().all(|from| *from >= half),
        "{asked:?}"
    );
    second.end().await;
}

#[tokio::test]
async fn releases_that_nobody_wants_any_more_go_but_for_the_last_of_each_kind() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let config_state = state.clone();
    let site = Site::build(Setup::new(folder), |config| {
        config.state_folder = Some(config_state);
        config.content.kept = 1;
    })
    .await;
    let shelf = Shelf::open(Arc::new(site.bus.clone())).await;
    let other = shelf.put(&Files::small("ups", "1", 10));
    let pdu = |version: &str| shelf.put(&Files::small("pdu", version, 10));
    let all = [pdu("1"), pdu("2"), pdu("3")];
    let names_of = |releases: &[&ReleaseId]| {
        let digests = releases.iter().map(|release| release.digest.0.to_string());
        let mut names: Vec<String> = digests.collect();
        names.sort();
        names
    };
    want(&site, 1, &[&other]).await;
    here(&site, &state, &other).await;
    for (at, release) in all.iter().enumerate() {
        want(&site, 2 + at as u64, &[release]).await;
        here(&site, &state, release).await;
    }
    // One of each kind is kept besides the wanted ones.
    let [_, second, third] = &all;
    until(|| names(state.join("releases")) == names_of(&[&other, second, third])).await;
    // The second is wanted again, and is loaded from disk.
    let asked = shelf.0.lock().asked.len();
    want(&site, 9, &[second]).await;
    site.status(|status| status.pools.iter().any(|pool| pool.release == *second))
        .await;
    assert_eq!(shelf.0.lock().asked.len(), asked);
    site.end().await;
}

#[tokio::test]
async fn a_fetched_release_that_somebody_changes_is_fetched_again() {
    let (site, state, shelf) = empty().await;
    let files = Files::small("pdu", "1", 1000);
    let release = shelf.put(&files);
    want(&site, 1, &[&release]).await;
    here(&site, &state, &release).await;
    let data = state.join("releases").join(&*release.digest.0).join("data");
    fs::remove_file(&data).unwrap();
    fs::write(&data, "something else").unwrap();
    until(|| fs::read(&data).is_ok_and(|data| data == files.0["data"].0)).await;
    here(&site, &state, &release).await;
    site.end().await;
}

#[tokio::test]
async fn without_a_place_for_it_nothing_is_fetched_and_the_reason_is_reported() {
    let site = Site::start_in(tempfile::tempdir().unwrap(), |_| {}).await;
    let release = Files::small("pdu", "1", 1).id();
    want(&site, 1, &[&release]).await;
    let problem = told(&site, &release, "release-no-place").await;
    assert!(problem.message.contains("execution.state_folder"));
    site.end().await;
}

#[tokio::test]
async fn a_fetched_release_serves_where_it_is_wanted_and_not_because_it_is_newer() {
    let folder = tempfile::tempdir().unwrap();
    add_echo(&folder.path().join("releases"), "echo", |_| {});
    let (mut site, state) = site(Setup::new(folder)).await;
    let shelf = Shelf::open(Arc::new(site.bus.clone())).await;
    let newer = shelf.put(&Files::echo("9.0", 0));
    want(&site, 1, &[&newer]).await;
    here(&site, &state, &newer).await;
    let outcome = site.ask(pinned("9.0", echo("a", "x"))).await;
    assert_eq!(*outcome.ran_by.unwrap().release, newer);
    let outcome = site.ask(echo("a", "x")).await;
    assert_eq!(&*outcome.ran_by.unwrap().release.version, "0.1.0");
    site.end().await;
}

#[tokio::test]
async fn only_what_is_signed_is_admitted_from_folders_and_over_the_wire() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let openssl = |arguments: &[&str], from: &str, to: &str| {
        let mut command = Command::new("openssl");
        command.current_dir(folder.path()).args(arguments);
        if !from.is_empty() {
            command.args(["-in", from]);
        }
        assert!(command.args(["-out", to]).status().unwrap().success());
    };
    openssl(&["genpkey", "-algorithm", "ed25519"], "", "key");
    openssl(&["pkey", "-pubout"], "key", "public");
    let (key, public) = (trust::secret_key(&file("key")).unwrap(), file("public"));
    add_echo(&folder.path().join("releases"), "echo", |_| {});
    let state = file("state");
    let config_state = state.clone();
    let site = Site::build(Setup::new(folder), |config| {
        config.state_folder = Some(config_state);
        config.trust.keys = vec![public];
    })
    .await;
    site.status(|status| {
        let mut codes = status.refused.iter().map(|one| &*one.problem.code);
        codes.any(|code| code == "release-unsigned")
    })
    .await;
    let shelf = Shelf::open(Arc::new(site.bus.clone())).await;
    let mut files = Files::small("pdu", "1", MAX_PART);
    let release = shelf.put(&files);
    want(&site, 1, &[&release]).await;
    told(&site, &release, "release-unsigned").await;
    for folder in ["releases", "files", "partial"] {
        assert_eq!(names(state.join(folder)), [""; 0]);
    }
    // It is pushed again, signed with an unknown key, and then with the right one.
    let mut signatures = trust::Signatures::default();
    let mut wrong = trust::sign(&key, &Files::small("pdu", "2", 1).id().digest);
    for code in [Some("release-signature"), None] {
        signatures.add(wrong.clone());
        let text = toml::to_string(&signatures).unwrap();
        files
            .0
            .insert("signatures.toml", (text.into_bytes(), false));
        assert_eq!(shelf.put(&files), release, "it is the same release");
        match code {
            Some(code) => drop(told(&site, &release, code).await),
            None => here(&site, &state, &release).await,
        }
        wrong = trust::sign(&key, &release.digest);
    }
    // A folder signed in place.
    let echo = site.releases().join("echo");
    let found = catalogue::read(&echo, &[crate::site::programs()]).unwrap();
    let mut signatures = trust::Signatures::default();
    signatures.add(trust::sign(&key, &found.id.digest));
    fs::write(
        echo.join("signatures.toml"),
        toml::to_string(&signatures).unwrap(),
    )
    .unwrap();
    let pool = site.ready("echo").await;
    assert_eq!(pool.release, *found.id);
    site.end().await;
}

#[tokio::test]
async fn a_release_that_takes_long_does_not_hold_up_another_with_which_it_shares_files() {
    let (site, state, shelf) = empty().await;
    let (large, small) = (Files::small("a", "1", 3 << 20), Files::small("b", "1", 64));
    let last = FileDigest::of(&large.0["data"].0);
    let slow = last.clone();
    shelf.lie(move |want, truth| match want {
        ContentRequest::File { digest, .. } if *digest == slow => None,
        _ => Some(truth),
    });
    let (large, small) = (shelf.put(&large), shelf.put(&small));
    want(&site, 1, &[&large, &small]).await;
    here(&site, &state, &small).await;
    let is_list =
        |asked: &&ContentRequest| **asked == ContentRequest::Release(large.digest.clone());
    let lists = shelf.0.lock().asked.iter().filter(is_list).count();
    assert_eq!(lists, 1, "it was given up, and begun once more");
    assert_eq!(said(&site.handle.status(), &small), None);
    shelf.be_honest();
    here(&site, &state, &large).await;
    site.end().await;
}

#[tokio::test]
async fn what_is_placed_elsewhere_is_not_fetched() {
    let (site, state, shelf) = empty().await;
    let (theirs, ours) = (Files::small("a", "1", 64), Files::small("b", "1", 65));
    let (theirs, ours) = (shelf.put(&theirs), shelf.put(&ours));
    let kept = |release: &ReleaseId, placement: Option<&str>| {
        let desired = KindDesired {
            kept: vec![release.clone()],
            placement: placement.map(|placement| placement.parse().unwrap()),
            ..KindDesired::default()
        };
        (release.kind.clone(), desired)
    };
    let elsewhere = kept(&theirs, Some("name=elsewhere"));
    ask(&site, 1, [elsewhere, kept(&ours, None)].into()).await;
    here(&site, &state, &ours).await;
    let asked = |release: &ReleaseId| {
        let list = ContentRequest::Release(release.digest.clone());
        shelf.0.lock().asked.contains(&list)
    };
    assert!(asked(&ours) && !asked(&theirs));
    // Until this environment is selected as well.
    ask(&site, 2, [kept(&theirs, None), kept(&ours, None)].into()).await;
    here(&site, &state, &theirs).await;
    site.end().await;
}
