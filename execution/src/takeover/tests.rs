use super::*;
use crate::samples::task;

fn left() -> Left {
    let kind: Kind = "echo".parse().unwrap();
    let attempt = AttemptLeft {
        task: spare(&task("a")),
        permit: Some(7),
        worker: 3,
        waited: Duration::from_millis(5),
        ran: Duration::from_secs(2),
        is_void: false,
        is_overdue: false,
    };
    Left {
        version: VERSION,
        environment: "wee-1".parse().unwrap(),
        zone: "hall-1".parse().unwrap(),
        incarnation: Incarnation::generate(),
        at: now(),
        socket: serde_json::from_str(r#"{ "path": "/run/w.sock", "door": "/run" }"#).unwrap(),
        loopback: None,
        next_worker: 4,
        next_ask: 9,
        files: 1,
        kinds: vec![KindLeft {
            kind,
            next_ask: 8,
            void: Vec::new(),
            told: vec![attempt.task.key()],
            unrecorded: Vec::new(),
            pools: Vec::new(),
            attempts: vec![attempt],
        }],
    }
}

/// Returns any open file.
fn file() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

fn written(left: Left) -> Vec<u8> {
    let takeover = Takeover {
        left,
        listener: file(),
        pipes: Vec::new(),
    };
    takeover.into_parts().0.unwrap()
}

#[test]
fn what_is_left_is_read_as_it_was_written() {
    let bytes = written(left());
    let read = Takeover::read(&bytes, vec![file()]).unwrap();
    let kind = &read.left.kinds[0];
    assert_eq!((read.left.next_worker, read.left.next_ask), (4, 9));
    assert_eq!(kind.next_ask, 8);
    assert_eq!(kind.told[0], kind.attempts[0].task.key());
    assert_eq!(written(read.left), bytes);
}

#[test]
fn what_lets_a_worker_in_is_not_recorded() {
    let secret = task("a");
    let spared = spare(&secret);
    assert_eq!(spared.key(), secret.key());
    assert!(spared.credential.is_none());
    assert_eq!(spared.parameters.as_str(), "{}");
}

#[test]
fn another_version_and_missing_files_are_refused_with_the_reason() {
    let newer = br#"{ "version": 2, "something": "new" }"#;
    let error = Takeover::read(newer, Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it has version 2, and this utakata understands version 1"
    );
    let more = Left { files: 2, ..left() };
    let error = Takeover::read(&written(more), Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Files { found: 0, named: 2 }));
    let none = Left { files: 0, ..left() };
    let error = Takeover::read(&written(none), Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Files { found: 0, named: 0 }));
    assert!(matches!(
        Takeover::read(b"{", Vec::new()),
        Err(Error::Form(_))
    ));
}

#[test]
fn what_is_of_another_environment_is_not_taken_over() {
    let takeover = Takeover {
        left: left(),
        listener: file(),
        pipes: Vec::new(),
    };
    let mut config = Config {
        id: Some("wee-1".parse().unwrap()),
        zone: "hall-1".parse().unwrap(),
        ..Config::default()
    };
    takeover.check(&config).unwrap();
    config.zone = "hall-2".parse().unwrap();
    assert!(matches!(takeover.check(&config), Err(Error::Other { .. })));
}
