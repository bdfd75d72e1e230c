//! The zones and kinds that are served: those with a queue.
//!
//! This is checked before anything is published: the broker returns a message without a queue with
//! all its bytes, and the library logs those, including credentials. The result may be outdated by
//! then, so control is published as "mandatory" all the same.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use lapin::{
    Channel,
    options::QueueDeclareOptions,
    types::{FieldTable, ShortString},
};
use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;
use utakata_interconnect::Error;
use utakata_model::Class;

use super::{
    link::{Link, Session},
    problem,
    topology::Route,
};

const DOING: &str = "to see which zones and kinds are served";
const SERVED_FOR: Duration = Duration::from_secs(30);
const UNSERVED_FOR: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Routes {
    link: Arc<Link>,
    known: Mutex<HashMap<Route, Known>>,
    /// The look-ups under way: one at a time for each route, and later ones use the result.
    looking: Mutex<HashMap<Route, Arc<AsyncMutex<()>>>>,
    /// The channel, while nobody uses it.
    channel: Mutex<Option<Channel>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    served: bool,
    until: Instant,
}

impl Routes {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            known: Mutex::default(),
            looking: Mutex::default(),
            channel: Mutex::default(),
        }
    }

    /// Returns true if an environment has ever served it here.
    pub(super) async fn is_served(&self, route: &Route) -> Result<bool, Error> {
        if let Some(served) = self.known(route) {
            return Ok(served);
        }
        let Some(queue) = route.queue(Class::Control) else {
            return Ok(false);
        };
        self.link.within(DOING, self.look_up(route, queue)).await
    }

    /// Looks up a route. A stuck queue delays only those who want it.
    async fn look_up(&self, route: &Route, queue: ShortString) -> Result<bool, Error> {
        let turn = Arc::clone(self.looking.lock().entry(route.clone()).or_default());
        let _one_at_a_time = turn.lock().await;
        if let Some(served) = self.known(route) {
            return Ok(served);
        }
        let session = self.link.session()?;
        let mut channel = self.channel.lock().take();
        let looking = look(&session, &mut channel, queue);
        let served = self.link.ask(DOING, looking).await;
        if served.is_ok() && channel.is_some() {
            *self.channel.lock() = channel;
        }
        self.note(route, served.clone()?);
        served
    }

    /// Records whether it is served.
    pub(super) fn note(&self, route: &Route, served: bool) {
        let until = Instant::now() + if served { SERVED_FOR } else { UNSERVED_FOR };
        let known = Known { served, until };
        self.known.lock().insert(route.clone(), known);
    }

    fn known(&self, route: &Route) -> Option<bool> {
        let known = *self.known.lock().get(route)?;
        (known.until > Instant::now()).then_some(known.served)
    }
}

async fn look(
    session: &Session,
    kept: &mut Option<Channel>,
    queue: ShortString,
) -> lapin::Result<bool> {
    let channel = match kept.take().filter(|channel| channel.status().connected()) {
        Some(channel) => channel,
        None => session.channel().await?,
    };
    match count(&channel, queue).await {
        Ok(_) => {
            *kept = Some(channel);
            Ok(true)
        }
        Err(error) if problem::is_not_found(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the number of messages that wait in a queue.
///
/// # Errors
/// "Not found" if it does not exist, and the channel is closed.
pub(super) async fn count(channel: &Channel, queue: ShortString) -> lapin::Result<u32> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(queue, options, FieldTable::default());
    Ok(declared.await?.message_count())
}
