//! Real servers between the processes of a drill: RabbitMQ, Mosquitto and PostgreSQL, each started
//! by a script, killed, and started again with its data.
//!
//! A script is called with a folder for its state and a port, runs its server in the foreground and
//! lasts until its standard input closes: those in `tests/servers` do.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    ops::Range,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    disaster::Victim,
    link::{Link, State},
    member::{Hold, Member, Start},
    place::{ENVIRONMENTS, LOGICS, Place, Urls},
};

/// The range of ports, below those that Linux uses for outgoing connections
/// (`net.ipv4.ip_local_port_range`).
const PORTS: Range<u16> = 20_000..32_000;

/// The time within which a port of this machine accepts a connection, if anything listens on it.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It carries tasks.
    Rabbitmq,
    /// It carries events.
    Mosquitto,
    /// It keeps the ledger.
    Postgres,
}

/// The servers, and the links of all processes to them.
#[derive(Debug)]
pub struct Servers {
    members: BTreeMap<Kind, Member>,
    ports: BTreeMap<Kind, u16>,
    links: BTreeMap<(&'static str, Kind), Link>,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Rabbitmq, Self::Mosquitto, Self::Postgres];

    /// Returns the name of its script and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rabbitmq => "rabbitmq",
            Self::Mosquitto => "mosquitto",
            Self::Postgres => "postgres",
        }
    }

    /// Returns the server that is this victim, if it is one.
    pub fn of(victim: Victim) -> Option<Self> {
        match victim {
            Victim::Rabbitmq => Some(Self::Rabbitmq),
            Victim::Mosquitto => Some(Self::Mosquitto),
            Victim::Postgres => Some(Self::Postgres),
            _ => None,
        }
    }

    /// Returns further options for the server.
    fn options(self) -> &'static [&'static str] {
        match self {
            // The part of its log that it keeps must fit on a small disk.
            Self::Postgres => &["-c", "max_wal_size=64MB", "-c", "min_wal_size=32MB"],
            Self::Rabbitmq | Self::Mosquitto => &[],
        }
    }

    /// Returns the time for which it stays down. RabbitMQ needs a while until its ports are free,
    /// and starts slowly.
    fn down(self, down: Duration) -> Duration {
        match self {
            Self::Rabbitmq => down + Duration::from_secs(1),
            Self::Mosquitto | Self::Postgres => down,
        }
    }
}

impl Servers {
    /// Prepares servers that do not run yet, and whole links to them.
    ///
    /// # Errors
    /// A script is missing, or no port is available.
    pub async fn prepare(scripts: &Path, place: &Place) -> Result<Self> {
        let mut servers = Self {
            members: BTreeMap::new(),
            ports: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        for kind in Kind::ALL {
            let script = scripts.join(kind.name()).with_extension("sh");
            if !script.is_file() {
                bail!(
                    "there is no {}: --servers names a folder with rabbitmq.sh, mosquitto.sh and \
                     postgres.sh, as tests/servers of a checkout",
                    script.display()
                );
            }
            let port = free_port()?;
            let state = place.data(kind.name()).display().to_string();
            let options = kind.options().iter().map(|option| (*option).to_owned());
            let arguments = [state, port.to_string()].into_iter().chain(options);
            let start = Start {
                program: script,
                arguments: arguments.collect(),
            };
            let member = Member::new(kind.name(), start, place.log(kind.name()));
            servers.members.insert(kind, member.held_by(Hold::Variable));
            servers.ports.insert(kind, port);
            let logics = LOGICS.iter();
            for name in logics.chain(&ENVIRONMENTS) {
                servers.links.insert((name, kind), Link::to(port).await?);
            }
        }
        Ok(servers)
    }

    /// Returns the addresses of the servers for a process: each over a link of its own.
    #[expect(
        clippy::expect_used,
        reason = "a process without its servers proves nothing"
    )]
    pub fn urls(&self, name: &str) -> Urls {
        let port = |kind| {
            let found = self
                .links
                .iter()
                .find(|((of, to), _)| *of == name && *to == kind);
            let (_, link) = found.expect("each process has a link to each server");
            link.port()
        };
        let (amqp, mqtt) = (port(Kind::Rabbitmq), port(Kind::Mosquitto));
        Urls {
            amqp: format!("amqp://admin:secret@127.0.0.1:{amqp}/%2F"),
            mqtt: format!("mqtt://admin:secret@127.0.0.1:{mqtt}"),
            postgres: format!(
                "postgres://postgres:secret@127.0.0.1:{}/postgres",
                port(Kind::Postgres)
            ),
        }
    }

    /// Returns the processes of the servers.
    pub fn members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.values_mut()
    }

    /// Returns true if all of them serve. RabbitMQ takes half a minute to start on a busy machine.
    pub fn are_up(&self) -> bool {
        self.ports.values().all(|port| is_listened_to(*port))
    }

    /// Kills a server; it returns. One that has not returned yet is left to start: a server that
    /// never serves proves nothing.
    pub fn kill(&mut self, kind: Kind, down: Duration) -> bool {
        let serves = self
            .ports
            .get(&kind)
            .is_some_and(|port| is_listened_to(*port));
        let Some(member) = self.members.get_mut(&kind).filter(|_| serves) else {
            return false;
        };
        let was_up = member.is_up();
        member.kill(kind.down(down));
        was_up
    }

    /// Returns one of the processes, while it runs.
    pub fn process(&self, which: usize) -> Option<u32> {
        let kind = Kind::ALL[which % Kind::ALL.len()];
        self.members.get(&kind).and_then(Member::process)
    }

    /// Strikes one link, or all links of one process.
    pub fn strike(&self, which: usize, state: State) {
        let names: Vec<_> = LOGICS.iter().chain(&ENVIRONMENTS).collect();
        let name = names[which % names.len()];
        let kind = Kind::ALL.get(which / names.len() % (Kind::ALL.len() + 1));
        for ((of, to), link) in &self.links {
            if of == name && kind.is_none_or(|kind| kind == to) {
                link.set(state);
            }
        }
    }

    /// Cuts all links of these processes.
    pub fn cut(&self, names: &[&str]) {
        for ((of, _), link) in &self.links {
            if names.contains(of) {
                link.set(State::Cut);
            }
        }
    }

    /// Makes all links whole.
    pub fn heal(&self) {
        self.links.values().for_each(|link| link.set(State::Whole));
    }
}

fn is_listened_to(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).is_ok()
}

/// Returns a port that nobody has, and that the operating system gives to nobody by itself: while
/// the server is killed, nobody else must get it.
fn free_port() -> Result<u16> {
    let hash = RandomState::new().hash_one(PORTS.start);
    let first = (hash % u64::from(PORTS.end - PORTS.start)) as u16;
    let mut ports = (PORTS.start + first..PORTS.end).chain(PORTS.start..PORTS.start + first);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).context("no free port for a server")
}
