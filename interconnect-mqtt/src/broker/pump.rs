//! The pump from the events to the broker's topics.
//!
//! As long as nobody listens, readings are not even encoded: the latest of each topic are kept by
//! reference, and handed to the broker just before a subscription needs them.

mod wanted;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use mqtt5::{
    QoS, broker::router::MessageRouter, packet::publish::PublishPacket, topic_matches_filter,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Error, Event, Message as _, Subscription,
    message::{self, alarm::AlarmNews, outcome::encode_selected},
    topic,
};
use utakata_model::{
    ActionName, Desired, EnvironmentStatus, Kind, Outcome, Readings, TargetName, Zone,
};

use self::wanted::WantedTopics;

/// The largest number of outcomes in a message.
const MAX_OUTCOMES: usize = 1_000;
/// The number of consecutive messages after which others get their turn.
const TURN: usize = 64;
/// The wait after the events could not be reached.
const AWAY: Duration = Duration::from_secs(1);

pub(super) type Commands = mpsc::Sender<Command>;

#[derive(Debug)]
pub(super) enum Command {
    /// Somebody is about to subscribe to this filter.
    Listen {
        filter: String,
        done: oneshot::Sender<()>,
    },
}

/// Provides the retained messages of the filter before it returns.
pub(super) async fn listen(commands: &Commands, filter: String) {
    ask(commands, |done| Command::Listen { filter, done }).await;
}

/// A pump that has ended needs no answer: it left everything in the broker.
async fn ask(commands: &Commands, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
    let (done, answer) = oneshot::channel();
    if commands.send(command(done)).await.is_ok() {
        answer.await.ok();
    }
}

pub(super) struct Pump {
    router: Arc<MessageRouter>,
    subscription: Box<dyn Subscription>,
    commands: mpsc::Receiver<Command>,
    wanted: WantedTopics,
    /// The latest readings of each topic that the broker does not have yet.
    unsent: HashMap<TargetName, Vec<Arc<Readings>>>,
    /// The actions whose readings the broker retains, by target: searching all that it retains
    /// would take too long.
    retained: HashMap<TargetName, Vec<ActionName>>,
    sent: usize,
}

