//! A gateway with units, asked with pymodbus.

use serde_json::{Value, json};
use utakata_tests::repository;

use crate::snmp::{Simulator, run};

/// Prints what the units tell, and what becomes of a setpoint for each.
const ASK: &str = r#"
import json, sys
from pymodbus.client import ModbusTcpClient
host, port = sys.argv[1].split("/")[0].rsplit(":", 1)
client = ModbusTcpClient(host, port=int(port), timeout=20, retries=0)
assert client.connect()
told = {}
for unit in (1, 2, 3):
    written = client.write_register(0, 230 + unit, device_id=unit)
    read = client.read_holding_registers(0, count=1, device_id=unit)
    told[unit] = [read.exception_code] if read.isError() else read.registers
    if not read.isError():
        told[unit].append(client.read_input_registers(0, count=5, device_id=unit).registers[3])
said = client.read_device_information(read_code=1, object_id=0, device_id=1)
told["made by"] = said.information[0].decode()
second, third = (ModbusTcpClient(host, port=int(port), timeout=20, retries=0) for _ in range(2))
second.connect()
third.connect()
try:
    refused = third.read_holding_registers(0, count=1, device_id=1).isError()
except Exception:
    refused = True
told["third connection refused"] = refused
print(json.dumps(told))
"#;

fn ask(room: &Simulator) -> Value {
    let python = repository::root().join(".tools/modbus/bin/python");
    let output = run(python.to_str().unwrap(), &["-c", ASK, room.address("cu-1")]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn units_behind_a_gateway_are_the_cooling_units_of_the_room() {
    let file = repository::root().join("room/rooms/line.toml");
    let path = file.to_str().unwrap();
    let room = Simulator::start(&["room", "--room", path, "--base-port", "0"]);
    let told = ask(&room);
    assert_eq!(told["1"][0], 231, "{told}");
    assert_eq!(told["2"][0], 232, "{told}");
    // Nobody has that number.
    assert_eq!(told["3"], json!([11]));
    assert_eq!(told["made by"], "utakata");
    assert_eq!(told["third connection refused"], true);
    let supply = told["1"][1].as_f64().unwrap() / 10.0;
    assert!((10.0..40.0).contains(&supply), "{told}");
    // The same unit by SNMP.
    assert_eq!(room.truth("crac-1")["cooling"]["setpoint"], 23.1);
    room.fault("cu-2", "silent");
    room.fault("cu-1", "lying");
    let told = ask(&room);
    assert_eq!((&told["1"][0], &told["2"]), (&json!(231), &json!([11])));
    let truth = room.truth("line-1");
    assert_eq!(truth["connections_max"], 2, "{truth}");
    assert_eq!(truth["connections_refused"], 2, "{truth}");
    assert_eq!(truth["requests_max"], 1, "{truth}");
}
