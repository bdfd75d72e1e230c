//! The connections of a server, and the lines on them.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Upsd;
use super::session::{Answer, Session};
use crate::connections::Shared;
use crate::fault::{GARBAGE, Reply};

const LONGEST_LINE: u64 = 512;

/// Serves a server until dropped.
pub async fn serve(listener: TcpListener, upsd: Arc<Upsd>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let stream = Arc::new(stream);
                count(&upsd, &stream);
                connections.spawn(converse(upsd.clone(), stream));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to an upsd failed");
                tokio::task::yield_now().await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(upsd: Arc<Upsd>, stream: Arc<TcpStream>) {
    let upsd = &upsd;
    let _ = stream.set_nodelay(true);
    let (reader, mut writer) = tokio::io::split(Shared(stream));
    let mut reader = BufReader::new(reader);
    let mut session = Session::default();
    loop {
        let mut line = Vec::new();
        let read = (&mut reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await;
        if !read.is_ok_and(|length| length > 0) {
            return;
        }
        upsd.state.lock().counts.requests += 1;
        let line = String::from_utf8_lossy(&line).into_owned();
        let words: Vec<&str> = line
            .split_whitespace()
            .map(|word| word.trim_matches('"'))
            .collect();
        let named = words.iter().find_map(|word| upsd.ups(word));
        let answer = match upsd.reply(named) {
            Reply::Never => continue,
            Reply::Garbage => GARBAGE.to_vec(),
            Reply::After(delay) => {
                let answer = session.answer(upsd, &words);
                sleep(delay).await;
                match answer {
                    Answer::Lines(lines) => lines.into_bytes(),
                    Answer::Goodbye => {
                        let _ = writer.write_all(b"OK Goodbye\n").await;
                        return;
                    }
                }
            }
        };
        if writer.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn count(upsd: &Upsd, stream: &Arc<TcpStream>) {
    let mut state = upsd.state.lock();
    let open = state.open.add(stream);
    let counts = &mut state.counts;
    counts.connections += 1;
    counts.connections_max = counts.connections_max.max(open);
}
