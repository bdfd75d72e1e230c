//! Traps and informs of devices, sent with net-snmp's own tools and by storms of raw datagrams.

use std::{
    collections::HashSet,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    process::Command,
    time::Duration,
};

use serde_json::Value;
use utakata_tests::servers::{Port, Snmpd, Transport};

use crate::program::{Done, Place, wait_for};

/// A device that is read by SNMPv3 and by no schedule.
fn site(address: &str) -> String {
    format!(
        "type: credential
name: user
values:
  version: \"3\"
  user: {user}
  auth: SHA-256
  auth_password: {auth}
  priv: AES-128
  priv_password: {privacy}
---
type: target
name: here
kind: snmp
address: {address}
credential: user
",
        user = Snmpd::USER,
        auth = Snmpd::AUTH_SECRET,
        privacy = Snmpd::PRIVACY_SECRET,
    )
}

/// A place whose environment listens to devices.
fn listening(port: &Port) -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.data()).unwrap();
    let settings = format!(
        "[execution.notifications]\nlisten = [\"127.0.0.1:{}\"]\n",
        port.number()
    );
    std::fs::write(place.data().join("utakata.toml"), settings).unwrap();
    place
}

/// Runs a tool of net-snmp without MIBs, so that everything is numeric.
fn net_snmp(tool: &str, place: &Place, arguments: &[&str]) -> Done {
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .env("MIBS", "")
        .env("SNMPCONFPATH", place.data())
        .env("SNMP_PERSISTENT_DIR", place.beside("net-snmp"));
    let output = command.output().unwrap();
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into(),
        err: String::from_utf8_lossy(&output.stderr).into(),
    }
}

const USER: [&str; 12] = [
    "-v3",
    "-u",
    Snmpd::USER,
    "-l",
    "authPriv",
    "-a",
    "SHA-256",
    "-A",
    Snmpd::AUTH_SECRET,
    "-x",
    "AES",
    "-X",
];

/// linkDown of an interface.
const LINK_DOWN: [&str; 5] = ["", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.3", "i", "3"];

fn find<'a>(all: &'a Value, name: &str) -> Option<&'a Value> {
    let mut all = all.as_array()?.iter();
    all.find(|one| one["name"] == *name)
}

#[test]
fn traps_and_informs_of_every_version_are_kept_and_make_their_target_be_read() {
    let (snmpd, port) = (
        Snmpd::start().unwrap(),
        Port::claim(Transport::Udp).unwrap(),
    );
    let place = listening(&port);
    let _up = place.up();
    let applied = place.run_with(&["apply", "-f", "-"], &site(&snmpd.address().to_string()));
    assert_eq!(applied.code, 0, "{}", applied.err);
    place.until_served("snmp");
    let to = format!("127.0.0.1:{}", port.number());
    let user = [&USER[..], &[Snmpd::PRIVACY_SECRET]].concat();

    let sent = |tool: &str, more: &[&str]| {
        let done = net_snmp(tool, &place, more);
        assert_eq!(
            done.code,
            0,
            "{tool} {more:?}: {}{}\n{}",
            done.out,
            done.err,
            place.told()
        );
    };
    // coldStart (generic 0), by SNMPv1.
    let v1 = [
        "-v1",
        "-c",
        "public",
        &to,
        "1.3.6.1.4.1.8072.3.2.10",
        "127.0.0.1",
        "0",
        "0",
        "",
    ];
    sent("snmptrap", &v1);
    let v2c = ["-v2c", "-c", "public", &to];
    sent("snmptrap", &[&v2c[..], &LINK_DOWN].concat());
    // Only an acknowledged inform ends with 0.
    let inform = [&v2c[..], &["-r", "5", "-t", "2"], &LINK_DOWN].concat();
    let inform: Vec<&str> = inform.iter().filter(|word| **word != to).copied().collect();
    let (options, rest) = inform.split_at(7);
    sent("snmpinform", &[options, &[&to], rest].concat());
    let trap = "1.3.6.1.2.1.33.2.1";
    let battery = ["", trap, "1.3.6.1.2.1.33.1.2.3.0", "i", "11"];
    let engine = ["-e", "0x8000000004aabbccdd"];
    sent("snmptrap", &[&user[..], &engine, &[&to], &battery].concat());
    let warm = ["", "1.3.6.1.6.3.1.1.5.2"];
    let patient = ["-r", "5", "-t", "2"];
    sent("snmpinform", &[&user[..], &patient, &[&to], &warm].concat());

    let all = place.until(&["notification", "list"], |all| {
        let names = ["coldStart", "linkDown", "upsTrapOnBattery", "warmStart"];
        let is_all = names.iter().all(|name| find(all, name).is_some());
        let link = find(all, "linkDown").is_some_and(|one| one["count"] == 2);
        (is_all && link).then(|| all.clone())
    });
    for (name, proven, value) in [
        ("coldStart", false, None),
        ("linkDown", false, Some(("ifIndex.3", "3"))),
        (
            "upsTrapOnBattery",
            true,
            Some(("upsEstimatedMinutesRemaining", "11")),
        ),
        ("warmStart", true, None),
    ] {
        let one = find(&all, name).unwrap();
        assert_eq!(
            (&one["target"], &one["proven"]),
            (&"here".into(), &proven.into()),
            "{one}"
        );
        if let Some((name, value)) = value {
            let expect = serde_json::json!({ "name": name, "value": value });
            assert_eq!(one["values"][0], expect, "{one}");
        }
    }
    // No schedule reads it: its readings come of its notifications.
    place.until(&["get", "readings", "-l", "name=here"], |readings| {
        (!readings.as_array()?.is_empty()).then_some(())
    });

    // A wrong password is told, and acknowledged to nobody.
    let mut wrong = user.clone();
    wrong[8] = "another secret";
    let quick = ["-r", "0", "-t", "1"];
    let refused = net_snmp(
        "snmpinform",
        &place,
        &[&wrong[..], &quick, &[&to], &warm].concat(),
    );
    assert_ne!(refused.code, 0, "{}", refused.out);
}

