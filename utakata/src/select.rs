//! Which targets are meant: a selector, or simply the name of one.

use anyhow::{Result, bail};
use utakata_api::Client;
use utakata_model::{Selector, TargetName, suggest};

use crate::exit::Usage;

/// Reads a selector.
pub fn parse(text: &str) -> Result<Selector> {
    text.parse()
        .map_err(|error: utakata_model::selector::SelectorError| {
            anyhow::Error::new(Usage(error.to_string()))
        })
}

/// A selector, or the bare name of a target: a name goes first, because that is what people type.
pub async fn resolve(client: &Client, text: &str) -> Result<Selector> {
    let text = text.trim();
    let Ok(name) = TargetName::new(text) else {
        return parse(text);
    };
    match client.target(&name).await {
        Ok(_) => return Ok(Selector::name(&name)),
        Err(error) if !is_absent(&error) => return Err(error.into()),
        Err(_) => {}
    }
    let Ok(selector) = text.parse::<Selector>() else {
        bail!(Usage(unknown(client, text).await));
    };
    if client.targets(&selector).await?.is_empty() {
        bail!(Usage(unknown(client, text).await));
    }
    Ok(selector)
}

fn is_absent(error: &utakata_api::client::Error) -> bool {
    matches!(error, utakata_api::client::Error::Refused(problem) if problem.status == 404)
}

async fn unknown(client: &Client, text: &str) -> String {
    let targets = client
        .targets(&Selector::default())
        .await
        .unwrap_or_default();
    let names = targets.iter().map(|view| view.target.name.as_str());
    let hint = match suggest::nearest(text, names) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "see `utakata target list`".into(),
    };
    format!("there is no target \"{text}\", and none with a label of that name: {hint}")
}
