//! RabbitMQ: a real broker for AMQP and MQTT, which can be killed and restarted.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::{Port, Server, Transport, server};

const SCRIPT: &str = "rabbitmq.sh";
/// The caller's additional lines for `rabbitmq.conf`.
const LINES: &str = "extra.conf";
/// The ports beside that of AMQP, as its script names them.
const OTHERS: [&str; 4] = ["mqtt", "management", "distribution", "epmd"];

/// A separate broker; see `tests/servers/rabbitmq.sh`. It takes some seconds to start: tests share
/// one, each in its own virtual host ([`Self::add_vhost`]).
#[derive(Debug)]
pub struct Rabbitmq {
    /// The server. Absent while it is killed.
    server: Option<Server>,
    port: Port,
    others: [Port; OTHERS.len()],
    state: Arc<TempDir>,
}

impl Rabbitmq {
    pub const USER: &'static str = "admin";
    pub const PASSWORD: &'static str = "secret";

    /// Starts a broker on free ports.
    ///
    /// # Errors
    /// `rabbitmq-server` is not installed or does not start.
    pub fn start() -> Result<Self> {
        Self::start_with("")
    }

    /// Starts a broker with further lines in its `rabbitmq.conf`.
    ///
    /// # Errors
    /// `rabbitmq-server` is not installed or does not start.
    pub fn start_with(configuration: &str) -> Result<Self> {
        Self::start_in(Port::claim(Transport::Tcp)?, configuration)
    }

    /// Starts a broker on a port claimed before, where somebody already waits for it.
    ///
    /// # Errors
    /// `rabbitmq-server` is not installed or does not start.
    pub fn start_on(port: &Port) -> Result<Self> {
        Self::start_in(port.clone(), "")
    }

    fn start_in(port: Port, configuration: &str) -> Result<Self> {
        let state = server::new_state()?;
        let lines = state.path().join(LINES);
        fs::write(lines, configuration).context("writing the lines for rabbitmq.conf")?;
        let claim = || Port::claim(Transport::Tcp);
        let mut broker = Self {
            server: None,
            port,
            others: [claim()?, claim()?, claim()?, claim()?],
            state,
        };
        broker.write_ports()?;
        broker.start_again()?;
        Ok(broker)
    }

    /// Kills it as `kill -9` does. It keeps what it has made durable.
    ///
    /// # Errors
    /// It is killed already, or does not end.
    pub fn kill(&mut self) -> Result<()> {
        let mut server = self.server.take().context("the broker is killed already")?;
        server.kill()
    }

    /// Returns the folder with everything that it has written.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.state.path()
    }

    /// Starts it on its ports and with its data, after [`Self::kill`].
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<()> {
        let lines = self.state.path().join(LINES);
        let arguments = ["--conf".as_ref(), lines.as_os_str()];
        let state = Arc::clone(&self.state);
        self.server = Some(Server::start_in(state, SCRIPT, &self.port, &arguments)?);
        Ok(())
    }

    /// Returns true if a quorum queue would survive a kill. RabbitMQ 3.10 records the log of a new
    /// queue only after half a second, by its own clock, in which it has made no other; anything
    /// that it confirms before is lost with the queue.
    #[must_use]
    pub fn keeps(&self, queue: &str) -> bool {
        let node = format!("rabbit{}@localhost", self.port.number());
        let names = format!("mnesia/{node}/quorum/{node}/names.dets");
        let names = fs::read(self.file(&names)).unwrap_or_default();
        let queue = queue.as_bytes();
        names.windows(queue.len()).any(|part| part == queue)
    }

    /// Returns the address at which it speaks AMQP 0-9-1.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.number()))
    }

    /// Returns the address at which it speaks MQTT 3.1.1; topics are routing keys of the exchange
    /// `amq.topic`.
    ///
    /// # Errors
    /// The script did not write down the port.
    pub fn mqtt(&self) -> Result<SocketAddr> {
        self.address_of("mqtt")
    }

    /// Returns the address of its management API.
    ///
    /// # Errors
    /// The script did not write down the port.
    pub fn management(&self) -> Result<SocketAddr> {
        self.address_of("management")
    }

    /// The URL for AMQP, as the administrator; `vhost` is `%2F` for the default one.
    #[must_use]
    pub fn url(&self, vhost: &str) -> String {
        let (user, password) = (Self::USER, Self::PASSWORD);
        format!("amqp://{user}:{password}@{}/{vhost}", self.address())
    }

    /// Creates a virtual host in which the administrator has all permissions.
    ///
    /// # Errors
    /// The broker's message.
    pub fn add_vhost(&self, name: &str) -> Result<()> {
        self.ask("PUT", &format!("vhosts/{name}"), "{}")?;
        self.add_user(name, Self::USER, Self::PASSWORD, ".*")
    }

    /// Creates or changes a user, with all permissions on matching names in the virtual host.
    ///
    /// # Errors
    /// The broker's message.
    pub fn add_user(&self, vhost: &str, name: &str, password: &str, matches: &str) -> Result<()> {
        let tags = if name == Self::USER {
            "administrator"
        } else {
            ""
        };
        let user = serde_json::json!({ "password": password, "tags": tags });
        self.ask("PUT", &format!("users/{name}"), &user.to_string())?;
        let may = serde_json::json!({ "configure": matches, "write": matches, "read": matches });
        let path = format!("permissions/{vhost}/{name}");
        self.ask("PUT", &path, &may.to_string()).map(drop)
    }

    /// Sends a request below `/api/` of its management API, such as `GET`, `queues/%2F`, and
    /// returns the answer.
    ///
    /// # Errors
    /// It does not answer, or refuses; its message is included.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Result<String> {
        let url = format!("http://{}/api/{path}", self.management()?);
        let output = Command::new("curl")
            .args(["-s", "-S", "-m", "20", "--fail-with-body", "-X", method])
            .args(["-u", &format!("{}:{}", Self::USER, Self::PASSWORD)])
            .args(["-H", "content-type: application/json", "-d", body, &url])
            .output();
        said(&output.context("running curl")?).with_context(|| format!("{method} {url}"))
    }

    /// Runs `rabbitmqctl` on it, with arguments such as `["close_all_connections", "a test"]`.
    /// Returns its output.
    ///
    /// # Errors
    /// Its message, if it fails.
    pub fn ctl(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(self.file("ctl")).args(arguments).output();
        said(&output.context("running rabbitmqctl")?).with_context(|| arguments.join(" "))
    }

    /// The server process: to pause and resume it, and to read its log.
    ///
    /// # Errors
    /// While it is killed.
    pub fn server(&self) -> Result<&Server> {
        self.server.as_ref().context("the broker is killed")
    }

    /// Writes the ports for its script to reuse.
    fn write_ports(&self) -> Result<()> {
        let ports = OTHERS.iter().zip(&self.others);
        let lines = ports.map(|(name, port)| format!("{name} {}\n", port.number()));
        let file = self.file("ports");
        fs::create_dir_all(self.state.path().join("state")).context("making the state folder")?;
        fs::write(file, lines.collect::<String>()).context("writing the ports")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.state.path().join("state").join(name)
    }

    fn address_of(&self, name: &str) -> Result<SocketAddr> {
        let ports = fs::read_to_string(self.file("ports")).context("reading the ports")?;
        let port = ports
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let port = port.with_context(|| format!("the broker has no port for {name}"))?;
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?)))
    }
}

fn said(output: &Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    bail!("{said} {}", String::from_utf8_lossy(&output.stderr).trim())
}
