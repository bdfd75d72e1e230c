//! Impossible states of our processes. Each process counts its own, and the counters are read at
//! the end. Those of killed lives are lost, so the logs of all lives are read, too.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader},
};

use anyhow::{Context, Result};
use serde::Serialize;
use utakata_api::status::Status;
use utakata_invariant as invariant;

use crate::{place::Place, server::Server};

/// The number of log lines kept.
const MAX_LINES: usize = 20;

/// The broken invariants of all processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The counters above 0 at the end, by process.
    pub counted: BTreeMap<String, u64>,
    /// The number of lines about them in the logs of all lives.
    pub logged: u64,
    /// The first of these lines, each prefixed with the name of its process.
    pub lines: Vec<String>,
}

impl Broken {
    /// Returns their number: the logs know those of earlier lives, the counters those of workers
    /// whose logs are elsewhere.
    pub fn count(&self) -> u64 {
        self.logged.max(self.counted.values().sum())
    }

    /// Formats them for people.
    pub fn text(&self) -> Vec<String> {
        let counted = self.counted.iter();
        let counted =
            counted.map(|(process, count)| format!("{process} counts broken invariants: {count}"));
        counted.chain(self.lines.iter().cloned()).collect()
    }

    fn add_counters(&mut self, logic: &str, status: &Status) {
        let theirs = status.environments.iter();
        let theirs = theirs.map(|one| (one.id.as_str(), one.invariants_broken));
        let ours = [(logic, status.invariants_broken)];
        for (process, count) in ours.into_iter().chain(theirs) {
            if count > 0 {
                self.counted.insert(process.to_owned(), count);
            }
        }
    }

    fn add_log(&mut self, process: &str, log: impl BufRead) -> io::Result<()> {
        for line in log.split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            if line.contains(invariant::MESSAGE) {
                self.logged += 1;
                if self.lines.len() < MAX_LINES {
                    self.lines.push(format!("{process}: {line}"));
                }
            }
        }
        Ok(())
    }
}

/// Reads the counters of the running processes, and all logs.
///
/// # Errors
/// A logic environment does not answer, or a log cannot be read.
pub async fn find(server: &Server, place: &Place) -> Result<Broken> {
    let mut broken = Broken::default();
    for (logic, client) in server.clients() {
        let status = client.status().await;
        let status = status.with_context(|| format!("the counters of {logic} cannot be read"))?;
        broken.add_counters(&logic, &status);
    }
    for (process, path) in place.logs().context("the logs cannot be listed")? {
        let read = File::open(&path).map(BufReader::new);
        let read = read.and_then(|log| broken.add_log(&process, log));
        read.with_context(|| format!("{} cannot be read", path.display()))?;
    }
    Ok(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(ours: u64, theirs: u64) -> Status {
        serde_json::from_value(serde_json::json!({
            "version": "1", "started": "2026-03-01T12:00:00Z", "targets": 0, "schedules": 0,
            "problems": [], "invariants_broken": ours,
            "environments": [{
                "id": "wee-1", "incarnation": "0192f0c1-0000-7000-8000-00000000000e",
                "zone": "hall-1", "state": "running", "version": "1",
                "time": "2026-03-01T12:00:00Z", "pools": [], "invariants_broken": theirs,
            }],
        }))
        .unwrap()
    }

    #[test]
    fn the_counter_of_any_process_counts() {
        let mut broken = Broken::default();
        broken.add_counters("le", &status(0, 0));
        assert_eq!(broken, Broken::default());
        broken.add_counters("le", &status(1, 2));
        let expect = [("le".to_owned(), 1), ("wee-1".to_owned(), 2)];
        assert_eq!(broken.counted, BTreeMap::from(expect));
        assert_eq!(broken.count(), 3);
    }

    #[test]
    fn the_log_of_a_life_that_was_killed_counts() {
        let mut broken = Broken::default();
        let log = format!(
            "INFO ready\nERROR {} what=\"a lane\" subject=pdu-1\nINFO ready\n",
            invariant::MESSAGE
        );
        broken.add_log("wee-1", log.as_bytes()).unwrap();
        assert_eq!(broken.count(), 1);
        let text = broken.text();
        assert!(
            text[0].starts_with("wee-1: ERROR this cannot be"),
            "{text:?}"
        );
    }
}
