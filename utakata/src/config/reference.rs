//! What can be set, for people. A test compares this with the types.

use toml::{Table, Value};

use super::Config;
use crate::up::inter_connect;

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Key {
    /// Its name: `logic.http.listen`.
    pub key: &'static str,
    /// What its value is.
    #[serde(rename = "type")]
    pub form: &'static str,
    /// What holds when it is not set.
    pub default: String,
    /// What it means.
    pub meaning: &'static str,
}

const KEYS: &[(&str, &str, &str)] = &[
    (
        "logic.http.listen",
        "address",
        "Where the HTTP API listens. Beyond loopback, put TLS in front of it",
    ),
    (
        "logic.http.advertise",
        "URL",
        "Where the other logic environments reach the API; where it listens when not set",
    ),
    (
        "logic.http.token_file",
        "path",
        "The token of admin, the same for all logic environments; made in the data directory when not set",
    ),
    (
        "logic.http.connections",
        "count",
        "The most connections at a time; fewer where the system gives fewer open files",
    ),
    (
        "logic.http.connections_per_address",
        "count",
        "The most of them from one address: of a proxy, from all behind it",
    ),
    (
        "logic.http.streams",
        "count",
        "The most clients of /v1/events at a time, counted apart",
    ),
    (
        "logic.http.header_timeout",
        "duration",
        "A connection that has shown no valid token ends after this",
    ),
    (
        "logic.http.idle_timeout",
        "duration",
        "A connection on which nothing is asked ends after this",
    ),
    (
        "logic.http.body_timeout",
        "duration",
        "A body that has not arrived within this time is refused",
    ),
    (
        "logic.http.body_limit",
        "bytes",
        "The most bytes of a request's body",
    ),
    (
        "logic.http.timeout",
        "duration",
        "A request is given up after this and its own wait",
    ),
    (
        "logic.http.events_kept",
        "count",
        "How many events are kept for clients of /v1/events that are slow",
    ),
    (
        "logic.observe.lifetime",
        "duration",
        "A read on demand is not begun later than this after it was asked for",
    ),
    (
        "logic.observe.pending_limit",
        "count",
        "The most reads under way at once; beyond it they are refused or left out",
    ),
    (
        "logic.observe.ended_kept",
        "count",
        "How many reads that have ended are kept in memory, to be looked at",
    ),
    (
        "logic.observe.first_reads_per_second",
        "count",
        "What was never read is read at once: so many in a second at the most",
    ),
    (
        "logic.control.lifetime",
        "duration",
        "A control task is not begun later than this after it was its turn",
    ),
    (
        "logic.control.patience",
        "duration",
        "An operation that waits longer, for an approval, a pause or its pace, is not begun",
    ),
    (
        "logic.control.grace",
        "duration",
        "How long the end of an attempt may take beyond the timeout of its action",
    ),
    (
        "logic.control.window",
        "duration",
        "How long a permit is good: an environment that gets it later does not begin",
    ),
    (
        "logic.control.settling",
        "duration",
        "How long a target may take to show what was done, where the manifest says less",
    ),
    (
        "logic.control.read_back_within",
        "duration",
        "How long a silent target is tried to be read back, before a person has to say",
    ),
    (
        "logic.control.capture_within",
        "duration",
        "How long what a target has may take to be read before it is changed",
    ),
    (
        "logic.control.publish_again",
        "duration",
        "A task that nobody asks for is published again after this, then twice as long",
    ),
    (
        "logic.control.attempts",
        "count",
        "The most attempts at one task that are made without a person",
    ),
    (
        "logic.control.approval",
        "never, high or always",
        "The risk of actions that somebody else than who asks has to approve",
    ),
    (
        "logic.control.many",
        "count",
        "An operation on more targets than this must say how many, or show its plan",
    ),
    (
        "logic.store.url",
        "postgres://...",
        "The PostgreSQL database that keeps everything; a SQLite file in DATA when not set",
    ),
    (
        "logic.store.flush",
        "duration",
        "How often the last readings are written to disk",
    ),
    (
        "logic.store.flush_rows",
        "count",
        "The most rows of readings that are written at once",
    ),
    (
        "logic.id",
        "name",
        "The name of this logic environment, where there are several; the name of the host when not set",
    ),
    (
        "logic.lease.lasts",
        "duration",
        "What a logic environment that has died did is taken over by another one after this",
    ),
    (
        "logic.lease.renewed_every",
        "duration",
        "How often a logic environment says that it is there",
    ),
    (
        "execution.id",
        "name",
        "The name of this environment; the name of the host when not set",
    ),
    ("execution.zone", "name", "The zone whose targets it serves"),
    (
        "execution.labels",
        "table",
        "What people know of it: site, rack, ...",
    ),
    (
        "execution.releases",
        "list of folders",
        "More folders that are watched for releases, besides DATA/releases",
    ),
    (
        "execution.programs",
        "list of folders",
        "More folders with programs of workers, besides that of utakata",
    ),
    (
        "execution.run_folder",
        "folder",
        "Where the socket for the workers lies; a private folder when not set",
    ),
    (
        "execution.state_folder",
        "folder",
        "Where an environment keeps what was asked of it last, what it decided about rollouts, and which workers it has started; in the data directory when not set",
    ),
    (
        "execution.variables",
        "list of names",
        "The environment variables that workers see; all others are hidden",
    ),
    (
        "execution.heartbeat",
        "duration",
        "How often a worker must be heard of",
    ),
    (
        "execution.hung_after",
        "duration",
        "A worker that was not heard of for so long is replaced",
    ),
    (
        "execution.hello_within",
        "duration",
        "How soon after its start a worker must say hello",
    ),
    (
        "execution.unknown_connections",
        "count",
        "The most connections to the socket of the workers that have shown no token yet",
    ),
    (
        "execution.grace",
        "duration",
        "How long a worker may go on beyond the timeout of a task",
    ),
    (
        "execution.grow_after",
        "duration",
        "How long tasks wait before a full pool grows by one worker",
    ),
    (
        "execution.warm_for",
        "duration",
        "A pool keeps as many workers as it needed at once within this time",
    ),
    (
        "execution.idle_after",
        "duration",
        "How long a worker beyond those needed is idle before it is let go",
    ),
    (
        "execution.drain_within",
        "duration",
        "How long a worker of a replaced release has for what it has begun",
    ),
    (
        "execution.backoff.first",
        "duration",
        "How long to wait before a worker that died is started again; then doubled",
    ),
    (
        "execution.backoff.most",
        "duration",
        "Never longer than this",
    ),
    (
        "execution.backoff.forgiven_after",
        "duration",
        "A worker that lived so long makes earlier deaths forgotten",
    ),
    (
        "execution.workers_most",
        "count",
        "Workers of all kinds at once; as many as the pools may have when not set",
    ),
    (
        "execution.pools",
        "table",
        "Pools by kind: [execution.pools.snmp] min = 1, max = 4, reserve = 0; lifetime, recycle",
    ),
    (
        "execution.lanes.attempts",
        "count",
        "Attempts at once on one target",
    ),
    (
        "execution.lanes.per_second",
        "number",
        "Tasks that are begun in a second on one target; as many as come when not set",
    ),
    (
        "execution.lanes.observe",
        "count",
        "Reads of one action that wait for one target; beyond it the oldest goes",
    ),
    (
        "execution.lanes.backlog",
        "count",
        "Tasks of one kind that wait in this environment; beyond it none is fetched",
    ),
    (
        "execution.breaker.failures",
        "count",
        "A target that did not answer so often in a row is left alone for a while; 0: never",
    ),
    (
        "execution.breaker.first",
        "duration",
        "For how long at first; doubled each time it does not answer after that",
    ),
    (
        "execution.breaker.most",
        "duration",
        "Never longer than this",
    ),
    (
        "execution.breaker.codes",
        "list of codes",
        "Problems that say that a target did not answer",
    ),
    (
        "execution.permits.again_after",
        "duration",
        "A permit that was asked for and did not come is asked for again after this",
    ),
    (
        "execution.permits.void_after",
        "duration",
        "After this a new permit is asked for: best as long as logic.control.window",
    ),
    (
        "execution.docker.socket",
        "path",
        "The socket of the Docker engine, for releases that are images",
    ),
    (
        "execution.docker.memory",
        "size",
        "The most memory of a container whose manifest does not say (run.memory)",
    ),
    (
        "execution.docker.cpus",
        "number",
        "The most processors of a container whose manifest does not say (run.cpus)",
    ),
    (
        "execution.docker.pids",
        "count",
        "The most processes and threads of a container whose manifest does not say (run.pids)",
    ),
    (
        "execution.content.file_most",
        "size",
        "Larger files of releases are not fetched",
    ),
    (
        "execution.content.release_most",
        "size",
        "Larger releases are not fetched",
    ),
    (
        "execution.content.kept",
        "count",
        "Fetched releases of a kind that are kept when nothing asks for them any more",
    ),
    (
        "execution.content.again_after",
        "duration",
        "Content that was asked for and did not come is asked for again after this",
    ),
    (
        "execution.trust.keys",
        "list of files",
        "Public keys (PEM); when there are any, only releases signed by one of them are served",
    ),
    (
        "execution.trust.bundled",
        "true or false",
        "Whether the releases that come with utakata need no signature",
    ),
    (
        "execution.unrecorded",
        "count",
        "Outcomes of control that are not written down; beyond it nothing new is asked for",
    ),
    (
        "mqtt.enabled",
        "true or false",
        "Whether there is an MQTT broker",
    ),
    (
        "mqtt.listen",
        "address",
        "Where it listens. Who can connect can read everything: keep it on loopback",
    ),
    (
        "mqtt.max_clients",
        "count",
        "The most clients at a time; fewer where the system gives fewer open files",
    ),
    (
        "mqtt.max_clients_per_address",
        "count",
        "The most of them from one address",
    ),
    (
        "mqtt.client_queue",
        "count",
        "The most messages that wait for one client; beyond it readings are dropped",
    ),
    (
        "interconnect.amqp.url",
        "URL",
        "RabbitMQ, for `le` and `wee`: amqps://user:password@host:5671/vhost, or amqp:// without TLS",
    ),
    (
        "interconnect.amqp.tls.ca",
        "path",
        "Who vouches for RabbitMQ, as PEM; those of the system when not set",
    ),
    (
        "interconnect.amqp.tls.certificate",
        "path",
        "Our own certificate, where RabbitMQ wants one",
    ),
    (
        "interconnect.amqp.tls.key",
        "path",
        "The key of our own certificate",
    ),
    (
        "interconnect.amqp.tasks_per_message",
        "count",
        "The most tasks that travel in one message",
    ),
    (
        "interconnect.amqp.in_flight",
        "count",
        "The most messages of each class that are on their way to RabbitMQ at a time",
    ),
    (
        "interconnect.amqp.confirm_timeout",
        "duration",
        "Within this RabbitMQ confirms that it keeps control; else it counts as away",
    ),
    (
        "interconnect.amqp.control_limit",
        "count",
        "The most messages of control that one queue keeps; beyond it tasks are refused",
    ),
    (
        "interconnect.amqp.delivery_limit",
        "count",
        "A message of control that goes back to its queue more often is set aside",
    ),
    (
        "interconnect.amqp.observe_limit",
        "count",
        "The most messages of reads that one queue keeps; beyond it the oldest go",
    ),
    (
        "interconnect.amqp.observe_lifetime",
        "duration",
        "The longest that a read waits in a queue",
    ),
    (
        "interconnect.amqp.observe_buffer",
        "count",
        "The most reads that wait in this process for RabbitMQ; beyond it the oldest go",
    ),
    (
        "interconnect.amqp.stalled_after",
        "duration",
        "What an environment was handed and does not take within this goes to others",
    ),
    (
        "interconnect.mqtt.url",
        "URL",
        "The MQTT broker, for `le` and `wee`: mqtts://user:password@host:8883, or mqtt:// without TLS",
    ),
    (
        "interconnect.mqtt.version",
        "5 or 3.1.1",
        "The version of MQTT that the broker speaks",
    ),
    (
        "interconnect.mqtt.client",
        "name",
        "The name of this process at the broker; utakata-le-NAME or utakata-wee-NAME when not set",
    ),
    (
        "interconnect.mqtt.tls.ca",
        "path",
        "Who vouches for the MQTT broker, as PEM; those of the system when not set",
    ),
    (
        "interconnect.mqtt.tls.certificate",
        "path",
        "Our own certificate, where the MQTT broker wants one",
    ),
    (
        "interconnect.mqtt.tls.key",
        "path",
        "The key of our own certificate",
    ),
    (
        "interconnect.mqtt.ack_timeout",
        "duration",
        "How long the MQTT broker may take to acknowledge; later it counts as away",
    ),
    (
        "interconnect.mqtt.limit",
        "count",
        "The most readings and outcomes of reads that wait; beyond it the oldest are dropped",
    ),
    (
        "interconnect.mqtt.message_bytes",
        "bytes",
        "The most bytes of a message; batches are split",
    ),
];

