//! A manager for one worker: a private socket or a port on loopback, and both directions of the
//! worker's stream.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    pin::Pin,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tokio_stream::{
    Stream, StreamExt as _,
    wrappers::{ReceiverStream, TcpListenerStream, UnixListenerStream},
};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::Connected},
};
use utakata_protocol::{
    MESSAGE_MAX,
    v1::{
        FromWorker, ToWorker,
        manager_server::{Manager, ManagerServer},
    },
};

/// The flow-control window, in bytes.
const WINDOW: u32 = 2 * 1024 * 1024;
/// The number of messages that may wait to be written.
const OUTGOING: usize = 64;

/// A listener for workers. Ends when dropped.
pub struct Listener {
    calls: mpsc::Receiver<Call>,
    server: JoinHandle<()>,
}

/// The stream of a worker. Ends when dropped.
pub struct Call {
    /// The messages of the worker.
    pub incoming: Streaming<FromWorker>,
    /// The messages to the worker; absent once that direction has ended.
    pub outgoing: Option<mpsc::Sender<Result<ToWorker, Status>>>,
}

struct Service(mpsc::Sender<Call>);

#[tonic::async_trait]
impl Manager for Service {
    type WorkStream = Pin<Box<dyn Stream<Item = Result<ToWorker, Status>> + Send>>;

    async fn work(
        &self,
        request: Request<Streaming<FromWorker>>,
    ) -> Result<Response<Self::WorkStream>, Status> {
        let (outgoing, messages) = mpsc::channel(OUTGOING);
        let call = Call {
            incoming: request.into_inner(),
            outgoing: Some(outgoing),
        };
        let gone = |_| Status::unavailable("this manager has ended");
        self.0.send(call).await.map_err(gone)?;
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }
}

impl Listener {
    /// Listens on a socket at this path.
    pub fn start(socket: &Path) -> io::Result<Self> {
        Ok(Self::serve(UnixListenerStream::new(UnixListener::bind(
            socket,
        )?)))
    }

    /// Listens on loopback, and says where.
    pub async fn start_on_loopback() -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let connections = TcpListenerStream::new(listener).map(|came| {
            let stream = came?;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        Ok((Self::serve(connections), address))
    }

    fn serve<C>(connections: impl Stream<Item = io::Result<C>> + Send + 'static) -> Self
    where
        C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let (arrived, calls) = mpsc::channel(1);
        let service = ManagerServer::new(Service(arrived))
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX);
        let server = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .add_service(service)
            .serve_with_incoming(connections);
        let server = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::warn!(%error, "the harness cannot listen any more");
            }
        });
        Self { calls, server }
    }

    /// Waits for a worker. Returns `None` if none connects within the limit.
    pub async fn accept(&mut self, limit: Duration) -> Option<Call> {
        timeout(limit, self.calls.recv()).await.ok().flatten()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.server.abort();
    }
}
