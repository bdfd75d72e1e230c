//! A connection to a broker that can be cut.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// A proxy that passes everything on while it is open.
pub struct Proxy {
    address: SocketAddr,
    is_open: watch::Sender<bool>,
    _task: JoinSet<()>,
}

impl Proxy {
    pub async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_open, opens) = watch::channel(true);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(pass(stream, to, opens.clone()));
            }
        });
        Self {
            address,
            is_open,
            _task: task,
        }
    }

    pub fn url(&self) -> String {
        format!("mqtt://admin:secret@{}", self.address)
    }

    /// Cuts every connection, and lets nobody through.
    pub fn cut(&self) {
        self.is_open.send_replace(false);
    }

    pub fn mend(&self) {
        self.is_open.send_replace(true);
    }
}

async fn pass(mut stream: TcpStream, to: SocketAddr, mut opens: watch::Receiver<bool>) {
    if !*opens.borrow() {
        return;
    }
    let mut broker = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    broker.set_nodelay(true).unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut stream, &mut broker) => {}
        _ = opens.wait_for(|is_open| !is_open) => {}
    }
}
