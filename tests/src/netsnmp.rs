//! Debian's `snmpget`, `snmpwalk` and `snmpset`, as a reference for what a device says.

mod parse;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

pub use parse::bindings;

/// One variable binding of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The object's name, without a leading dot.
    pub oid: String,
    /// The type as the tools write it (`INTEGER`, `STRING`, `OID`, `Timeticks`, `Counter32`,
    /// `Counter64`, `Gauge32`, `IpAddress`, ...), or `noSuchObject`, `noSuchInstance`,
    /// `endOfMibView`.
    pub kind: String,
    /// Numbers in digits (time ticks in hundredths of a second), an OID without a leading dot, a
    /// string as text as far as it is UTF-8; empty for an exception.
    pub value: String,
    /// The bytes of a `STRING`; empty for all others.
    pub bytes: Vec<u8>,
}

/// The encryption of v3 messages.
#[derive(Debug, Clone, Copy)]
pub struct Privacy<'a> {
    /// `DES`, `AES`, `AES-192` or `AES-256`.
    pub protocol: &'a str,
    /// The password, at least 8 characters.
    pub secret: &'a str,
}

/// A device, and the access to it.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    credential: Vec<String>,
    state: TempDir,
}

impl Client {
    /// Uses SNMP version 1.
    ///
    /// # Errors
    /// No folder can be made for the tools' state.
    pub fn v1(address: SocketAddr, community: &str) -> Result<Self> {
        Self::new(address, &["-v1", "-c", community])
    }

    /// Uses SNMP version 2c.
    ///
    /// # Errors
    /// No folder can be made for the tools' state.
    pub fn v2c(address: SocketAddr, community: &str) -> Result<Self> {
        Self::new(address, &["-v2c", "-c", community])
    }

    /// Uses SNMP version 3 with authentication (a protocol such as `SHA-256`, and a secret).
    ///
    /// # Errors
    /// No folder can be made for the tools' state.
    pub fn v3(
        address: SocketAddr,
        user: &str,
        authentication: (&str, &str),
        privacy: Option<Privacy<'_>>,
    ) -> Result<Self> {
        let (protocol, secret) = authentication;
        let mut credential = vec!["-v3", "-u", user, "-a", protocol, "-A", secret];
        match privacy {
            Some(privacy) => credential.extend([
                "-l",
                "authPriv",
                "-x",
                privacy.protocol,
                "-X",
                privacy.secret,
            ]),
            None => credential.extend(["-l", "authNoPriv"]),
        }
        Self::new(address, &credential)
    }

    fn new(address: SocketAddr, credential: &[&str]) -> Result<Self> {
        Ok(Self {
            address,
            credential: credential.iter().map(ToString::to_string).collect(),
            state: TempDir::new().context("making a folder for the SNMP tools")?,
        })
    }

    /// Reads objects by name.
    ///
    /// # Errors
    /// The message of `snmpget`: no answer, or an error of the device.
    pub fn get(&self, oids: &[&str]) -> Result<Vec<Binding>> {
        self.run("snmpget", oids)
    }

    /// Reads one object's value as text.
    ///
    /// # Errors
    /// The message of `snmpget`, or that the device has no such object.
    pub fn value(&self, oid: &str) -> Result<String> {
        let binding = self
            .get(&[oid])?
            .pop()
            .context("an answer without a value")?;
        ensure!(
            !binding.kind.starts_with("noSuch"),
            "{oid}: {}",
            binding.kind
        );
        Ok(binding.value)
    }

    /// Reads everything below a name, in the device's order.
    ///
    /// # Errors
    /// The message of `snmpwalk`: no answer, an error of the device, names that do not increase.
    pub fn walk(&self, oid: &str) -> Result<Vec<Binding>> {
        let mut bindings = self.run("snmpwalk", &[oid])?;
        bindings.retain(|binding| binding.kind != "endOfMibView");
        Ok(bindings)
    }

    /// Writes objects in one request: name, type letter (`i`, `u`, `s`, `x`, `o`, `t`, `a`), value.
    ///
    /// # Errors
    /// The message of `snmpset`: no answer, or the device's reason for refusing.
    pub fn set(&self, values: &[(&str, char, &str)]) -> Result<Vec<Binding>> {
        let mut words: Vec<String> = Vec::new();
        for (oid, kind, value) in values {
            words.extend([(*oid).to_owned(), kind.to_string(), (*value).to_owned()]);
        }
        self.run("snmpset", &words)
    }

    fn run<A: AsRef<std::ffi::OsStr>>(&self, program: &str, words: &[A]) -> Result<Vec<Binding>> {
        // Numeric names, all strings in hexadecimal: the only unambiguous form.
        let output = Command::new(program)
            .args(["-On", "-Ox", "-Oe", "-r", "1", "-t", "5"])
            .args(&self.credential)
            .arg(self.address.to_string())
            .args(words)
            .env("MIBS", "")
            .env("SNMP_PERSISTENT_DIR", self.state.path())
            .env("SNMPCONFPATH", self.state.path())
            .output()
            .with_context(|| format!("running {program}; tests/servers/install.sh snmp gets it"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{program} {}: {}",
            self.address,
            said.trim()
        );
        bindings(&String::from_utf8_lossy(&output.stdout))
    }
}