impl Pump {
    pub(super) fn new(
        router: Arc<MessageRouter>,
        subscription: Box<dyn Subscription>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            router,
            subscription,
            commands,
            wanted: WantedTopics::default(),
            unsent: HashMap::new(),
            retained: HashMap::new(),
            sent: 0,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(command) = self.commands.recv() => self.obey(command).await,
                events = self.subscription.next() => match events {
                    Ok(events) => self.publish(events).await,
                    Err(Error::Closed) => return self.flush(None).await,
                    Err(Error::Away { .. }) => tokio::time::sleep(AWAY).await,
                },
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Listen { filter, done } => {
                self.wanted.listen(&filter, Instant::now());
                self.flush(Some(&filter)).await;
                done.send(()).ok();
            }
        }
    }

    async fn publish(&mut self, events: Vec<Event>) {
        if self.wanted.any() {
            let subscribed = self.router.topic_count().await;
            self.wanted.settle(subscribed, Instant::now());
        }
        let mut outcomes: BTreeMap<(&Zone, &Kind), Vec<&Outcome>> = BTreeMap::new();
        for event in &events {
            match event {
                Event::Readings(readings) => self.publish_readings(readings).await,
                Event::Outcomes(batch) if self.wanted.outcomes => outcomes
                    .entry((&batch.zone, &batch.kind))
                    .or_default()
                    .extend(&batch.outcomes),
                Event::Outcomes(_) => {}
                Event::Environment(status) => self.publish_environment(status).await,
                Event::Desired(desired) => self.publish_desired(desired).await,
                Event::Deleted(target) => self.forget(target).await,
                Event::Forgotten(id) => {
                    self.retain(topic::environment(id), Vec::new(), QoS::AtLeastOnce)
                        .await;
                }
                Event::Alarms(news) => self.publish_alarms(news).await,
                // Messages between the components are nobody else's business.
                Event::Start(_) | Event::Permits(_) | Event::Recorded(_) => {}
                Event::Fetch(_) | Event::Content(_) => {}
                Event::Datagrams(_) | Event::Replies(_) => {}
                Event::Notification(one) => {
                    if let Some(payload) = written(one.encode()) {
                        let topic = topic::notification(&one.zone, &one.subject());
                        self.send(topic, payload, QoS::AtLeastOnce).await;
                    }
                }
            }
        }
        for ((zone, kind), outcomes) in outcomes {
            for part in outcomes.chunks(MAX_OUTCOMES) {
                if let Some(payload) = written(encode_selected(zone, kind, part)) {
                    self.send(topic::outcome(zone, kind), payload, QoS::AtLeastOnce)
                        .await;
                }
            }
        }
    }

    /// Removes the retained readings of a target.
    async fn forget(&mut self, target: &TargetName) {
        self.unsent.remove(target);
        for action in self.retained.remove(target).unwrap_or_default() {
            let topic = topic::reading(target, &action);
            self.retain(topic, Vec::new(), QoS::AtMostOnce).await;
        }
    }

    async fn publish_readings(&mut self, readings: &Arc<Readings>) {
        let (target, action) = (&readings.target, &readings.action);
        if self.wanted.readings {
            if let Some(unsent) = self.unsent.get_mut(target) {
                unsent.retain(|one| one.action != *action);
            }
            self.send_readings(readings).await;
            return;
        }
        let unsent = self.unsent.entry(target.clone()).or_default();
        match unsent.iter_mut().find(|one| one.action == *action) {
            Some(before) => *before = Arc::clone(readings),
            None => push(unsent, Arc::clone(readings)),
        }
    }

    async fn send_readings(&mut self, readings: &Readings) {
        if let Some(payload) = written(readings.encode()) {
            let (target, action) = (&readings.target, &readings.action);
            let topic = topic::reading(target, action);
            self.retain(topic, payload, QoS::AtMostOnce).await;
            match self.retained.get_mut(target) {
                Some(actions) if actions.contains(action) => {}
                Some(actions) => push(actions, action.clone()),
                None => drop(self.retained.insert(target.clone(), vec![action.clone()])),
            }
        }
    }

    async fn publish_environment(&mut self, status: &EnvironmentStatus) {
        if let Some(payload) = written(status.encode()) {
            self.retain(topic::environment(&status.id), payload, QoS::AtLeastOnce)
                .await;
        }
    }

    async fn publish_desired(&mut self, desired: &Desired) {
        if let Some(payload) = written(desired.encode()) {
            self.retain(topic::desired(&desired.zone), payload, QoS::AtLeastOnce)
                .await;
        }
    }

    /// Publishes what has changed; then nothing is left retained of what is over and seen.
    async fn publish_alarms(&mut self, news: &AlarmNews) {
        let topic = topic::alarm(&news.target, &news.rule);
        if let Some(payload) = written(news.encode()) {
            self.retain(topic.clone(), payload, QoS::AtLeastOnce).await;
        }
        if news.alarms.is_empty() {
            self.retain(topic, Vec::new(), QoS::AtLeastOnce).await;
        }
    }

    /// Gives the broker the unsent readings whose topics match, or all.
    async fn flush(&mut self, filter: Option<&str>) {
        let is_due = |one: &mut Arc<Readings>| {
            let topic = topic::reading(&one.target, &one.action);
            filter.is_none_or(|filter| topic_matches_filter(&topic, filter))
        };
        let mut due = Vec::new();
        self.unsent.retain(|_, unsent| {
            due.extend(unsent.extract_if(.., is_due));
            !unsent.is_empty()
        });
        for readings in due {
            self.send_readings(&readings).await;
        }
    }

    async fn retain(&mut self, topic: String, payload: Vec<u8>, qos: QoS) {
        self.route(PublishPacket::new(topic, payload, qos).with_retain(true))
            .await;
    }

    async fn send(&mut self, topic: String, payload: Vec<u8>, qos: QoS) {
        self.route(PublishPacket::new(topic, payload, qos)).await;
    }

    /// Publishes a message. Never waits for a client: messages that it does not accept in time are
    /// queued for it, or dropped.
    async fn route(&mut self, message: PublishPacket) {
        self.router
            .route_message_with_deadline(&message, None, Instant::now())
            .await;
        self.sent += 1;
        if self.sent.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
}

/// Appends to a list of one action of a target each: hardly any target has more than one.
fn push<T>(list: &mut Vec<T>, one: T) {
    list.reserve_exact(1);
    list.push(one);
}

fn written(payload: Result<Vec<u8>, message::Error>) -> Option<Vec<u8>> {
    payload
        .inspect_err(|error| tracing::error!(%error, "an event was not published over MQTT"))
        .ok()
}
