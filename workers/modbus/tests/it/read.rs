//! Reading registers.

use serde_json::json;
use utakata_tests::servers::Modbus;

use crate::device::{Device, cooler, value};

#[tokio::test]
async fn registers_become_readings_in_both_framings() {
    let (tcp, rtu) = (Modbus::start(&cooler()), Modbus::start_rtu(&cooler()));
    let (tcp, rtu) = (tcp.unwrap(), rtu.unwrap());
    for address in [
        format!("{}/3", tcp.address()),
        format!("rtu://{}/3", rtu.address()),
    ] {
        let device = Device::cooler(&address);
        let answer = device.read().await;
        for (metric, expect) in [
            ("hw.temperature", "25.1"),
            ("hw.humidity", "0.453"),
            ("utakata.setpoint", "18"),
            ("hw.status", "degraded"),
            ("hw.power", "12500"),
            ("system.uptime", "617001"),
        ] {
            let found = value(&answer.readings, metric, "");
            assert_eq!(found.as_deref(), Some(expect), "{address}: {metric}");
        }
        // What the device does not have is named, found by halving, and asked for no more.
        let missing = answer.missing.into_entries();
        assert_eq!(missing.len(), 1, "{missing:?}");
        let first = answer.result.unwrap()["requests"].as_u64().unwrap();
        let again = device.read().await;
        assert!(again.missing.is_empty());
        assert_eq!(again.readings, answer.readings);
        let second = again.result.unwrap()["requests"].as_u64().unwrap();
        assert!(second < first, "{second} of {first}");
    }
}

#[tokio::test]
async fn a_device_is_recognised_by_its_registers() {
    let text = |text: &str| -> Vec<u16> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(16, 0);
        let pairs = bytes
            .chunks(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        pairs.collect()
    };
    let registers = |from: u16, values: &[u16]| -> Vec<serde_json::Value> {
        let values = values.iter().enumerate();
        values
            .map(|(at, value)| json!({ "addr": usize::from(from) + at, "value": value }))
            .collect()
    };
    let all = [
        registers(0x19cc, &text("RDF040DSS5193E0")),
        registers(0x19d8, &text("SN0042")),
        registers(0x19e8, &text("1.07")[..4]),
        registers(0x9001, &[412, 0xffce]),
        registers(0x9200, &[0b01, 0b010]),
    ];
    let server = Modbus::start(&json!({ "uint16": all.concat() })).unwrap();
    let device = Device::new(server.address());
    let answer = device.read().await;
    for (metric, attribute, expect) in [
        ("hw.temperature", "coolant-outlet", "41.2"),
        ("hw.temperature", "coolant-inlet", "-5"),
        ("utakata.alarm", "coolant-outlet", "critical"),
        ("utakata.alarm", "coolant-inlet", "ok"),
        ("hw.status", "coolant-inlet", "failed"),
        ("hw.status", "coolant-outlet", "ok"),
        ("hw.serial_number", "", "SN0042"),
        ("hw.firmware_version", "", "1.07"),
    ] {
        let found = value(&answer.readings, metric, attribute);
        assert_eq!(found.as_deref(), Some(expect), "{metric} {attribute}");
    }
    let names = answer.recognition.unwrap().profiles;
    assert_eq!(
        names.iter().map(|name| &**name).collect::<Vec<_>>(),
        ["delta-rpu"]
    );
}

#[tokio::test]
async fn an_unknown_device_is_looked_at_by_address() {
    let server = Modbus::start(&cooler()).unwrap();
    let device = Device::new(server.address());
    let problem = device.run("read", json!({})).await.unwrap_err().problem;
    assert_eq!(&*problem.code, "device-refused", "{problem}");
    for (asked, expect) in [
        (json!({ "at": 0, "count": 3 }), json!([251, 180, 453])),
        (json!({ "at": 30, "type": "f32" }), json!([12.5])),
        (json!({ "at": 32, "type": "u32" }), json!([617_001])),
    ] {
        let result = device
            .run("get", asked.clone())
            .await
            .unwrap()
            .result
            .unwrap();
        assert_eq!(result["values"], expect, "{asked}");
    }
    let problem = device
        .run("get", json!({ "at": 500 }))
        .await
        .unwrap_err()
        .problem;
    assert!(problem.message.contains("exception 2"), "{problem}");
}
