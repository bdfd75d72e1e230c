//! The intake of deliveries from the broker, and their settlement with it.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future};
use lapin::{
    Channel,
    message::Delivery,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions,
        BasicQosOptions, BasicRejectOptions,
    },
    types::{FieldTable, ShortString},
};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Error, signatures};
use utakata_model::{Class, Task};

use super::{
    Handle, Settle, Shared, State,
    ledger::Returns,
    prefetch::{self, Prefetch},
};
use crate::{
    control::Control,
    declare::Queues,
    foreign::{self, Foreign, Original, Reader},
    link::{Link, Session},
    routes,
    topology::Route,
};

const DOING: &str = "to consume tasks";
/// The interval at which a stalled consumer, or a changed demand, is noticed.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// The time within which waiting control arrives, or is not awaited.
const FIRST_TIMEOUT: Duration = Duration::from_millis(500);
/// The longest time that leaving may take.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The settings that an intake shares with its consumer.
pub(in super::super) struct Setting {
    pub(super) shared: Arc<Shared>,
    /// Cancelled when the consumer is dropped.
    pub(super) left: CancellationToken,
}

pub(in super::super) struct Intake {
    pub(in super::super) setting: Setting,
    pub(in super::super) route: Route,
    pub(in super::super) queues: Queues,
    pub(in super::super) stalled_after: Duration,
    pub(in super::super) link: Arc<Link>,
    pub(in super::super) session: Arc<Session>,
    pub(in super::super) channel: Channel,
    /// The queue for the rest of messages that are partly acknowledged.
    pub(in super::super) control: Arc<Control>,
}

/// The subscription of an intake, if it has one.
#[derive(Default)]
struct Flow {
    streams: Option<Streams>,
    control: Prefetch,
    observe: Prefetch,
    changed: Option<Instant>,
}

struct Streams {
    control: lapin::Consumer,
    observe: lapin::Consumer,
}

type Incoming = (Class, Option<lapin::Result<Delivery>>);

impl Intake {
    /// Works until the consumer is dropped, the connection is lost, or it is asked to stop.
    pub(in super::super) async fn run(self, stop: CancellationToken) {
        let mut flow = Flow::default();
        let worked = tokio::select! {
            worked = self.work(&mut flow, &stop) => worked,
            () = self.session.gone.cancelled() => Err(self.away()),
        };
        if let Err(error) = worked {
            self.state(|state| state.lost = Some(error));
            self.setting.shared.filled.notify_one();
        }
        if self.channel.status().connected() {
            // Anything not given back in time returns with the connection.
            let _ = timeout(LEAVE_TIMEOUT, self.leave(flow)).await;
        }
    }

    async fn work(&self, flow: &mut Flow, stop: &CancellationToken) -> Result<(), Error> {
        let mut look = tokio::time::interval(CHECK_INTERVAL);
        loop {
            tokio::select! {
                (class, came) = next(flow.streams.as_mut()) => self.take_in(flow, class, came)?,
                () = self.setting.shared.work.notified() => {}
                _ = look.tick() => self.look(flow).await?,
                () = self.setting.left.cancelled() => return Ok(()),
                () = stop.cancelled() => return Err(Error::Closed),
            }
            while let Some(Some((class, came))) = flow.streams.as_mut().map(ready) {
                self.take_in(flow, class, came)?;
            }
            self.settle().await?;
            if flow.streams.is_none() && self.state(|state| state.waits) {
                self.consume(flow).await?;
            }
        }
    }