#[test]
fn a_source_that_is_no_target_is_reported_and_what_it_sends_is_kept() {
    let port = Port::claim(Transport::Udp).unwrap();
    let place = listening(&port);
    let _up = place.up();
    place.until_served("snmp");
    let to = format!("127.0.0.1:{}", port.number());
    let from = "--clientaddr=127.0.0.77";
    let trap = [&["-v2c", "-c", "public", from, &to], &LINK_DOWN[..]].concat();
    let sent = net_snmp("snmptrap", &place, &trap);
    assert_eq!(sent.code, 0, "{}", sent.err);
    let all = place.until(&["notification", "list", "--unknown"], |all| {
        find(all, "linkDown").cloned()
    });
    assert_eq!(
        (&all["source"], &all["target"]),
        (&"127.0.0.77".into(), &Value::Null)
    );
    let status = wait_for(|| {
        let status = place.run(&["status"]);
        status.out.contains("127.0.0.77 (1 times)").then_some(())
    });
    assert!(status.is_some(), "{}", place.run(&["status"]).out);
}

/// Added to the numbers of informs, so that each takes four bytes.
const FIRST_NUMBER: u32 = 0x0100_0000;

/// An inform of SNMPv2c with a number: linkDown, with the object that is given.
fn inform(number: u32, interface: u8) -> Vec<u8> {
    fn put(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 0x80);
        [&[tag, length][..], &content].concat()
    }
    let uptime = put(
        0x30,
        &[
            &put(0x06, &[&[0x2b, 6, 1, 2, 1, 1, 3, 0]]),
            &put(0x43, &[&[1]]),
        ],
    );
    let trap = put(
        0x30,
        &[
            &put(0x06, &[&[0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0]]),
            &put(0x06, &[&[0x2b, 6, 1, 6, 3, 1, 1, 5, 3]]),
        ],
    );
    let index = put(
        0x30,
        &[
            &put(0x06, &[&[0x2b, 6, 1, 2, 1, 2, 2, 1, 1, interface]]),
            &put(0x02, &[&[interface]]),
        ],
    );
    // Four bytes, whichever it is.
    let number = (number + FIRST_NUMBER).to_be_bytes();
    let pdu = put(
        0xa6,
        &[
            &put(0x02, &[&number]),
            &put(0x02, &[&[0]]),
            &put(0x02, &[&[0]]),
            &put(0x30, &[&uptime, &trap, &index]),
        ],
    );
    put(0x30, &[&put(0x02, &[&[1]]), &put(0x04, &[b"public"]), &pdu])
}

