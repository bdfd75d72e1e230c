//! `discover`: a device that answers as unit 1, and one that a profile recognises.

use serde_json::json;
use utakata_tests::servers::Modbus;
use utakata_worker_sdk::model::DiscoveryAnswer;

use crate::device::{Device, cooler};

async fn discover(port: u16) -> DiscoveryAnswer {
    let device = Device::new("-");
    let asked = json!({ "addresses": ["127.0.0.1", "127.0.0.2"], "port": port });
    let answer = device.run("discover", asked).await.unwrap();
    serde_json::from_value(answer.result.unwrap()).unwrap()
}

#[tokio::test]
async fn a_device_is_found_by_its_answers_and_recognised_by_its_registers() {
    let plain = Modbus::start(&cooler()).unwrap();
    let found = discover(plain.address().port()).await;
    assert_eq!(found.asked, 2);
    let [one] = found.found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(one.address, plain.address().to_string());
    assert_eq!(one.profiles, [] as [String; 0]);

    // The name of the pumping unit, in the registers where its profile looks.
    let name = b"RDF040DSS5193E0\0";
    let registers = name.chunks_exact(2).enumerate().map(|(at, pair)| {
        let value = u16::from_be_bytes([pair[0], pair[1]]);
        json!({ "addr": 0x19CC + at, "value": value })
    });
    let unit = json!({ "uint16": registers.collect::<Vec<_>>() });
    let pump = Modbus::start(&unit).unwrap();
    let found = discover(pump.address().port()).await;
    assert_eq!(found.found[0].profiles, ["delta-rpu"], "{found:?}");
}
