//! A manager that listens where the workers of a runtime look for it.

use std::{fs, io, os::unix::fs::PermissionsExt as _};

use tokio::{io::AsyncRead, net::UnixListener};

use super::{Subject, Violation};
use crate::runtime::{Spec, door::OpenDoor};

/// A connection of a worker.
pub(super) type Connection = Box<dyn AsyncRead + Unpin + Send>;

/// A manager that lets everybody connect.
pub(super) enum Manager {
    /// Through the socket.
    Near(UnixListener),
    /// Through the door.
    Far(OpenDoor),
}

impl Manager {
    /// Listens from now on, and tells the worker that greets where.
    pub(super) fn listen(subject: &Subject<'_>) -> Result<(Self, Spec), Violation> {
        let mut spec = subject.greets.clone();
        let far = subject.runtime.listen().map_err(Violation::Nowhere)?;
        if let Some(listen) = far {
            let open = OpenDoor::open(&listen)?;
            spec.door = Some(open.door.clone());
            return Ok((Self::Far(open), spec));
        }
        // That of an earlier promise, if there was one.
        let _ = fs::remove_file(&spec.socket);
        let near = UnixListener::bind(&spec.socket)?;
        fs::set_permissions(&spec.socket, fs::Permissions::from_mode(0o666))?;
        Ok((Self::Near(near), spec))
    }

    pub(super) async fn accept(&self) -> io::Result<Connection> {
        match self {
            Self::Near(listener) => Ok(Box::new(listener.accept().await?.0)),
            Self::Far(open) => loop {
                let (stream, _) = open.listener.accept().await?;
                if let Ok(stream) = open.acceptor.accept(stream).await {
                    return Ok(Box::new(stream));
                }
            },
        }
    }
}
