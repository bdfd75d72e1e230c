//! `utakata up`: everything on this machine, in one process.

use std::{path::PathBuf, time::Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;
use utakata_api::{Client, apply::Apply};

use super::{
    Context,
    role::{self, End, Listening},
};
use crate::{
    config::{self, Config},
    connection,
    exit::Exit,
    folder::Folder,
    log,
    output::{Format, words},
    paths,
    up::{
        claim::Claim,
        demo::Room,
        descriptors,
        system::{Ports, System},
    },
};

#[derive(Debug, Args)]
#[command(after_help = "\
Configuration: a file (TOML), over it the environment (UTAKATA__LOGIC__HTTP__LISTEN=...), over that
the flags; `utakata config reference` has every key. Workers of your own go to DATA/releases, each
in a folder with its worker.toml, and profiles for SNMP devices to DATA/profiles; both take effect
at once.

Ctrl-C and SIGTERM end it when what is under way has ended; the second time, at once.

Examples:
  utakata up --demo
  utakata up
  utakata up --data /var/lib/utakata --listen 10.0.0.5:7700 --mqtt off")]
pub struct Arguments {
    /// Simulate two racks of PDUs and UPSs, and observe them; keeps its data apart
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    listening: Listening,
    /// The configuration [default: utakata.toml in the data directory]
    #[arg(long, value_name = "FILE", value_parser = paths::absolute())]
    config: Option<PathBuf>,
    #[command(flatten)]
    end: End,
}

/// Starts, runs until a signal, drains.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    let began = Instant::now();
    log::start(context.output);
    let default = if arguments.demo {
        Folder::demo_place
    } else {
        Folder::default_place
    };
    let folder = super::data_folder(context, default)?;
    let mut config = configuration(arguments, &folder)?;
    descriptors::share_out(&mut config);
    let mut claim = Claim::take(folder)?;
    if let Some(file) = &config.logic.http.token_file {
        claim.adopt_token(file)?;
    }
    let ended = role::run(serve(arguments, config, &claim, began, context));
    claim.withdraw();
    ended
}

fn configuration(arguments: &Arguments, folder: &Folder) -> Result<Config> {
    let file = config::file(arguments.config.as_deref(), Some(folder.path()));
    let mut overrides = config::from_environment(std::env::vars());
    overrides.extend(arguments.listening.overrides());
    Ok(config::load(file.as_deref(), &overrides)?)
}

async fn serve(
    arguments: &Arguments,
    config: Config,
    claim: &Claim,
    began: Instant,
    context: &Context<'_>,
) -> Result<Exit> {
    let mut signals = arguments.end.listen()?;
    let ports = if arguments.demo {
        Ports::OrFree
    } else {
        Ports::AsConfigured
    };
    let mut system = System::start(config, claim, ports).await?;
    claim.announce(system.endpoint())?;
    let mut room = None;
    if arguments.demo {
        match furnish(&system, claim).await {
            Ok(started) => room = Some(started),
            Err(error) => {
                system.drain(|| claim.withdraw()).await;
                return Err(error);
            }
        }
    }
    Ready::new(&system, claim, room.as_ref(), began).tell(context)?;
    let broken = async {
        tokio::select! {
            error = system.broken() => error,
            never = watch_over(&mut room) => never,
        }
    };
    let ended = role::end(&mut signals, broken).await;
    let drained = async {
        system.drain(|| claim.withdraw()).await;
        if let Some(room) = room {
            room.stop().await;
        }
    };
    role::drain(&mut signals, drained).await?;
    ended
}

/// Starts the simulated room and makes targets of its devices.
async fn furnish(system: &System, claim: &Claim) -> Result<Room> {
    let room = Room::start().await?;
    let apply = Apply {
        documents: room.documents()?,
        delete: Vec::new(),
        dry_run: false,
    };
    let client = Client::new(&system.endpoint().url, claim.token())?;
    client
        .apply(&apply)
        .await
        .context("the demo's devices cannot be made targets")?;
    Ok(room)
}

