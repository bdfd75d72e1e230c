use std::{os::unix::process::CommandExt as _, process::Command};

use super::*;

fn life() -> Incarnation {
    Incarnation::generate()
}

/// A process in a group of its own.
fn process() -> std::process::Child {
    let mut sleep = Command::new("sleep");
    sleep.arg("1000").process_group(0).spawn().unwrap()
}

fn number(process: &std::process::Child) -> i32 {
    i32::try_from(process.id()).unwrap()
}

#[test]
fn what_an_earlier_life_left_is_killed_and_its_life_is_over_when_it_is_seen_to_be_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut left = process();
    let (first, second, third) = (life(), life(), life());
    Lives::open(Some(folder.path()), first).started(Some(number(&left)));
    // Stopped, as on a host that stood still: it is killed all the same.
    rustix::process::kill_process(Pid::from_child(&left), Signal::STOP).unwrap();

    let lives = Lives::open(Some(folder.path()), second);
    assert_eq!(lives.look(None), (vec![], 1), "it has just been killed");
    left.wait().unwrap();
    assert_eq!(lives.look(None), (vec![first], 0));
    // What was seen once is known to later lives.
    let lives = Lives::open(Some(folder.path()), third);
    assert_eq!(lives.look(None), (vec![first, second], 0));
}

#[test]
fn a_number_that_somebody_else_has_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = process();
    let (first, second) = (life(), life());
    Lives::open(Some(folder.path()), first).started(Some(number(&other)));
    let path = folder.path().join("lives").join(first.to_string());
    let text = fs::read_to_string(&path).unwrap();
    let at = started_at(number(&other)).unwrap().unwrap();
    fs::write(&path, text.replace(&at.to_string(), "1")).unwrap();
    let lives = Lives::open(Some(folder.path()), second);
    assert_eq!(lives.look(None), (vec![first], 0));
    assert!(other.try_wait().unwrap().is_none(), "it runs on");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_life_that_cannot_be_seen_from_here_is_never_declared_over() {
    let (machine, boot) = machine().unwrap();
    let here = format!("machine {machine} {boot}\n");
    for (text, expect) in [
        (here.clone(), Some(true)),
        (
            format!("machine {machine} earlier\nprocess 1 1\n"),
            Some(true),
        ),
        (format!("{here}process 1 1\n"), Some(true)),
        (format!("{here}elsewhere\n"), Some(false)),
        (format!("{here}elsewhere\nover\n"), Some(true)),
        (format!("{here}proc"), None),
        (format!("machine another {boot}\n"), None),
        (String::new(), None),
    ] {
        assert_eq!(Record::read(&text).is_over_now(true), expect, "{text}");
    }
    let container = Record::read(&format!("{here}elsewhere\n"));
    assert_eq!(container.is_over_now(false), Some(true));
}

#[test]
fn without_a_folder_nothing_is_proven() {
    let lives = Lives::open(None, life());
    lives.started(Some(1));
    assert_eq!(lives.look(None), (vec![], 0));
}
