//! The pods of the chart as processes, with the files, variables and arguments they would have, and
//! real servers: they find each other, and answer their probes.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use utakata_tests::servers::{Mosquitto, Port, Postgres, Rabbitmq, Transport};
use utakata_tests::wait::{eventually, wait_for};

use super::{list, of_kind, rendered, tool};
use crate::system::place::program;

/// The contents of the secrets, by the names of their files.
type Secrets = [(&'static str, String)];

/// A pod that runs here.
struct Pod {
    child: Child,
    place: TempDir,
    probes: Port,
    api: Port,
}

impl Pod {
    /// Starts the pod with this name from a set.
    fn start(documents: &[Value], set: &str, name: &str, secrets: &Secrets) -> Self {
        let named = |kind: &str| {
            let all = of_kind(documents, kind);
            let found = all.iter().find(|one| one["metadata"]["name"] == set);
            (*found.unwrap()).clone()
        };
        let place = tempfile::tempdir().unwrap();
        for (file, text) in secrets {
            fs::write(place.path().join(file), text).unwrap();
        }
        let config = named("ConfigMap")["data"]["utakata.toml"].to_owned();
        let config = here(config.as_str().unwrap(), name, place.path());
        fs::write(place.path().join("utakata.toml"), config).unwrap();
        let [probes, api] = [(); 2].map(|()| Port::claim(Transport::Tcp).unwrap());
        let set = named("StatefulSet");
        let container = &list(&set["spec"]["template"]["spec"]["containers"])[0];
        let words = list(&container["args"]).iter();
        let mut command = Command::new(program("utakata"));
        command.args(words.map(|word| word.as_str().unwrap()));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap());
        for variable in list(&container["env"]) {
            if let Some(value) = variable["value"].as_str() {
                let value = here(value, name, place.path());
                command.env(variable["name"].as_str().unwrap(), value);
            }
        }
        // All of them are on one machine here, and tests listen on the loopback only.
        let own = format!("127.0.0.1:{}", api.number());
        command
            .env("UTAKATA_DATA", place.path().join("data"))
            .env("TMPDIR", place.path())
            .env(
                "UTAKATA__PROBES__ADDRESS",
                format!("127.0.0.1:{}", probes.number()),
            )
            .env("UTAKATA__MQTT__LISTEN", "127.0.0.1:0")
            .env("UTAKATA__LOGIC__HTTP__LISTEN", &own)
            .env("UTAKATA__LOGIC__HTTP__ADVERTISE", format!("http://{own}"));
        let log = File::create(place.path().join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stderr(log).spawn().unwrap();
        Self {
            child,
            place,
            probes,
            api,
        }
    }

    /// The status and the text of a probe.
    fn probe(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.probes.number())).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, text) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, text.to_owned()))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap()
    }

    fn until_ready(&self) {
        let ready = wait_for(|| self.probe("/readyz").filter(|(status, _)| *status == 200));
        assert!(
            ready.is_some(),
            "{:?}\n{}",
            self.probe("/readyz"),
            self.log()
        );
    }

    /// Runs a command in the pod of a logic environment, with JSON output.
    fn run(&self, arguments: &[&str]) -> Option<Value> {
        let url = format!("http://127.0.0.1:{}", self.api.number());
        let output = Command::new(program("utakata"))
            .args(arguments)
            .args(["-o", "json", "--url", &url, "--token-file"])
            .arg(self.place.path().join("token"))
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Ends it as a kubelet would, and returns its exit code.
    fn stop(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        wait_for(|| self.child.try_wait().unwrap())?.code()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Converts a text of a pod to this machine.
fn here(text: &str, name: &str, place: &Path) -> String {
    let folder = place.display().to_string();
    text.replace("/etc/utakata-secrets", &folder)
        .replace("/etc/utakata-join", &folder)
        .replace("/etc/utakata", &folder)
        .replace("$(POD_NAME)", name)
}

#[test]
fn the_pods_of_the_chart_find_each_other_and_end_when_they_are_told_to() {
    let Some(helm) = tool("helm") else { return };
    let (rabbitmq, mosquitto) = (Rabbitmq::start().unwrap(), Mosquitto::start().unwrap());
    let postgres = Postgres::start().unwrap();
    rabbitmq.add_vhost("utakata").unwrap();
    let secrets = [
        ("store-url", postgres.database().unwrap()),
        ("amqp-url", rabbitmq.url("utakata")),
        ("mqtt-url", mosquitto.url()),
        ("token", "0a".repeat(32)),
        // 32 bytes, as `openssl rand -base64 32` writes them.
        ("site.key", format!("{}=", "A".repeat(43))),
        ("join.secret", "j".repeat(64)),
    ];
    let documents = rendered(&helm, "try");
    let start = |set: &str, number: usize| {
        let name = format!("{set}-{number}");
        Pod::start(&documents, set, &name, &secrets)
    };
    let logic: Vec<Pod> = (0..2)
        .map(|number| start("utakata-logic", number))
        .collect();
    let environments: Vec<Pod> = (0..2)
        .map(|number| start("utakata-default", number))
        .collect();
    for pod in logic.iter().chain(&environments) {
        pod.until_ready();
    }
    let names = eventually("both environments run", || {
        let listed = logic[1].run(&["environment", "list"])?;
        let running = list(&listed).iter().filter(|one| one["state"] == "running");
        let names = running.filter_map(|one| one["id"].as_str().map(str::to_owned));
        let mut names: Vec<String> = names.collect();
        names.sort();
        (names.len() == 2).then_some(names)
    });
    assert_eq!(names, ["utakata-default-0", "utakata-default-1"]);
    let (_, counted) = environments[0].probe("/metrics").unwrap();
    let own = "utakata_environment_up{environment=\"utakata-default-0\",zone=\"default\"} 1";
    assert!(counted.contains(own), "{counted}");
    for pod in environments.into_iter().chain(logic) {
        assert_eq!(pod.stop(), Some(0));
    }
}

#[test]
fn the_single_pod_of_the_chart_serves_with_nothing_next_to_it() {
    let Some(helm) = tool("helm") else { return };
    let secrets = [("token", "0a".repeat(32))];
    let documents = rendered(&helm, "single");
    let pod = Pod::start(&documents, "utakata", "utakata-0", &secrets);
    pod.until_ready();
    let listed = eventually("its environment runs", || {
        let listed = pod.run(&["environment", "list"])?;
        (!list(&listed).is_empty()).then_some(listed)
    });
    assert_eq!(list(&listed)[0]["id"], "utakata");
    let (_, text) = pod.probe("/readyz").unwrap();
    assert!(text.contains("[+]ledger ok\n[+]manager ok"), "{text}");
    assert_eq!(pod.stop(), Some(0));
}
