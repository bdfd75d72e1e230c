//! pymodbus' simulator: a device with registers.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;

use anyhow::Result;
use serde_json::Value;

use super::{Server, Transport};

/// A running device; see `tests/servers/modbus.sh`.
#[derive(Debug)]
pub struct Modbus {
    server: Server,
}

impl Modbus {
    /// Serves a device by Modbus/TCP.
    ///
    /// # Errors
    /// pymodbus is not installed or does not start.
    pub fn start(device: &Value) -> Result<Self> {
        Self::start_with("socket", device)
    }

    /// Serves a device by the frames of a serial line, over TCP.
    ///
    /// # Errors
    /// pymodbus is not installed or does not start.
    pub fn start_rtu(device: &Value) -> Result<Self> {
        Self::start_with("rtu", device)
    }

    fn start_with(framer: &str, device: &Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("device.json");
        fs::write(&file, device.to_string())?;
        let arguments: [OsString; 2] = [framer.into(), file.into()];
        let server = Server::start("modbus.sh", Transport::Tcp, &arguments)?;
        Ok(Self { server })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }
}
