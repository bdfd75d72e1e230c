//! `utakata kind`: which release serves a kind, where, and for which targets another one.

pub mod actions;

use anyhow::Result;
use clap::{Args, Subcommand};
use utakata_api::{
    Client,
    client::EnvironmentVerb as Verb,
    rollout::{KindAsked, Pin, Pins, Placement},
};
use utakata_model::{Kind, Scope, Selector, Zone};

use super::{Context, order};
use crate::exit::{Exit, Usage};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a kind can do, and what is asked of it: its release, its pins, where it is served
    #[command(after_help = "\
Each action is told with its parameters: their types, limits, defaults and what they mean. One
action alone: `utakata control --help KIND ACTION`.

Example: utakata kind show snmp")]
    Show {
        /// The kind
        kind: Kind,
    },
    /// Let the targets of a selector keep a release, whatever is rolled out
    #[command(after_help = "\
The first pin that means a target counts; `pin` of a target itself counts before all of them.

Example: utakata kind pin apc-pdu firmware=2.1 1.4.0")]
    Pin {
        /// The kind
        kind: Kind,
        /// Which targets
        selector: Selector,
        /// The version that serves them
        version: String,
    },
    /// Take a pin back
    #[command(after_help = "Example: utakata kind unpin apc-pdu firmware=2.1")]
    Unpin {
        /// The kind
        kind: Kind,
        /// The selector of the pin
        selector: Selector,
    },
    /// Say which environments serve a kind
    #[command(after_help = "\
The others end what they have begun of it. Where no environment of a zone is meant, its tasks wait.

Examples:
  utakata kind place apc-pdu purpose=control
  utakata kind place apc-pdu everywhere")]
    Place {
        /// The kind
        kind: Kind,
        /// The environments, by their labels, zone or name; or everywhere
        environments: String,
    },
    /// Let no environment begin anything more of a kind
    #[command(after_help = "\
It holds until `resume`, also for environments that come later.

Example: utakata kind pause snmp --zone hall-1 --why 'a storm of traps'")]
    Pause(Stop),
    /// The same, and stop its workers when what was begun has ended
    #[command(after_help = "Example: utakata kind drain snmp")]
    Drain(Stop),
    /// Let a kind go on everywhere
    #[command(after_help = "Example: utakata kind resume snmp")]
    Resume(Stop),
}

/// Of which kind, and where.
#[derive(Debug, Args)]
pub struct Stop {
    /// The kind
    kind: Kind,
    /// Only in the environments of this zone
    #[arg(long, value_name = "ZONE")]
    zone: Option<Zone>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl Stop {
    fn scope(&self) -> Scope {
        let kind = self.kind.clone();
        match self.zone.clone() {
            Some(zone) => Scope::KindInZone(kind, zone),
            None => Scope::Kind(kind),
        }
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let (kind, asked) = match command {
        Command::Show { kind } => {
            return show(&client, &kind, context).await;
        }
        Command::Pin {
            kind,
            selector,
            version,
        } => {
            let mut pins = client.kind_desired(&kind).await?.pins;
            pins.retain(|pin| pin.selector != selector);
            let nobody = matches!(client.any_target(&selector).await, Ok(None))
                .then(|| format!("note: \"{selector}\" selects no target now"));
            pins.push(Pin { selector, version });
            let asked = client.pin_kind(&kind, &Pins { pins }).await?;
            nobody.iter().for_each(|note| tell!("{note}"));
            (kind, asked)
        }
        Command::Unpin { kind, selector } => {
            let mut pins = client.kind_desired(&kind).await?.pins;
            let before = pins.len();
            pins.retain(|pin| pin.selector != selector);
            if pins.len() == before {
                let message = format!(
                    "{kind} has no pin for \"{selector}\": see those that it has with `utakata \
                     kind show {kind}`"
                );
                return Err(Usage(message).into());
            }
            let asked = client.pin_kind(&kind, &Pins { pins }).await?;
            (kind, asked)
        }
        Command::Place { kind, environments } => {
            let environments = match environments.as_str() {
                "everywhere" => None,
                selector => Some(
                    selector
                        .parse()
                        .map_err(|error| Usage(format!("{error}")))?,
                ),
            };
            let placement = Placement { environments };
            let asked = client.place_kind(&kind, &placement).await?;
            (kind, asked)
        }
        Command::Pause(of) => return order::run(Verb::Pause, of.scope(), of.why, context).await,
        Command::Drain(of) => return order::run(Verb::Drain, of.scope(), of.why, context).await,
        Command::Resume(of) => return order::run(Verb::Resume, of.scope(), of.why, context).await,
    };
    context.output.one(&asked, || told(&kind, &asked))?;
    Ok(Exit::Done)
}

/// What is asked of it, then what it can do where somebody serves it.
async fn show(client: &Client, kind: &Kind, context: &Context<'_>) -> Result<Exit> {
    let asked = client.kind_desired(kind).await?;
    let views = client.kinds().await?;
    let view = views.iter().find(|view| view.kind == *kind);
    let colours = context.output.colours();
    let can = || view.map_or_else(String::new, |view| actions::all(view, colours));
    context
        .output
        .one(&asked, || format!("{}\n{}", told(kind, &asked), can()))?;
    Ok(Exit::Done)
}

fn told(kind: &Kind, asked: &KindAsked) -> String {
    let mut text = match &asked.stable {
        Some(release) => format!("{kind} is served by {}\n", release.version),
        None => format!("{kind} is served by the newest release in the folders\n"),
    };
    for pin in &asked.pins {
        text.push_str(&format!("targets {} keep {}\n", pin.selector, pin.version));
    }
    if let Some(placement) = &asked.placement {
        text.push_str(&format!("it is served by environments {placement}\n"));
    }
    text
}
