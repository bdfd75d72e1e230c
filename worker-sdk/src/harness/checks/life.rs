//! The beginning and end of a worker.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use utakata_model::Class;
use utakata_protocol::v1::{Drain, Refused, Status, to_worker};

use super::{begin_slow, due, expect, silence};
use crate::harness::{
    not_passed::NotPassed,
    stage::{Heard, Order, Stage},
};

/// The time within which a worker must end.
const END: Duration = Duration::from_secs(5);
/// The heartbeat interval in the check of heartbeats.
const BEAT: Duration = Duration::from_millis(600);
/// The number of heartbeats that are awaited.
const BEATS: u32 = 4;
/// The timeout of the attempts that a worker has when it is drained.
const TIMEOUT: Duration = Duration::from_secs(1);

pub async fn ends_when_refused(stage: &Stage) -> Result<(), NotPassed> {
    let mut guest = stage.start().await?;
    let refused = Refused {
        code: "token".into(),
        message: "refused by the harness, to see what the worker does".into(),
    };
    guest.tell(to_worker::Message::Refused(refused)).await?;
    match guest.process.wait(stage.limit(END)).await {
        Some(status) if status.success() => {
            Err(guest.lost("it ended with exit code 0, as if it had been drained"))
        }
        Some(_) => Ok(()),
        None => Err(guest.lost("it did not end")),
    }
}

pub async fn heartbeats(stage: &Stage) -> Result<(), NotPassed> {
    let asked = stage.limit(BEAT);
    let mut guest = stage.enter_with_heartbeat(asked).await?;
    let mut last = Instant::now();
    let end = last + asked * BEATS;
    while last < end {
        match guest.hear(last + asked).await {
            Heard::Message(_) => last = Instant::now(),
            Heard::End => return Err(guest.lost("it ended the stream")),
            Heard::Late => {
                let asked = asked.as_millis();
                let count = guest.heard.len().saturating_sub(1);
                let why = format!("nothing was heard of it for {asked} ms, after {count} messages");
                return Err(guest.lost(&why));
            }
        }
    }
    Ok(())
}

pub async fn drain(stage: &Stage) -> Result<(), NotPassed> {
    let silent = silence(2)?;
    let timeout = stage.limit(TIMEOUT);
    let mut guest = stage.enter().await?;
    let before = begin_slow(stage, &guest, &silent[0].address(), timeout).await?;
    let drain = Drain {
        within_milliseconds: 0,
    };
    guest.tell(to_worker::Message::Drain(drain)).await?;
    let late = after_drain(stage, &silent[1].address(), timeout)?;
    // It may have ended already if its attempts took no time: then it owes nothing more.
    let given = guest.give(vec![late.1]).await.is_ok();
    if !guest
        .hear_to_the_end(due(stage, timeout) + stage.limit(END))
        .await
    {
        return Err(guest.lost("it did not end the stream"));
    }
    if guest.answer(before).is_none() {
        return Err(guest.lost("it did not answer what it had"));
    }
    let answered = guest.answer(late.0);
    if given && answered.is_some() {
        expect(
            "a task after the drain",
            answered,
            Status::Expired,
            "draining",
        )?;
    }
    match guest.process.wait(stage.limit(END)).await {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(guest.lost(&format!("it ended with {status}"))),
        None => Err(guest.lost("it ended the stream and did not exit")),
    }
}

fn after_drain(
    stage: &Stage,
    address: &str,
    timeout: Duration,
) -> Result<(utakata_model::TaskKey, utakata_protocol::v1::Task), NotPassed> {
    let (action, parameters) = stage.slow()?;
    Ok(stage.task(&Order {
        action: action.name.as_str(),
        class: Class::Observe,
        parameters: &parameters,
        address,
        timeout,
    }))
}

pub async fn disconnected(stage: &Stage) -> Result<(), NotPassed> {
    let guest = stage.enter().await?;
    let nothing = Order {
        action: "utakata-no-such-action",
        class: Class::Observe,
        parameters: &json!({}),
        address: "127.0.0.1",
        timeout: stage.limit(TIMEOUT),
    };
    // Once this is answered, the worker has been welcomed.
    let (key, task) = stage.task(&nothing);
    let mut guest = guest;
    guest.give(vec![task]).await?;
    guest.wait_for(&[key], due(stage, nothing.timeout)).await?;
    let (mut process, _folder) = guest.disconnect();
    match process.wait(stage.limit(END)).await {
        Some(status) if status.success() => Err(NotPassed::failed(
            "it ended with exit code 0, as if it had been drained",
        )),
        Some(_) => Ok(()),
        None => Err(NotPassed::failed("it goes on without a manager")),
    }
}
