//! Identifiers as typed: complete, by an unambiguous start or end, or `last`.

mod last;
mod listed;

use std::{fmt::Display, str::FromStr};

use anyhow::{Result, bail};
use utakata_api::{
    Client,
    client::{AlarmQuery, TaskQuery},
    page::MAX_LIMIT,
};
use utakata_model::{AlarmId, Class, OperationId, TaskId};

use crate::{connection::Purpose, exit::Usage};

/// The word for the caller's newest.
pub const LAST: &str = "last";
/// The least number of characters: fewer are a slip.
const FEWEST: usize = 4;

/// Returns the operation that a text stands for.
pub async fn operation(client: &Client, text: &str, purpose: Purpose) -> Result<OperationId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    if text == LAST {
        return last::operation(client, purpose).await;
    }
    let known = client.operations(MAX_LIMIT).await?;
    let known: Vec<OperationId> = known.iter().map(|view| view.operation.id).collect();
    pick("operation", text, &known)
}

/// Returns the operation to approve. `last` would be the caller's own, which they cannot approve.
pub async fn to_approve(client: &Client, text: &str) -> Result<OperationId> {
    if text == LAST {
        return last::nobody_approves(client).await;
    }
    operation(client, text, Purpose::Change).await
}

/// Returns the alarm that a text stands for. `last` is the one that was raised last, whoever is
/// asking: alarms are nobody's own.
pub async fn alarm(client: &Client, text: &str, purpose: Purpose) -> Result<AlarmId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    if text == LAST {
        return last::alarm(client, purpose).await;
    }
    let query = AlarmQuery {
        state: Some("all".into()),
        ..AlarmQuery::default()
    };
    let known = client.alarms(&query).await?;
    let known: Vec<AlarmId> = known.iter().map(|view| view.id).collect();
    pick("alarm", text, &known)
}

/// Returns the task: a control task, unless the id is complete.
pub async fn task(client: &Client, text: &str, purpose: Purpose) -> Result<TaskId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    if text == LAST {
        return last::task(client, purpose).await;
    }
    let query = TaskQuery {
        class: Some(Class::Control),
        ..TaskQuery::default()
    };
    let known = client.tasks(&query, MAX_LIMIT).await?;
    let known: Vec<TaskId> = known.iter().map(|view| view.id).collect();
    pick("task", text, &known)
}

/// Returns the task that a person settles. `last` is the one of the caller's last operation that
/// has to be settled.
pub async fn to_settle(client: &Client, text: &str) -> Result<TaskId> {
    if text == LAST {
        return last::to_settle(client).await;
    }
    task(client, text, Purpose::Change).await
}

/// Picks the only match of the known ones.
fn pick<T: Copy + Display + FromStr>(what: &str, text: &str, known: &[T]) -> Result<T> {
    let text = text.trim().to_ascii_lowercase();
    let is_meant = |id: &&T| {
        let id = id.to_string();
        id.starts_with(&text) || id.ends_with(&text)
    };
    let found: Vec<&T> = match text.len() {
        FEWEST.. => known.iter().filter(is_meant).collect(),
        _ => Vec::new(),
    };
    match found.as_slice() {
        [one] => Ok(**one),
        [] => bail!(Usage(format!(
            "no {what} has an id that begins or ends with \"{text}\": see `utakata {what} list`"
        ))),
        several => bail!(Usage(format!(
            "{} {what}s have an id that begins or ends with \"{text}\": give more of it; the end \
             differs more than the start",
            several.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_meant_by_its_start_or_its_end() {
        let known: Vec<OperationId> = [
            "0192f0c1-7b1e-7000-8000-00000000000b",
            "0192f0c1-7b1e-7000-8000-00000000000a",
            "0192f0c1-1111-7000-8000-0000000abcde",
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        for (text, expect) in [
            ("bcde", Ok(known[2])),
            ("0192f0c1-1", Ok(known[2])),
            ("000B", Ok(known[0])),
            ("0192f0c1", Err("3 operations")),
            ("dead", Err("no operation")),
            ("cde", Err("no operation")),
            ("", Err("no operation")),
        ] {
            let found = pick("operation", text, &known);
            match expect {
                Ok(id) => assert_eq!(found.unwrap(), id, "{text}"),
                Err(says) => assert!(found.unwrap_err().to_string().contains(says), "{text}"),
            }
        }
    }
}
