//! Runs a room: its devices, its clock and its control port, until it is asked to end.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::net::{TcpListener, UdpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::blueprint::{self, Blueprint};
use crate::bmc::{self, Bmc};
use crate::control::{self, Equipment as _};
use crate::device::{self, Device};
use crate::gateway::{self, Gateway};
use crate::room::{self, Room};
use crate::thing::Thing;
use crate::upsd::{self, Upsd};

/// The interval at which the room advances.
const TICK: Duration = Duration::from_millis(250);

/// The settings of the simulator: the room and its addresses.
#[derive(Debug, Clone)]
pub struct Config {
    /// A room file; `None` for the default room.
    pub room: Option<PathBuf>,
    /// The address on which the devices answer.
    pub bind: IpAddr,
    /// The first device uses the next port, and so on; 0 picks free ports.
    pub base_port: u16,
    /// The control port; 0 picks a free one.
    pub control_port: u16,
    /// Ends when standard input closes.
    pub exit_with_stdin: bool,
}

/// The reason why a room cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The room cannot be read.
    #[error(transparent)]
    Blueprint(#[from] blueprint::Error),
    /// The room is invalid.
    #[error("the room has a mistake")]
    Room(#[from] room::Error),
    /// There are fewer ports than devices.
    #[error("base port {0} leaves no port for every device: choose a lower one")]
    Ports(u16),
    /// A BMC has no certificate.
    #[error(transparent)]
    Certificate(#[from] bmc::CertificateError),
    /// A device is not reachable.
    #[error(transparent)]
    Device(#[from] device::Error),
    /// The control port is not free.
    #[error("cannot listen on control port {address}: choose another --control-port, or 0")]
    Control {
        address: SocketAddr,
        source: io::Error,
    },
    /// Signals or standard output do not work.
    #[error("cannot {step}")]
    System {
        /// The step that failed.
        step: &'static str,
        source: io::Error,
    },
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    control: SocketAddr,
    devices: usize,
}

/// Runs the room until SIGTERM, SIGINT, or the end of standard input.
pub async fn run(config: &Config) -> Result<(), Error> {
    let end = wait_for_end(config.exit_with_stdin)?;
    let room = Room::build(&Blueprint::load(config.room.as_deref())?)?;
    let room = Arc::new(Mutex::new(room));
    let devices = Device::build_all(&room);
    let began = Instant::now();
    let bmcs = Bmc::build_all(&room, began)?;
    let mut tasks = JoinSet::new();
    let mut lines = Vec::new();
    for (index, device) in devices.iter().enumerate() {
        let address = SocketAddr::new(config.bind, port(config.base_port, index)?);
        let address = device::spawn(device.clone(), address, began, &mut tasks).await?;
        lines.push(line(&device.place(address))?);
    }
    let gateways = Gateway::build_all(&room, began);
    let upsds = Upsd::build_all(&room, began);
    let mut next = devices.len()..;
    let mut at = || -> Result<SocketAddr, Error> {
        let index = next.next().unwrap_or(usize::MAX);
        Ok(SocketAddr::new(config.bind, port(config.base_port, index)?))
    };
    for bmc in &bmcs {
        let (listener, address) = open(bmc.name(), at()?).await?;
        lines.push(line(&bmc.place(address))?);
        let found = bmc.clone();
        tasks.spawn(bmc::serve::serve(listener, move |_| Some(found.clone())));
        if bmc.has_ipmi() {
            let (socket, address) = open_datagrams(bmc.name(), at()?).await?;
            lines.push(line(&bmc.ipmi_place(address))?);
            tasks.spawn(bmc::ipmi::serve::serve(socket, bmc.clone()));
        }
    }
    for gateway in &gateways {
        let (listener, address) = open(gateway.name(), at()?).await?;
        for place in gateway.places(address) {
            lines.push(line(&place)?);
        }
        tasks.spawn(gateway::serve::serve(listener, gateway.clone()));
    }
    for upsd in &upsds {
        let (listener, address) = open(upsd.name(), at()?).await?;
        for place in upsd.places(address) {
            lines.push(line(&place)?);
        }
        tasks.spawn(upsd::serve::serve(listener, upsd.clone()));
    }
    let reachable = lines.len();
    let things = Thing::all(devices, &bmcs, &gateways, &upsds);
    let (listener, control) = listen(SocketAddr::new(config.bind, config.control_port)).await?;
    lines.push(line(&Ready {
        ready: true,
        control,
        devices: reachable,
    })?);
    tasks.spawn(control::serve(listener, Arc::new(things)));
    tasks.spawn(tick(room, bmcs));
    print(&lines)?;
    // No task outlives this: dropping the set ends all of them.
    end.await;
    tasks.shutdown().await;
    Ok(())
}

/// Opens the port of something that is asked over TCP; returns its address.
async fn open(name: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let refused = |source| device::Error::Bind {
        name: name.to_owned(),
        address,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

/// Opens the port of something that is asked by datagrams; returns its address.
async fn open_datagrams(name: &str, address: SocketAddr) -> Result<(UdpSocket, SocketAddr), Error> {
    let refused = |source| device::Error::Bind {
        name: name.to_owned(),
        address,
        source,
    };
    let socket = UdpSocket::bind(address).await.map_err(refused)?;
    let address = socket.local_addr().map_err(refused)?;
    Ok((socket, address))
}

/// Opens the control port; returns its address.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let refused = |source| Error::Control { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

/// The port of the device with this index.
pub fn port(base: u16, index: usize) -> Result<u16, Error> {
    if base == 0 {
        return Ok(0);
    }
    let step = u16::try_from(index).unwrap_or(u16::MAX).checked_add(1);
    step.and_then(|step| base.checked_add(step))
        .ok_or(Error::Ports(base))
}

/// Formats `value` as a line of JSON.
pub fn line(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::System {
        step: "write a line",
        source: error.into(),
    })
}

/// Prints `lines` on standard output, for the parent process.
pub fn print(lines: &[String]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", lines.join("\n"))
        .and_then(|()| out.flush())
        .map_err(|source| Error::System {
            step: "write to the standard output",
            source,
        })
}

async fn tick(room: Arc<Mutex<Room>>, bmcs: Vec<Arc<Bmc>>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = Instant::now();
    loop {
        ticks.tick().await;
        let now = Instant::now();
        room.lock().advance(now - last);
        last = now;
        bmcs.iter().for_each(|bmc| bmc.tick(bmc.now()));
    }
}

/// Listens for the end from now on; the future resolves when it comes.
pub fn wait_for_end(exit_with_stdin: bool) -> Result<impl Future<Output = ()>, Error> {
    let listen = |kind| {
        signal(kind).map_err(|source| Error::System {
            step: "listen to signals",
            source,
        })
    };
    let (mut terminate, mut interrupt) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    let stdin = exit_with_stdin.then(watch_stdin);
    Ok(async move {
        let stdin = async {
            match stdin {
                Some(closed) => closed.await.unwrap_or(()),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stdin => {}
        }
    })
}

/// Resolves when standard input is closed. Read in a thread of its own, because a blocking read
/// would delay the end of the runtime.
fn watch_stdin() -> oneshot::Receiver<()> {
    let (closed, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while io::stdin().read(&mut buffer).is_ok_and(|length| length > 0) {}
        // Nobody listens any more if something else ended the program first.
        let _ = closed.send(());
    });
    receiver
}
