//! Logs of containers.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::pods;
use crate::refusal::Refusal;
use crate::request::Call;
use crate::store::Key;
use crate::verbs;
use crate::watching::Part;
use crate::world::Shared;

/// The interval at which a log is polled for more.
const LOOK_EACH: Duration = Duration::from_millis(20);

/// The log of a container, and what comes if it is to be followed.
pub fn log(world: Shared, call: &Call) -> Result<mpsc::Receiver<Part>, Refusal> {
    let pod = verbs::get(call, &world.store())?;
    let query = &call.query;
    let name = call.name.clone().unwrap_or_default();
    let containers = pod["spec"]["containers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let wanted = query.get("container");
    let number = match wanted {
        "" if containers.len() > 1 => {
            let names: Vec<&str> = containers
                .iter()
                .filter_map(|one| one["name"].as_str())
                .collect();
            let message = format!(
                "a container name must be specified for pod {name}, choose one of: [{}]",
                names.join(" ")
            );
            return Err(Refusal::bad(message));
        }
        "" => Some(0),
        wanted => containers.iter().position(|one| one["name"] == wanted),
    };
    let Some(container) = number.and_then(|number| containers.get(number)) else {
        return Err(Refusal::bad(format!(
            "container {wanted} is not valid for pod {name}"
        )));
    };
    let container_name = container["name"].as_str().unwrap_or_default();
    let state = &pod["status"]["containerStatuses"][number.unwrap_or_default()]["state"];
    if let Some(reason) = state["waiting"]["reason"].as_str() {
        let message = format!(
            "container \"{container_name}\" in pod \"{name}\" is waiting to start: {reason}"
        );
        return Err(Refusal::bad(message));
    }
    let uid = pod["metadata"]["uid"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let file = folder(&world.state, &uid).join(format!("{container_name}.log"));
    let (sender, receiver) = mpsc::channel(4);
    let follow = query
        .is_true("follow")
        .then(|| (world, Key::pod(&call.namespace, &name), uid));
    let tail = query
        .number("tailLines")
        .and_then(|lines| usize::try_from(lines).ok());
    let most = query
        .number("limitBytes")
        .and_then(|bytes| usize::try_from(bytes).ok());
    tokio::spawn(send(file, (tail, most), follow, sender));
    Ok(receiver)
}

/// A pod's folder on this machine.
pub fn folder(state: &Path, uid: &str) -> PathBuf {
    state.join("pods").join(uid)
}

async fn send(
    path: PathBuf,
    (tail, most): (Option<usize>, Option<usize>),
    follow: Option<(Shared, Key, String)>,
    sender: mpsc::Sender<Part>,
) {
    let mut text = read_from(&path, 0);
    let mut read = text.len();
    if let Some(tail) = tail {
        text = last_lines(&text, tail);
    }
    text.truncate(most.unwrap_or(usize::MAX));
    loop {
        if !text.is_empty()
            && sender
                .send(Ok(Frame::data(Bytes::from(text))))
                .await
                .is_err()
        {
            return;
        }
        let Some((world, key, uid)) = &follow else {
            return;
        };
        let pod = world.pod(key, uid);
        let is_over = pod.is_none_or(|pod: std::sync::Arc<Value>| pods::is_over(&pod));
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(LOOK_EACH) => {}
        }
        text = read_from(&path, read);
        read += text.len();
        if is_over && text.is_empty() {
            return;
        }
    }
}

fn read_from(path: &Path, from: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let from = u64::try_from(from).unwrap_or_default();
        let _ = file
            .seek(SeekFrom::Start(from))
            .and_then(|_| file.read_to_end(&mut bytes));
    }
    bytes
}

fn last_lines(text: &[u8], count: usize) -> Vec<u8> {
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    lines[lines.len().saturating_sub(count)..].concat()
}
