//! Makes the queues of a zone and kind, where they are not there.

use lapin::{
    Channel,
    options::{QueueBindOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};
use utakata_model::Class;

use super::{
    Config,
    link::Session,
    problem,
    publisher::{Existing, declare_exchange},
    routes, topology,
    topology::Route,
};

/// The queues of a zone and kind.
#[derive(Debug, Clone)]
pub(super) struct Queues {
    pub(super) control: ShortString,
    pub(super) observe: ShortString,
}

/// Makes both queues of a route, the exchange, and the queue of dead letters.
pub(super) async fn queues(
    session: &Session,
    config: &Config,
    route: &Route,
    queues: &Queues,
) -> lapin::Result<Channel> {
    let mut channel = session.channel().await?;
    declare_exchange(&channel, Existing::Made).await?;
    channel = dead(session, channel).await?;
    let (control, observe) = (topology::control(config), topology::observe(config));
    for (class, queue, arguments) in [
        (Class::Control, &queues.control, control),
        (Class::Observe, &queues.observe, observe),
    ] {
        channel = queue_of(session, channel, queue, arguments).await?;
        let Some(key) = route.key(class) else {
            continue;
        };
        let (options, exchange) = (QueueBindOptions::default(), topology::EXCHANGE.into());
        let bound =
            channel.queue_bind(queue.clone(), exchange, key, options, FieldTable::default());
        bound.await?;
    }
    Ok(channel)
}

/// Makes the queue of dead letters.
pub(super) async fn dead(session: &Session, channel: Channel) -> lapin::Result<Channel> {
    queue_of(session, channel, &topology::DEAD.into(), topology::dead()).await
}

/// Makes a queue. One that is there with other limits is used as it is.
async fn queue_of(
    session: &Session,
    channel: Channel,
    name: &ShortString,
    arguments: FieldTable,
) -> lapin::Result<Channel> {
    let declared = channel.queue_declare(name.clone(), QueueDeclareOptions::durable(), arguments);
    match declared.await {
        Ok(_) => Ok(channel),
        Err(error) if problem::is_other(&error) => {
            let channel = session.channel().await?;
            routes::count(&channel, name.clone()).await?;
            tracing::warn!(
                queue = name.as_str(),
                %error,
                "a queue keeps the limits that it was made with; delete it when it is empty, and \
                 it is made anew"
            );
            Ok(channel)
        }
        Err(error) => Err(error),
    }
}
