//! Readings of a real snmpd equal the values of Debian's snmpget.

use serde_json::json;
use utakata_tests::{netsnmp::Client, servers::Snmpd};
use utakata_worker_sdk::model::Quality;

use crate::device::{Device, Values, community, find, number, text, values};

fn user(name: &str, auth: &str, privacy: Option<&str>) -> Values {
    let mut all = values(&[
        ("version", "3"),
        ("user", name),
        ("auth", auth),
        ("auth_password", Snmpd::AUTH_SECRET),
    ]);
    if let Some(privacy) = privacy {
        all.extend(values(&[
            ("priv", privacy),
            ("priv_password", Snmpd::PRIVACY_SECRET),
        ]));
    }
    all
}

fn check_like_snmpget(readings: &[utakata_worker_sdk::model::Reading], client: &Client) {
    for (metric, oid) in [
        ("system.name", "1.3.6.1.2.1.1.5.0"),
        ("system.description", "1.3.6.1.2.1.1.1.0"),
        ("system.object", "1.3.6.1.2.1.1.2.0"),
    ] {
        let said = client.value(oid).unwrap();
        let read = text(readings, metric, &[]);
        assert_eq!(read, said, "{metric}");
    }
    assert!(number(readings, "system.uptime", &[]) >= 0.0);
}

#[tokio::test]
async fn every_version_reads_what_snmpget_reads() {
    let snmpd = Snmpd::start().unwrap();
    for credential in [
        Values::new(),
        values(&[("version", "1"), ("community", "public")]),
        community("public"),
        user("utakata", "SHA-256", Some("AES-128")),
        user("strong", "SHA-512", Some("AES-256")),
        user("authonly", "SHA-1", None),
    ] {
        let device = Device::new("snmp", snmpd.address(), credential.clone());
        let readings = device.read().await;
        check_like_snmpget(&readings, &snmpd.client().unwrap());
        assert!(
            find(
                &readings,
                "hw.network.io",
                &[("network.interface.name", "lo")]
            )
            .is_some()
        );
        assert!(
            readings
                .iter()
                .all(|reading| reading.quality != Quality::Stale)
        );
    }
}

#[tokio::test]
async fn interfaces_are_read_with_their_names_and_counters() {
    let snmpd = Snmpd::start_many(1, 20).unwrap();
    let device = Device::new("snmp", snmpd.address_of(0), community("public"));
    for _ in 0..2 {
        let answer = device
            .run(
                "read",
                json!({ "metrics": ["hw.network", "hw.errors", "system.network", "system.name"] }),
            )
            .await
            .unwrap();
        let readings = answer.readings;
        for port in 1..=20 {
            let name = format!("Gi0/{port}");
            let of = |direction| {
                let key = [
                    ("network.interface.name", name.as_str()),
                    ("network.io.direction", direction),
                ];
                number(&readings, "hw.network.io", &key)
            };
            assert_eq!(of("receive"), 1e6 * f64::from(port));
            assert_eq!(of("transmit"), 2e6 * f64::from(port));
        }
        assert!(readings.len() >= 160, "{}", readings.len());
    }
}

#[tokio::test]
async fn get_and_walk_answer_with_types_and_values() {
    let snmpd = Snmpd::start().unwrap();
    let device = Device::new("snmp", snmpd.address(), community("public"));
    let own = "1.3.6.1.4.1.8072.9999.9999";
    let answer = device
        .run(
            "get",
            json!({ "oids": [format!("{own}.1.0"), format!("{own}.3.0"), format!("{own}.9.0")] }),
        )
        .await
        .unwrap();
    assert_eq!(
        answer.result.unwrap(),
        json!([
            { "oid": format!("{own}.1.0"), "type": "integer", "value": 42 },
            { "oid": format!("{own}.3.0"), "type": "string", "value": "forty-two" },
            { "oid": format!("{own}.9.0"), "type": "none", "value": null },
        ])
    );
    let walked = device
        .run("walk", json!({ "oid": own }))
        .await
        .unwrap()
        .result
        .unwrap();
    let oids: Vec<&str> = walked
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["oid"].as_str().unwrap())
        .collect();
    let said = snmpd.client().unwrap().walk(own).unwrap();
    assert_eq!(oids.len(), said.len(), "{oids:?}");
    let limited = device
        .run("walk", json!({ "oid": "1.3.6.1.2.1", "limit": 7 }))
        .await
        .unwrap();
    assert_eq!(limited.result.unwrap().as_array().unwrap().len(), 7);
}
