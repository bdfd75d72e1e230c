//! `utakata up`: everything on this machine, in one process.

use anyhow::Result;
use serde::Serialize;
use utakata_up::{
    demo::Room,
    folder::Folder,
    role::{self, up::Ready},
};

use super::Context;
use crate::output::{Format, words};

pub use role::up::Arguments;

/// Runs everything until it is asked to end.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let tell = |ready: &Ready<'_>| Line::of(ready).tell(context);
    role::up::run(arguments, &context.role(), tell)
}

/// The line printed when everything runs.
#[derive(Debug, Serialize)]
struct Line {
    ready: bool,
    took: String,
    url: String,
    mqtt: Option<String>,
    data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulator: Option<String>,
    /// The file with the token of `admin`.
    #[serde(skip)]
    token: String,
    #[serde(skip)]
    demo: bool,
    /// The command line that finds this server.
    #[serde(skip)]
    command: String,
    /// The URL of another server that might be meant.
    #[serde(skip)]
    other: Option<String>,
}

impl Line {
    fn of(ready: &Ready<'_>) -> Self {
        let (endpoint, folder) = (ready.endpoint, ready.folder);
        let (command, other) = command(folder);
        Self {
            command,
            other,
            ready: true,
            took: words::took(ready.took),
            url: endpoint.url.clone(),
            mqtt: endpoint.mqtt.clone(),
            data: folder.path().display().to_string(),
            token: folder.token_file().display().to_string(),
            simulator: ready.room.and_then(Room::control).map(ToOwned::to_owned),
            demo: ready.room.is_some(),
        }
    }

    fn tell(&self, context: &Context<'_>) -> Result<()> {
        if context.output.format != Format::Table {
            return context.output.json_line(self);
        }
        let mqtt = self.mqtt.as_deref().unwrap_or("off");
        let Self {
            took,
            url,
            data,
            token,
            ..
        } = self;
        let line = format!("ready in {took}: {url}, MQTT {mqtt}, data in {data}");
        let mut lines = vec![line];
        if let Some(other) = &self.other {
            lines.push(format!(
                "another utakata runs here ({other}): commands reach this one only with --data"
            ));
        }
        lines.push(format!("in a browser: {url}/, with the token in {token}"));
        lines.push(hints(self.demo, &self.command, self.mqtt.as_deref()));
        context.output.text(&lines.join("\n"))
    }
}

/// Returns the command line that finds this server, and the URL of another server that it would
/// otherwise find.
fn command(folder: &Folder) -> (String, Option<String>) {
    let places = [Folder::default_place(), Folder::demo_place()];
    let places = || places.iter().flatten();
    let mut others = places().filter(|place| *place != folder);
    let other = others.find_map(Folder::endpoint).map(|one| one.url);
    let is_found = places().any(|place| place == folder) && other.is_none();
    let command = if is_found {
        "utakata".into()
    } else {
        format!("utakata --data {}", folder.quoted())
    };
    (command, other)
}

/// Returns commands to try next, ready to be typed.
fn hints(is_demo: bool, command: &str, mqtt: Option<&str>) -> String {
    let next: &[(&str, &str)] = if is_demo {
        &[
            ("watch rack=A1 --metric hw.power", "live readings of a rack"),
            ("read pdu-a1-a", "one PDU, now"),
            (
                "control pdu-a1-a outlet-off -p outlet=3",
                "switch an outlet off",
            ),
        ]
    } else {
        &[
            ("doctor", "problems of this installation"),
            (
                "apply -f FILE",
                "declare your targets; see utakata apply --help",
            ),
            ("watch", "readings as they arrive"),
        ]
    };
    let width = next.iter().map(|(words, _)| words.len()).max().unwrap_or(0) + 2;
    let mut text = String::from("try, in another terminal:");
    for (words, what) in next {
        text.push_str(&format!("\n  {command} {words:<width$}{what}"));
    }
    if let Some(mqtt) = mqtt.filter(|_| is_demo) {
        let (host, port) = mqtt.rsplit_once(':').unwrap_or((mqtt, "1883"));
        text.push_str(&format!(
            "\n  mosquitto_sub -h {host} -p {port} -t 'utakata/v1/reading/#' -v"
        ));
    }
    text
}