    fn state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.setting.shared.state.lock())
    }

    fn away(&self) -> Error {
        let session = self.link.session().err();
        session.unwrap_or_else(|| Error::Away {
            reason: "the connection was lost".into(),
        })
    }

    /// Begins to consume, control first: anything waiting there comes before observation.
    async fn consume(&self, flow: &mut Flow) -> Result<(), Error> {
        let (wanted, begun) =
            self.state(|state| (std::mem::take(&mut state.wanted), state.ledger.begun()));
        let control = flow.control.set(wanted, begun);
        let observe = flow.observe.set(wanted, 0);
        let begin = async {
            let waiting = routes::count(&self.channel, self.queues.control.clone()).await?;
            let mut control = self.begin(&self.queues.control, control).await?;
            let first = if waiting > 0 {
                timeout(FIRST_TIMEOUT, control.next()).await.ok()
            } else {
                None
            };
            let observe = self.begin(&self.queues.observe, observe).await?;
            Ok((Streams { control, observe }, first))
        };
        let (streams, first) = self.link.ask(DOING, begin).await?;
        flow.streams = Some(streams);
        flow.changed = Some(Instant::now());
        if let Some(came) = first {
            self.take_in(flow, Class::Control, came)?;
        }
        self.link.works();
        Ok(())
    }

    async fn begin(&self, queue: &ShortString, prefetch: u16) -> lapin::Result<lapin::Consumer> {
        self.channel
            .basic_qos(prefetch, BasicQosOptions::default())
            .await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        self.channel
            .basic_consume(queue.clone(), "".into(), options, none)
            .await
    }

    /// Stops consuming; deliveries that have arrived meanwhile are taken.
    async fn pause(&self, flow: &mut Flow) -> Result<(), Error> {
        let Some(mut streams) = flow.streams.take() else {
            return Ok(());
        };
        let cancel = async {
            for tag in [streams.control.tag(), streams.observe.tag()] {
                self.channel
                    .basic_cancel(tag, BasicCancelOptions::default())
                    .await?;
            }
            Ok(())
        };
        self.link.ask(DOING, cancel).await?;
        for (class, stream) in [
            (Class::Control, &mut streams.control),
            (Class::Observe, &mut streams.observe),
        ] {
            while let Some(Some(came)) = stream.next().now_or_never() {
                self.take_in(flow, class, Some(came))?;
            }
        }
        Ok(())
    }

    /// Checks for a consumer that has stalled, or wants more or fewer at a time.
    async fn look(&self, flow: &mut Flow) -> Result<(), Error> {
        let (stalled, wanted, begun) = self.state(|state| {
            let still = state.moved.elapsed() > self.stalled_after;
            (
                still && !state.ledger.is_empty(),
                state.wanted,
                state.ledger.begun(),
            )
        });
        if stalled {
            tracing::debug!(kind = %self.route.kind, "tasks that nobody fetches go to others");
            self.pause(flow).await?;
            let returns = self.state(|state| {
                state.waits = false;
                state.ledger.return_waiting()
            });
            return self.give_up(returns).await;
        }
        let is_due = flow
            .changed
            .is_some_and(|at| at.elapsed() >= prefetch::ADAPT_INTERVAL);
        if flow.streams.is_none() || !is_due {
            return Ok(());
        }
        flow.changed = Some(Instant::now());
        // A consumer that has requested nothing for a while is busy: deliveries in advance continue
        // to wait.
        if wanted == 0 {
            return Ok(());
        }
        if flow.control.is_off(wanted, begun) || flow.observe.is_off(wanted, 0) {
            self.pause(flow).await?;
            self.consume(flow).await?;
        } else if !self.state(|state| state.waits) {
            self.state(|state| state.wanted = 0);
        }
        Ok(())
    }

    fn take_in(
        &self,
        flow: &mut Flow,
        class: Class,
        came: Option<lapin::Result<Delivery>>,
    ) -> Result<(), Error> {
        let delivery = match came {
            Some(Ok(delivery)) => delivery,
            Some(Err(error)) => return Err(self.link.refused(&error, DOING)),
            None => {
                let reason = format!("a queue of the kind {} was deleted", self.route.kind);
                return Err(Error::Away { reason });
            }
        };
        let again = delivery.redelivered || foreign::is_again(&delivery.properties);
        match self.reader(class).tasks(&delivery.data) {
            Ok(tasks) => {
                match class {
                    Class::Control => flow.control.came(tasks.len()),
                    Class::Observe => flow.observe.came(tasks.len()),
                }
                self.add(class, delivery, tasks, again);
            }
            Err(why) => self.refuse(class, delivery, &why),
        }
        Ok(())
    }

    fn reader(&self, class: Class) -> Reader<'_> {
        Reader {
            route: &self.route,
            class,
            clock: self.link.clock(),
            signatures: self.link.signatures(),
        }
    }

    fn add(&self, class: Class, delivery: Delivery, mut tasks: Vec<Task>, again: bool) {
        let Delivery {
            data,
            properties,
            acker,
            ..
        } = delivery;
        let original = match class {
            Class::Control => Original::new(data, &tasks),
            Class::Observe => Original::default(),
        };
        if let Some(left) = foreign::left(&properties) {
            let mut at = 0..;
            tasks.retain(|_| at.next().is_some_and(|at| left.contains(&at)));
        }
        if tasks.is_empty() {
            return self.state(|state| state.settle.push(Settle::Acknowledge(acker)));
        }
        let handle = Handle {
            acker,
            original: Arc::new(original),
        };
        self.state(|state| {
            if state.ledger.is_empty() {
                state.moved = Instant::now();
            }
            state.waits = false;
            state.ledger.add(class, handle, tasks, again);
        });
        self.setting.shared.filled.notify_one();
    }

    /// Control becomes a dead letter, for somebody to look at; a read is only dropped.
    fn refuse(&self, class: Class, delivery: Delivery, why: &Foreign) {
        let (zone, kind) = (&self.route.zone, &self.route.kind);
        tracing::warn!(%zone, %kind, ?class, reason = %why, "a message is not for us");
        if let Foreign::Distrusted(why) = why {
            let place = signatures::control(zone, kind);
            self.link.health().distrusted(&place, why);
            if let Some(signatures) = self.link.signatures() {
                signatures.distrust(&place, why);
            }
        }
        let settle = match class {
            Class::Control => {
                self.link.health().notice(format!(
                    "a message of control of {kind} in the zone {zone} is not for us, and lies \
                     with the dead letters: {why}"
                ));
                Settle::Reject(delivery.acker)
            }
            Class::Observe => {
                self.link.health().dropped(1);
                Settle::Acknowledge(delivery.acker)
            }
        };
        self.state(|state| state.settle.push(settle));
    }

    /// Settles messages with the broker.
    async fn settle(&self) -> Result<(), Error> {
        let settle = self.state(|state| std::mem::take(&mut state.settle));
        if settle.is_empty() {
            return Ok(());
        }
        let told = future::try_join_all(settle.iter().map(tell));
        self.link.ask(DOING, told).await.map(drop)
    }

    /// Gives to others what is no longer for this consumer.
    async fn give_up(&self, returns: Returns<Handle>) -> Result<(), Error> {
        self.state(|state| {
            state
                .settle
                .extend(returns.whole.into_iter().map(Settle::requeue));
        });
        self.settle().await?;
        for rest in returns.rests {
            let count = rest.tasks.len();
            let Handle { acker, original } = rest.handle;
            let again = self.control.again(&self.route, &original, rest.tasks);
            if !again.await? {
                // The message stays unacknowledged, and returns as a whole with the channel.
                tracing::warn!(kind = %self.route.kind, count, "tasks could not be given back");
                return Err(Error::Away {
                    reason: "the broker did not take tasks back".into(),
                });
            }
            if rest.is_all {
                self.state(|state| state.settle.push(Settle::Acknowledge(acker)));
            }
        }
        self.settle().await
    }

    async fn leave(&self, mut flow: Flow) -> Result<(), Error> {
        self.pause(&mut flow).await?;
        let returns = self.state(|state| state.ledger.return_all());
        self.give_up(returns).await?;
        let closing = self.channel.close(200, "goodbye".into());
        self.link.ask(DOING, closing).await
    }
}

async fn next(streams: Option<&mut Streams>) -> Incoming {
    let Some(streams) = streams else {
        return future::pending().await;
    };
    tokio::select! {
        biased;
        came = streams.control.next() => (Class::Control, came),
        came = streams.observe.next() => (Class::Observe, came),
    }
}

/// Waits for the deliveries that are there already, control first.
fn ready(streams: &mut Streams) -> Option<Incoming> {
    if let Some(came) = streams.control.next().now_or_never() {
        return Some((Class::Control, came));
    }
    let came = streams.observe.next().now_or_never()?;
    Some((Class::Observe, came))
}

async fn tell(settle: &Settle) -> lapin::Result<bool> {
    match settle {
        Settle::Acknowledge(acker) => acker.ack(BasicAckOptions::default()).await,
        Settle::Requeue(acker) => {
            let options = BasicNackOptions {
                multiple: false,
                requeue: true,
            };
            acker.nack(options).await
        }
        Settle::Reject(acker) => acker.reject(BasicRejectOptions { requeue: false }).await,
    }
}
