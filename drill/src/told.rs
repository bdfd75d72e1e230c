//! The receiver of alarms: takes everything that is posted, as Alertmanager does.

use std::{collections::BTreeSet, io, sync::Arc};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::observed::Telling;

/// The largest request.
const MAX_BODY: usize = 64 * 1024 * 1024;
const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// The receiver; it ends when it is dropped.
#[derive(Debug)]
pub struct Told {
    told: Arc<Mutex<BTreeSet<Telling>>>,
    port: u16,
    _listening: JoinSet<()>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    labels: Labels,
    annotations: Annotations,
    ends_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Labels {
    alertname: String,
}

#[derive(Debug, Deserialize)]
struct Annotations {
    id: String,
    number: String,
}

impl Told {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// There is none.
    pub async fn listen(rule: &'static str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let told = Arc::<Mutex<BTreeSet<Telling>>>::default();
        let to = Arc::clone(&told);
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let to = Arc::clone(&to);
                // A connection whose sender was killed ends in the middle of anything.
                connections.spawn(async move { drop(take(stream, rule, &to).await) });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            told,
            port,
            _listening: listening,
        })
    }

    /// Returns the URL to which alarms are posted.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/api/v2/alerts", self.port)
    }

    /// Returns everything that was told so far.
    pub fn all(&self) -> BTreeSet<Telling> {
        self.told.lock().clone()
    }
}

async fn take(
    stream: TcpStream,
    rule: &str,
    to: &Mutex<BTreeSet<Telling>>,
) -> Result<(), anyhow::Error> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse()?;
            }
            if line.is_empty() {
                break;
            }
        }
        anyhow::ensure!(length <= MAX_BODY, "a request of {length} bytes");
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let alerts: Vec<Alert> = serde_json::from_slice(&body)?;
        let now = Timestamp::now();
        for alert in alerts
            .into_iter()
            .filter(|one| one.labels.alertname == rule)
        {
            to.lock().insert(Telling {
                number: alert.annotations.number.parse()?,
                alarm: alert.annotations.id,
                is_over: alert.ends_at <= now,
            });
        }
        // What is answered was taken.
        stream.get_mut().write_all(TAKEN).await?;
    }
}
