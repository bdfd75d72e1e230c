use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use serde_json::{Value, json, value::RawValue};
use utakata_model::{
    Class, Cure, Desired, EnvironmentState, EnvironmentStatus, Labels, Manifest, Measurand,
    Notification, NotificationValue, Order, Orders, Origin, Outcome, OutcomeStatus, Parameters,
    PoolStatus, Problem, Quality, RanBy, Reading, ReadingValue, Readings, ReleaseDigest, ReleaseId,
    Stop, StopState, Stopped, Target, Task, TaskCredential, TaskId, TaskKey, Timings,
    environment::RefusedRelease,
};
use utakata_permit::message::{
    Answer, Ask, PermitBatch, Recorded, RecordedBatch, Refused, StartBatch, Verdict,
};

use super::{
    alarm::AlarmNews,
    notification::{Datagram, DatagramBatch, DroppedDatagrams, Reply, ReplyBatch},
    outcome::{OutcomeBatch, Sender},
    target::Deleted,
    *,
};

mod rollouts;

fn id(last: u8) -> TaskId {
    let mut bytes = *b"\x01\x92\xf0\xc1\x00\x00\x70\x00\x80\x00\x00\x00\x00\x00\x00\x00";
    bytes[15] = last;
    TaskId::from_bytes(bytes)
}

fn tasks() -> Vec<Task> {
    let mut target = Target::new(
        "pdu-a1".parse().unwrap(),
        "apc-pdu".parse().unwrap(),
        "10.0.3.7:161".into(),
    );
    target.zone = "hall-1".parse().unwrap();
    target.labels = Labels::from([("rack".into(), "A1".into())]);
    target.credential = Some("racks".parse().unwrap());
    let observe = Task {
        id: id(1),
        attempt: 1,
        origin: Origin::Schedule("every-minute".parse().unwrap()),
        target: Arc::new(target),
        credential: Some(TaskCredential::of(Arc::new(
            "racks.Qm9zc2U2cGE.bm90IHRoZSBwYXNzd29yZA".parse().unwrap(),
        ))),
        action: "read".parse().unwrap(),
        class: Class::Observe,
        parameters: Parameters::default(),
        timeout: Duration::from_secs(10),
        expires: "2026-03-01T12:00:30Z".parse().unwrap(),
    };
    let control = Task {
        id: id(2),
        attempt: 3,
        origin: Origin::Operation("0192f0c1-0000-7000-8000-0000000000ff".parse().unwrap()),
        credential: None,
        action: "outlet-off".parse().unwrap(),
        class: Class::Control,
        parameters: Parameters::new(&json!({ "outlet": 4 })),
        ..observe.clone()
    };
    vec![observe, control]
}

fn readings() -> Readings {
    let reading = |metric: &str, value, unit: &str, quality| Reading {
        of: Measurand {
            metric: metric.parse().unwrap(),
            attributes: [("hw.id".into(), "outlet-4".into())].into(),
            unit: unit.into(),
        }
        .into(),
        value,
        quality,
    };
    Readings {
        target: "pdu-a1".parse().unwrap(),
        action: "read".parse().unwrap(),
        seen_by: TaskKey {
            task: id(1),
            attempt: 1,
        },
        time: "2026-03-01T12:00:00.25Z".parse().unwrap(),
        readings: vec![
            reading("hw.power", ReadingValue::Number(87.5), "W", Quality::Good),
            reading(
                "hw.status",
                ReadingValue::Text("on".into()),
                "",
                Quality::Suspect,
            ),
        ],
    }
}

fn release() -> ReleaseId {
    ReleaseId {
        kind: "apc-pdu".parse().unwrap(),
        version: "1.0.0".into(),
        digest: ReleaseDigest("5d41402abc4b2a76b9719d911017c592".into()),
    }
}

