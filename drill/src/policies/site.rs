//! The site of a drill of policies: a room on two feeds, of which one carries both for some minutes
//! only, and a policy that sheds what can be spared meanwhile.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use utakata_api::apply::{Apply, Document};
use utakata_model::{Schedule, Target};
use utakata_up::{bundle, demo::Room};

use super::count::{Outlet, Rules};
use crate::place::{TIMEOUT, WINDOW};

/// The policy that is armed, and one that is in shadow and must not do anything.
pub const ARMED: &str = "shed";
const SHADOW: &str = "shed-web";
/// The UPS whose breaker trips, and the one whose utility feed fails.
pub const CARRIES: &str = "ups-a";
pub const LOSES: &str = "ups-b";
/// The PDUs on which the policy acts, which fall silent now and then.
pub const PDUS: [&str; 2] = ["pdu-r01-a", "pdu-r02-a"];
/// The kind of the PDUs: that of our own release, with the timeout on which the drill relies.
pub const KIND: &str = "drill-pdu";
/// The kinds that are served besides.
pub const KINDS: [&str; 1] = ["ups"];
const BASE: &str = "apc-pdu";
/// The outlets of each of them that can be spared.
const SPARE: std::ops::RangeInclusive<u64> = 2..=4;
/// The limit of the policy's envelope: fewer than what it needs at once.
const MAX: u32 = 2;
const WITHIN: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_secs(1);

/// 1,500 W on two feeds: feed A carries all of it for two minutes, and 1,130 W forever. The battery of
/// UPS-B is empty at once.
pub const ROOM: &str = r#"
name = "drill"

[[utility]]
name = "utility-b"

[[ups]]
name = "ups-a"
feed = "A"
rated_watts = 5000
battery_watt_hours = 1000
breaker_watts = 1000

[[ups]]
name = "ups-b"
feed = "B"
rated_watts = 5000
battery_watt_hours = 0.05
utility = "utility-b"

[[row]]
name = "R"
racks = 2
pdu = "apc-pdu"
feeds = ["A", "B"]
outlets = 8

[[row.server]]
name = "web"
count = 1
idle_watts = 300
peak_watts = 300

[[row.server]]
name = "batch"
count = 3
idle_watts = 150
peak_watts = 150
"#;

/// Returns the envelope of the policy, as the devices are held against it.
pub fn rules() -> Rules {
    let outlets = |pdu: &&str| {
        let pdu = (*pdu).to_owned();
        SPARE.map(move |outlet| (pdu.clone(), outlet))
    };
    let spare: BTreeSet<Outlet> = PDUS.iter().flat_map(outlets).collect();
    Rules {
        spare,
        max: usize::try_from(MAX).unwrap_or(usize::MAX),
        within: WITHIN,
        travel: WINDOW + TIMEOUT,
    }
}

/// Returns the manifest of the PDUs.
///
/// # Errors
/// This program has no such release.
pub fn manifest() -> Result<String> {
    let text = bundle::manifest(BASE).context("the release of the PDUs is missing")?;
    let kind = format!("kind = {BASE:?}");
    let timeout = format!("timeout = \"{}s\"", TIMEOUT.as_secs());
    Ok(text
        .replacen(&kind, &format!("kind = {KIND:?}"), 1)
        .replace("timeout = \"10s\"", &timeout))
}

/// Returns everything that is declared.
///
/// # Errors
/// The simulator has other devices.
pub fn documents(room: &Room) -> Result<Apply> {
    let mut documents = Vec::new();
    for document in room.documents().context("the devices cannot be targets")? {
        match document {
            Document::Target(mut target) => {
                if target.kind.as_str() == BASE {
                    target.kind = KIND.parse()?;
                }
                documents.push(Document::Target(target));
            }
            Document::Credential(_) => documents.push(document),
            // The schedule and the policy of the demo.
            _ => {}
        }
    }
    for rack in ["r01", "r02"] {
        documents.extend(servers(rack)?);
    }
    documents.push(Document::Schedule(Schedule {
        name: "drill".parse()?,
        selector: "room=drill".parse()?,
        interval: INTERVAL,
        action: None,
        parameters: json!({}),
    }));
    for policy in [shed()?, shadow()?] {
        documents.push(Document::Policy(Box::new(policy)));
    }
    Ok(Apply {
        documents,
        delete: Vec::new(),
        dry_run: false,
    })
}

