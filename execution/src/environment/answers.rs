//! What the logic environment says to this one: permits and records are passed on to the kinds,
//! what is asked of the environment is kept.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use utakata_interconnect::{
    Error, Event, Events, Interest, Zones,
    events::{
        Sender,
        permit::{PermitBatch, RecordedBatch},
    },
};
use utakata_model::Kind;

use super::desired::Keeper;
use crate::content;

/// Batches that wait for one kind; more are dropped: asks and outcomes are repeated anyway.
const QUEUE: usize = 256;
/// Waits between two tries when the inter connect is away.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
const AGAIN_MOST: Duration = Duration::from_secs(5);

/// What the logic environment answered to a kind.
#[derive(Debug)]
pub(crate) enum Answered {
    /// Asks.
    Permits(Arc<PermitBatch>),
    /// Outcomes.
    Recorded(Arc<RecordedBatch>),
}

/// Where the answers for each kind go. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Arc<Mutex<BTreeMap<Kind, mpsc::Sender<Answered>>>>);

impl Routes {
    /// The answers for a kind, from now on.
    pub(crate) fn open(&self, kind: &Kind) -> mpsc::Receiver<Answered> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        self.0.lock().insert(kind.clone(), sender);
        receiver
    }

    /// Nobody waits for the answers for a kind any more.
    pub(crate) fn close(&self, kind: &Kind) {
        self.0.lock().remove(kind);
    }

    fn pass_on(&self, kind: &Kind, answered: Answered) {
        let routes = self.0.lock();
        if let Some(route) = routes.get(kind)
            && route.try_send(answered).is_err()
        {
            tracing::debug!(%kind, "an answer was dropped: it will come again");
        }
    }
}

/// Who is told what the logic environment says.
#[derive(Debug)]
pub(super) struct Listeners {
    /// The kinds: permits and records.
    pub(super) routes: Routes,
    /// Who keeps what is asked of the environment.
    pub(super) keeper: Keeper,
    /// Who fetches content of releases.
    pub(super) content: content::Answers,
}

/// Listens for answers as long as it is let, also when the inter connect was away.
pub(super) async fn run(events: Arc<dyn Events>, me: Sender, to: Listeners) {
    let mut wait = AGAIN_AFTER;
    loop {
        let mut heard = false;
        let Err(error) = listen(&*events, &me, &to, &mut heard).await;
        if error == Error::Closed {
            return;
        }
        if heard {
            wait = AGAIN_AFTER;
        }
        tracing::warn!(%error, "the logic environment cannot be heard: trying again");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(AGAIN_MOST);
    }
}

async fn listen(
    events: &dyn Events,
    me: &Sender,
    to: &Listeners,
    heard: &mut bool,
) -> Result<std::convert::Infallible, Error> {
    let interest = Interest {
        answers: Some(me.environment.clone()),
        desired: Zones::One(to.keeper.zone.clone()),
        ..Interest::NONE
    };
    let mut subscription = events.subscribe(interest).await?;
    loop {
        for event in subscription.next().await? {
            *heard = true;
            match event {
                Event::Permits(batch) if batch.incarnation == me.incarnation => {
                    to.routes
                        .pass_on(&batch.kind.clone(), Answered::Permits(batch));
                }
                Event::Recorded(batch) if batch.incarnation == me.incarnation => {
                    to.routes
                        .pass_on(&batch.kind.clone(), Answered::Recorded(batch));
                }
                Event::Desired(desired) => to.keeper.hear(&desired).await,
                // What finds no room is asked for again.
                Event::Content(got) => drop(to.content.try_send(got)),
                // For an earlier life of this environment, which knows nothing of it.
                _ => {}
            }
        }
    }
}
