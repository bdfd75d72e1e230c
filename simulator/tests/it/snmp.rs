//! The tools of net-snmp, and simulators to use them on.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};

use serde_json::Value;
use utakata_tests::wait::eventually;

pub const BINARY: &str = env!("CARGO_BIN_EXE_utakata-simulator");

/// A running simulator. Dropping it closes its standard input, which must end it.
pub struct Simulator {
    child: Child,
    stdin: Option<ChildStdin>,
    /// The lines that describe devices, by name.
    pub places: BTreeMap<String, Value>,
    /// The line that reports ready.
    pub ready: Value,
}

impl Simulator {
    /// The default room on free ports.
    pub fn room() -> Self {
        Self::start(&["room", "--base-port", "0"])
    }

    /// Starts the simulator with these arguments and waits until it is ready.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(BINARY)
            .args(arguments)
            .arg("--exit-with-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut places = BTreeMap::new();
        let mut ready = Value::Null;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if line["ready"] == true {
                ready = line;
                break;
            }
            places.insert(line["name"].as_str().unwrap().to_owned(), line);
        }
        assert_eq!(ready["ready"], true, "it ended before it was ready");
        Self {
            child,
            stdin,
            places,
            ready,
        }
    }

    /// Returns the address of a device's agent.
    pub fn address(&self, device: &str) -> &str {
        self.places[device]["address"].as_str().unwrap()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Closes its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the end of the simulator", || {
            self.child.try_wait().unwrap()
        })
    }

    /// Returns what `snmpget` prints for the value of an object.
    pub fn get(&self, device: &str, oid: &str) -> String {
        value(&self.ask("snmpget", "public", device, &[oid])).unwrap_or_default()
    }

    /// Returns the number that `snmpget` reads.
    pub fn number(&self, device: &str, oid: &str) -> i64 {
        self.get(device, oid).parse().unwrap()
    }

    /// Sets an object with write access; returns the error, if any.
    pub fn set(&self, device: &str, oid: &str, kind: &str, value: &str) -> Result<(), String> {
        let output = self.ask("snmpset", "private", device, &[oid, kind, value]);
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The lines of a walk, without the closing line.
    pub fn walk(&self, tool: &str, device: &str, oid: &str) -> Vec<String> {
        let mut lines = lines(&self.ask(tool, "public", device, &[oid]));
        lines.retain(|line| !line.contains("No more variables left"));
        lines
    }

    /// Runs one of net-snmp's tools on a device, waiting long but without retrying.
    pub fn ask(&self, tool: &str, community: &str, device: &str, rest: &[&str]) -> Output {
        self.ask_within("10", tool, community, device, rest)
    }

    /// Returns true if the device answers within half a second.
    pub fn answers(&self, device: &str) -> bool {
        let name = ["1.3.6.1.2.1.1.5.0"];
        self.ask_within("0.5", "snmpget", "public", device, &name)
            .status
            .success()
    }

    /// Runs one of net-snmp's tools on a device, waiting this many seconds for the answer.
    pub fn ask_within(
        &self,
        seconds: &str,
        tool: &str,
        community: &str,
        device: &str,
        rest: &[&str],
    ) -> Output {
        let known = [
            "-v2c",
            "-c",
            community,
            "-t",
            seconds,
            "-r",
            "0",
            self.address(device),
        ];
        run(tool, &[&known[..], rest].concat())
    }

    /// Injects a fault.
    pub fn fault(&self, device: &str, fault: &str) {
        let control = self.ready["control"].as_str().unwrap();
        let output = run(BINARY, &["fault", "--control", control, device, fault]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Returns the truth about a device.
    pub fn truth(&self, device: &str) -> Value {
        self.tell("show", device)
    }

    /// The whole truth about a counter.
    pub fn whole_truth(&self, device: &str) -> Value {
        self.tell("truth", device)
    }

    fn tell(&self, command: &str, device: &str) -> Value {
        let control = self.ready["control"].as_str().unwrap();
        let output = run(BINARY, &[command, "--control", control, device]);
        assert!(output.status.success(), "{output:?}");
        let mut devices: Value = serde_json::from_slice(&output.stdout).unwrap();
        devices[0].take()
    }

    /// The truth about an outlet, counted from 1.
    pub fn outlet(&self, device: &str, outlet: usize) -> Value {
        self.truth(device)["outlets"][outlet - 1].take()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.close_stdin();
        self.wait();
    }
}

/// Runs a program to its end; net-snmp prints numbers instead of names, and only values.
pub fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.env("MIBS", "");
    if program.starts_with("snmp") {
        command.arg("-Onqet");
    }
    command
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program}, of Debian's package snmp: {error}"))
}

/// Returns the lines that a program printed.
pub fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The value in the only line printed by net-snmp, `.1.3.6 value`.
pub fn value(output: &Output) -> Option<String> {
    let line = lines(output).into_iter().next()?;
    line.split_once(' ')
        .map(|(_, value)| value.trim_matches('"').to_owned())
}

/// Polls until a condition holds.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    eventually(what, || is_so().then_some(()));
}
