//! What the commands have in common that run until they are asked to end.

use std::{future::Future, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{config::Override, exit::Exit, up::signals::Signals};

/// What ends it.
#[derive(Debug, Args)]
pub struct End {
    /// End as with SIGTERM when standard input closes: for a parent that may die
    #[arg(long)]
    exit_with_stdin: bool,
}

/// Where the logic environment can be reached.
#[derive(Debug, Args)]
pub struct Listening {
    /// Where the HTTP API listens [default: 127.0.0.1:7700]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Where the MQTT broker listens, or off [default: 127.0.0.1:1883]
    #[arg(long, value_name = "ADDRESS|off", value_parser = broker)]
    mqtt: Option<Mqtt>,
}

/// What a flag says about the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mqtt {
    Off,
    On(SocketAddr),
}

impl End {
    /// Listens from now on for what ends it.
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
    /// What the flags set.
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

/// Runs it on all processors, and leaves nothing running behind it.
pub fn run(serving: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let ended = runtime.block_on(serving);
    // What still runs has no more to say.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

/// Waits until it is asked for, or what runs has broken.
pub async fn end(
    signals: &mut Signals,
    broken: impl Future<Output = anyhow::Error>,
) -> Result<Exit> {
    tokio::select! {
        signal = signals.asked_to_end() => {
            tracing::info!(signal, "draining; once more ends at once");
            Ok(Exit::Done)
        }
        error = broken => Err(error),
    }
}

/// Waits until something has started; absent if the end was asked for before that.
pub async fn started<T>(
    signals: &mut Signals,
    starting: impl Future<Output = Result<T>>,
) -> Result<Option<T>> {
    tokio::select! {
        started = starting => started.map(Some),
        signal = signals.asked_to_end() => {
            tracing::info!(signal, "ended before it had begun");
            Ok(None)
        }
    }
}

/// Drains, unless it is asked for once more.
pub async fn drain(signals: &mut Signals, drained: impl Future<Output = ()>) -> Result<()> {
    tokio::select! {
        () = drained => Ok(()),
        signal = signals.asked_again() => bail!("{signal} came again: not drained"),
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
