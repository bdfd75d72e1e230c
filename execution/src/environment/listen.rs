//! Messages from the logic environment: permits and records are passed on to the kinds, orders are
//! stored.

use std::{sync::Arc, time::Duration};

use utakata_interconnect::{Error, Event, Events, Interest, Sender, Zones, connection::draw};
use utakata_model::Backoff;

use crate::{
    content,
    desired::DesiredKeeper,
    loans::Loans,
    notifications,
    routes::{LedgerReply, Routes},
};

/// The first wait between attempts while the inter connect is away.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const MAX_RETRY: Duration = Duration::from_secs(5);

/// The recipients of the logic environment's messages.
pub(super) struct Recipients {
    /// The routes of permits and records to the kinds.
    pub(super) routes: Routes,
    /// The keeper of the desired state.
    pub(super) keeper: DesiredKeeper,
    /// The credentials lent to this environment.
    pub(super) loans: Loans,
    /// The service that fetches content of releases.
    pub(super) content: content::Answers,
    /// The listener that replies to devices.
    pub(super) replies: notifications::Replies,
}

/// Listens for answers as long as it runs, also after the inter connect was away.
pub(super) async fn run(events: Arc<dyn Events>, me: Sender, to: Recipients) {
    let mut backoff = Backoff::new(FIRST_RETRY, MAX_RETRY);
    loop {
        let mut heard = false;
        let Err(error) = listen(&*events, &me, &to, &mut heard).await;
        if error == Error::Closed {
            return;
        }
        if heard {
            backoff.reset();
        }
        tracing::warn!(%error, "the logic environment cannot be followed: trying again");
        tokio::time::sleep(backoff.wait_jittered(draw())).await;
    }
}

async fn listen(
    events: &dyn Events,
    me: &Sender,
    to: &Recipients,
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
                        .pass_on(&batch.kind.clone(), LedgerReply::Permits(batch));
                }
                Event::Recorded(batch) if batch.incarnation == me.incarnation => {
                    to.routes
                        .pass_on(&batch.kind.clone(), LedgerReply::Recorded(batch));
                }
                Event::Desired(desired) => to.keeper.hear(&desired).await,
                Event::Content(got) if got.want.is_of_keys() => to.loans.hear(&got),
                // If there is no room, it is requested again, and a device repeats its inform.
                Event::Content(got) => drop(to.content.try_send(got)),
                Event::Replies(batch) => {
                    let count = batch.replies.len();
                    if to.replies.try_send(batch).is_err() {
                        tracing::warn!(count, "devices are not answered: too many replies wait");
                    }
                }
                // For an earlier life of this environment, which knows nothing of it.
                _ => {}
            }
        }
    }
}
