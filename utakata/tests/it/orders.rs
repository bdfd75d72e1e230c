//! Environments that are paused and drained while everything else continues: two in one zone, with
//! devices that count the commands they receive.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{
    apart::{hub, le},
    program::{Place, Role, beside, wait_for},
};

const DEVICES: usize = 8;

/// Simulated devices that count. Closing their standard input ends them.
pub struct Counters {
    child: Child,
    pub devices: Vec<Value>,
    control: String,
}

impl Counters {
    pub fn start() -> Self {
        Self::of(&["counters", "--devices", &DEVICES.to_string()])
    }

    /// The devices of the simulator with these arguments.
    pub fn of(arguments: &[&str]) -> Self {
        let child = Command::new(beside("utakata-simulator"))
            .args(arguments)
            .args(["--base-port", "0", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut counters = Self {
            child,
            devices: Vec::new(),
            control: String::new(),
        };
        let stdout = counters.child.stdout.take().unwrap();
        for line in BufReader::new(stdout).lines() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if line["ready"] == true {
                counters.control = line["control"].as_str().unwrap().to_owned();
                return counters;
            }
            counters.devices.push(line);
        }
        panic!("the simulator did not become ready");
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.devices.iter().map(|one| one["name"].as_str().unwrap())
    }

    /// The devices as targets that are read twice a second, and as many that echo.
    fn site(&self) -> String {
        let mut text = "type: credential\nname: room\n\
             values: { version: \"2c\", community: public, community_write: private }\n---\n\
             type: schedule\nname: often\nselector: kind=drill\ninterval: 1s\n"
            .to_owned();
        for device in &self.devices {
            let (name, address) = (&device["name"], &device["address"]);
            let _ = write!(
                text,
                "---\ntype: target\nname: {name}\nkind: drill\naddress: {address}\n\
                 credential: room\nzone: hall-1\n"
            );
        }
        text + "---\ntype: target\nname: echo\nkind: echo\naddress: echo\nzone: hall-1\n"
    }

    /// Sends a command to the simulator, and returns what it answers.
    pub fn tell(&self, arguments: &[&str]) -> Value {
        let (command, rest) = arguments.split_first().unwrap();
        let mut simulator = Command::new(beside("utakata-simulator"));
        simulator.args([command, "--control", &self.control]);
        let output = simulator.args(rest).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Checks that no device received this.
    pub fn expect_never(&self, token: &str) {
        let truth = self.tell(&["truth"]);
        assert!(!truth.to_string().contains(token), "{truth}");
    }

    /// Checks that every device received each of these once, and did it once.
    pub fn expect_once(&self, tokens: &[String]) {
        for device in self.names() {
            let truth = self.tell(&["truth", device]);
            let seen = truth[0]["tokens"].as_array().unwrap();
            for token in tokens {
                let found = seen.iter().find(|one| one["token"] == **token);
                let found = found.unwrap_or_else(|| panic!("{device} {token}: {truth}"));
                let once = found["received"] == 1 && found["done"] == 1;
                assert!(once, "{device}: {found}");
            }
        }
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// An environment of the zone with its own data directory, which serves `drill` and `echo`.
fn wee<'a>(place: &'a Place, id: &str) -> Role<'a> {
    let (socket, data) = (place.beside("hub.sock"), place.beside(id));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (from, file) in [
        ("snmp", "drill/profiles/drill.toml"),
        ("snmp", "drill/worker.toml"),
        ("echo", "echo/worker.toml"),
    ] {
        let to = Path::new(&data).join("releases").join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let from = root.join("workers").join(from).join("releases").join(file);
        if !to.exists() {
            fs::copy(from, to).unwrap();
        }
    }
    let arguments = ["wee", "--hub", &socket, "--data", &data, "--id", id];
    place.role(&[&arguments[..], &["--zone", "hall-1"]].concat())
}

/// Starts marking these on every device, all at once.
fn mark(place: &Place, tokens: &[String]) -> Vec<Child> {
    let begin = |token: &String| {
        let token = format!("token={token}");
        let mark = ["control", "kind=drill", "mark", "-p", &token, "--yes"];
        let mut command = place.command(&[&mark[..], &["-o", "json"]].concat());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    tokens.iter().map(begin).collect()
}

/// Checks that all of it was done; returns the environments that did it.
fn done(place: &Place, marks: Vec<Child>) -> Vec<String> {
    let mut by = Vec::new();
    for child in marks {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}{}", place.told());
        let operation: Value = serde_json::from_slice(&output.stdout).unwrap();
        for task in operation["tasks"].as_array().unwrap() {
            let by_whom = &task["outcome"]["ran_by"]["environment"];
            by.push(by_whom.as_str().unwrap().to_owned());
        }
    }
    by
}

fn tokens(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{name}-{n}")).collect()
}

/// Waits until an environment reports a condition.
fn until(place: &Place, id: &str, is_so: impl Fn(&Value) -> bool) {
    place.until(&["environment", "list"], |all| {
        let mut all = all.as_array()?.iter();
        all.any(|one| one["id"] == id && is_so(one)).then_some(())
    });
}

fn order(place: &Place, arguments: &[&str]) -> String {
    let done = place.run(&[&["environment"], arguments].concat());
    assert_eq!(done.code, 0, "{}", done.err);
    done.out
}

fn ready(environment: &Value, kind: &str) -> u64 {
    let mut pools = environment["pools"].as_array().unwrap().iter();
    let pool = pools.find(|pool| pool["release"]["kind"] == kind);
    pool.map_or(0, |pool| pool["ready"].as_u64().unwrap())
}

fn newest(place: &Place) -> String {
    let readings = place.json(&["get", "readings", "kind=drill"]);
    let readings = readings.as_array().unwrap().iter();
    let times = readings.filter_map(|one| one["time"].as_str());
    times.max().unwrap_or_default().to_owned()
}

#[test]
fn a_paused_environment_hands_over_and_another_does_all_of_it_once() {
    let (place, counters) = (Place::new(), Counters::start());
    let _hub = hub(&place, &[]);
    let mut le_role = le(&place);
    let mut one = wee(&place, "wee-1");
    let _two = wee(&place, "wee-2");
    for id in ["wee-1", "wee-2"] {
        until(&place, id, |told| ready(told, "drill") > 0);
    }
    let applied = place.run_with(&["apply", "-f", "-"], &counters.site());
    assert_eq!(applied.code, 0, "{}", applied.err);
    for device in counters.names() {
        counters.tell(&["fault", device, "slow=150ms"]);
    }
    let during = tokens("during", 5);
    let marks = mark(&place, &during);
    // It has begun some, and has more.
    place.until(&["task", "list", "--class", "control"], |tasks| {
        let by = |task: &Value| task["outcome"]["ran_by"]["environment"] == "wee-1";
        tasks.as_array()?.iter().any(by).then_some(())
    });
    let told = order(
        &place,
        &["pause", "wee-1", "--why", "its switch is replaced"],
    );
    assert!(
        told.starts_with("the environment wee-1 begins nothing more"),
        "{told}"
    );
    until(&place, "wee-1", |told| told["stopped"]["all"] == "paused");
    let by = done(&place, marks);
    let two = by.iter().filter(|by| *by == "wee-2").count();
    assert!((1..by.len()).contains(&two), "{by:?}");
    counters.expect_once(&during);
    let listed = place.run(&["environment", "list"]);
    assert!(listed.out.contains("paused"), "{}", listed.out);
    let says = "wee-1 is paused by admin since ";
    assert!(listed.err.contains(says), "{}", listed.err);

    // The other one does everything, and observes.
    let after = tokens("after", 2);
    let by = done(&place, mark(&place, &after));
    assert!(by.iter().all(|by| by == "wee-2"), "{by:?}");
    let last = newest(&place);
    assert!(wait_for(|| (newest(&place) > last).then_some(())).is_some());

    // It outlives both sides.
    one.kill();
    one = wee(&place, "wee-1");
    until(&place, "wee-1", |told| told["stopped"]["all"] == "paused");
    le_role.kill();
    le_role = le(&place);
    until(&place, "wee-1", |told| {
        told["orders"]["all"]["why"] == "its switch is replaced"
    });
    let again = tokens("again", 2);
    let by = done(&place, mark(&place, &again));
    assert!(by.iter().all(|by| by == "wee-2"), "{by:?}");

    order(&place, &["resume", "wee-1"]);
    until(&place, "wee-1", |told| told["stopped"].get("all").is_none());
    let mut count = 0;
    let is_back = wait_for(|| {
        count += 1;
        let by = done(&place, mark(&place, &tokens(&format!("back-{count}"), 1)));
        by.iter().any(|by| by == "wee-1").then_some(())
    });
    assert!(is_back.is_some(), "{}", place.told());
    counters.expect_once(&[after, again].concat());
    drop((one, le_role));
}

#[test]
fn a_kind_is_drained_while_others_continue_and_who_was_away_hears_of_its_order() {
    let (place, counters) = (Place::new(), Counters::start());
    let _hub = hub(&place, &[]);
    let _le = le(&place);
    let _one = wee(&place, "wee-1");
    let two = wee(&place, "wee-2");
    let applied = place.run_with(&["apply", "-f", "-"], &counters.site());
    assert_eq!(applied.code, 0, "{}", applied.err);
    for id in ["wee-1", "wee-2"] {
        until(&place, id, |told| {
            ready(told, "drill") * ready(told, "echo") > 0
        });
    }
    let wrong = place.run(&["environment", "drain", "wee-11"]);
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.err.contains("did you mean \"wee-1\"?"),
        "{}",
        wrong.err
    );
    let wrong = place.run(&["environment", "drain", "wee-1", "--kind", "dril"]);
    assert!(
        wrong.err.contains("did you mean \"drill\"?"),
        "{}",
        wrong.err
    );

    order(&place, &["drain", "wee-1", "--kind", "drill"]);
    until(&place, "wee-1", |told| {
        told["stopped"]["kinds"]["drill"] == "drained" && ready(told, "drill") == 0
    });
    until(&place, "wee-1", |told| ready(told, "echo") > 0);
    assert_eq!(place.run(&["control", "echo", "set"]).code, 0);

    two.kill();
    until(&place, "wee-2", |told| told["state"] == "gone");
    let told = order(&place, &["pause", "wee-2"]);
    assert!(told.contains("it is away now"), "{told}");
    let _two = wee(&place, "wee-2");
    until(&place, "wee-2", |told| told["stopped"]["all"] == "paused");

    // Nobody may do it, and that is reported.
    let waits = tokens("waits", 1);
    let marks = mark(&place, &waits);
    let said = place.until(&["operation", "explain", "last"], |said| {
        (said["waits_for"] == "order").then(|| said.clone())
    });
    let cure = "`utakata environment resume wee-1 --kind drill`";
    assert_eq!(said["cure"], cure, "{said}");
    let refused = place.run(&["environment", "resume", "wee-1"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("drained by admin"), "{}", refused.err);
    order(&place, &["resume", "wee-1", "--kind", "drill"]);
    let by = done(&place, marks);
    assert!(by.iter().all(|by| by == "wee-1"), "{by:?}");
    counters.expect_once(&waits);
}
