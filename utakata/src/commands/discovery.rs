//! `utakata discovery`: what was found at addresses, and what becomes of it.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use utakata_api::{
    Client,
    discovery::{Accept, DiscoveryState, DiscoveryView, ProposalView},
};
use utakata_model::{CredentialName, Kind, Labels, OperationId, TargetName, suggest};

use super::Context;
use crate::{
    exit::{self, Exit},
    output::{Cell, Row, Tone, plain, time, words},
    parameters,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what was found and is to be decided: new things, moved and replaced ones
    #[command(after_help = "\
Examples:
  utakata discovery list
  utakata discovery list --all    also what is a target already, and what was dismissed")]
    List {
        /// Also what is a target already, and what was dismissed
        #[arg(long)]
        all: bool,
    },
    /// Show something that was found, with all of its ways in
    #[command(after_help = "Example: utakata discovery show redfish-10-0-3-7")]
    Show {
        /// Proposed name, or identifier of the proposal
        proposal: String,
    },
    /// Accept proposals: new things become targets, moved ones get their new address
    Accept(AcceptArguments),
    /// Dismiss proposals: they are not proposed again, unless something else answers there
    #[command(after_help = "Example: utakata discovery dismiss nut-ups-10-0-3-9")]
    Dismiss {
        /// Proposed names, or identifiers of proposals
        #[arg(required = true)]
        proposals: Vec<String>,
    },
    /// List the latest discoveries, and how far they have come
    #[command(after_help = "Example: utakata discovery runs")]
    Runs,
    /// Cancel a discovery; what it has found stays
    #[command(
        after_help = "Example: utakata discovery cancel 0192f0c1-8f3e-7c5a-9d2b-6f1e0a4b7c8d"
    )]
    Cancel {
        /// Identifier of the discovery
        id: OperationId,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Of several ways in the first is taken, by which most can be done; --kind takes another one. A target
gets the credential with which it was found, or --credential.

Examples:
  utakata discovery accept redfish-10-0-3-7 --name server-a1 --label rack=A1 --credential bmc
  utakata discovery accept nut-ups-10-0-3-9 pdu-a1
  utakata discovery accept server-a1 --kind ipmi --name server-a1-ipmi")]
pub struct AcceptArguments {
    /// Proposed names, or identifiers of proposals
    #[arg(required = true)]
    proposals: Vec<String>,
    /// Name of the target, if it is not the proposed one; only with one proposal
    #[arg(long)]
    name: Option<TargetName>,
    /// Kind of the way in
    #[arg(long)]
    kind: Option<Kind>,
    /// Label of the targets; may be repeated
    #[arg(short = 'l', long = "label", value_name = "KEY=VALUE", value_parser = parameters::pair)]
    labels: Vec<(String, String)>,
    /// Credential of the targets
    #[arg(long, value_name = "NAME")]
    credential: Option<CredentialName>,
}

impl Command {
    /// Returns true if the command changes something.
    pub fn changes(&self) -> bool {
        matches!(
            self,
            Self::Accept(_) | Self::Dismiss { .. } | Self::Cancel { .. }
        )
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::List { all } => list(all, context).await?,
        Command::Show { proposal } => {
            let found = find(&context.client()?, &proposal).await?;
            context.output.one(&found, || description(&found))?;
        }
        Command::Accept(arguments) => accept(arguments, context).await?,
        Command::Dismiss { proposals } => {
            let client = context.client()?;
            for proposal in proposals {
                let found = find(&client, &proposal).await?;
                client.dismiss_proposal(&found.id).await?;
                tell!("{} is dismissed", found.name);
            }
        }
        Command::Runs => {
            let runs = context.client()?.discoveries().await?;
            let none = "none since the logic environment that keeps the ledger was started";
            context.output.list(&runs, none)?;
        }
        Command::Cancel { id } => {
            let view = context.client()?.cancel_discovery(id).await?;
            context.output.one(&view, || progress(&view))?;
        }
    }
    Ok(Exit::Done)
}

async fn list(all: bool, context: &Context<'_>) -> Result<()> {
    let mut found = context.client()?.proposals().await?;
    let hidden = found.len();
    found.retain(|one| all || one.state.is_open());
    let none = match hidden {
        0 => "nothing was found yet: see `utakata discover --help`".to_owned(),
        _ => format!("nothing is to be decided; all {hidden} that were found: --all"),
    };
    context.output.list(&found, &none)
}

/// Finds a proposal by its name or identifier: those that are to be decided come first.
async fn find(client: &Client, text: &str) -> Result<ProposalView> {
    let mut all = client.proposals().await?;
    all.sort_by_key(|one| one.state);
    let is_it = |one: &&ProposalView| one.id == text || one.name.as_str() == text;
    if let Some(found) = all.iter().find(is_it) {
        return Ok(found.clone());
    }
    if all.is_empty() {
        bail!(exit::Usage(format!(
            "there is no proposal \"{text}\": nothing was found yet, see `utakata discover --help`"
        )));
    }
    let hint = suggest::hint(text, all.iter().map(|one| one.name.as_str()));
    bail!(exit::Usage(format!(
        "there is no proposal \"{text}\": {hint}"
    )))
}

async fn accept(arguments: AcceptArguments, context: &Context<'_>) -> Result<()> {
    if arguments.name.is_some() && arguments.proposals.len() > 1 {
        let wrong = "a name is that of one target: accept one proposal with --name".into();
        bail!(exit::Usage(wrong));
    }
    let client = context.client()?;
    let accept = Accept {
        name: arguments.name,
        kind: arguments.kind,
        labels: arguments.labels.into_iter().collect::<Labels>(),
        credential: arguments.credential,
    };
    let mut changes = Vec::new();
    for text in &arguments.proposals {
        let found = find(&client, text).await?;
        let applied = client.accept_proposal(&found.id, &accept).await?;
        if applied.changes.is_empty() {
            tell!("{} stays as it is", found.name);
        }
        changes.extend(applied.changes);
    }
    match changes.is_empty() {
        true => Ok(()),
        false => context.output.list(&changes, ""),
    }
}

/// The progress of a discovery, in lines.
pub fn progress(view: &DiscoveryView) -> String {
    let mut text = format!(
        "discovery  {}\nstate      {}\naddresses  {}\n",
        view.id,
        state(view.state).text,
        view.addresses
    );
    for kind in &view.kinds {
        let problem = kind.problem.as_ref();
        let problem = problem.map(|problem| format!(": {}", words::sentence(problem)));
        text.push_str(&format!(
            "{:<10} {} asked, {} found{}\n",
            kind.kind.as_str(),
            kind.asked,
            kind.found,
            problem.unwrap_or_default()
        ));
    }
    text
}

fn state(state: DiscoveryState) -> Cell {
    match state {
        DiscoveryState::Running => Cell::toned("running", Tone::Plain),
        DiscoveryState::Done => Cell::toned("done", Tone::Good),
        DiscoveryState::Cancelled => Cell::toned("cancelled", Tone::Doubtful),
    }
}

fn description(proposal: &ProposalView) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("{key:<12}{}\n", plain::line(value)));
        }
    };
    line("name", proposal.name.as_str());
    line("proposal", &proposal.id);
    line("state", &meaning(proposal));
    line("zone", proposal.zone.as_str());
    line("vendor", proposal.vendor.as_deref().unwrap_or_default());
    line("model", proposal.model.as_deref().unwrap_or_default());
    line("serial", proposal.serial.as_deref().unwrap_or_default());
    for one in &proposal.identifiers {
        line("identifier", one.as_str());
    }
    if !proposal.alike.is_empty() {
        line("alike", &proposal.alike.join(", "));
    }
    line("first found", &time::clock(proposal.first));
    line("last found", &time::clock(proposal.last));
    for way in &proposal.ways {
        let mut words = vec![format!("{} at {}", way.kind, way.address)];
        words.extend(way.description.clone());
        if !way.profiles.is_empty() {
            words.push(format!("profiles {}", way.profiles.join(", ")));
        }
        words.extend(way.target.as_ref().map(|name| format!("target {name}")));
        if way.wants_credential {
            words.push("says more with a credential".into());
        }
        words.extend(way.problem.clone());
        line("way in", &words.join("; "));
    }
    text
}

