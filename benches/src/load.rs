//! Loads of the kind `echo`: the number of tasks completed in a given time.

use std::time::Duration;

use anyhow::{Result, bail};
use utakata_api::{
    client::Client,
    operation::{Control, ControlAnswer},
};
use utakata_model::{ActionName, Outcome};

use crate::{closed_loop, echo};

/// Reads, with 300 bytes in and 200 out; returns the number of outcomes.
///
/// # Errors
/// A task failed, or the subscriber missed something.
pub async fn observe(client: &Client, size: closed_loop::Size) -> Result<usize> {
    let ask = async |group: usize| {
        let read = echo::read(&format!("group={group}"), 300, 200)?;
        Ok(client.read(&read).await?.operation.id)
    };
    let has_payload = |outcome: &Outcome| {
        let result = outcome.result.as_ref();
        result.is_some_and(|result| result.get().len() >= 200)
    };
    closed_loop::run(client, size, ask, has_payload).await
}

/// Controls; returns the number of outcomes.
///
/// # Errors
/// A task failed, or the subscriber missed something.
pub async fn control(client: &Client, size: closed_loop::Size) -> Result<usize> {
    let ask = async |group: usize| {
        let control = set(&format!("group={group}"), size.each)?;
        match client.control(&control).await? {
            ControlAnswer::Operation(answer) => Ok(answer.operation.id),
            ControlAnswer::Plan(_) => bail!("only a plan came"),
        }
    };
    closed_loop::run(client, size, ask, |_| true).await
}

/// Builds the request for one control of this many targets.
///
/// # Errors
/// The selector is invalid.
pub fn set(selector: &str, expect: usize) -> Result<Control> {
    Ok(Control {
        selector: selector.parse()?,
        action: ActionName::new("set")?,
        parameters: serde_json::Map::new(),
        dry_run: false,
        plan: None,
        expect: Some(expect as u64),
        key: None,
        pace: Default::default(),
        priority: Default::default(),
        within: None,
        why: None,
        break_glass: false,
        wait: Duration::ZERO,
    })
}
