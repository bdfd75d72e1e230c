//! RabbitMQ and its client alone: one message per task, published and consumed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, stream};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};

/// The number of messages published before the first confirmation is awaited.
const IN_FLIGHT: usize = 1000;
const PREFETCH: u16 = 256;
/// The number of messages per acknowledgement.
const TOGETHER: u64 = 64;
const BYTES: usize = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Quorum queue, persistent, confirmed.
    Kept,
    /// Transient and not confirmed.
    Transient,
}

/// Publishes and consumes for this long; returns the messages consumed per second.
///
/// # Errors
/// The broker fails.
pub async fn rate(url: &str, queue: Queue, duration: Duration) -> Result<f64> {
    // One connection each: the broker throttles a connection that publishes too fast as a whole.
    let (sending, taking) = tokio::try_join!(
        Connection::connect(url, ConnectionProperties::default()),
        Connection::connect(url, ConnectionProperties::default())
    )?;
    let name = format!("raw-{queue:?}");
    let publisher = sending.create_channel().await?;
    let consumer = taking.create_channel().await?;
    declare(&publisher, &name, queue).await?;
    consumer
        .basic_qos(PREFETCH, BasicQosOptions::default())
        .await?;
    let messages = consumer
        .basic_consume(
            name.as_str().into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let begun = Instant::now();
    let publishing = publish(&publisher, &name, queue, begun + duration);
    let consuming = consume(messages, begun + duration);
    let (published, consumed) = tokio::join!(publishing, consuming);
    published?;
    let rate = consumed? as f64 / begun.elapsed().as_secs_f64();
    publisher
        .queue_delete(name.as_str().into(), QueueDeleteOptions::default())
        .await?;
    sending.close(200, "done".into()).await?;
    taking.close(200, "done".into()).await?;
    Ok(rate)
}

async fn declare(channel: &Channel, name: &str, queue: Queue) -> Result<()> {
    let mut arguments = FieldTable::default();
    if queue == Queue::Kept {
        let quorum = AMQPValue::LongString("quorum".into());
        arguments.insert("x-queue-type".into(), quorum);
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
    }
    let options = QueueDeclareOptions {
        durable: queue == Queue::Kept,
        ..Default::default()
    };
    channel
        .queue_declare(name.into(), options, arguments)
        .await?;
    Ok(())
}

async fn publish(channel: &Channel, name: &str, queue: Queue, until: Instant) -> Result<()> {
    let payload = vec![b'x'; BYTES];
    let properties = match queue {
        Queue::Kept => BasicProperties::default().with_delivery_mode(2),
        Queue::Transient => BasicProperties::default(),
    };
    let one = |_| {
        let (properties, payload) = (properties.clone(), &payload);
        async move {
            let options = BasicPublishOptions::default();
            let sent = channel.basic_publish("".into(), name.into(), options, payload, properties);
            sent.await?.await?;
            anyhow::Ok(())
        }
    };
    let endless = stream::iter(0..).take_while(|_| async { Instant::now() < until });
    let mut sent = std::pin::pin!(endless.map(one).buffer_unordered(IN_FLIGHT));
    while let Some(result) = sent.next().await {
        result?;
    }
    Ok(())
}

async fn consume(mut messages: lapin::Consumer, until: Instant) -> Result<u64> {
    let mut count = 0;
    while Instant::now() < until {
        let next = tokio::time::timeout(Duration::from_secs(1), messages.next()).await;
        let Ok(next) = next else { break };
        let message = next.context("the consumer ended")??;
        count += 1;
        if count % TOGETHER == 0 {
            message.ack(BasicAckOptions { multiple: true }).await?;
        }
    }
    Ok(count)
}
