//! Probes from a kubelet and from Prometheus, and a data directory on a volume.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::{PermissionsExt, chown},
};

use utakata_tests::servers::{Port, Transport};

use crate::{
    apart::{hub, le},
    program::{Place, wait_for},
};

/// Returns the status of an answer, and its text.
fn get(port: &Port, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port.number())).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, text) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, text.to_owned()))
}

/// Waits for a status, and a text that contains this.
fn expect(place: &Place, port: &Port, path: &str, status: u16, part: &str) {
    let is_so = |(found, text): &(u16, String)| *found == status && text.contains(part);
    let found = wait_for(|| get(port, path).filter(is_so));
    assert!(
        found.is_some(),
        "{path}: {:?}\n{}",
        get(port, path),
        place.told()
    );
}

fn configured(place: &Place, name: &str, port: &Port) -> String {
    let text = format!("probes.address = \"127.0.0.1:{}\"\n", port.number());
    place.file(name, &text).display().to_string()
}

#[test]
fn an_environment_answers_probes_and_doctor_asks_it() {
    let place = Place::new();
    let hub = hub(&place, &[]);
    let _le = le(&place);
    let port = Port::claim(Transport::Tcp).unwrap();
    let config = configured(&place, "wee.toml", &port);
    let (socket, data) = (place.beside("hub.sock"), place.beside("wee"));
    let variable = format!("UTAKATA_CONFIG={config}");
    let wee = place.role_by(
        &["env", &variable],
        &["wee", "--hub", &socket, "--data", &data, "--id", "wee-1"],
    );
    expect(&place, &port, "/livez", 200, "alive");
    expect(&place, &port, "/readyz", 200, "[+]manager ok\nready\n");
    let up = "utakata_environment_up{environment=\"wee-1\",zone=\"default\"} 1";
    expect(&place, &port, "/metrics", 200, up);
    expect(&place, &port, "/", 404, "/readyz");
    let mut doctor = place.command(&["doctor", "--data", &data, "-o", "json"]);
    let told = doctor.env("UTAKATA_CONFIG", &config).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.contains("part manager") && told.contains(&config),
        "{told}"
    );
    hub.kill();
    expect(&place, &port, "/readyz", 200, "[-]hub away");
    wee.kill();
}

#[test]
fn a_logic_environment_is_ready_when_all_is_there_and_not_before() {
    let place = Place::new();
    let port = Port::claim(Transport::Tcp).unwrap();
    let config = configured(&place, "le.toml", &port);
    // Nothing is there: it waits for brokers, and is alive.
    let urls = "interconnect.amqp.url = \"amqp://a:b@127.0.0.1:9/c\"\n\
                interconnect.mqtt.url = \"mqtt://127.0.0.1:9\"\n";
    let text = fs::read_to_string(&config).unwrap() + urls;
    fs::write(&config, text).unwrap();
    let role = place.role(&["le", "--config", &config, "--listen", "127.0.0.1:0"]);
    expect(&place, &port, "/livez", 200, "alive");
    expect(&place, &port, "/readyz", 503, "[-]events away");
    expect(&place, &port, "/readyz", 503, "[+]ledger ok");
    expect(&place, &port, "/metrics", 200, "utakata_targets 0");
    role.kill();
}

#[test]
fn a_data_directory_that_another_user_owns_is_used_where_that_is_safe() {
    if !rustix::process::getuid().is_root() {
        eprintln!("left out: only root can give a directory to another user");
        return;
    }
    // Without its privileges, root is an ordinary user in the group of root.
    let starter = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"];
    let arguments = ["up", "--listen", "127.0.0.1:0", "--mqtt", "off"];
    let with_mode = |mode| {
        let place = Place::new();
        fs::create_dir(place.data()).unwrap();
        fs::set_permissions(place.data(), fs::Permissions::from_mode(mode)).unwrap();
        chown(place.data(), Some(65532), Some(0)).unwrap();
        place
    };
    // Like a volume with fsGroup.
    let place = with_mode(0o2775);
    let up = place.role_by(&starter, &arguments);
    let answers = wait_for(|| (place.run(&["get", "targets"]).code == 0).then_some(()));
    assert!(answers.is_some(), "{}", place.told());
    assert!(place.told().contains("belongs to somebody else"));
    let token = fs::metadata(place.data().join("token")).unwrap();
    assert_eq!(token.permissions().mode() & 0o777, 0o600);
    up.stop();
    // Anybody could replace the token with their own.
    let place = with_mode(0o777);
    place.role_by(&starter, &arguments).until_dead();
    assert!(
        place.told().contains("everybody can write it"),
        "{}",
        place.told()
    );
}
