//! Targets of the kind `echo`, and reads of them that carry a given load.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use utakata_api::{
    apply::{Apply, Document},
    client::Client,
    operation::Read,
};
use utakata_model::{ActionName, Kind, Selector, Target, TargetName};

/// Declares `groups` times `each` targets, numbered by the label `group`, and waits until the kind
/// is served.
pub async fn declare(client: &Client, groups: usize, each: usize) -> Result<()> {
    wait_until_served(client).await?;
    for group in 0..groups {
        let documents = (0..each)
            .map(|at| target(group, at))
            .collect::<Result<_>>()?;
        client
            .apply(&Apply {
                documents,
                delete: Vec::new(),
                dry_run: false,
            })
            .await?;
    }
    Ok(())
}

fn target(group: usize, at: usize) -> Result<Document> {
    let name = TargetName::new(format!("echo-{group}-{at}"))?;
    let mut target = Target::new(name, Kind::new("echo")?, "nowhere".into());
    target.labels.insert("group".into(), group.to_string());
    Ok(Document::Target(target))
}

async fn wait_until_served(client: &Client) -> Result<()> {
    for _ in 0..1000 {
        let kinds = client.kinds().await?;
        let environments = client.environments().await?;
        let ready = environments
            .iter()
            .flat_map(|environment| &environment.status.pools);
        let mut ready = ready.filter(|pool| pool.release.kind.as_str() == "echo" && pool.ready > 0);
        if kinds.iter().any(|kind| kind.kind.as_str() == "echo") && ready.next().is_some() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    anyhow::bail!("the kind echo is not served after 10 s")
}

/// A read of a group: `bytes_in` bytes of parameters to the worker, `bytes_out` bytes of result.
pub fn read(selector: &str, bytes_in: usize, bytes_out: usize) -> Result<Read> {
    let frame = json!({ "payload": "", "bytes": bytes_out })
        .to_string()
        .len();
    let payload = "x".repeat(bytes_in.saturating_sub(frame));
    let parameters: Map<String, Value> = json!({ "payload": payload, "bytes": bytes_out })
        .as_object()
        .context("an object")?
        .clone();
    Ok(Read {
        selector: selector.parse::<Selector>()?,
        action: Some(ActionName::new("echo")?),
        parameters,
        wait: std::time::Duration::ZERO,
        max_age: None,
    })
}
