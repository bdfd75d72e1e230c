//! The log: on standard error, for people on a terminal and for collectors elsewhere.

use std::{
    fmt,
    io::{self, IsTerminal},
};

use jiff::Timestamp;
use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
};

use crate::output::{Output, time};

/// What is logged where RUST_LOG says nothing: what operators did and what somebody must see.
/// The broker's library warns of every client that goes away without a word; that of AMQP writes
/// messages that come back to its log, with the credentials in them.
const FILTER: &str = "warn,utakata=info,utakata_logic=info,utakata_execution=info,\
                      utakata_execution_docker=info,utakata_interconnect=info,mqtt5=error,lapin=off";

/// Local times with their offset from UTC.
struct Here;

impl FormatTime for Here {
    fn format_time(&self, to: &mut Writer<'_>) -> fmt::Result {
        to.write_str(&time::stamp(Timestamp::now()))
    }
}

/// Starts to log.
pub fn start(output: &Output) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(FILTER));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(Here)
        .with_writer(io::stderr)
        .with_ansi(output.error_colours());
    let started = if io::stderr().is_terminal() {
        log.with_target(false).compact().try_init()
    } else {
        log.try_init()
    };
    if let Err(error) = started {
        tell!("there will be no log: {error}");
    }
}