/// Says so when the simulator ends; all else goes on.
async fn watch_over<T>(room: &mut Option<Room>) -> T {
    if let Some(room) = room {
        let status = room.ended().await;
        tracing::warn!(
            ?status,
            "the simulator has ended: its devices will not answer"
        );
    }
    std::future::pending().await
}

/// What is said when everything runs.
#[derive(Debug, Serialize)]
struct Ready {
    ready: bool,
    took: String,
    url: String,
    mqtt: Option<String>,
    data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulator: Option<String>,
    #[serde(skip)]
    demo: bool,
    /// How the command line is called so that it finds this one.
    #[serde(skip)]
    command: String,
    /// Where another one is.
    #[serde(skip)]
    other: Option<String>,
}

impl Ready {
    fn new(system: &System, claim: &Claim, room: Option<&Room>, began: Instant) -> Self {
        let endpoint = system.endpoint();
        let (command, other) = command(claim.folder());
        Self {
            command,
            other,
            ready: true,
            took: words::took(began.elapsed()),
            url: endpoint.url.clone(),
            mqtt: endpoint.mqtt.clone(),
            data: claim.folder().path().display().to_string(),
            simulator: room.and_then(Room::control).map(ToOwned::to_owned),
            demo: room.is_some(),
        }
    }

    fn tell(&self, context: &Context<'_>) -> Result<()> {
        if context.output.format != Format::Table {
            return context.output.json_line(self);
        }
        let mqtt = self.mqtt.as_deref().unwrap_or("off");
        let Self {
            took, url, data, ..
        } = self;
        let line = format!("ready in {took}: {url}, MQTT {mqtt}, data in {data}");
        let mut lines = vec![line];
        if let Some(other) = &self.other {
            lines.push(format!(
                "another utakata runs here ({other}): commands reach this one only with --data"
            ));
        }
        lines.push(hints(self.demo, &self.command, self.mqtt.as_deref()));
        context.output.text(&lines.join("\n"))
    }
}

/// How the command line is called so that it finds this server, and where another one is that
/// could be meant without that.
fn command(folder: &Folder) -> (String, Option<String>) {
    let places = [Folder::default_place(), Folder::demo_place()];
    let places = || places.iter().flatten();
    let mut others = places().filter(|place| *place != folder);
    let other = others.find_map(Folder::endpoint).map(|one| one.url);
    let is_found = places().any(|place| place == folder) && other.is_none();
    let command = if is_found {
        "utakata".into()
    } else {
        format!("utakata --data {}", connection::quoted(folder))
    };
    (command, other)
}

/// What can be tried next, as it is typed.
fn hints(is_demo: bool, command: &str, mqtt: Option<&str>) -> String {
    let next: &[(&str, &str)] = if is_demo {
        &[
            ("watch rack=A1 --metric hw.power", "live readings of a rack"),
            ("read pdu-a1-a", "one PDU, now"),
            (
                "control pdu-a1-a outlet-off -p outlet=3",
                "switch an outlet off",
            ),
        ]
    } else {
        &[
            ("doctor", "what is wrong here, if anything"),
            (
                "apply -f FILE",
                "tell it what there is; see utakata apply --help",
            ),
            ("watch", "readings, as they come"),
        ]
    };
    let width = next.iter().map(|(words, _)| words.len()).max().unwrap_or(0) + 2;
    let mut text = String::from("try, in another terminal:");
    for (words, what) in next {
        text.push_str(&format!("\n  {command} {words:<width$}{what}"));
    }
    if let Some(mqtt) = mqtt.filter(|_| is_demo) {
        let (host, port) = mqtt.rsplit_once(':').unwrap_or((mqtt, "1883"));
        text.push_str(&format!(
            "\n  mosquitto_sub -h {host} -p {port} -t 'utakata/v1/reading/#' -v"
        ));
    }
    text
}
