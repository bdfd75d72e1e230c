//! The hub, its clients, and unknown peers at its socket.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};
use utakata_interconnect::{
    Consumer, Delivery, Error, Event, Events, Hub, HubClient, Interest, Refusal, Subscription, Tag,
    Tasks,
    events::bus::{self, Bus},
    hub::{self, Config, client::ConnectError},
    tasks::embedded::{self, Embedded},
};
use utakata_interconnect_conformance::{
    self as conformance, check_all,
    faulty::{Faults, FaultyEvents, FaultyTasks},
    sample::{self, Queue, mark},
};
use utakata_model::{Class, EnvironmentState, Kind, Task, Zone};

/// The version spoken by hub and clients.
const VERSION: u64 = 1;
const LIMIT: usize = 50;
const SOON: Duration = Duration::from_secs(20);

/// A hub over queues and a bus of its own, in its own folder.
struct House {
    folder: TempDir,
    embedded: Embedded,
    bus: Bus,
    hub: Option<Hub>,
}

impl House {
    async fn build() -> Self {
        Self::with(Duration::from_secs(30)).await
    }

    async fn with(read_timeout: Duration) -> Self {
        let mut house = Self {
            folder: TempDir::with_prefix("utakata-hub-").unwrap(),
            embedded: Embedded::new(embedded::Config {
                observe_limit: LIMIT,
                ..embedded::Config::default()
            }),
            bus: Bus::new(bus::Config { limit: LIMIT }),
            hub: None,
        };
        house.open(read_timeout).await;
        house
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("hub.sock")
    }

    async fn open(&mut self, read_timeout: Duration) {
        let config = Config {
            read_timeout,
            ..Config::new(self.path())
        };
        let tasks = Arc::new(self.embedded.clone());
        let events = Arc::new(self.bus.clone());
        self.hub = Some(Hub::serve(config, tasks, events).await.unwrap());
    }

    async fn close(&mut self) {
        self.hub.take().unwrap().stop().await;
    }

    async fn client(&self) -> HubClient {
        HubClient::connect(self.path()).await.unwrap()
    }

    /// A connection that writes its frames by hand.
    async fn stranger(&self) -> UnixStream {
        UnixStream::connect(self.path()).await.unwrap()
    }
}

fn samples() -> Queue {
    Queue::new("hall-1", "apc-pdu").unwrap()
}

fn marks(events: &[Event]) -> Vec<String> {
    events.iter().map(mark).collect()
}

async fn soon<T>(waiting: impl Future<Output = T>) -> T {
    utakata_tests::wait::soon("what the hub is asked for", waiting).await
}

/// Two processes at one hub: one publishes, the other fetches and follows.
struct Pair {
    publishing: Arc<dyn Tasks>,
    fetching: Arc<dyn Tasks>,
    telling: Arc<dyn Events>,
    following: Arc<dyn Events>,
    _clients: [HubClient; 2],
    _house: House,
}

impl Pair {
    async fn build() -> Self {
        let house = House::build().await;
        let (one, other) = (house.client().await, house.client().await);
        Self {
            publishing: one.tasks(),
            fetching: other.tasks(),
            telling: one.events(),
            following: other.events(),
            _clients: [one, other],
            _house: house,
        }
    }
}

#[async_trait]
impl Tasks for Pair {
    async fn publish(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error> {
        self.publishing.publish(tasks).await
    }

    async fn consume(&self, zone: &Zone, kind: &Kind) -> Result<Box<dyn Consumer>, Error> {
        self.fetching.consume(zone, kind).await
    }
}

#[async_trait]
impl Events for Pair {
    async fn publish(&self, events: Vec<Event>) -> Result<(), Error> {
        self.telling.publish(events).await
    }