/// The request id of a reply.
fn number_of(reply: &[u8]) -> Option<u32> {
    let at = reply.windows(2).position(|pair| pair == [0x02, 0x04])?;
    let bytes = reply.get(at + 2..at + 6)?;
    u32::from_be_bytes(bytes.try_into().ok()?).checked_sub(FIRST_NUMBER)
}

#[test]
fn a_storm_of_many_sources_loses_no_acknowledged_inform_and_is_folded() {
    const SOURCES: u8 = 40;
    const EACH: u32 = 50;
    let port = Port::claim(Transport::Udp).unwrap();
    let place = listening(&port);
    let up = place.up();
    place.until_served("snmp");
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
    let acknowledged: u64 = std::thread::scope(|scope| {
        let send = |source: u8| {
            let from = Ipv4Addr::new(127, 0, 3, source);
            let socket = UdpSocket::bind((from, 0)).unwrap();
            socket
                .set_read_timeout(Some(Duration::from_millis(300)))
                .unwrap();
            let mut answered = HashSet::new();
            let mut buffer = [0; 2048];
            // As a device does it: what is not answered is sent again.
            for _ in 0..60 {
                let left = (0..EACH).filter(|number| !answered.contains(number));
                for number in left.collect::<Vec<_>>() {
                    let interface = u8::try_from(number % 5).unwrap();
                    socket.send_to(&inform(number, interface), to).unwrap();
                }
                while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                    answered.extend(number_of(&buffer[..length]));
                }
                if answered.len() == EACH as usize {
                    break;
                }
            }
            answered.len() as u64
        };
        let all: Vec<_> = (1..=SOURCES)
            .map(|source| scope.spawn(move || send(source)))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(
        acknowledged,
        u64::from(SOURCES) * u64::from(EACH),
        "{}",
        place.told()
    );
    let counts = |place: &Place| {
        let all = place.json(&["notification", "list"]);
        let all = all.as_array().unwrap().clone();
        let sum: u64 = all.iter().map(|one| one["count"].as_u64().unwrap()).sum();
        (all.len(), sum)
    };
    let expect = (
        usize::from(SOURCES) * 5,
        u64::from(SOURCES) * u64::from(EACH),
    );
    assert_eq!(
        counts(&place),
        expect,
        "each counts once, folded by its interface"
    );
    // They are on the disk: kill -9 loses none of them.
    up.kill();
    let _up = place.up();
    assert_eq!(counts(&place), expect);
}

/// Returns the metrics of the server.
fn metrics(place: &Place) -> Option<String> {
    let read = |name: &str| std::fs::read_to_string(place.data().join(name)).ok();
    let endpoint: Value = serde_json::from_str(&read("endpoint.json")?).ok()?;
    let address = endpoint["url"]
        .as_str()?
        .strip_prefix("http://")?
        .to_owned();
    let token = read("token")?;
    let mut stream = TcpStream::connect(&address).ok()?;
    let request = format!(
        "GET /v1/metrics HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\n\r\n",
        token.trim()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn a_storm_of_one_source_is_bounded_and_another_source_is_heard_meanwhile() {
    let port = Port::claim(Transport::Udp).unwrap();
    let place = listening(&port);
    let _up = place.up();
    place.until_served("snmp");
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
    let storm = UdpSocket::bind((Ipv4Addr::new(127, 0, 4, 1), 0)).unwrap();
    for number in 0..20_000 {
        storm.send_to(&inform(number, 1), to).unwrap();
    }
    let other = UdpSocket::bind((Ipv4Addr::new(127, 0, 4, 2), 0)).unwrap();
    other
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let answered = wait_for(|| {
        other.send_to(&inform(7, 2), to).unwrap();
        let mut buffer = [0; 2048];
        let (length, _) = other.recv_from(&mut buffer).ok()?;
        number_of(&buffer[..length]).filter(|number| *number == 7)
    });
    assert_eq!(answered, Some(7), "{}", place.told());
    let dropped = wait_for(|| {
        let metrics = metrics(&place)?;
        let line = "utakata_notifications_total{end=\"dropped\"} ";
        let count = metrics.lines().find_map(|found| found.strip_prefix(line))?;
        count.parse::<u64>().ok().filter(|count| *count > 0)
    });
    assert!(
        dropped.is_some(),
        "what was dropped is counted: {}",
        place.told()
    );
}
