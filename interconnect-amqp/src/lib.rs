//! Task queues on RabbitMQ, or on another broker that speaks AMQP 0-9-1 in the same way.
//!
//! The broker keeps control in a quorum queue for each zone and kind, and confirms it; observation
//! is in a queue that may forget. Several tasks share a message: it is acknowledged when all of
//! them are, and the remainder of a message whose consumer disappears is published again.
//!
//! A kind that no environment has ever served is refused, because it has no queue. The connection
//! is made in the background, and made again for ever; meanwhile control fails at once with
//! [`Error::Away`], and observation is dropped and counted.
//!
//! The library logs whatever a broker sends back, as warnings of the target `lapin`, including all
//! credentials: keep that target silent.

mod batch;
mod config;
mod consumer;
mod control;
mod dead_letters;
mod declare;
mod dial;
mod foreign;
mod link;
mod problem;
mod publisher;
mod reads;
mod routes;
mod tls;
mod topology;

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use utakata_model::{Class, Kind, Task, Zone};

pub use self::{
    config::{Config, TlsError, Url, UrlError},
    dead_letters::{DeadLetter, DeadLetters, Reason},
};
use self::{
    consumer::{AmqpConsumer, Intake},
    control::Control,
    declare::Queues,
    link::Link,
    reads::Reads,
    routes::Routes,
    topology::Route,
};
use utakata_interconnect::{
    Consumer, Error, Refusal, Signatures, Tasks, clock::Clock, connection::Health,
};

/// The longest time that closing waits for consumers to give back their tasks.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);

/// Task queues on a broker. When dropped, it disconnects; [`Self::close`] gives tasks back first.
#[derive(Debug)]
pub struct Amqp {
    config: Config,
    link: Arc<Link>,
    control: Arc<Control>,
    reads: Arc<Reads>,
    routes: Arc<Routes>,
    intakes: TaskTracker,
    leave: CancellationToken,
    hang_up: CancellationToken,
    running: TaskTracker,
    _dropped: [DropGuard; 2],
}

impl Amqp {
    /// Returns at once, and connects in the background: the broker may be away. Must be called
    /// within a tokio runtime.
    pub fn connect(config: Config) -> Self {
        Self::connect_with(config, Clock::default(), None)
    }

    /// Connects with another clock than that of this process, or with signatures of control.
    pub fn connect_with(
        config: Config,
        clock: Clock,
        signatures: Option<Arc<dyn Signatures>>,
    ) -> Self {
        let health = Health::new("tasks", config.url.place());
        let link = Arc::new(Link::new(config.url.clone(), health, clock, signatures));
        let (leave, hang_up) = (CancellationToken::new(), CancellationToken::new());
        let per_message = config.tasks_per_message.max(1);
        let config = Config {
            tasks_per_message: per_message,
            ..config
        };
        let reads = Reads::new(Arc::clone(&link), config.observe_buffer, per_message);
        let reads = Arc::new(reads);
        let routes = Arc::new(Routes::new(Arc::clone(&link)));
        let control = Control::new(Arc::clone(&link), Arc::clone(&routes), &config);
        let running = TaskTracker::new();
        running.spawn(Arc::clone(&link).run(config.clone(), hang_up.clone()));
        running.spawn(Arc::clone(&reads).run(config.clone(), hang_up.clone()));
        Self {
            control: Arc::new(control),
            routes,
            config,
            link,
            reads,
            intakes: TaskTracker::new(),
            running,
            _dropped: [leave.clone().drop_guard(), hang_up.clone().drop_guard()],
            leave,
            hang_up,
        }
    }

    /// Returns the health of the connection.
    pub fn health(&self) -> Health {
        self.link.health().clone()
    }

    /// Waits until there is a connection.
    ///
    /// # Errors
    /// [`Error::Closed`] if it was closed meanwhile.
    pub async fn connected(&self) -> Result<(), Error> {
        self.link.wait().await
    }

    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(Arc::clone(&self.link))
    }

    /// Ends all consumers, which give back what they have, and disconnects. From then on everything
    /// fails with [`Error::Closed`].
    pub async fn close(&self) {
        self.leave.cancel();
        self.intakes.close();
        // Those that do not end in time end with the connection.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.intakes.wait()).await;
        self.hang_up.cancel();
        self.running.close();
        self.running.wait().await;
    }

    /// Divides tasks by whether somebody serves them.
    ///
    /// # Errors
    /// This is not known of any.
    async fn served(&self, tasks: Vec<Task>) -> Result<(Vec<Task>, Vec<Refusal>), Error> {
        let mut unserved = HashSet::new();
        let mut seen: Option<Route> = None;
        for task in &tasks {
            // Neighbours mostly go to the same queue.
            if seen.as_ref().is_some_and(|route| route.is_of(task)) {
                continue;
            }
            let route = Route::of(task);
            if !self.routes.is_served(&route).await? {
                unserved.insert(route.clone());
            }
            seen = Some(route);
        }
        if unserved.is_empty() {
            return Ok((tasks, Vec::new()));
        }
        let is_served = |task: &Task| !unserved.contains(&Route::of(task));
        let (served, others): (Vec<_>, Vec<_>) = tasks.into_iter().partition(is_served);
        Ok((served, others.iter().map(control::unserved).collect()))
    }

    async fn keep(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error> {
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let (served, mut refused) = self.served(tasks).await?;
        refused.extend(self.control.publish(served).await?);
        Ok(refused)
    }

    async fn observe(&self, tasks: Vec<Task>) -> Vec<Refusal> {
        if tasks.is_empty() {
            return Vec::new();
        }
        let count = tasks.len();
        match self.served(tasks).await {
            Ok((served, refused)) => {
                self.reads.push(served);
                refused
            }
            Err(_) => {
                self.link.health().dropped(count);
                Vec::new()
            }
        }
    }
}

#[async_trait]
impl Tasks for Amqp {
    async fn publish(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error> {
        let is_control = |task: &Task| task.class == Class::Control;
        let (control, observe): (Vec<_>, Vec<_>) = tasks.into_iter().partition(is_control);
        let kept = self.keep(control).await;
        let mut refused = self.observe(observe).await;
        refused.extend(kept?);
        Ok(refused)
    }

    async fn consume(&self, zone: &Zone, kind: &Kind) -> Result<Box<dyn Consumer>, Error> {
        let route = Route {
            zone: zone.clone(),
            kind: kind.clone(),
        };
        let (control, observe) = (route.queue(Class::Control), route.queue(Class::Observe));
        let (Some(control), Some(observe)) = (control, observe) else {
            let reason = format!("the names {zone} and {kind} are too long together for AMQP");
            return Err(Error::Away { reason });
        };
        let queues = Queues { control, observe };
        let session = self.link.session()?;
        let declaring = declare::queues(&session, &self.config, &route, &queues);
        let channel = self.link.ask("to consume tasks", declaring).await?;
        self.routes.note(&route, true);
        self.link.works();
        let (consumer, setting) = AmqpConsumer::new(Arc::clone(&self.link));
        let intake = Intake {
            setting,
            route,
            queues,
            stalled_after: self.config.stalled_after,
            link: Arc::clone(&self.link),
            session,
            channel,
            control: Arc::clone(&self.control),
        };
        self.intakes.spawn(intake.run(self.leave.clone()));
        Ok(Box::new(consumer))
    }
}
