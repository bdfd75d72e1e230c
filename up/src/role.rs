//! The roles of a process: each runs until it is asked to end.

pub mod hub;
pub mod le;
pub mod up;
pub mod wee;

use std::{future::Future, io, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{Alteration, config::Override, folder::Folder, log, signals::Signals};

/// The context of a role: its place, and the format of its log.
pub struct Context<'a> {
    /// The data directory that was named, if any.
    pub data: Option<PathBuf>,
    pub log: log::Style,
    /// The alteration made by a drill; `&()` for everybody else.
    pub alteration: &'a dyn Alteration,
}

#[derive(Debug, Args)]
pub struct End {
    /// End as with SIGTERM when standard input closes: for a parent that may die
    #[arg(long)]
    exit_with_stdin: bool,
}

#[derive(Debug, Args)]
pub struct Listening {
    /// Address of the HTTP API [default: 127.0.0.1:7700]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Address of the MQTT broker, or off [default: 127.0.0.1:1883]
    #[arg(long, value_name = "ADDRESS|off", value_parser = broker)]
    mqtt: Option<Mqtt>,
}

/// The choice of broker made by a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mqtt {
    Off,
    On(SocketAddr),
}

impl Context<'_> {
    /// The data directory that was named, or the default of a role.
    fn folder(&self, default: fn() -> Option<Folder>) -> Result<Folder> {
        Ok(Folder::named_or(self.data.as_deref(), default)?)
    }
}

impl End {
    /// Listens for signals from now on.
    pub fn listen(&self) -> Result<Signals> {
        let signals = Signals::take().context("signals cannot be listened to")?;
        Ok(if self.exit_with_stdin {
            signals.and_standard_input()
        } else {
            signals
        })
    }
}

impl Listening {
    /// Returns the settings that the flags make.
    pub fn overrides(&self) -> Vec<Override> {
        let listen = self.listen.iter();
        let mut overrides: Vec<Override> = listen
            .map(|listen| Override::flag("--listen", "logic.http.listen", listen))
            .collect();
        match self.mqtt {
            None => {}
            Some(Mqtt::Off) => overrides.push(Override::flag("--mqtt", "mqtt.enabled", &false)),
            Some(Mqtt::On(listen)) => {
                overrides.push(Override::flag("--mqtt", "mqtt.enabled", &true));
                overrides.push(Override::flag("--mqtt", "mqtt.listen", &listen));
            }
        }
        overrides
    }
}

/// Runs it on all processors, and leaves nothing running behind.
fn run(serving: impl Future<Output = Result<()>>) -> Result<()> {
    leave_no_core();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let ended = runtime.block_on(serving);
    // What is still running has nothing left to say.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

/// A core would have the secrets in it that are in memory now.
fn leave_no_core() {
    let none = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        let error = io::Error::from(error);
        tracing::warn!(%error, "if this process crashes, its core may have secrets in it");
    }
}

/// Waits until the end is requested, or something running has broken.
async fn end(signals: &mut Signals, broken: impl Future<Output = anyhow::Error>) -> Result<()> {
    tokio::select! {
        signal = signals.end_requested() => {
            tracing::info!(signal, "draining; a second signal ends at once");
            Ok(())
        }
        error = broken => Err(error),
    }
}

/// Waits until something has started; `None` if the end was requested before.
async fn started<T>(
    signals: &mut Signals,
    starting: impl Future<Output = Result<T>>,
) -> Result<Option<T>> {
    tokio::select! {
        started = starting => started.map(Some),
        signal = signals.end_requested() => {
            tracing::info!(signal, "ended before it had started");
            Ok(None)
        }
    }
}

/// Drains, unless the end is requested once more.
async fn drain(signals: &mut Signals, drained: impl Future<Output = ()>) -> Result<()> {
    tokio::select! {
        () = drained => Ok(()),
        signal = signals.asked_again() => bail!("second {signal}: ending without draining"),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let words = "write an IP address and a port, such as 127.0.0.1:7700";
    text.parse().map_err(|_| words.into())
}

fn broker(text: &str) -> Result<Mqtt, String> {
    match text.parse() {
        _ if text == "off" => Ok(Mqtt::Off),
        Ok(address) => Ok(Mqtt::On(address)),
        Err(_) => Err("write an address such as 127.0.0.1:1883, or off".into()),
    }
}
