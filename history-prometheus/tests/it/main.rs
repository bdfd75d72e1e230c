//! Debian's VictoriaMetrics and Prometheus keep the promises of every history.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use utakata_history_conformance::{Keeps, check};
use utakata_history_prometheus::Prometheus;
use utakata_tests::wait::eventually;

/// A server of its own folder and port, which ends with it.
struct Server {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Server {
    fn start(program: &str, arguments: impl Fn(&Path, &str) -> Vec<String>) -> Self {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let address = format!("127.0.0.1:{}", port.port());
        let child = Command::new(program)
            .args(arguments(folder.path(), &address))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}: ./check install"));
        eventually(format!("{program} listens"), || {
            std::net::TcpStream::connect(&address).ok()
        });
        Self {
            child,
            url: format!("http://{address}"),
            _folder: folder,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a whole hour, some hours ago.
fn start() -> i64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    (i64::try_from(now.as_secs()).unwrap() / 3600 - 5) * 3_600_000
}

#[tokio::test]
async fn victoria_metrics_keeps_every_promise_but_heard_times_and_extremes() {
    let server = Server::start("victoria-metrics", |folder, address| {
        vec![
            format!("-storageDataPath={}", folder.display()),
            format!("-httpListenAddr={address}"),
            "-search.latencyOffset=0s".into(),
            "-retentionPeriod=1y".into(),
        ]
    });
    let history = Prometheus::new(&server.url);
    let keeps = Keeps {
        heard: false,
        extremes: false,
    };
    check(&history, start(), keeps).await;
    assert_eq!(history.lost(), 0);
}

#[tokio::test]
async fn prometheus_keeps_every_promise_but_heard_times_and_extremes() {
    let server = Server::start("prometheus", |folder, address| {
        let config = folder.join("prometheus.yml");
        // Values of some hours ago, after newer ones of other targets.
        let text = "storage: { tsdb: { out_of_order_time_window: 1d } }\n";
        std::fs::write(&config, text).unwrap();
        vec![
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            format!("--web.listen-address={address}"),
            "--web.enable-remote-write-receiver".into(),
        ]
    });
    let history = Prometheus::new(&server.url);
    let keeps = Keeps {
        heard: false,
        extremes: false,
    };
    check(&history, start(), keeps).await;
    assert_eq!(history.lost(), 0);
}
