//! Publishing of messages, with the broker's decision about each.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};
use parking_lot::Mutex;
use tokio::{sync::Mutex as AsyncMutex, time::timeout};
use utakata_interconnect::Error;
use utakata_model::{Class, Task};

use super::{
    batch::EncodedBatch,
    declare,
    link::{Link, Session},
    topology,
};

const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;
/// The time in which an unanswered message is sent.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(100);

/// A publisher of one class of messages on a channel of its own, which is opened again after it was
/// lost, or when something on it was not answered in time. Others' requests on the old channel are
/// still awaited: the last to leave closes it.
#[derive(Debug)]
pub(super) struct Publisher {
    link: Arc<Link>,
    class: Class,
    in_flight: usize,
    within: Duration,
    channel: Mutex<Option<Arc<Channel>>>,
    opening: AsyncMutex<()>,
}

/// A message under way.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) key: ShortString,
    pub(super) message: EncodedBatch,
    /// The number of milliseconds for which it is worth keeping, if not for ever.
    pub(super) worth: Option<u64>,
    /// The positions of the tasks that are left of it, if it was delivered before.
    pub(super) left: Option<Vec<usize>>,
}

/// The broker's decision about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The broker keeps it.
    Kept,
    /// Its queue is full.
    Full,
    /// There is no queue for it.
    Nowhere,
}

impl Publisher {
    pub(super) fn new(link: Arc<Link>, class: Class, in_flight: usize, within: Duration) -> Self {
        Self {
            link,
            class,
            in_flight: in_flight.max(1),
            within,
            channel: Mutex::default(),
            opening: AsyncMutex::default(),
        }
    }

    /// Publishes all messages, many at a time, in order. Returns the decision about each.
    ///
    /// # Errors
    /// Nothing is known of any of them.
    pub(super) async fn publish(
        &self,
        parcels: Vec<Parcel>,
    ) -> Result<Vec<(Vec<Task>, Fate)>, Error> {
        let channel = self.link.within(self.doing(), self.channel()).await?;
        let sent = self.send_all(&channel, parcels).await;
        if sent.is_err() {
            self.give_up(&channel);
        }
        self.leave(channel).await;
        if sent.is_ok() {
            self.link.works();
        }
        sent
    }

    async fn send_all(
        &self,
        channel: &Channel,
        parcels: Vec<Parcel>,
    ) -> Result<Vec<(Vec<Task>, Fate)>, Error> {
        let sending = parcels.into_iter().map(|parcel| self.send(channel, parcel));
        let mut sending = stream::iter(sending).buffered(self.in_flight);
        let mut sent = Vec::new();
        loop {
            match timeout(self.within, sending.try_next()).await {
                Ok(Ok(Some(one))) => sent.push(one),
                Ok(Ok(None)) => return Ok(sent),
                Ok(Err(error)) => return Err(self.link.refused(&error, self.doing())),
                Err(_) => return Err(self.link.silent(self.doing())),
            }
        }
    }

    async fn send(&self, channel: &Channel, parcel: Parcel) -> lapin::Result<(Vec<Task>, Fate)> {
        let EncodedBatch { payload, tasks } = parcel.message;
        let mandatory = self.class == Class::Control;
        let options = BasicPublishOptions {
            mandatory,
            immediate: false,
        };
        let properties = properties(self.class, parcel.worth, parcel.left.as_deref());
        let exchange = topology::EXCHANGE.into();
        let sent = channel.basic_publish(exchange, parcel.key, options, &payload, properties);
        let fate = match sent.await?.await? {
            Confirmation::Ack(None) | Confirmation::NotRequested => Fate::Kept,
            Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => Fate::Nowhere,
            Confirmation::Nack(None) => Fate::Full,
        };
        Ok((tasks, fate))
    }

    async fn channel(&self) -> Result<Arc<Channel>, Error> {
        if let Some(channel) = self.usable() {
            return Ok(channel);
        }
        let _one_at_a_time = self.opening.lock().await;
        if let Some(channel) = self.usable() {
            return Ok(channel);
        }
        let session = self.link.session()?;
        let channel = Arc::new(self.link.ask(self.doing(), open(&session)).await?);
        *self.channel.lock() = Some(Arc::clone(&channel));
        Ok(channel)
    }

    fn usable(&self) -> Option<Arc<Channel>> {
        let channel = self.channel.lock().clone()?;
        channel.status().connected().then_some(channel)
    }

    /// Gives up the channel: nothing begins on it any more.
    fn give_up(&self, channel: &Arc<Channel>) {
        self.channel
            .lock()
            .take_if(|kept| Arc::ptr_eq(kept, channel));
    }

    /// Leaves a channel; the last to leave one that was given up closes it.
    async fn leave(&self, channel: Arc<Channel>) {
        let Some(channel) = Arc::into_inner(channel) else {
            return;
        };
        // A broker that recovers one day has no use for it, and the number of channels is limited.
        // Nobody waits for its answer: it did not answer before.
        let closing = channel.close(200, "no answer in time".into());
        let _ = timeout(GOODBYE_TIMEOUT, closing).await;
    }

    fn doing(&self) -> &'static str {
        match self.class {
            Class::Control => "to publish control tasks",
            Class::Observe => "to publish observe tasks",
        }
    }
}

/// Opens a channel with confirmations, and makes sure that the exchange exists.
async fn open(session: &Session) -> lapin::Result<Channel> {
    let channel = declare::tasks(session, session.channel().await?).await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(channel)
}

fn properties(class: Class, worth: Option<u64>, left: Option<&[usize]>) -> BasicProperties {
    let mut properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(match class {
            Class::Control => PERSISTENT,
            Class::Observe => TRANSIENT,
        });
    if let Some(worth) = worth {
        properties = properties.with_expiration(worth.to_string().into());
    }
    if let Some(left) = left {
        properties = properties.with_headers(topology::again(left));
    }
    properties
}
