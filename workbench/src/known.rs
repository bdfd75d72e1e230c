//! Names of subtrees that many devices have.

/// Subtrees by OID prefix: standards by module, vendors by name (from IANA's list of private
/// enterprise numbers).
const KNOWN: &[(&[u32], &str)] = &[
    (&[1, 0, 8802, 1, 1], "LLDP-MIB"),
    (&[1, 2, 840, 10006, 300], "IEEE8023-LAG-MIB"),
    (&[1, 3, 6, 1, 2, 1, 1], "system (SNMPv2-MIB)"),
    (&[1, 3, 6, 1, 2, 1, 2], "interfaces (IF-MIB)"),
    (&[1, 3, 6, 1, 2, 1, 3], "at (RFC1213-MIB)"),
    (&[1, 3, 6, 1, 2, 1, 4], "ip (IP-MIB)"),
    (&[1, 3, 6, 1, 2, 1, 5], "icmp (IP-MIB)"),
    (&[1, 3, 6, 1, 2, 1, 6], "tcp (TCP-MIB)"),
    (&[1, 3, 6, 1, 2, 1, 7], "udp (UDP-MIB)"),
    (
        &[1, 3, 6, 1, 2, 1, 10],
        "transmission (EtherLike-MIB and others)",
    ),
    (&[1, 3, 6, 1, 2, 1, 11], "snmp (SNMPv2-MIB)"),
    (&[1, 3, 6, 1, 2, 1, 14], "OSPF-MIB"),
    (&[1, 3, 6, 1, 2, 1, 15], "BGP4-MIB"),
    (&[1, 3, 6, 1, 2, 1, 16], "RMON-MIB"),
    (&[1, 3, 6, 1, 2, 1, 17], "BRIDGE-MIB"),
    (&[1, 3, 6, 1, 2, 1, 25], "HOST-RESOURCES-MIB"),
    (&[1, 3, 6, 1, 2, 1, 26], "MAU-MIB"),
    (&[1, 3, 6, 1, 2, 1, 31], "IF-MIB"),
    (&[1, 3, 6, 1, 2, 1, 33], "UPS-MIB"),
    (&[1, 3, 6, 1, 2, 1, 43], "Printer-MIB"),
    (&[1, 3, 6, 1, 2, 1, 47], "ENTITY-MIB"),
    (&[1, 3, 6, 1, 2, 1, 55], "IPV6-MIB"),
    (&[1, 3, 6, 1, 2, 1, 75], "FIBRE-CHANNEL-FE-MIB"),
    (&[1, 3, 6, 1, 2, 1, 88], "DISMAN-EVENT-MIB"),
    (&[1, 3, 6, 1, 2, 1, 92], "NOTIFICATION-LOG-MIB"),
    (&[1, 3, 6, 1, 2, 1, 99], "ENTITY-SENSOR-MIB"),
    (&[1, 3, 6, 1, 2, 1, 105], "POWER-ETHERNET-MIB"),
    (&[1, 3, 6, 1, 2, 1, 131], "ENTITY-STATE-MIB"),
    (&[1, 3, 6, 1, 4, 1, 2], "IBM"),
    (&[1, 3, 6, 1, 4, 1, 9], "Cisco"),
    (&[1, 3, 6, 1, 4, 1, 11], "HP"),
    (&[1, 3, 6, 1, 4, 1, 42], "Sun, Oracle"),
    (&[1, 3, 6, 1, 4, 1, 232], "HPE (Compaq)"),
    (&[1, 3, 6, 1, 4, 1, 311], "Microsoft"),
    (&[1, 3, 6, 1, 4, 1, 318], "APC"),
    (&[1, 3, 6, 1, 4, 1, 343], "Intel"),
    (&[1, 3, 6, 1, 4, 1, 476], "Vertiv (Liebert)"),
    (&[1, 3, 6, 1, 4, 1, 534], "Eaton"),
    (&[1, 3, 6, 1, 4, 1, 674], "Dell"),
    (&[1, 3, 6, 1, 4, 1, 705], "Eaton (MGE)"),
    (&[1, 3, 6, 1, 4, 1, 850], "Tripp Lite"),
    (&[1, 3, 6, 1, 4, 1, 1588], "Brocade"),
    (&[1, 3, 6, 1, 4, 1, 1718], "Server Technology"),
    (&[1, 3, 6, 1, 4, 1, 1916], "Extreme Networks"),
    (&[1, 3, 6, 1, 4, 1, 1991], "Foundry, Ruckus"),
    (&[1, 3, 6, 1, 4, 1, 2011], "Huawei"),
    (&[1, 3, 6, 1, 4, 1, 2021], "UCD-SNMP-MIB"),
    (&[1, 3, 6, 1, 4, 1, 2254], "Delta"),
    (&[1, 3, 6, 1, 4, 1, 2606], "Rittal"),
    (&[1, 3, 6, 1, 4, 1, 2636], "Juniper"),
    (&[1, 3, 6, 1, 4, 1, 3808], "CyberPower"),
    (&[1, 3, 6, 1, 4, 1, 4413], "Broadcom"),
    (&[1, 3, 6, 1, 4, 1, 5528], "NetBotz"),
    (&[1, 3, 6, 1, 4, 1, 6527], "Nokia"),
    (&[1, 3, 6, 1, 4, 1, 6574], "Synology"),
    (&[1, 3, 6, 1, 4, 1, 8072], "Net-SNMP"),
    (&[1, 3, 6, 1, 4, 1, 10876], "Supermicro"),
    (&[1, 3, 6, 1, 4, 1, 12356], "Fortinet"),
    (&[1, 3, 6, 1, 4, 1, 13742], "Raritan"),
    (&[1, 3, 6, 1, 4, 1, 14988], "MikroTik"),
    (&[1, 3, 6, 1, 4, 1, 20916], "AVTECH"),
    (&[1, 3, 6, 1, 4, 1, 21239], "Vertiv (Geist)"),
    (&[1, 3, 6, 1, 4, 1, 24681], "QNAP"),
    (&[1, 3, 6, 1, 4, 1, 25506], "H3C"),
    (&[1, 3, 6, 1, 4, 1, 28507], "Gude"),
    (&[1, 3, 6, 1, 4, 1, 29462], "Stulz"),
    (&[1, 3, 6, 1, 4, 1, 30065], "Arista"),
    (&[1, 3, 6, 1, 4, 1, 33049], "Mellanox, NVIDIA"),
    (&[1, 3, 6, 1, 4, 1, 38446], "Enlogic"),
    (&[1, 3, 6, 1, 4, 1, 47196], "Aruba CX"),
    (
        &[1, 3, 6, 1, 6, 3],
        "SNMP's own configuration (snmpModules)",
    ),
];

/// The name of the subtree that contains an OID.
pub fn name(arcs: &[u32]) -> Option<&'static str> {
    let within = |(prefix, _): &&(&[u32], &str)| arcs.starts_with(prefix);
    let longest = KNOWN
        .iter()
        .filter(within)
        .max_by_key(|(prefix, _)| prefix.len());
    longest.map(|(_, name)| *name)
}
