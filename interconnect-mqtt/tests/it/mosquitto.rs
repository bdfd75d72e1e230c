//! Debian's MQTT clients, as processes.

use std::{net::SocketAddr, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};
use utakata_tests::wait::soon;

/// A running `mosquitto_sub`; it ends when it is dropped.
pub struct Subscriber {
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Subscriber {
    /// Subscribes with QoS 1; `version` is `mqttv311` or `mqttv5`.
    pub fn start(broker: SocketAddr, version: &str, filter: &str) -> Self {
        Self::with(broker, &["-V", version, "-q", "1", "-t", filter])
    }

    /// Subscribes with these arguments.
    pub fn with(broker: SocketAddr, arguments: &[&str]) -> Self {
        // R: whether the message is retained; t: topic; p: payload.
        let mut process = command("mosquitto_sub", broker)
            .args(["-F", "%r %t %p"])
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("mosquitto_sub is there: apt-get install mosquitto-clients");
        Self {
            lines: BufReader::new(process.stdout.take().unwrap()).lines(),
            _process: process,
        }
    }

    /// Returns the next message: whether it is retained, its topic, its payload.
    pub async fn next(&mut self) -> (bool, String, String) {
        let line = soon("a message", self.lines.next_line())
            .await
            .unwrap()
            .expect("mosquitto_sub runs on");
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        (part() == "1", part(), part())
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) {
        while let Ok(Some(_)) = self.lines.next_line().await {}
    }

    /// Returns the topics of that many messages, sorted.
    pub async fn topics(&mut self, count: usize) -> Vec<String> {
        let mut topics = Vec::new();
        for _ in 0..count {
            topics.push(self.next().await.1);
        }
        topics.sort();
        topics
    }
}

/// Runs `mosquitto_pub` (or `mosquitto_sub`) to its end; returns its exit code and output.
pub async fn run(program: &str, broker: SocketAddr, arguments: &[&str]) -> (i32, String) {
    let run = command(program, broker).args(arguments).output();
    let output = soon("the end of it", run).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

fn command(program: &str, broker: SocketAddr) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-h", &broker.ip().to_string()])
        .args(["-p", &broker.port().to_string()]);
    command
}
