//! Frames: a length of 4 bytes, big-endian, followed by that many bytes of JSON.

use std::{io, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
};

/// The largest length of a frame, in bytes.
pub(super) const MAX_LENGTH: usize = 64 * 1024 * 1024;
/// The longest frame accepted from a peer that has not said hello.
pub(super) const MAX_HELLO_LENGTH: usize = 4 * 1024;
/// The number of frames that are written together.
const TOGETHER: usize = 32;

/// Reads the next frame; `None` when the other side has gone. Not cancel safe.
pub(super) async fn read(
    from: &mut (impl AsyncRead + Unpin),
    max: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read(&mut length).await? {
        0 => return Ok(None),
        begun => from.read_exact(&mut length[begun..]).await?,
    };
    let length = u64::from(u32::from_be_bytes(length));
    if usize::try_from(length).map_or(true, |length| length > max) {
        return Err(invalid(format!(
            "a frame of {length} bytes was announced, and {max} are the most"
        )));
    }
    // Grows as the bytes arrive: announcing a length alone costs nothing.
    let mut frame = Vec::new();
    let came = from.take(length).read_to_end(&mut frame).await?;
    if came as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(frame))
}

/// Reads a message; `None` when the other side has gone. Not cancel safe.
pub(super) async fn read_message<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    max: usize,
) -> io::Result<Option<T>> {
    let Some(frame) = read(from, max).await? else {
        return Ok(None);
    };
    let read = serde_json::from_slice(&frame);
    read.map(Some)
        .map_err(|error| invalid(format!("a frame is not a message of ours: {error}")))
}

/// Encodes a message as the content of a frame.
pub(super) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let frame = serde_json::to_vec(message)?;
    if frame.len() > MAX_LENGTH {
        return Err(invalid(format!(
            "a message has {} bytes, and {MAX_LENGTH} are the most",
            frame.len()
        )));
    }
    Ok(frame)
}

/// Writes one message and flushes it.
pub(super) async fn write_message(
    to: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
) -> io::Result<()> {
    write(to, &encode(message)?).await?;
    to.flush().await
}

/// Writes frames until no sender is left, or the other side does not take them within this time.
pub(super) async fn write_all(
    to: &mut (impl AsyncWrite + Unpin),
    frames: &mut mpsc::Receiver<Vec<u8>>,
    within: Duration,
) -> io::Result<()> {
    let mut together = Vec::with_capacity(TOGETHER);
    while frames.recv_many(&mut together, TOGETHER).await > 0 {
        let writing = async {
            for frame in together.drain(..) {
                write(to, &frame).await?;
            }
            to.flush().await
        };
        timeout(within, writing)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    }
    Ok(())
}

async fn write(to: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(|error| invalid(error.to_string()))?;
    to.write_all(&length.to_be_bytes()).await?;
    to.write_all(frame).await
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
