//! An environment on a separate host: a network namespace whose cable is pulled.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
};

use utakata_tests::servers::{Mosquitto, Rabbitmq};

use crate::program::{Place, Role, wait_for};

/// A network namespace at the end of a cable.
struct Host {
    name: String,
    cable: String,
    /// The address of this machine at the other end of the cable.
    gate: Ipv4Addr,
}

impl Host {
    /// Creates one. Errors: the reason why it is not possible, since it needs root and a kernel
    /// with namespaces.
    fn make() -> Result<Self, String> {
        let id = std::process::id();
        // From a network reserved for benchmarks: RFC 2544.
        let [.., high, low] = id.to_be_bytes();
        let (gate, own) = (low & !3 | 1, low & !3 | 2);
        let host = Self {
            name: format!("utakata-{id}"),
            cable: format!("ut{id}"),
            gate: Ipv4Addr::new(198, 18, high, gate),
        };
        let address = Ipv4Addr::new(198, 18, high, own);
        let (name, cable, inner) = (&host.name, &host.cable, format!("uh{id}"));
        for arguments in [
            format!("netns add {name}"),
            format!("link add {cable} type veth peer name {inner}"),
            format!("link set {inner} netns {name}"),
            format!("addr add {}/30 dev {cable}", host.gate),
            format!("link set {cable} up"),
            format!("-n {name} addr add {address}/30 dev {inner}"),
            format!("-n {name} link set {inner} up"),
            format!("-n {name} link set lo up"),
        ] {
            ip(&arguments)?;
        }
        Ok(host)
    }

    /// Makes a server of this machine reachable at its own end of the cable.
    fn reach(&self, server: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind((self.gate, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let Ok(far) = TcpStream::connect(server) else {
                    continue;
                };
                for (from, to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far, near),
                ] {
                    thread::spawn(move || pass(from, to));
                }
            }
        });
        address
    }

    /// Pulls the cable or plugs it in again, without telling anybody.
    fn cable(&self, state: &str) {
        ip(&format!("link set {} {state}", self.cable)).unwrap();
    }

    /// Starts a role on the host.
    fn role<'p>(&self, place: &'p Place, arguments: &[&str]) -> Role<'p> {
        place.role_by(&["ip", "netns", "exec", &self.name], arguments)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Those that were not created do not exist.
        let _ = ip(&format!("link del {}", self.cable));
        let _ = ip(&format!("netns del {}", self.name));
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let done = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .map_err(|error| format!("ip {arguments}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("ip {arguments}: {said}"))
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// The settings of a role, with brokers at these addresses, which it reaches without TLS.
fn settings(rabbitmq: SocketAddr, mosquitto: SocketAddr) -> String {
    let (user, password) = (Rabbitmq::USER, Rabbitmq::PASSWORD);
    let releases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workers/echo/releases");
    format!(
        "[interconnect.amqp]\nurl = \"amqp://{user}:{password}@{rabbitmq}/%2F\"\ninsecure = true\n\
         [interconnect.mqtt]\nurl = \"mqtt://{}:{}@{mosquitto}\"\ninsecure = true\n\
         [execution]\nreleases = [{releases:?}]\n[mqtt]\nenabled = false\n",
        Mosquitto::USER,
        Mosquitto::PASSWORD
    )
}

/// The exit code of control that has not ended.
const UNKNOWN: i32 = 3;

const SITE: &str = "type: target\nname: echo-1\nkind: echo\naddress: nowhere\n---\n\
                    type: schedule\nname: all\nselector: kind=echo\ninterval: 1s\n";

fn quality(place: &Place, wanted: &str) {
    place.until(&["get", "readings"], |readings| {
        (readings[0]["quality"] == wanted).then_some(())
    });
}

#[test]
fn a_host_whose_cable_is_pulled_comes_back_by_itself_and_loses_nothing() {
    let host = match Host::make() {
        Ok(host) => host,
        Err(why) => return eprintln!("not tried, this machine has no namespaces for us: {why}"),
    };
    let (rabbitmq, mosquitto) = (Rabbitmq::start().unwrap(), Mosquitto::start().unwrap());
    let place = Place::new();
    fs::create_dir_all(place.data()).unwrap();
    let near = settings(rabbitmq.address(), mosquitto.address());
    fs::write(place.data().join("utakata.toml"), near).unwrap();
    let _le = place.role(&["le", "--listen", "127.0.0.1:0"]);
    let data = place.beside("wee");
    fs::create_dir_all(&data).unwrap();
    let far = settings(
        host.reach(rabbitmq.address()),
        host.reach(mosquitto.address()),
    );
    fs::write(Path::new(&data).join("utakata.toml"), far).unwrap();
    let _wee = host.role(&place, &["wee", "--data", &data, "--id", "wee-1"]);
    let answers = wait_for(|| (place.run(&["get", "targets"]).code == 0).then_some(()));
    assert!(answers.is_some(), "{}", place.told());
    place.until_served("echo");
    assert_eq!(place.run_with(&["apply", "-f", "-"], SITE).code, 0);
    quality(&place, "good");
    let set = ["control", "echo-1", "set", "--yes"];
    let done = place.run(&set);
    assert_eq!(done.code, 0, "{}{}", done.err, place.told());

    host.cable("down");
    let patient = [&set[..], &["--timeout", "2s", "--within", "2m"]].concat();
    let cut = place.run(&patient);
    assert_eq!(
        cut.code, UNKNOWN,
        "nobody can do it now: {}{}",
        cut.out, cut.err
    );
    quality(&place, "stale");
    host.cable("up");
    // All of it within the time limit of `wait_for`.
    quality(&place, "good");
    let operation = place.until(&["operation", "show", "last"], |shown| {
        (shown["counts"]["succeeded"] == 1).then(|| shown.clone())
    });
    assert_eq!(operation["tasks"][0]["state"], "succeeded", "{operation}");
    // The worker has kept running, and counted each of the two once.
    let read = place.json(&["read", "echo-1"]);
    assert_eq!(read["tasks"][0]["readings"][0]["value"], 2.0, "{read}");
}
