//! A real Prometheus that scrapes a running utakata, loads the shipped rules, and answers every
//! query of the shipped dashboards.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
};

use serde_json::Value;
use utakata_tests::servers::{Server, Snmpd, Transport};

use crate::program::{Place, wait_for};

fn deploy(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("deploy").join(name)
}

/// The API of a Prometheus.
struct Api(SocketAddr);

impl Api {
    fn get(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(self.0).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        // It may come in chunks: the JSON is what is between the outermost braces.
        let text: String = body
            .lines()
            .filter(|line| line.contains(['{', '}']))
            .collect();
        serde_json::from_str(&text).ok()
    }

    /// Returns the result of a query.
    fn query(&self, query: &str) -> Option<Value> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.".contains(byte);
        let escaped = query.bytes().map(|byte| match is_plain(&byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        });
        let path = format!("/api/v1/query?query={}", escaped.collect::<String>());
        let answer = self.get(&path)?;
        (answer["status"] == "success").then(|| answer["data"]["result"].clone())
    }
}

fn configuration(place: &Place, url: &str) -> PathBuf {
    let text = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [{rules}]
scrape_configs:
  - job_name: utakata
    authorization: {{ credentials_file: {token} }}
    metrics_path: /v1/metrics
    static_configs: [{{ targets: [\"{url}\"] }}]
  - job_name: utakata-readings
    authorization: {{ credentials_file: {token} }}
    metrics_path: /v1/metrics/readings
    static_configs: [{{ targets: [\"{url}\"] }}]
",
        rules = deploy("prometheus/utakata.rules.yml").display(),
        token = place.data().join("token").display(),
    );
    place.file("prometheus.yml", &text)
}

/// Every expression of a dashboard, with its variables filled in.
fn expressions(name: &str) -> Vec<String> {
    let text = fs::read_to_string(deploy("grafana").join(name)).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    expressions
        .map(|one| one.replace("$zone", ".*").replace("$rack", ".*"))
        .collect()
}

#[test]
fn a_real_prometheus_scrapes_what_is_read_and_loads_the_shipped_rules_and_dashboards() {
    let snmpd = Snmpd::start().unwrap();
    let place = Place::new();
    let _up = place.up();
    let site = format!(
        "type: target\nname: here\nkind: snmp\naddress: {}\nlabels: {{ rack: A1 }}\n---\n\
         type: schedule\nname: often\nselector: rack=A1\ninterval: 1s\n",
        snmpd.address()
    );
    let applied = place.run_with(&["apply", "-f", "-"], &site);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let endpoint = fs::read_to_string(place.data().join("endpoint.json")).unwrap();
    let endpoint: Value = serde_json::from_str(&endpoint).unwrap();
    let url = endpoint["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let configuration = configuration(&place, &url);
    let server = Server::start("prometheus.sh", Transport::Tcp, &[&configuration]).unwrap();
    let api = Api(server.address());

    // Both scrapes succeed, and the values are those that utakata shows.
    let up = wait_for(|| {
        let up = api.query("up == 1")?;
        (up.as_array()?.len() == 2).then_some(())
    });
    assert!(
        up.is_some(),
        "{:?} {}",
        api.get("/api/v1/targets"),
        place.told()
    );
    let uptime = wait_for(|| {
        let uptime = api.query("system_uptime_seconds")?;
        uptime.as_array()?.first().cloned()
    });
    let uptime = uptime.expect("the uptime of the device is in Prometheus");
    assert_eq!(uptime["metric"]["target"], "here", "{uptime}");
    assert_eq!(uptime["metric"]["rack"], "A1", "{uptime}");
    let octets = wait_for(|| {
        let octets = api.query("hw_network_io_bytes_total")?;
        octets.as_array()?.first().cloned()
    });
    assert!(octets.is_some(), "totals are counters");
    let late = wait_for(|| {
        let late = api.query("utakata_poll_lateness_seconds_count > 0")?;
        late.as_array()?.first().cloned()
    });
    assert!(late.is_some(), "scheduled reads are counted");

    // All rules are there, and well.
    let rules = wait_for(|| {
        let rules = api.get("/api/v1/rules")?;
        let groups = rules["data"]["groups"].as_array()?.clone();
        let all: Vec<Value> = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
            .collect();
        let is_evaluated = all.iter().all(|rule| rule["health"] == "ok");
        (is_evaluated && !all.is_empty()).then_some(all)
    });
    let rules = rules.unwrap_or_else(|| panic!("{:?}", api.get("/api/v1/rules")));
    let names: BTreeSet<&str> = rules
        .iter()
        .filter_map(|rule| rule["name"].as_str())
        .collect();
    assert!(
        names.contains("UtakataReadsLate") && names.contains("UpsOnBattery"),
        "{names:?}"
    );

    for name in ["utakata.json", "readings.json"] {
        for expression in expressions(name) {
            assert!(api.query(&expression).is_some(), "{name}: {expression}");
        }
    }
}

/// Takes one request of HTTP: its head, and its body as JSON.
fn take(listener: &TcpListener) -> Option<(String, Value)> {
    let (mut stream, _) = listener.accept().ok()?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 65_536];
    loop {
        let count = stream.read(&mut buffer).ok()?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.parse::<usize>().ok()).flatten()
        });
        if body.len() >= length? {
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            stream.write_all(answer.as_bytes()).ok()?;
            return Some((head.to_owned(), serde_json::from_str(body).ok()?));
        }
    }
}

#[test]
fn readings_are_exported_in_the_form_of_opentelemetry() {
    // Debian has no collector that takes OTLP: this one only looks at what it gets.
    let collector = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (snmpd, place) = (Snmpd::start().unwrap(), Place::new());
    fs::create_dir_all(place.data()).unwrap();
    let settings = format!(
        "[logic.otlp]\nurl = \"http://{}\"\ninterval = \"500ms\"\n",
        collector.local_addr().unwrap()
    );
    fs::write(place.data().join("utakata.toml"), settings).unwrap();
    let _up = place.up();
    let site = format!(
        "type: target\nname: here\nkind: snmp\naddress: {}\nlabels: {{ rack: A1 }}\n---\n\
         type: schedule\nname: often\nselector: rack=A1\ninterval: 1s\n",
        snmpd.address()
    );
    let applied = place.run_with(&["apply", "-f", "-"], &site);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let (head, body) = take(&collector).unwrap();
    assert!(head.starts_with("POST /v1/metrics HTTP/1.1"), "{head}");
    assert!(
        head.to_lowercase()
            .contains("content-type: application/json"),
        "{head}"
    );
    let resource = &body["resourceMetrics"][0];
    let of = |list: &Value, key: &str| {
        let found = list.as_array()?.iter().find(|one| one["key"] == *key)?;
        Some(found["value"]["stringValue"].clone())
    };
    let attributes = &resource["resource"]["attributes"];
    assert_eq!(
        of(attributes, "utakata.target"),
        Some("here".into()),
        "{resource}"
    );
    assert_eq!(of(attributes, "rack"), Some("A1".into()), "{resource}");
    let metrics = resource["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let named = |name: &str| metrics.iter().find(|one| one["name"] == *name).unwrap();
    let uptime = &named("system.uptime")["gauge"]["dataPoints"][0];
    assert!(
        uptime["asDouble"]
            .as_f64()
            .is_some_and(|seconds| seconds >= 0.0),
        "{uptime}"
    );
    let nanoseconds = uptime["timeUnixNano"]
        .as_str()
        .unwrap()
        .parse::<u64>()
        .unwrap();
    assert!(nanoseconds > 1_700_000_000_000_000_000, "{uptime}");
    let octets = &named("hw.network.io")["sum"];
    assert_eq!(
        (&octets["isMonotonic"], &octets["aggregationTemporality"]),
        (&true.into(), &2.into())
    );
}

#[test]
fn the_shipped_dashboards_have_the_form_that_grafana_reads() {
    for name in ["utakata.json", "readings.json"] {
        let text = fs::read_to_string(deploy("grafana").join(name)).unwrap();
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        for key in ["uid", "title", "schemaVersion", "templating", "time"] {
            assert!(!dashboard[key].is_null(), "{name}: {key}");
        }
        let uid = dashboard["uid"].as_str().unwrap();
        assert!(uid.len() <= 40, "Grafana refuses longer ones: {uid}");
        let variables: BTreeSet<&str> = dashboard["templating"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        let mut ids = BTreeSet::new();
        let mut places = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: {panel}");
            assert!(at("x") + at("w") <= 24, "the grid has 24 columns: {panel}");
            assert!(
                places.insert((at("x"), at("y"))),
                "two panels in one place: {panel}"
            );
            assert!(["timeseries", "stat"].contains(&panel["type"].as_str().unwrap()));
            let source = panel["datasource"]["uid"].as_str().unwrap();
            assert!(
                variables.contains(source.trim_matches(['$', '{', '}'])),
                "{source}"
            );
            for target in panel["targets"].as_array().unwrap() {
                let expression = target["expr"].as_str().unwrap();
                let used = expression.split('$').skip(1);
                for variable in used {
                    let end = variable.find(|c: char| !c.is_ascii_alphanumeric());
                    let variable = &variable[..end.unwrap_or(variable.len())];
                    assert!(variables.contains(variable), "{name}: ${variable}");
                }
            }
        }
    }
}
