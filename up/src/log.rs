//! The log: on standard error, formatted for people on a terminal and for collectors elsewhere.

use std::{
    fmt,
    io::{self, IsTerminal},
};

use anyhow::{Result, anyhow};
use jiff::{Timestamp, tz::TimeZone};
use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
};

/// The filter when RUST_LOG is not set: the actions of operators, and what somebody must see. The
/// MQTT library warns of every client that disconnects without a word; the AMQP library logs
/// returned messages, including the credentials in them. The names of all our crates begin with
/// `utakata`.
const FILTER: &str = "warn,utakata=info,mqtt5=error,lapin=off";

/// The style of the log.
#[derive(Debug, Clone)]
pub struct Style {
    /// True if levels have colours.
    pub colours: bool,
    /// The zone of its local times, which include their offset from UTC.
    pub zone: TimeZone,
}

struct LocalTime(TimeZone);

impl FormatTime for LocalTime {
    fn format_time(&self, to: &mut Writer<'_>) -> fmt::Result {
        let local = Timestamp::now().to_zoned(self.0.clone());
        write!(to, "{}", local.strftime("%FT%H:%M:%S%.3f%:z"))
    }
}

/// Starts logging.
///
/// # Errors
/// This process has a log already.
pub fn start(style: Style) -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(FILTER));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(LocalTime(style.zone))
        .with_writer(io::stderr)
        .with_ansi(style.colours);
    let started = if io::stderr().is_terminal() {
        log.with_target(false).compact().try_init()
    } else {
        log.try_init()
    };
    started.map_err(|error| anyhow!("the log cannot be started: {error}"))
}
