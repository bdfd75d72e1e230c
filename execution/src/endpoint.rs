//! The endpoint for workers: the server side of the worker protocol on a Unix socket, and at a door
//! for those on other machines.

mod admission;
mod connection;
mod hello;
mod loopback;
mod session;
mod socket;

use std::{
    io,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::net::{TcpListener, UnixListener};
use tokio_stream::Stream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Response, Status, Streaming, transport::Server};
use utakata_protocol::{
    MESSAGE_MAX,
    v1::{
        FromWorker, ToWorker,
        manager_server::{Manager, ManagerServer},
    },
};

#[cfg(test)]
pub(crate) use admission::Entry;
pub(crate) use admission::{Admission, Ticket};
use connection::Unproven;
use session::Session;
pub(crate) use socket::SocketPlace;

use crate::{
    Config,
    runtime::{
        Door, Runtime,
        door::{self, OpenDoor},
    },
};

/// The flow-control window of an HTTP/2 stream, and of a connection, in bytes. A batch of a
/// thousand tasks passes without waiting for the other side.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
/// The number of streams of a connection: a worker has one.
const STREAMS: u32 = 8;
/// The time beyond the limit for a hello that a connection has to identify itself.
const GRACE: Duration = Duration::from_secs(1);
/// The number of messages that may wait to be written to one worker.
const MESSAGES: usize = 256;

