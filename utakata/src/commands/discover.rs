//! `utakata discover`: asks addresses what is there, and shows what was found.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use utakata_api::{
    Client,
    discovery::{Discover, DiscoveryState, DiscoveryView, ProposalView},
};
use utakata_model::{CredentialName, Kind, Zone};

use super::{Context, discovery};
use crate::{exit::Exit, interrupt, output::words, progress::Bar};

/// The interval between looks at the progress.
const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(after_help = "\
The environments of the zone ask each address once, at most ten a second for each kind. Nobody logs
in unless a credential is named; then it is sent to whatever answers as that kind. What is found is
proposed, and becomes a target when somebody accepts it: `utakata discovery accept`.

Examples:
  utakata discover 10.0.3.0/24
  utakata discover 10.0.3.10-40,10.0.4.7 --kind redfish,ipmi --credential bmc
  utakata discover 10.0.3.0/24 --kind snmp --credential monitor --zone hall-2
  utakata discover 10.0.5.7 --kind redfish --port 8443

Exit codes: 0 all addresses were asked, 1 some were not, 2 wrong usage")]
pub struct Arguments {
    /// Addresses: networks (10.0.3.0/24), ranges (10.0.3.10-40) and single ones
    #[arg(required = true)]
    addresses: Vec<String>,
    /// Only these kinds; several are separated by commas [default: all that can be discovered]
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<Kind>,
    /// Zone whose environments ask
    #[arg(long, default_value_t)]
    zone: Zone,
    /// Credential to log in with where something answers
    #[arg(long, value_name = "NAME")]
    credential: Option<CredentialName>,
    /// Port, if it is not the usual one of the kind; only with one kind
    #[arg(long)]
    port: Option<u16>,
    /// Addresses begun with in a second, for each kind: 1 to 10
    #[arg(long, value_name = "NUMBER")]
    per_second: Option<u32>,
    /// Do not wait until all addresses were asked
    #[arg(long)]
    no_wait: bool,
}

pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let request = Discover {
        addresses: arguments.addresses.join(","),
        kinds: arguments.kind,
        zone: arguments.zone,
        credential: arguments.credential,
        port: arguments.port,
        per_second: arguments.per_second,
    };
    let begun = client.discover(&request).await?;
    if arguments.no_wait {
        context.output.one(&begun, || discovery::progress(&begun))?;
        return Ok(Exit::Done);
    }
    interrupt::goes_on(format!(
        "it goes on: `utakata discovery runs`, `utakata discovery cancel {}`",
        begun.id
    ));
    let ended = follow(&client, begun).await?;
    interrupt::over();
    let proposals = client.proposals().await?;
    let is_of_run = |one: &ProposalView| one.zone == ended.request.zone && one.last >= ended.begun;
    let found = proposals.into_iter().filter(is_of_run);
    let found: Vec<ProposalView> = found.collect();
    context.output.list(&found, "nothing was found")?;
    for line in summary(&ended, &found) {
        tell!("{line}");
    }
    let is_whole = ended.kinds.iter().all(|kind| kind.asked == ended.addresses);
    Ok(match is_whole {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

async fn follow(client: &Client, mut view: DiscoveryView) -> Result<DiscoveryView> {
    let bar = Bar::new();
    while view.state == DiscoveryState::Running {
        let asked = view.kinds.iter().map(|kind| kind.asked).sum();
        let all = view.addresses * view.kinds.len() as u64;
        bar.show(asked, all, "of all addresses");
        tokio::time::sleep(INTERVAL).await;
        view = client.discovery(view.id).await?;
    }
    Ok(view)
}

/// The end of a discovery, in lines.
fn summary(view: &DiscoveryView, found: &[ProposalView]) -> Vec<String> {
    let mut lines = Vec::new();
    for kind in &view.kinds {
        if let Some(problem) = &kind.problem {
            let left = match view.addresses - kind.asked {
                1 => "1 address was".into(),
                left => format!("{left} addresses were"),
            };
            let problem = words::sentence(problem);
            lines.push(format!("{}: {left} not asked: {problem}", kind.kind));
        }
    }
    if view.state == DiscoveryState::Cancelled {
        lines.push("it was cancelled before all addresses were asked".into());
    }
    let open = found.iter().filter(|one| one.state.is_open()).count();
    let kinds: Vec<&str> = view.kinds.iter().map(|kind| kind.kind.as_str()).collect();
    lines.push(format!(
        "{}, asked as {}: {} found, {open} to be decided{}",
        match view.addresses {
            1 => "1 address".into(),
            all => format!("{all} addresses"),
        },
        kinds.join(", "),
        found.len(),
        match open {
            0 => "",
            _ => " (`utakata discovery accept NAME`)",
        }
    ));
    lines
}
