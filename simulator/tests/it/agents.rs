//! Many small agents, queried with net-snmp.

use crate::snmp::{Simulator, run, value, wait_until};

#[test]
fn each_agent_answers_on_an_address_of_its_own_with_counters_that_move() {
    let arguments = [
        "agents",
        "--count",
        "3",
        "--first-address",
        "127.30.9.1",
        "--port",
        "0",
    ];
    let agents = Simulator::start(&arguments);
    assert_eq!(agents.places.len(), 3);
    assert_eq!(agents.ready["agents"], 3);
    let port = agents
        .address("agent-0001")
        .rsplit_once(':')
        .unwrap()
        .1
        .to_owned();
    assert_eq!(agents.address("agent-0003"), format!("127.30.9.3:{port}"));
    for name in agents.places.keys() {
        assert_eq!(agents.get(name, "1.3.6.1.2.1.1.5.0"), *name);
        assert_eq!(
            agents.walk("snmpbulkwalk", name, "1.3.6.1").len(),
            8 + 20 * 36
        );
        assert_eq!(
            agents.walk("snmpwalk", name, "1.3.6.1.2.1.2.2.1.10").len(),
            20
        );
    }
    let octets = |name| agents.number(name, "1.3.6.1.2.1.31.1.1.1.6.20");
    let before = octets("agent-0001");
    assert_ne!(before, octets("agent-0002"));
    wait_until("the counter to move", || octets("agent-0001") > before);
}

#[test]
fn an_agent_refuses_to_be_set_and_ignores_strangers() {
    let agents = Simulator::start(&["agents", "--count", "1", "--port", "0", "--interfaces", "1"]);
    let address = agents.address("agent-0001").to_owned();
    let set = [
        "-v2c",
        "-c",
        "public",
        "-t",
        "1",
        &address,
        "1.3.6.1.2.1.1.5.0",
        "s",
        "x",
    ];
    let refused = run("snmpset", &set);
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("notWritable"),
        "{refused:?}"
    );
    let name = ["1.3.6.1.2.1.1.5.0"];
    let stranger = agents.ask_within("0.5", "snmpget", "secret", "agent-0001", &name);
    assert!(value(&stranger).is_none());
}