/// The reason why workers cannot connect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The private folder of the socket cannot be made.
    #[error("cannot create the folder {} for the socket of the workers", folder.display())]
    Folder {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Nobody knows where workers on other machines could connect to.
    #[error("workers on other machines could not find this one: {0}")]
    Address(String),
    /// There is no door.
    #[error("workers on other machines could not connect to this one")]
    Door(#[from] door::Error),
    /// Workers that may not use the socket could not connect.
    #[error("cannot listen for workers on the loopback interface")]
    Loopback(#[source] io::Error),
    /// The socket cannot be opened.
    #[error("cannot listen for workers on {}", path.display())]
    Listen {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The server to which workers connect. When it is dropped, it ends and removes its socket.
#[derive(Debug)]
pub(crate) struct Endpoint {
    socket: socket::Socket,
    loopback: Option<SocketAddr>,
    door: Option<Arc<Door>>,
    admission: Admission,
    stop: CancellationToken,
    tracker: TaskTracker,
}

/// The places where somebody listens.
struct Listeners {
    near: UnixListener,
    loopback: Option<TcpListener>,
    far: Option<OpenDoor>,
}

/// The listeners that a program leaves to its successor in the same process.
pub(crate) struct ListenersLeft {
    pub(crate) near: OwnedFd,
    pub(crate) loopback: Option<OwnedFd>,
}

struct Service {
    admission: Admission,
    runtime: Arc<dyn Runtime>,
    hello_within: Duration,
    heartbeat: Duration,
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Endpoint {
    /// Starts listening.
    pub(crate) fn start(
        config: &Config,
        runtime: Arc<dyn Runtime>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let socket = socket::Socket::build(config.run_folder.as_deref())?;
        let unheard = |source| Error::Listen {
            path: socket.path().into(),
            source,
        };
        let listener = UnixListener::bind(socket.path()).map_err(unheard)?;
        let loopback = runtime.wants_loopback().then(loopback::bind).transpose();
        let loopback = loopback.map_err(Error::Loopback)?;
        let admission = Admission::build(&listener, loopback.as_ref()).map_err(unheard)?;
        socket.open().map_err(unheard)?;
        let listeners = (listener, loopback);
        Self::build(socket, admission, listeners, config, (runtime, stop))
    }

    /// Continues to listen where this process listened before it was replaced: workers that have
    /// connected meanwhile wait until admission is resumed.
    pub(crate) fn take_over(
        left: &SocketPlace,
        listeners: ListenersLeft,
        config: &Config,
        (runtime, stop): (Arc<dyn Runtime>, CancellationToken),
    ) -> Result<Self, Error> {
        let unheard = |source| Error::Listen {
            path: left.path.clone(),
            source,
        };
        let listener = std::os::unix::net::UnixListener::from(listeners.near);
        listener.set_nonblocking(true).map_err(unheard)?;
        let listener = UnixListener::from_std(listener).map_err(unheard)?;
        // One that had none had workers that do not need it.
        let loopback = match listeners.loopback {
            Some(left) => Some(loopback::take_over(left)),
            None => runtime.wants_loopback().then(loopback::bind),
        };
        let loopback = loopback.transpose().map_err(Error::Loopback)?;
        let admission = Admission::build(&listener, loopback.as_ref()).map_err(unheard)?;
        // Until it is known again which workers are expected.
        admission.suspend();
        let socket = socket::Socket::take_over(left);
        let listeners = (listener, loopback);
        Self::build(socket, admission, listeners, config, (runtime, stop))
    }

    fn build(
        socket: socket::Socket,
        admission: Admission,
        (near, loopback): (UnixListener, Option<TcpListener>),
        config: &Config,
        (runtime, stop): (Arc<dyn Runtime>, CancellationToken),
    ) -> Result<Self, Error> {
        let listen = runtime.listen();
        let listen = listen.map_err(|error| Error::Address(error.problem().message.to_string()))?;
        let far = listen.as_ref().map(OpenDoor::open).transpose()?;
        let at = loopback.as_ref().map(TcpListener::local_addr).transpose();
        let endpoint = Self {
            socket,
            loopback: at.map_err(Error::Loopback)?,
            door: far.as_ref().map(|open| open.door.clone()),
            admission,
            stop,
            tracker: TaskTracker::new(),
        };
        let listeners = Listeners {
            near,
            loopback,
            far,
        };
        endpoint.serve(listeners, config, runtime);
        Ok(endpoint)
    }

    /// Returns the place of the socket, for a successor.
    pub(crate) fn place(&self) -> SocketPlace {
        self.socket.place()
    }

    fn serve(&self, listeners: Listeners, config: &Config, runtime: Arc<dyn Runtime>) {
        let service = Service {
            admission: self.admission.clone(),
            runtime,
            hello_within: config.hello_within,
            heartbeat: config.heartbeat,
            stop: self.stop.clone(),
            tracker: self.tracker.clone(),
        };
        let service = ManagerServer::new(service)
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX);
        let server = Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(STREAMS)
            .add_service(service);
        let (stop, admission) = (self.stop.clone(), self.admission.clone());
        let (unknown, within) = (config.unknown_connections, config.hello_within + GRACE);
        self.tracker.spawn(async move {
            let incoming = admission.connections(listeners, unknown, within);
            let served = server.serve_with_incoming_shutdown(incoming, stop.cancelled());
            if let Err(error) = served.await {
                tracing::error!(%error, "workers can no longer connect: restart utakata");
            }
        });
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Returns the door, if there is one.
    pub(crate) fn door(&self) -> Option<Arc<Door>> {
        self.door.clone()
    }

    /// Returns the path of the socket.
    pub(crate) fn path(&self) -> &Path {
        self.socket.path()
    }

    /// Returns the address on the loopback interface, if somebody listens there.
    pub(crate) fn loopback(&self) -> Option<SocketAddr> {
        self.loopback
    }

    /// Ends all connections, and waits until they have ended.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A message to a worker.
type Sent = Result<ToWorker, Status>;

#[tonic::async_trait]
impl Manager for Service {
    type WorkStream = std::pin::Pin<Box<dyn Stream<Item = Sent> + Send>>;

    async fn work(
        &self,
        request: Request<Streaming<FromWorker>>,
    ) -> Result<Response<Self::WorkStream>, Status> {
        let (to, sent) = tokio::sync::mpsc::channel::<Sent>(MESSAGES);
        let session = Session {
            admission: self.admission.clone(),
            runtime: self.runtime.clone(),
            hello_within: self.hello_within,
            heartbeat: self.heartbeat,
            stop: self.stop.clone(),
            unproven: request.extensions().get::<Unproven>().cloned(),
        };
        self.tracker.spawn(session.run(request.into_inner(), to));
        let sent = tokio_stream::wrappers::ReceiverStream::new(sent);
        Ok(Response::new(Box::pin(sent)))
    }
}