fn outcomes() -> OutcomeBatch {
    let succeeded = Outcome {
        task: id(1),
        attempt: 1,
        origin: Origin::Schedule("every-minute".parse().unwrap()),
        target: "pdu-a1".parse().unwrap(),
        action: "read".parse().unwrap(),
        class: Class::Observe,
        status: OutcomeStatus::Succeeded,
        problem: None,
        result: Some(
            RawValue::from_string(r#"{"rows":24}"#.into())
                .unwrap()
                .into(),
        ),
        missing: Vec::new(),
        recognition: None,
        ran_by: Some(RanBy {
            environment: "wee-1".parse().unwrap(),
            worker: "wee-1-apc-pdu-1".parse().unwrap(),
            release: Arc::new(release()),
        }),
        permit: None,
        is_over: false,
        timings: Timings {
            ended: "2026-03-01T12:00:00.25Z".parse().unwrap(),
            waited: Duration::from_millis(2),
            ran: Duration::from_millis(14),
        },
    };
    let failed = Outcome {
        task: id(2),
        attempt: 3,
        class: Class::Control,
        status: OutcomeStatus::Failed,
        problem: Some(Problem::new(
            "unreachable",
            Cure::Retry,
            "pdu-a1 did not answer at 10.0.3.7:161 within 2s",
        )),
        result: None,
        ran_by: None,
        ..succeeded.clone()
    };
    OutcomeBatch {
        zone: "hall-1".parse().unwrap(),
        kind: "apc-pdu".parse().unwrap(),
        from: None,
        outcomes: vec![succeeded, failed],
    }
}

/// Outcomes whose sender waits for their confirmation.
fn outcomes_from() -> OutcomeBatch {
    let mut batch = outcomes();
    batch.from = Some(sender());
    batch.outcomes.truncate(1);
    batch.outcomes[0].class = Class::Control;
    batch.outcomes[0].permit = Some(17);
    batch
}

fn sender() -> Sender {
    Sender {
        environment: "wee-1".parse().unwrap(),
        incarnation: "0192f0c1-0000-7000-8000-00000000000e".parse().unwrap(),
    }
}

fn ask(task: u8, attempt: u32, ask: u64) -> Ask {
    let task = id(task);
    let key = TaskKey { task, attempt };
    Ask { key, ask }
}

fn start() -> StartBatch {
    let Sender {
        environment,
        incarnation,
    } = sender();
    StartBatch {
        environment,
        incarnation,
        kind: "apc-pdu".parse().unwrap(),
        asks: vec![ask(1, 1, 17), ask(2, 3, 18)],
    }
}

fn permits() -> PermitBatch {
    let answer = |task, attempt, number, verdict| Answer {
        ask: ask(task, attempt, number),
        verdict,
    };
    PermitBatch {
        environment: start().environment,
        incarnation: start().incarnation,
        kind: start().kind,
        answers: vec![
            answer(1, 1, 17, Verdict::Permitted(Duration::from_secs(5))),
            answer(2, 3, 18, Verdict::Refused(Refused::Superseded)),
        ],
    }
}

fn recorded() -> RecordedBatch {
    RecordedBatch {
        environment: start().environment,
        incarnation: start().incarnation,
        kind: start().kind,
        attempts: start()
            .asks
            .iter()
            .map(|ask| written(ask.key, None))
            .collect(),
    }
}

/// Records that name the ask under which they were reported.
fn recorded_asks() -> RecordedBatch {
    let asks = start().asks;
    let told = asks.iter().map(|ask| written(ask.key, Some(ask.ask)));
    RecordedBatch {
        attempts: told.chain([written(asks[0].key, None)]).collect(),
        ..recorded()
    }
}

fn written(key: TaskKey, ask: Option<u64>) -> Recorded {
    Recorded { key, ask }
}

fn environment() -> EnvironmentStatus {
    let manifest = r#"
        kind = "apc-pdu"
        version = "1.0.0"
        protocol = 1
        run = { program = "snmp-worker", arguments = ["--profile", "apc-pdu"] }
        [[action]]
        name = "read"
        class = "observe"
        repeat = "repeatable"
    "#;
    EnvironmentStatus {
        id: "wee-1".parse().unwrap(),
        incarnation: "0192f0c1-0000-7000-8000-00000000000e".parse().unwrap(),
        zone: "hall-1".parse().unwrap(),
        over: Vec::new(),
        key: None,
        labels: Labels::from([("room".into(), "A".into())]),
        state: EnvironmentState::Running,
        version: "0.1.0".into(),
        time: "2026-03-01T12:00:00Z".parse().unwrap(),
        clock_ahead_ms: None,
        pools: vec![PoolStatus {
            release: release(),
            manifest: Manifest::parse(manifest).unwrap().into(),
            active: true,
            starting: 0,
            ready: 1,
            draining: 0,
            running: 3,
            waiting: 2,
            lost: 1,
            problem: None,
            memory: None,
            ended: utakata_model::environment::EndedTasks::default(),
        }],
        refused: vec![RefusedRelease {
            path: "releases/broken".into(),
            problem: Problem::new("no-manifest", Cure::Operator, "there is no worker.toml"),
        }],
        connections: Vec::new(),
        breakers: Vec::new(),
        desired: None,
        needs_networks: false,
        stopped: Stopped::default(),
        rollouts: Vec::new(),
        workers: None,
        invariants_broken: 0,
        restarted: Vec::new(),
    }
}

/// An environment that has stopped something.
fn environment_ordered() -> EnvironmentStatus {
    EnvironmentStatus {
        desired: Some(1_772_366_400_001),
        stopped: Stopped {
            all: Some(StopState::Pausing),
            kinds: BTreeMap::from([("snmp".parse().unwrap(), StopState::Drained)]),
            releases: BTreeMap::new(),
        },
        ..environment()
    }
}

fn desired() -> Desired {
    let order = |stop, why: Option<&str>| Order {
        stop,
        by: "kim".parse().unwrap(),
        since: "2026-03-01T12:00:00Z".parse().unwrap(),
        why: why.map(String::from),
    };
    let of_kind = order(Stop::Drain, None);
    let orders = Orders {
        all: Some(order(Stop::Pause, Some("the rack is moved"))),
        kinds: BTreeMap::from([("snmp".parse().unwrap(), of_kind)]),
        ..Orders::default()
    };
    Desired {
        zone: "hall-1".parse().unwrap(),
        revision: 1_772_366_400_001,
        environments: BTreeMap::from([("wee-1".parse().unwrap(), orders)]),
        kinds: BTreeMap::new(),
        standing: utakata_model::desired::StandingOrders::default(),
        targets: None,
    }
}

fn datagrams() -> DatagramBatch {
    DatagramBatch {
        environment: "wee-1".parse().unwrap(),
        zone: "hall-1".parse().unwrap(),
        datagrams: vec![Datagram {
            source: "10.0.3.7:50123".parse().unwrap(),
            at: 0,
            bytes: b"\x30\x03abc".as_slice().into(),
        }],
        dropped: vec![DroppedDatagrams {
            source: "10.0.3.8".parse().unwrap(),
            count: 17,
        }],
    }
}

fn replies() -> ReplyBatch {
    ReplyBatch {
        environment: "wee-1".parse().unwrap(),
        replies: vec![Reply {
            to: "[2001:db8::7]:50123".parse().unwrap(),
            from: 1,
            bytes: b"\x30\x01\xff".as_slice().into(),
        }],
    }
}

fn alarms() -> AlarmNews {
    AlarmNews {
        target: "pdu-a1".parse().unwrap(),
        rule: "overload".parse().unwrap(),
        number: 42,
        alarms: vec![serde_json::json!({ "number": 42, "state": "unacknowledged" })],
        changes: vec![serde_json::json!({ "number": 42, "change": "raised" })],
    }
}

fn notification() -> Notification {
    Notification {
        target: Some("sw-b07".parse().unwrap()),
        zone: "hall-1".parse().unwrap(),
        source: "10.0.3.7".parse().unwrap(),
        name: "linkDown".into(),
        key: "linkDown ifIndex.3".into(),
        values: vec![NotificationValue {
            name: "ifIndex.3".into(),
            value: "3".into(),
        }],
        first: "2026-03-01T12:00:00Z".parse().unwrap(),
        last: "2026-03-01T12:00:05Z".parse().unwrap(),
        count: 2,
        proven: true,
    }
}

/// The bytes of a golden file. A missing file can be written once, by a run with `WRITE_GOLDEN`
/// set; an existing one is never touched.
fn golden(version: Version, name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(format!("tests/golden/v{}", version.number()))
        .join(name);
    if !path.exists() && std::env::var_os("WRITE_GOLDEN").is_some() {
        std::fs::write(&path, [bytes, b"\n"].concat()).unwrap();
    }
    let mut golden = std::fs::read(&path).unwrap();
    assert_eq!(golden.pop(), Some(b'\n'), "{name} ends with a line feed");
    golden
}

/// Checks that encoding gives exactly the golden bytes, and that these decode and encode to the
/// same bytes again.
fn check<M: Message>(name: &str, message: &M) {
    let bytes = message.encode().unwrap();
    let golden = golden(M::VERSION, name, &bytes);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(
        text(&bytes),
        text(&golden),
        "{name} encodes to its golden bytes"
    );
    let decoded = M::decode(&golden).unwrap();
    assert_eq!(text(&decoded.encode().unwrap()), text(&golden), "{name}");
}

#[test]
fn the_messages_of_each_version_have_exactly_these_bytes() {
    check("alarms.json", &alarms());
    check("tasks.json", &tasks());
    check("readings.json", &readings());
    check("outcomes.json", &outcomes());
    check("environment.json", &environment());
    check("outcomes-from.json", &outcomes_from());
    check("start.json", &start());
    check("permits.json", &permits());
    check("recorded.json", &recorded());
    check("recorded-asks.json", &recorded_asks());
    check("environment-ordered.json", &environment_ordered());
    check("desired.json", &desired());
    let target = "pdu-a1".parse().unwrap();
    check("deleted.json", &Deleted { target });
    check("datagrams.json", &datagrams());
    check("replies.json", &replies());
    check("notification.json", &notification());
}

#[test]
fn what_is_decoded_is_what_was_encoded() {
    assert_eq!(
        Readings::decode(&readings().encode().unwrap()),
        Ok(readings())
    );
    let status = environment();
    assert_eq!(
        EnvironmentStatus::decode(&status.encode().unwrap()),
        Ok(status)
    );
    let decoded = Vec::<Task>::decode(&tasks().encode().unwrap()).unwrap();
    assert_eq!(format!("{decoded:?}"), format!("{:?}", tasks()));
    let decoded = OutcomeBatch::decode(&outcomes().encode().unwrap()).unwrap();
    assert_eq!(format!("{decoded:?}"), format!("{:?}", outcomes()));
    let decoded = OutcomeBatch::decode(&outcomes_from().encode().unwrap()).unwrap();
    assert_eq!(format!("{decoded:?}"), format!("{:?}", outcomes_from()));
    let bytes = start().encode().unwrap();
    assert_eq!(StartBatch::decode(&bytes), Ok(start()));
    let bytes = permits().encode().unwrap();
    assert_eq!(PermitBatch::decode(&bytes), Ok(permits()));
    let bytes = recorded().encode().unwrap();
    assert_eq!(RecordedBatch::decode(&bytes), Ok(recorded()));
    let bytes = recorded_asks().encode().unwrap();
    assert_eq!(RecordedBatch::decode(&bytes), Ok(recorded_asks()));
    let bytes = environment_ordered().encode().unwrap();
    assert_eq!(EnvironmentStatus::decode(&bytes), Ok(environment_ordered()));
    let bytes = desired().encode().unwrap();
    assert_eq!(Desired::decode(&bytes), Ok(desired()));
    let deleted = Deleted {
        target: "pdu-a1".parse().unwrap(),
    };
    let bytes = deleted.encode().unwrap();
    assert_eq!(Deleted::decode(&bytes), Ok(deleted));
}

/// Adds an unknown field to every object, except to maps with free keys.
fn with_unknown_fields(json: &mut Value) {
    match json {
        Value::Object(object) => {
            object.iter_mut().for_each(|(key, value)| {
                let free = [
                    "labels",
                    "attributes",
                    "values",
                    "origin",
                    "parameters",
                    "result",
                ];
                match value.as_object_mut() {
                    // Free keys, with our own objects below them.
                    Some(named) if ["environments", "kinds"].contains(&key.as_str()) => {
                        named.values_mut().for_each(with_unknown_fields);
                    }
                    _ if free.contains(&key.as_str()) => {}
                    _ => with_unknown_fields(value),
                }
            });
            object.insert("a-field-of-tomorrow".into(), json!({ "x": [1, null] }));
        }
        Value::Array(items) => items.iter_mut().for_each(with_unknown_fields),
        _ => {}
    }
}

#[test]
fn fields_of_tomorrow_are_ignored_at_every_depth() {
    let tomorrow = |bytes: Vec<u8>| {
        let mut json: Value = serde_json::from_slice(&bytes).unwrap();
        with_unknown_fields(&mut json);
        serde_json::to_vec(&json).unwrap()
    };
    let bytes = tomorrow(tasks().encode().unwrap());
    assert_eq!(
        format!("{:?}", Vec::<Task>::decode(&bytes).unwrap()),
        format!("{:?}", tasks())
    );
    let bytes = tomorrow(readings().encode().unwrap());
    assert_eq!(Readings::decode(&bytes), Ok(readings()));
    let bytes = tomorrow(outcomes().encode().unwrap());
    assert_eq!(
        format!("{:?}", OutcomeBatch::decode(&bytes).unwrap()),
        format!("{:?}", outcomes())
    );
    let bytes = tomorrow(start().encode().unwrap());
    assert_eq!(StartBatch::decode(&bytes), Ok(start()));
    let bytes = tomorrow(recorded_asks().encode().unwrap());
    assert_eq!(RecordedBatch::decode(&bytes), Ok(recorded_asks()));
    let bytes = tomorrow(desired().encode().unwrap());
    assert_eq!(Desired::decode(&bytes), Ok(desired()));
    let bytes = tomorrow(environment().encode().unwrap());
    let mut expect = environment();
    // The schema of an action is free JSON: additions to it are kept.
    let read = EnvironmentStatus::decode(&bytes).unwrap();
    Arc::make_mut(&mut expect.pools[0].manifest).actions[0].parameters =
        read.pools[0].manifest.actions[0].parameters.clone();
    assert_eq!(read, expect);
}

#[test]
fn an_unknown_version_says_what_came_and_which_side_to_update() {
    for (version, update) in [(3, "update this side"), (1, "update the side that sent it")] {
        let payload = format!(r#"{{"version":{version},"nothing":"of ours"}}"#);
        let error = Vec::<Task>::decode(payload.as_bytes()).unwrap_err();
        let expect = Error::Version {
            what: "batch of tasks",
            spoken: 2,
            came: version,
        };
        assert_eq!(error, expect);
        let text = error.to_string();
        assert!(text.contains(update), "{text}");
        assert!(text.contains(&format!("has version {version}, ")), "{text}");
        assert!(text.contains("speaks version 2"), "{text}");
    }
}

#[test]
fn the_place_of_the_version_in_the_object_does_not_matter() {
    let mut json: Value = serde_json::from_slice(&readings().encode().unwrap()).unwrap();
    let sorted = serde_json::to_vec_pretty(&json).unwrap();
    assert_eq!(Readings::decode(&sorted), Ok(readings()));
    json["version"] = json!(17);
    let newer = serde_json::to_vec(&json).unwrap();
    assert!(matches!(
        Readings::decode(&newer),
        Err(Error::Version { came: 17, .. })
    ));
}

#[test]
fn garbage_is_refused_and_says_why() {
    for (payload, expect) in [
        (&b""[..], "is not ours"),
        (b"hello", "is not ours"),
        (b"\xff\xfe\x00", "is not ours"),
        (b"{}", "missing field `version`"),
        (br#"{"version":"1"}"#, "is not ours"),
        (br#"{"version":-1}"#, "is not ours"),
        (br#"{"version":2}"#, "missing field `tasks`"),
        (br#"{"version":2,"tasks":[{}]}"#, "missing field `id`"),
        (br#"{"version":2,"tasks":[]"#, "cannot be read: EOF"),
        (br#"{"version":2,"tasks":[]} and more"#, "cannot be read"),
        (br#"{"version":12,"tasks":[]}"#, "has version 12"),
    ] {
        let error = Vec::<Task>::decode(payload).unwrap_err().to_string();
        let payload = String::from_utf8_lossy(payload);
        assert!(error.contains(expect), "{payload}: {error}");
        assert!(error.starts_with("the received batch of tasks"), "{error}");
    }
}

#[test]
fn tasks_of_version_1_which_had_secrets_are_refused_without_showing_any() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1/tasks.json");
    let error = Vec::<Task>::decode(&std::fs::read(path).unwrap()).unwrap_err();
    assert!(matches!(error, Error::Version { came: 1, .. }), "{error}");
    assert!(!error.to_string().contains("public"), "{error}");
}

#[test]
fn a_torn_message_is_refused_wherever_it_is_torn() {
    let bytes = environment().encode().unwrap();
    for end in 0..bytes.len() {
        assert!(
            EnvironmentStatus::decode(&bytes[..end]).is_err(),
            "torn after {end} bytes"
        );
    }
}
