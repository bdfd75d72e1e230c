//! The selection of targets: a selector, or simply a name.

use std::collections::BTreeSet;

use anyhow::{Error, Result, bail};
use utakata_api::{Client, client};
use utakata_model::{Selector, Target, TargetName, suggest};

use crate::exit::Usage;

/// The keys that every target has.
const OWN_KEYS: [&str; 4] = ["name", "kind", "zone", "address"];
/// The largest number of values that a message lists.
const VALUES_SHOWN: usize = 8;

/// Parses a selector, or a name.
pub fn parse(text: &str) -> Result<Selector> {
    text.parse()
        .map_err(|error: utakata_model::selector::SelectorError| {
            Error::new(Usage(error.to_string()))
        })
}

/// Parses a selector, or the bare name of a target: names take precedence, because that is what
/// people type.
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

/// Returns the term because of which a selector matches no target, if there is one.
pub async fn why_none(client: &Client, selector: &Selector) -> Option<String> {
    let targets = client.targets(&Selector::default()).await.ok()?;
    if targets.is_empty() {
        return Some("there are no targets yet: see `utakata apply --help`".into());
    }
    let targets: Vec<&Target> = targets.iter().map(|view| &view.target).collect();
    let text = selector.to_string();
    terms(&text).find_map(|term| wrong_term(term, &targets))
}

/// Returns the error that a selector matches no target, and why.
pub async fn none(client: &Client, selector: &Selector) -> String {
    match why_none(client, selector).await {
        Some(why) if selector.is_everything() => why,
        Some(why) => format!("the selector \"{selector}\" selects no target: {why}"),
        None => {
            format!("the selector \"{selector}\" selects no target: none has all of that at once")
        }
    }
}

/// Adds to an error of the server the reason why nothing is selected.
pub async fn explain(client: &Client, selector: &Selector, error: client::Error) -> Error {
    let none =
        matches!(&error, client::Error::Refused(problem) if problem.code == "selects-nothing");
    if none && let Some(why) = why_none(client, selector).await {
        let message = format!("the selector \"{selector}\" selects no target: {why}");
        return Usage(message).into();
    }
    error.into()
}

/// Splits a selector into terms: commas within brackets and quotes do not separate.
fn terms(selector: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_i32, false, false);
    selector.split(move |character| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match character {
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            '"' if !was_escaped => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0 && !is_quoted
    })
}

/// Returns the mistake in a term that no target satisfies.
fn wrong_term(term: &str, targets: &[&Target]) -> Option<String> {
    let selector: Selector = term.parse().ok()?;
    if targets.iter().any(|target| selector.matches(target)) {
        return None;
    }
    let key = term.trim_start_matches('!');
    let key = key.split([' ', '=', '!']).next()?;
    let mut values: Vec<&str> = targets
        .iter()
        .filter_map(|target| value(target, key))
        .collect();
    if values.is_empty() {
        let labels = targets.iter().flat_map(|target| target.labels.keys());
        let keys = labels.map(String::as_str).chain(OWN_KEYS);
        let keys: BTreeSet<&str> = keys.collect();
        let hint = suggest::hint(key, keys);
        return Some(format!("no target has the label \"{key}\": {hint}"));
    }
    values.sort_unstable();
    values.dedup();
    let more = if values.len() > VALUES_SHOWN {
        ", …"
    } else {
        ""
    };
    values.truncate(VALUES_SHOWN);
    Some(format!(
        "none has {term}: {key} is {}{more}",
        values.join(", ")
    ))
}

fn value<'a>(target: &'a Target, key: &str) -> Option<&'a str> {
    match key {
        "name" => Some(target.name.as_str()),
        "kind" => Some(target.kind.as_str()),
        "zone" => Some(target.zone.as_str()),
        "address" => Some(&target.address),
        label => target.labels.get(label).map(String::as_str),
    }
}

fn is_absent(error: &client::Error) -> bool {
    matches!(error, client::Error::Refused(problem) if problem.status == 404)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, rack: &str) -> Target {
        let json = serde_json::json!({
            "name": name, "kind": "snmp", "address": "192.0.2.1", "labels": { "rack": rack },
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_selector_that_means_nothing_is_told_why() {
        let (one, two) = (target("a", "A1"), target("b", "A2"));
        for (selector, expect) in [
            (
                "kind=snmp,rak=A1",
                "no target has the label \"rak\": did you mean \"rack\"?",
            ),
            ("rack=B7", "none has rack=B7: rack is A1, A2"),
            (
                "rack in (B1,B2),kind=snmp",
                "none has rack in (B1,B2): rack is A1, A2",
            ),
            ("kind=smnp", "none has kind=smnp: kind is snmp"),
            (
                "rack=\"A1,B1\",kind=snmp",
                "none has rack=\"A1,B1\": rack is A1, A2",
            ),
        ] {
            let selector = selector.parse::<Selector>().unwrap().to_string();
            let found = terms(&selector).find_map(|term| wrong_term(term, &[&one, &two]));
            assert_eq!(found.as_deref(), Some(expect), "{selector}");
        }
        let each_holds = terms("rack=A1,name=b").find_map(|term| wrong_term(term, &[&one, &two]));
        assert_eq!(each_holds, None);
    }
}