/// The state of a proposal in a sentence.
fn meaning(proposal: &ProposalView) -> String {
    let state = proposal.state.as_str();
    let was = proposal.was.as_deref().unwrap_or("unknown");
    let target = proposal.target.as_ref().map(TargetName::as_str);
    let target = target.unwrap_or_default();
    match state {
        "moved" => format!("moved: the target {target} has the address {was}"),
        "replaced" => format!("replaced: the target {target} was {was}"),
        "known" => format!("known: it is the target {target}"),
        "dismissed" => {
            let by = proposal.dismissed_by.as_deref().unwrap_or("somebody");
            format!("dismissed by {by}")
        }
        other => other.to_owned(),
    }
}

impl Row for ProposalView {
    const HEADERS: &'static [&'static str] = &[
        "NAME", "STATE", "WAYS IN", "ADDRESS", "VENDOR", "MODEL", "PROFILES", "IDENTITY", "FOUND",
    ];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let ways: Vec<&str> = self.ways.iter().map(|way| way.kind.as_str()).collect();
        let mut addresses: Vec<&str> = self.ways.iter().map(|way| &*way.address).collect();
        addresses.dedup();
        let first = self.ways.first();
        let profiles = first.map(|way| way.profiles.join(", "));
        let identity = self.identifiers.first().map(ToString::to_string);
        let tone = match self.state.is_open() {
            true => Tone::Doubtful,
            false => Tone::Dim,
        };
        vec![
            self.name.to_string().into(),
            Cell::toned(self.state.as_str(), tone),
            ways.join(", ").into(),
            addresses.join(", ").into(),
            self.vendor.clone().unwrap_or_default().into(),
            self.model.clone().unwrap_or_default().into(),
            profiles.unwrap_or_default().into(),
            identity.unwrap_or_default().into(),
            words::ago(self.last).into(),
        ]
    }
}

impl Row for DiscoveryView {
    const HEADERS: &'static [&'static str] = &[
        "ID",
        "STATE",
        "ADDRESSES",
        "KINDS",
        "ASKED",
        "FOUND",
        "BEGUN",
        "BY",
        "PROBLEM",
    ];

    fn cells(&self) -> Vec<Cell> {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.kind.as_str()).collect();
        let asked: u64 = self.kinds.iter().map(|kind| kind.asked).sum();
        let found: u64 = self.kinds.iter().map(|kind| kind.found).sum();
        let all = self.addresses * self.kinds.len() as u64;
        let problem = self.kinds.iter().find_map(|kind| kind.problem.as_deref());
        vec![
            self.id.to_string().into(),
            state(self.state),
            self.request.addresses.clone().into(),
            kinds.join(", ").into(),
            format!("{asked} of {all}").into(),
            found.to_string().into(),
            words::ago(self.begun).into(),
            self.by.clone().into(),
            problem.map(words::sentence).unwrap_or_default().into(),
        ]
    }
}
