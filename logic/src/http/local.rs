//! The unix socket of the data directory: whoever runs the server, and root, are admin there, without
//! a token. Both can read the file with its key, and a worker that is confined cannot, although it
//! has the same user and may find the socket.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName},
};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use utakata_api::client::LOCAL_KEY;
use utakata_model::target::Secret;

use super::Refused;
use crate::{code::Code, token::is_same};

/// The largest number of connections at a time.
const MAX_CONNECTIONS: usize = 100;
/// The time after which a connection without requests is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after a connection that could not be accepted.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The socket, and what a request on it must show.
pub struct LocalSocket {
    pub listener: UnixListener,
    /// The content of a file that only the user of this process can read, made anew at each start.
    pub key: Secret,
    /// The path of that file, for whoever has not shown it.
    pub key_file: PathBuf,
}

/// The mark of a request that arrived on the socket, from somebody who is admin there.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalAdmin;

/// The mark of a request that arrived on the socket, from somebody who has the user of this process,
/// or is root, and has not shown the key.
#[derive(Debug, Clone)]
pub(super) struct LocalStranger {
    /// They have shown another key, perhaps that of an earlier start.
    pub has_another: bool,
    pub key_file: Arc<Path>,
}

impl LocalStranger {
    pub(super) fn refusal(&self) -> Refused {
        let file = self.key_file.display();
        let detail = match self.has_another {
            true => format!("the key in the request is not that of {file}"),
            false => format!("the request has neither a token nor the key in {file}"),
        };
        let cure = match self.has_another {
            true => {
                "the key is made anew at each start of the server: run the command again, and if \
                 that does not help, look whether its user can still write in its data folder"
            }
            false => {
                "run `utakata` as root or as the user of the server, which reads that file by \
                 itself, or use a token of your own (`utakata person add NAME`)"
            }
        };
        Refused::new(Code::Unauthorized, detail, cure)
    }
}

/// What a request on the socket must show, for its connections.
#[derive(Clone)]
struct Lock {
    key: Arc<Secret>,
    file: Arc<Path>,
}

/// Serves until it is cancelled; requests under way are then cut off with the process.
pub(super) async fn serve(socket: LocalSocket, router: Router, cancel: CancellationToken) {
    let LocalSocket {
        listener,
        key,
        key_file,
    } = socket;
    let lock = Lock {
        key: Arc::new(key),
        file: key_file.into(),
    };
    let mut served = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            Some(_) = served.join_next() => continue,
            accepted = listener.accept(), if served.len() < MAX_CONNECTIONS => accepted,
        };
        match accepted {
            Ok((stream, _)) if is_own_user(&stream) => {
                served.spawn(answer(stream, lock.clone(), router.clone()));
            }
            Ok(_) => tracing::warn!("another user has tried to be admin by the local socket"),
            Err(error) => {
                tracing::warn!(%error, "a local connection could not be accepted");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Returns true if the other side is root, or whoever runs this process.
fn is_own_user(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let peer: io::Result<u32> = stream.peer_cred().map(|peer| peer.uid());
    peer.is_ok_and(|peer| peer == 0 || peer == own)
}

impl Lock {
    /// Takes the key out of a request, and says whose request it is.
    fn open(&self, headers: &mut HeaderMap) -> Result<LocalAdmin, LocalStranger> {
        let shown = headers.remove(HeaderName::from_static(LOCAL_KEY));
        let expected = self.key.reveal().as_bytes();
        match &shown {
            Some(shown) if is_same(shown.as_bytes(), expected) => Ok(LocalAdmin),
            _ => Err(LocalStranger {
                has_another: shown.is_some(),
                key_file: self.file.clone(),
            }),
        }
    }
}

async fn answer(stream: UnixStream, lock: Lock, router: Router) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        match lock.open(request.headers_mut()) {
            Ok(admin) => request.extensions_mut().insert(admin).is_some(),
            Err(stranger) => request.extensions_mut().insert(stranger).is_some(),
        };
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // A fault of the connection is its client's affair.
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use axum::{extract::Request, routing::get};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Says whose request it is, and refuses strangers as the API does.
    async fn who(request: Request) -> Result<&'static str, Refused> {
        match request.extensions().get::<LocalStranger>() {
            Some(stranger) => Err(stranger.refusal()),
            None if request.headers().contains_key(LOCAL_KEY) => Ok("the key went on"),
            None if request.extensions().get::<LocalAdmin>().is_some() => Ok("admin"),
            None => Ok("nobody"),
        }
    }

    async fn ask(path: &Path, header: &str) -> String {
        let mut stream = UnixStream::connect(path).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_same_user_is_admin_only_with_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        let socket = LocalSocket {
            listener: UnixListener::bind(&path).unwrap(),
            key: Secret::new("the-key-of-now"),
            key_file: "/data/api.key".into(),
        };
        let (cancel, router) = (CancellationToken::new(), Router::new().route("/", get(who)));
        let served = tokio::spawn(serve(socket, router, cancel.clone()));
        let bare = ask(&path, "").await;
        assert!(bare.starts_with("HTTP/1.1 401"), "{bare}");
        assert!(bare.contains("/data/api.key"), "{bare}");
        for other in ["the-key-of-then", "the-key-of-no", ""] {
            let refused = ask(&path, &format!("{LOCAL_KEY}: {other}\r\n")).await;
            assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
            assert!(refused.contains("made anew at each start"), "{refused}");
        }
        let admin = ask(&path, &format!("{LOCAL_KEY}: the-key-of-now\r\n")).await;
        assert!(admin.ends_with("\r\n\r\nadmin"), "{admin}");
        cancel.cancel();
        served.await.unwrap();
    }
}
