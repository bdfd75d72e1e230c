//! The modules on which every MIB builds, which need not exist as files: SNMPv2-SMI, SNMPv2-TC and
//! their predecessors.

use super::Syntax;
use crate::draft::smi::Type;

const MODULES: [&str; 9] = [
    "SNMPv2-SMI",
    "SNMPv2-TC",
    "SNMPv2-CONF",
    "RFC1155-SMI",
    "RFC1065-SMI",
    "RFC-1212",
    "RFC1212",
    "RFC-1215",
    "RFC1215",
];

const NODES: &[(&str, &[u32])] = &[
    ("ccitt", &[0]),
    ("iso", &[1]),
    ("org", &[1, 3]),
    ("dod", &[1, 3, 6]),
    ("internet", &[1, 3, 6, 1]),
    ("directory", &[1, 3, 6, 1, 1]),
    ("mgmt", &[1, 3, 6, 1, 2]),
    ("mib-2", &[1, 3, 6, 1, 2, 1]),
    ("mib", &[1, 3, 6, 1, 2, 1]),
    ("system", &[1, 3, 6, 1, 2, 1, 1]),
    ("interfaces", &[1, 3, 6, 1, 2, 1, 2]),
    ("transmission", &[1, 3, 6, 1, 2, 1, 10]),
    ("snmp", &[1, 3, 6, 1, 2, 1, 11]),
    ("experimental", &[1, 3, 6, 1, 3]),
    ("private", &[1, 3, 6, 1, 4]),
    ("enterprises", &[1, 3, 6, 1, 4, 1]),
    ("security", &[1, 3, 6, 1, 5]),
    ("snmpV2", &[1, 3, 6, 1, 6]),
    ("snmpDomains", &[1, 3, 6, 1, 6, 1]),
    ("snmpProxys", &[1, 3, 6, 1, 6, 2]),
    ("snmpModules", &[1, 3, 6, 1, 6, 3]),
];

/// Conventions with their base types and hints.
const CONVENTIONS: &[(&str, &str, &str)] = &[
    ("DisplayString", "OCTET STRING", "255a"),
    ("SnmpAdminString", "OCTET STRING", "255t"),
    ("PhysAddress", "OCTET STRING", "1x:"),
    ("MacAddress", "OCTET STRING", "1x:"),
    (
        "DateAndTime",
        "OCTET STRING",
        "2d-1d-1d,1d:1d:1d.1d,1a1d:1d",
    ),
    ("TAddress", "OCTET STRING", ""),
    ("InetAddress", "OCTET STRING", "1x:"),
    ("TimeStamp", "TimeTicks", ""),
    ("TimeInterval", "INTEGER", ""),
    ("TestAndIncr", "INTEGER", ""),
    ("AutonomousType", "OBJECT IDENTIFIER", ""),
    ("InstancePointer", "OBJECT IDENTIFIER", ""),
    ("VariablePointer", "OBJECT IDENTIFIER", ""),
    ("RowPointer", "OBJECT IDENTIFIER", ""),
    ("TDomain", "OBJECT IDENTIFIER", ""),
];

/// Returns true if a module is built in.
pub fn is_module(name: &str) -> bool {
    MODULES.contains(&name)
}

/// The OID of a name that every module may use.
pub fn node(name: &str) -> Option<&'static [u32]> {
    let found = NODES.iter().find(|(known, _)| *known == name);
    found.map(|(_, oid)| *oid)
}

/// Returns the syntax of a base type.
pub fn syntax(name: &str) -> Option<Syntax> {
    Some(match name {
        "INTEGER" | "Integer32" | "Unsigned32" | "Gauge32" | "Gauge" | "UInteger32"
        | "Integer64" | "Unsigned64" => Syntax::Number,
        "Counter" | "Counter32" | "Counter64" => Syntax::Counter,
        "TimeTicks" => Syntax::Ticks,
        "OCTET STRING" => Syntax::Text,
        "OBJECT IDENTIFIER" | "IpAddress" | "NetworkAddress" | "Opaque" | "BITS"
        | "NsapAddress" => Syntax::Other,
        _ => return None,
    })
}

/// A convention that a module need not define.
pub fn convention(name: &str) -> Option<Type> {
    let named = |names: &[(i64, &str)]| Type {
        base: "INTEGER".into(),
        names: names
            .iter()
            .map(|(raw, name)| (*raw, (*name).into()))
            .collect(),
        hint: String::new(),
    };
    match name {
        "TruthValue" => return Some(named(&[(1, "true"), (2, "false")])),
        "RowStatus" => {
            return Some(named(&[
                (1, "active"),
                (2, "notInService"),
                (3, "notReady"),
                (4, "createAndGo"),
                (5, "createAndWait"),
                (6, "destroy"),
            ]));
        }
        "StorageType" => {
            return Some(named(&[
                (1, "other"),
                (2, "volatile"),
                (3, "nonVolatile"),
                (4, "permanent"),
                (5, "readOnly"),
            ]));
        }
        _ => {}
    }
    let found = CONVENTIONS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, base, hint)| Type {
        base: (*base).into(),
        names: Vec::new(),
        hint: (*hint).into(),
    })
}