    async fn subscribe(&self, interest: Interest) -> Result<Box<dyn Subscription>, Error> {
        self.following.subscribe(interest).await
    }
}

async fn check_tasks() {
    let make = async || {
        let pair = Arc::new(Pair::build().await);
        Ok(conformance::tasks::Setup {
            observe_limit: Some(LIMIT),
            ..conformance::tasks::Setup::new(pair)
        })
    };
    assert_eq!(check_all(&conformance::tasks::PROMISES, make).await, []);
}

async fn check_events() {
    let make = async || {
        Ok(conformance::events::Setup {
            events: Arc::new(Pair::build().await),
            limit: Some(LIMIT),
            slack: conformance::events::Slack::default(),
        })
    };
    assert_eq!(check_all(&conformance::events::PROMISES, make).await, []);
}

#[tokio::test]
async fn the_queues_of_a_hub_keep_every_promise_across_two_processes() {
    check_tasks().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_queues_of_a_hub_keep_every_promise_on_several_threads() {
    check_tasks().await;
}

#[tokio::test]
async fn the_events_of_a_hub_keep_every_promise_across_two_processes() {
    check_events().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_events_of_a_hub_keep_every_promise_on_several_threads() {
    check_events().await;
}

fn numbers(fetched: &[Delivery]) -> Vec<usize> {
    let number = |delivery: &Delivery| sample::number(&delivery.task).unwrap();
    fetched.iter().map(number).collect()
}

#[tokio::test]
async fn what_a_client_that_went_had_not_acknowledged_goes_to_another_marked() {
    let (house, queue) = (House::build().await, samples());
    let (one, other) = (house.client().await, house.client().await);
    let tasks = queue.tasks(Class::Control, 0..5);
    other.tasks().publish(tasks).await.unwrap();
    let mut first = one.tasks().consume(&queue.zone, &queue.kind).await.unwrap();
    let fetched = soon(first.fetch(4)).await.unwrap();
    first.acknowledge(&[fetched[1].tag]).await.unwrap();
    // As after kill -9: the connection ends without a word.
    drop(one);
    let mut second = other
        .tasks()
        .consume(&queue.zone, &queue.kind)
        .await
        .unwrap();
    let mut came = Vec::new();
    while came.len() < 4 {
        came.extend(soon(second.fetch(10)).await.unwrap());
    }
    came.sort_by_key(|delivery| sample::number(&delivery.task));
    assert_eq!(numbers(&came), [0, 2, 3, 4]);
    let redelivered: Vec<bool> = came.iter().map(|d| d.redelivered).collect();
    assert_eq!(redelivered, [true, true, true, false]);
    let lost = soon(first.acknowledge(&[Tag(0)])).await.unwrap_err();
    assert!(matches!(lost, Error::Away { .. }), "{lost}");
}

#[tokio::test]
async fn an_environment_whose_client_went_has_gone_and_one_that_restarted_has_not() {
    let (house, samples) = (House::build().await, samples());
    let (one, other) = (house.client().await, house.client().await);
    let status = |name: &str, state| samples.status(name, state).unwrap();
    let running = |name: &str| status(name, EnvironmentState::Running);
    let said = vec![
        running("wee-1"),
        running("wee-2"),
        running("wee-3"),
        status("wee-2", EnvironmentState::Gone),
    ];
    one.events().publish(said).await.unwrap();
    // It has restarted before the hub notices the end of its first life.
    other
        .events()
        .publish(vec![running("wee-3")])
        .await
        .unwrap();
    let environments = Interest {
        environments: true,
        ..Interest::NONE
    };
    let mut ledger = other.events().subscribe(environments).await.unwrap();
    assert_eq!(soon(ledger.next()).await.unwrap().len(), 3);
    drop(one);
    let came = soon(ledger.next()).await.unwrap();
    assert_eq!(marks(&came), ["environment wee-1 Gone"]);
    let Event::Environment(gone) = &came[0] else {
        panic!("{came:?}");
    };
    assert_eq!(gone.zone, samples.zone);
    other
        .events()
        .publish(vec![running("wee-4")])
        .await
        .unwrap();
    let came = soon(ledger.next()).await.unwrap();
    assert_eq!(marks(&came), ["environment wee-4 Running"], "nothing else");
}

#[tokio::test]
async fn of_a_client_that_steps_aside_nothing_is_said_until_it_goes_for_good() {
    let (house, samples) = (House::build().await, samples());
    let running = || samples.status("wee-1", EnvironmentState::Running).unwrap();
    let mut one = house.client().await;
    one.events().publish(vec![running()]).await.unwrap();
    let mut ledger = house.bus.subscribe(Interest::ALL).await.unwrap();
    one.step_aside().await.unwrap();
    let again = house.client().await;
    again.events().publish(vec![running()]).await.unwrap();
    let mut came = Vec::new();
    while came.len() < 2 {
        came.extend(marks(&soon(ledger.next()).await.unwrap()));
    }
    drop(again);
    came.extend(marks(&soon(ledger.next()).await.unwrap()));
    let (running, gone) = ("environment wee-1 Running", "environment wee-1 Gone");
    assert_eq!(came, [running, running, gone]);
}

#[tokio::test]
async fn a_last_will_is_reported_again_until_it_is_heard() {
    let (house, samples) = (House::build().await, samples());
    let faults = Faults {
        fail: 0.7,
        ..Faults::NONE
    };
    let faulty = FaultyEvents::new(Arc::new(house.bus.clone()), faults);
    let path = house.folder.path().join("faulty.sock");
    let tasks = Arc::new(house.embedded.clone());
    let hub = Hub::serve(Config::new(&path), tasks, Arc::new(faulty));
    let _hub = hub.await.unwrap();
    let client = HubClient::connect(&path).await.unwrap();
    let running = samples.status("wee-1", EnvironmentState::Running).unwrap();
    // The hub knows of the environment, even if the answer never arrives.
    let _ = client.events().publish(vec![running]).await;
    let mut ledger = house.bus.subscribe(Interest::ALL).await.unwrap();
    drop(client);
    let mut came = Vec::new();
    while !came.contains(&"environment wee-1 Gone".to_owned()) {
        came.extend(marks(&soon(ledger.next()).await.unwrap()));
    }
}

#[tokio::test]
async fn clients_continue_after_the_hub_was_started_again() {
    let (mut house, queue) = (House::build().await, samples());
    let client = house.client().await;
    let (tasks, events) = (client.tasks(), client.events());
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await.unwrap();
    let mut follower = events.subscribe(Interest::ALL).await.unwrap();
    let running = queue.status("wee-1", EnvironmentState::Running).unwrap();
    events.publish(vec![running]).await.unwrap();
    assert_eq!(soon(follower.next()).await.unwrap().len(), 1);

    house.close().await;
    let away = |error: Error| matches!(error, Error::Away { .. });
    assert!(away(soon(consumer.fetch(1)).await.unwrap_err()));
    assert!(away(soon(follower.next()).await.unwrap_err()));
    assert!(away(soon(follower.next()).await.unwrap_err()));
    let task = vec![queue.task(Class::Control, 1)];
    assert!(away(soon(tasks.publish(task.clone())).await.unwrap_err()));
    assert!(away(soon(consumer.fetch(1)).await.unwrap_err()));

    // A hub that has forgotten everything.
    house.bus = Bus::default();
    house.embedded = Embedded::default();
    house.open(SOON).await;
    soon(client.connected()).await;
    assert!(
        away(soon(consumer.fetch(1)).await.unwrap_err()),
        "consumers end with their connection"
    );
    let mut consumer = soon(tasks.consume(&queue.zone, &queue.kind)).await.unwrap();
    tasks.publish(task).await.unwrap();
    assert_eq!(numbers(&soon(consumer.fetch(9)).await.unwrap()), [1]);
    // The client has reported its environment again; a subscription continues by itself.
    let came = soon(follower.next()).await.unwrap();
    assert_eq!(marks(&came), ["environment wee-1 Running"]);
    events
        .publish(vec![queue.outcome(Class::Control, 2)])
        .await
        .unwrap();
    assert_eq!(marks(&soon(follower.next()).await.unwrap()), ["outcome 2"]);
}

#[tokio::test]
async fn a_client_that_was_closed_says_so() {
    let (house, queue) = (House::build().await, samples());
    let client = house.client().await;
    let tasks = client.tasks();
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await.unwrap();
    client.close().await;
    assert!(soon(consumer.fetch(1)).await.is_err());
    let closed = soon(tasks.publish(vec![queue.task(Class::Control, 1)])).await;
    assert_eq!(closed, Err(Error::Closed));
}

#[tokio::test]
async fn garbage_is_cut_off_and_the_others_continue() {
    let (house, queue) = (House::build().await, samples());
    let client = house.client().await;
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x00\x00\x00\x05hello",
        b"\xff\xff\xff\xff",
        b"\x00\x00",
    ] {
        let mut stranger = house.stranger().await;
        stranger.write_all(garbage).await.unwrap();
        stranger.shutdown().await.unwrap();
        let mut told = Vec::new();
        // The hub hangs up; it does not matter whether unread bytes remain.
        let _ = soon(stranger.read_to_end(&mut told)).await;
        assert!(told.is_empty(), "{garbage:?}: {told:?}");
    }
    // The same holds for a peer that has said hello.
    for garbage in [
        &b"\x00\x00\x00\x02{}"[..],
        b"\x7f\xff\xff\xff",
        b"\x00\x00\x00\x09{",
    ] {
        let mut stranger = house.stranger().await;
        greet(&mut stranger, VERSION).await;
        stranger.write_all(garbage).await.unwrap();
        stranger.shutdown().await.unwrap();
        let mut told = Vec::new();
        let _ = soon(stranger.read_to_end(&mut told)).await;
        assert!(told.is_empty(), "{garbage:?}: {told:?}");
    }
    let tasks = queue.tasks(Class::Control, 0..1);
    assert_eq!(client.tasks().publish(tasks).await, Ok(Vec::new()));
}

/// Says hello, and returns the hub's answer.
async fn greet(stranger: &mut UnixStream, version: u64) -> Value {
    write(stranger, &json!({ "utakata-hub": version, "pid": 1 }))
        .await
        .unwrap();
    read(stranger).await
}

/// Writes a frame: its length in 4 bytes, big-endian, then JSON.
async fn write(to: &mut UnixStream, message: &Value) -> std::io::Result<()> {
    let json = message.to_string();
    let length = u32::try_from(json.len()).unwrap();
    to.write_all(&length.to_be_bytes()).await?;
    to.write_all(json.as_bytes()).await
}

async fn read(from: &mut UnixStream) -> Value {
    let length = from.read_u32().await.unwrap();
    let mut json = vec![0; usize::try_from(length).unwrap()];
    from.read_exact(&mut json).await.unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[tokio::test]
async fn a_version_that_is_too_new_is_refused_with_what_to_update() {
    let house = House::build().await;
    let mut stranger = house.stranger().await;
    let welcome = greet(&mut stranger, 2).await;
    let reason = welcome["refused"]["reason"].as_str().unwrap();
    assert!(reason.contains("version 2"), "{reason}");
    assert!(reason.contains("update the hub"), "{reason}");
    assert_eq!(stranger.read(&mut [0]).await.unwrap(), 0, "it hangs up");
}

#[tokio::test]
async fn a_hub_that_is_too_new_is_reported_at_once() {
    let folder = TempDir::with_prefix("utakata-hub-").unwrap();
    let path = folder.path().join("hub.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let refusing = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(read(&mut stream).await["utakata-hub"], VERSION);
        let refused = json!({ "refused": { "reason": "update the client" } });
        write(&mut stream, &refused).await.unwrap();
    };
    let (connected, ()) = soon(async { tokio::join!(HubClient::connect(&path), refusing) }).await;
    let error = connected.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    assert!(error.to_string().ends_with("refuses: update the client"));
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_listens_and_does_not_answer_is_waited_for() {
    let folder = TempDir::with_prefix("utakata-hub-").unwrap();
    let path = folder.path().join("hub.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let stalled = async {
        // The host freezes for three attempts, then continues.
        let mut silent = Vec::new();
        for _ in 0..3 {
            silent.push(listener.accept().await.unwrap());
        }
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(read(&mut stream).await["utakata-hub"], VERSION);
        let welcome = json!({ "welcome": { "version": VERSION } });
        write(&mut stream, &welcome).await.unwrap();
        stream
    };
    let (connected, _stream) = tokio::join!(HubClient::connect(&path), stalled);
    assert_eq!(connected.unwrap().health().problem(), None);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_and_its_tasks_go_to_another() {
    let (house, queue) = (House::with(Duration::from_millis(200)).await, samples());
    let client = house.client().await;
    let tasks = client.tasks();
    // Far more than the buffers of a socket hold.
    let many = 5_000;
    tasks
        .publish(queue.tasks(Class::Control, 0..many))
        .await
        .unwrap();
    let mut stranger = house.stranger().await;
    greet(&mut stranger, VERSION).await;
    for open in 0..5 {
        let consume = json!({ "open": open, "zone": queue.zone, "kind": queue.kind });
        let fetch = json!({ "open": open, "max": 1_000 });
        for ask in [json!({ "consume": consume }), json!({ "fetch": fetch })] {
            let request = json!({ "id": open, "ask": ask });
            write(&mut stranger, &request).await.unwrap();
        }
    }
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await.unwrap();
    let mut came = std::collections::BTreeSet::new();
    while came.len() < many {
        came.extend(numbers(&soon(consumer.fetch(1_000)).await.unwrap()));
    }
    drop(stranger);
}

#[tokio::test]
async fn a_client_that_asks_for_too_much_at_once_is_cut_off() {
    let (house, queue) = (House::build().await, samples());
    let mut stranger = house.stranger().await;
    greet(&mut stranger, VERSION).await;
    let subscribe = json!({ "subscribe": { "open": 1, "interest": Interest::ALL } });
    let request = json!({ "id": 1, "ask": subscribe });
    write(&mut stranger, &request).await.unwrap();
    // Nothing arrives, and it keeps asking.
    for id in 2..10 {
        let request = json!({ "id": id, "ask": { "next": { "open": 1 } } });
        if write(&mut stranger, &request).await.is_err() {
            break;
        }
    }
    let mut told = Vec::new();
    let _ = soon(stranger.read_to_end(&mut told)).await;
    let client = house.client().await;
    let tasks = queue.tasks(Class::Control, 0..1);
    assert_eq!(client.tasks().publish(tasks).await, Ok(Vec::new()));
}

#[tokio::test]
async fn batches_larger_than_a_message_come_whole_and_in_order() {
    let (mut house, queue) = (House::build().await, samples());
    house.close().await;
    house.bus = Bus::default();
    house.open(SOON).await;
    let client = house.client().await;
    let (tasks, events) = (client.tasks(), client.events());
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await.unwrap();
    tasks
        .publish(queue.tasks(Class::Control, 0..2_500))
        .await
        .unwrap();
    let mut came = Vec::new();
    while came.len() < 2_500 {
        came.extend(numbers(&soon(consumer.fetch(10_000)).await.unwrap()));
    }
    assert_eq!(came, (0..2_500).collect::<Vec<_>>());
    let mut follower = events.subscribe(Interest::ALL).await.unwrap();
    let outcomes = (0..6_000).map(|n| queue.outcome(Class::Control, n));
    events.publish(outcomes.collect()).await.unwrap();
    let mut came = Vec::new();
    while came.len() < 6_000 {
        came.extend(marks(&soon(follower.next()).await.unwrap()));
    }
    let expect: Vec<String> = (0..6_000).map(|n| format!("outcome {n}")).collect();
    assert_eq!(came, expect);
}

#[tokio::test]
async fn what_the_inter_connect_behind_it_cannot_do_is_reported() {
    let (house, queue) = (House::build().await, samples());
    let failing = Faults {
        fail: 1.0,
        ..Faults::NONE
    };
    let path = house.folder.path().join("failing.sock");
    let tasks = FaultyTasks::new(Arc::new(house.embedded.clone()), failing.clone());
    let events = FaultyEvents::new(Arc::new(house.bus.clone()), failing);
    let hub = Hub::serve(Config::new(&path), Arc::new(tasks), Arc::new(events));
    let _hub = hub.await.unwrap();
    let client = HubClient::connect(&path).await.unwrap();
    let task = vec![queue.task(Class::Control, 1)];
    let told = client.tasks().publish(task).await.unwrap_err().to_string();
    assert!(told.contains("a fault on purpose"), "{told}");
    let consumer = client.tasks().consume(&queue.zone, &queue.kind).await;
    assert!(consumer.is_err());
    assert!(client.events().subscribe(Interest::ALL).await.is_err());
    assert!(client.events().publish(Vec::new()).await.is_ok(), "nothing");
}

#[tokio::test]
async fn refused_tasks_come_back_with_the_reason() {
    let (mut house, queue) = (House::build().await, samples());
    house.close().await;
    house.embedded = Embedded::new(embedded::Config {
        control_limit: 2,
        ..embedded::Config::default()
    });
    house.open(SOON).await;
    let client = house.client().await;
    let tasks = queue.tasks(Class::Control, 0..3);
    let last = tasks[2].key();
    let refused = client.tasks().publish(tasks).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].key, last);
    assert!(
        refused[0].reason.contains("is full"),
        "{}",
        refused[0].reason
    );
}

#[tokio::test]
async fn a_path_has_one_hub_and_what_a_killed_one_left_is_no_hindrance() {
    use std::os::unix::fs::PermissionsExt;
    let mut house = House::build().await;
    let serve = || {
        let tasks = Arc::new(house.embedded.clone());
        Hub::serve(
            Config::new(house.path()),
            tasks,
            Arc::new(house.bus.clone()),
        )
    };
    let second = serve().await.unwrap_err();
    assert!(matches!(second, hub::Error::InUse { .. }), "{second}");
    let mode = std::fs::metadata(house.path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    house.close().await;
    assert!(!house.path().exists());
    // A socket on which nobody listens any more.
    drop(std::os::unix::net::UnixListener::bind(house.path()).unwrap());
    house.open(SOON).await;
    house.client().await;
}

#[tokio::test]
async fn a_client_may_have_many_consumers_and_leave_them() {
    let (house, queue) = (House::build().await, samples());
    let client = house.client().await;
    let tasks = client.tasks();
    let mut held = Vec::new();
    for number in 0..3_000 {
        let consumer = tasks.consume(&queue.zone, &queue.kind);
        let mut consumer = soon(consumer).await.unwrap();
        // A fetch that is in progress when the consumer is left.
        let fetching = futures::FutureExt::now_or_never(consumer.fetch(1));
        assert!(fetching.is_none());
        if number % 100 == 0 {
            held.push(consumer);
        }
    }
    tasks
        .publish(queue.tasks(Class::Control, 0..1))
        .await
        .unwrap();
    let fetching = held.iter_mut().map(|consumer| consumer.fetch(1));
    let (fetched, ..) = soon(futures::future::select_all(fetching)).await;
    assert_eq!(numbers(&fetched.unwrap()), [0]);
}