/// Returns the servers of a rack, and the outlets that feed them.
fn servers(rack: &str) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    for outlet in 1..=*SPARE.end() {
        let (name, tier) = match outlet {
            1 => (format!("{rack}-web-01"), "web"),
            _ => (format!("{rack}-batch-{:02}", outlet - 1), "batch"),
        };
        documents.push(Document::Target(Target {
            labels: [("tier".to_owned(), tier.to_owned())].into(),
            ..Target::new(name.parse()?, "server".parse()?, name.clone())
        }));
        for feed in ["a", "b"] {
            let relation = json!({
                "relation": "feeds", "to": name,
                "from": { "target": format!("pdu-{rack}-{feed}"), "outlet": outlet },
            });
            let relation = serde_json::from_value(relation);
            documents.push(Document::Relation(
                relation.map_err(|error| anyhow!("the relation of {name}: {error}"))?,
            ));
        }
    }
    Ok(documents)
}

fn shed() -> Result<utakata_model::Policy> {
    let seconds = WITHIN.as_secs();
    policy(
        ARMED,
        &json!({ "relation": "feeds", "selector": "tier=batch", "from": "feed=A" }),
        &json!({
            "only": { "selector": "feed=A", "actions": ["outlet-off", "outlet-on"] },
            "at_most": [format!("{MAX} in {seconds}s")],
        }),
    )
}

/// Returns a policy that would switch everything else off, and stays in shadow.
fn shadow() -> Result<utakata_model::Policy> {
    policy(
        SHADOW,
        &json!({ "relation": "feeds", "selector": "tier=web", "from": "feed=B" }),
        &json!({ "at_most": ["100 in 1h"] }),
    )
}

fn policy(name: &str, on: &Value, envelope: &Value) -> Result<utakata_model::Policy> {
    let policy = json!({
        "name": name,
        "watch": {
            "load": { "metric": "hw.power", "selector": format!("name={CARRIES}"),
                "where": { "circuit": "output" }, "aggregate": "sum", "fresh": "10s" },
            "source": { "metric": "utakata.ups.source", "selector": format!("name={LOSES}"),
                "fresh": "10s" },
        },
        "when": "load > 1000.0 && source != 'normal'",
        "until": "load < 980.0",
        "hold": "1s",
        "act": [{
            "action": "outlet-off", "on": on, "parameters": { "outlet": "$outlet" },
            "enough": "load - 950.0", "gives": "hw.power", "at_a_time": 4, "settle": "5s",
        }],
        "back": { "when": "source == 'normal'", "hold": "3s", "at_a_time": 2, "settle": "2s" },
        "envelope": envelope,
    });
    serde_json::from_value(policy).map_err(|error| anyhow!("the policy {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use utakata_model::{Class, Manifest};

    use super::*;

    #[test]
    fn the_policies_are_right_and_their_limit_is_less_than_what_is_needed_at_once() {
        for policy in [shed().unwrap(), shadow().unwrap()] {
            assert_eq!(policy.mode, utakata_model::policy::Mode::Shadow);
        }
        // 550 W too much, in outlets of 150 W.
        const { assert!(MAX < 4) };
        assert!(rules().within > rules().travel);
    }

    #[test]
    fn the_manifest_of_the_pdus_has_the_timeouts_of_the_drill() {
        let manifest = Manifest::parse(&manifest().unwrap()).unwrap();
        assert_eq!(manifest.kind.as_str(), KIND);
        let control = |action: &&utakata_model::manifest::Action| action.class == Class::Control;
        let mut actions = manifest.actions.iter().filter(control).peekable();
        assert!(actions.peek().is_some());
        for action in actions {
            assert_eq!(action.timeout, TIMEOUT, "{}", action.name);
        }
    }
}
