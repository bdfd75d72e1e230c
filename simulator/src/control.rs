//! The control port: one JSON object per line as the request, one per line as the answer.
//!
//! ```text
//! {"command":"show"}                                            all devices
//! {"command":"show","device":"pdu-a1-a"}                        one device
//! {"command":"truth"}                                           all, with every token they received
//! {"command":"truth","device":"drill-0001"}                     one device
//! {"command":"fault","device":"pdu-a1-a","fault":"slow=3000ms"} injects a fault
//! ```
//!
//! The answer is `{"devices":[...]}`, the truth about the devices concerned, or `{"error":"..."}`.

mod client;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::blueprint::Kind;
use crate::fault::{self, Faults, Misfit, Order};

pub use client::ask;

const LONGEST_LINE: u64 = 4096;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// The truth about one device, or all.
    Show {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<String>,
    },
    /// The whole truth about one device, or all.
    Truth {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<String>,
    },
    /// Injects a fault into a device, or removes all faults.
    Fault {
        device: String,
        /// The fault, in the notation of [`fault::Order`].
        fault: String,
    },
}

/// The level of detail requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The part whose size does not grow with running time.
    Summary,
    /// Every detail.
    Whole,
}

/// A device as the control port sees it.
pub trait Equipment: Send + Sync + 'static {
    /// The type of the truth about it.
    type Truth: Serialize + Send;

    fn name(&self) -> &str;

    /// Injects a fault, or removes all.
    fn order(&self, order: Order) -> Result<(), Misfit>;

    /// Returns the truth about it.
    fn truth(&self, detail: Detail) -> Self::Truth;
}

/// The beginning of a truth: what it is about.
#[derive(Debug, Clone, Serialize)]
pub struct Subject {
    pub name: String,
    pub kind: Kind,
    pub faults: Vec<String>,
}

impl Subject {
    pub fn new(name: &str, kind: Kind, faults: &Faults) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            faults: faults.names(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Answer<T> {
    Devices(Vec<T>),
    Error(String),
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("this is not a request: {0}")]
    Unreadable(serde_json::Error),
    #[error("no device is called `{0}`: there are {1}")]
    NoDevice(String, String),
    #[error(transparent)]
    Fault(#[from] fault::Error),
    #[error(transparent)]
    Misfit(#[from] Misfit),
}

/// Serves the control port on `listener` until dropped.
pub async fn serve<E: Equipment>(listener: TcpListener, devices: Arc<Vec<Arc<E>>>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, devices.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a control connection failed");
                tokio::task::yield_now().await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse<E: Equipment>(stream: TcpStream, devices: Arc<Vec<Arc<E>>>) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let read = (&mut reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await;
        if !read.is_ok_and(|length| length > 0) {
            return;
        }
        let answer = decide(&line, &devices).map_or_else(
            |refusal| Answer::Error(refusal.to_string()),
            Answer::Devices,
        );
        let Ok(mut text) = serde_json::to_vec(&answer) else {
            return;
        };
        text.push(b'\n');
        if writer.write_all(&text).await.is_err() {
            return;
        }
    }
}

fn decide<E: Equipment>(line: &[u8], devices: &[Arc<E>]) -> Result<Vec<E::Truth>, Refusal> {
    let (name, detail) = match serde_json::from_slice(line).map_err(Refusal::Unreadable)? {
        Request::Show { device } => (device, Detail::Summary),
        Request::Truth { device } => (device, Detail::Whole),
        Request::Fault { device, fault } => {
            find(devices, &device)?.order(fault.parse()?)?;
            (Some(device), Detail::Summary)
        }
    };
    match name {
        Some(name) => Ok(vec![find(devices, &name)?.truth(detail)]),
        None => Ok(devices.iter().map(|device| device.truth(detail)).collect()),
    }
}

fn find<'a, E: Equipment>(devices: &'a [Arc<E>], name: &str) -> Result<&'a E, Refusal> {
    let found = devices.iter().find(|device| device.name() == name);
    found.map(AsRef::as_ref).ok_or_else(|| {
        let names: Vec<_> = devices.iter().map(|device| device.name()).collect();
        Refusal::NoDevice(name.to_owned(), names.join(", "))
    })
}
