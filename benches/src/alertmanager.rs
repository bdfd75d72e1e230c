//! Prometheus, its SNMP exporter and Alertmanager, as another way from a device to the one who is told.

use std::fs;

use anyhow::Result;
use tempfile::TempDir;
use utakata_tests::servers::{Server, Transport};

use crate::process;

/// The alert that tells of a UPS on battery.
pub const ALERT: &str = "PrometheusOnBattery";
/// With what the names of all three programs begin.
const PROGRAMS: &str = "prometheus";

/// The three servers: each second everything is scraped, each rule evaluated, each group told.
pub struct Peers {
    /// In the order in which they end.
    _servers: [Server; 3],
    _folder: TempDir,
}

impl Peers {
    /// Starts them over the UPS at this address, which answers community `public`; a webhook is told.
    ///
    /// # Errors
    /// Something of them is not installed or does not start.
    pub fn start(ups: &str, webhook: &str) -> Result<Self> {
        let exporter = Server::start::<&str>("snmp-exporter.sh", Transport::Tcp, &[])?;
        let alertmanager = Server::start("alertmanager.sh", Transport::Tcp, &[webhook])?;
        let folder = TempDir::new()?;
        let rules = folder.path().join("rules.yml");
        fs::write(
            &rules,
            format!(
                "groups: [{{ name: ups, rules: [{{ alert: {ALERT}, expr: upsOutputSource == 5 }}] }}]"
            ),
        )?;
        let configuration = folder.path().join("prometheus.yml");
        let (exporter_at, alertmanager_at) = (exporter.address(), alertmanager.address());
        fs::write(
            &configuration,
            format!(
                "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}
rule_files: [{rules:?}]
alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['{alertmanager_at}'] }}] }}] }}
scrape_configs:
  - job_name: ups
    metrics_path: /snmp
    params: {{ module: [ups], target: ['{ups}'] }}
    static_configs: [{{ targets: ['{exporter_at}'] }}]
"
            ),
        )?;
        let prometheus = Server::start("prometheus.sh", Transport::Tcp, &[&configuration])?;
        Ok(Self {
            _servers: [prometheus, exporter, alertmanager],
            _folder: folder,
        })
    }

    /// Returns the processor time of all three until now, in seconds.
    ///
    /// # Errors
    /// The processes cannot be looked at.
    pub fn cpu_seconds(&self) -> Result<f64> {
        process::named_cpu_seconds(PROGRAMS)
    }
}
