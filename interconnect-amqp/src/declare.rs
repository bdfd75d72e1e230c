//! The declaration of a zone and kind's queues, and of what all share, if missing.
//!
//! Shared exchanges are looked for first, which needs no rights. An environment can therefore do
//! without any rights to make or delete them if somebody has made them before.

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};
use utakata_model::Class;

use super::{Config, link::Session, problem, routes, topology, topology::Route};

/// The queues of a zone and kind.
#[derive(Debug, Clone)]
pub(super) struct Queues {
    pub(super) control: ShortString,
    pub(super) observe: ShortString,
}

/// Declares both queues of a route, and makes sure that everything shared exists.
pub(super) async fn queues(
    session: &Session,
    config: &Config,
    route: &Route,
    queues: &Queues,
) -> lapin::Result<Channel> {
    let mut channel = tasks(session, session.channel().await?).await?;
    channel = match exchange(&channel, topology::DEAD, Existing::Expected).await {
        Err(error) if problem::is_not_found(&error) => {
            dead(session, session.channel().await?).await?
        }
        looked => looked.map(|()| channel)?,
    };
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

/// Makes sure that the exchange for tasks exists.
pub(super) async fn tasks(session: &Session, channel: Channel) -> lapin::Result<Channel> {
    match exchange(&channel, topology::EXCHANGE, Existing::Expected).await {
        Err(error) if problem::is_not_found(&error) => {
            let channel = session.channel().await?;
            exchange(&channel, topology::EXCHANGE, Existing::Made).await?;
            Ok(channel)
        }
        looked => looked.map(|()| channel),
    }
}

/// Declares the queue of dead letters, and the exchange in front of it: a publisher of its own dead
/// letters needs a right for that exchange, and none for those of others.
pub(super) async fn dead(session: &Session, channel: Channel) -> lapin::Result<Channel> {
    let channel = queue_of(session, channel, &topology::DEAD.into(), topology::dead()).await?;
    exchange(&channel, topology::DEAD, Existing::Made).await?;
    let (name, options) = (topology::DEAD, QueueBindOptions::default());
    let bound = channel.queue_bind(
        name.into(),
        name.into(),
        "".into(),
        options,
        FieldTable::default(),
    );
    bound.await?;
    Ok(channel)
}

/// The way to make sure of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    /// The queue must exist.
    Expected,
    /// It is made if it does not exist.
    Made,
}

async fn exchange(channel: &Channel, name: &'static str, existing: Existing) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions {
        passive: existing == Existing::Expected,
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let kind = match name {
        topology::DEAD => ExchangeKind::Fanout,
        _ => ExchangeKind::Topic,
    };
    let declared = channel.exchange_declare(name.into(), kind, options, FieldTable::default());
    declared.await
}

/// Declares a queue. An existing one with other limits is used as it is.
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