/// Every key, in the order of the parts of the system.
pub fn keys() -> Vec<Key> {
    let defaults = Table::try_from(full()).unwrap_or_default();
    KEYS.iter()
        .map(|&(key, form, meaning)| Key {
            key,
            form,
            default: default(&defaults, key),
            meaning,
        })
        .collect()
}

/// All defaults, those of parts that are not there unless they are set, too.
fn full() -> Config {
    Config {
        interconnect: inter_connect::Config {
            amqp: Some(Default::default()),
            mqtt: Some(Default::default()),
            ..Default::default()
        },
        ..Config::default()
    }
}

fn default(defaults: &Table, key: &str) -> String {
    let mut value: Option<&Value> = None;
    let mut table = Some(defaults);
    for part in key.split('.') {
        value = table.and_then(|table| table.get(part));
        table = value.and_then(Value::as_table);
    }
    match value {
        None => "(not set)".into(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Keys that are absent unless they are set.
    const OPTIONAL: [&str; 15] = [
        "interconnect.amqp.tls.ca",
        "interconnect.amqp.tls.certificate",
        "interconnect.amqp.tls.key",
        "interconnect.mqtt.tls.ca",
        "interconnect.mqtt.tls.certificate",
        "interconnect.mqtt.tls.key",
        "logic.store.url",
        "logic.id",
        "logic.http.advertise",
        "logic.http.token_file",
        "execution.id",
        "execution.run_folder",
        "execution.state_folder",
        "execution.lanes.per_second",
        "execution.workers_most",
    ];
    /// Tables whose keys are the user's.
    const OPEN: [&str; 2] = ["execution.labels", "execution.pools"];

    fn leaves(table: &Table, above: &str, found: &mut BTreeSet<String>) {
        for (key, value) in table {
            let path = format!("{above}{key}");
            match value {
                Value::Table(table) if !OPEN.contains(&path.as_str()) => {
                    leaves(table, &format!("{path}."), found);
                }
                _ => drop(found.insert(path)),
            }
        }
    }

    #[test]
    fn the_reference_has_every_key_and_no_other() {
        let mut found: BTreeSet<String> = OPTIONAL.map(String::from).into();
        let defaults = Table::try_from(full()).unwrap();
        leaves(&defaults, "", &mut found);
        let told: BTreeSet<String> = keys().iter().map(|key| key.key.to_owned()).collect();
        assert_eq!(told, found);
    }
}
