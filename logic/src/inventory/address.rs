//! Addresses that cannot be right, found before the first read. Pure.

use std::net::Ipv4Addr;

use serde_json::Value;
use utakata_model::invisible::hidden;

use crate::kinds::Served;

const LENGTH_MAX: usize = 512;

/// Returns the mistake in an address, if it is certain. The requirements of a kind are known only
/// while an environment serves it; a wrong port or IPv4 address is wrong for all.
pub fn wrong(address: &str, served: Option<&Served>) -> Option<String> {
    if let Some(code_point) = hidden(address) {
        return Some(format!(
            "the address {address:?} has the character {code_point}, which nobody sees: write it \
             without"
        ));
    }
    if address.is_empty() || address.len() > LENGTH_MAX {
        return Some(format!(
            "the address must have 1 to {LENGTH_MAX} characters"
        ));
    }
    if let Some(served) = served
        && let Some(schema) = served.address()
        && schema.check(&Value::from(address)).is_err()
    {
        let declared = served.manifest.address.as_ref();
        let form = declared.and_then(|schema| schema.get("description"));
        let form = form.and_then(Value::as_str).unwrap_or("see its manifest");
        let kind = &served.release.kind;
        return Some(format!(
            "the address \"{address}\" is not one of the kind \"{kind}\": {form}"
        ));
    }
    let (host, port) = host_and_port(address)?;
    if let Some(port) = port
        && !port.parse::<u16>().is_ok_and(|port| port > 0)
    {
        return Some(format!(
            "the address \"{address}\" has the port {port}: ports are from 1 to 65535"
        ));
    }
    let is_number = host.contains('.') && host.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_number && host.split('.').count() == 4 && host.parse::<Ipv4Addr>().is_err() {
        return Some(format!(
            "the address \"{address}\" is not possible: the numbers of an IPv4 address are from 0 to 255"
        ));
    }
    None
}

/// Returns the host in an address and the digits behind its last colon. Absent if it is not certain
/// that these are a host and a port.
pub fn host_and_port(address: &str) -> Option<(&str, Option<&str>)> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()) => {
            (host, Some(port))
        }
        Some(_) => return None,
        None => (rest, None),
    };
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    (is_bracketed || (!host.is_empty() && host.chars().all(is_name))).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use utakata_model::Manifest;

    use super::*;

    const SNMP: &str = include_str!("../../../workers/snmp/releases/snmp/worker.toml");

    #[test]
    fn addresses_that_cannot_be_right_are_refused_and_all_others_are_taken() {
        let snmp = Served::by(&Manifest::parse(SNMP).unwrap());
        for (address, of_any, of_snmp) in [
            ("10.0.3.7", true, true),
            ("10.0.3.7:1161", true, true),
            ("udp:10.0.3.7:1161", true, true),
            ("pdu-a1.example:161", true, true),
            ("[2001:db8::1]:161", true, true),
            ("2001:db8::1", true, true),
            ("fe80::1%eth0", true, true),
            ("[fe80::1%eth0]:161", true, true),
            ("udp:[fe80::1%br-lan.100]:161", true, true),
            ("[fe80::1%eth0]:70000", false, false),
            ("fe80::1%", true, false),
            ("10.0.3.7%eth0", true, false),
            ("pdu_a1", true, true),
            ("127.0.0.1:99999", false, false),
            ("127.0.0.1:0", false, false),
            ("[2001:db8::1]:70000", false, false),
            ("10.0.0.300", false, false),
            ("http://10.0.0.1/", true, false),
            ("https://bmc.example:443/redfish", true, false),
            ("https://bmc.example:99999/redfish", false, false),
            ("10.0.0.1/24", true, false),
            ("10.0.0.1 10.0.0.2", true, false),
            // Only the worker knows what this is.
            ("unit=3;register=70000", true, false),
            ("/dev/ttyS0:9600:8:99999", true, false),
            ("", false, false),
        ] {
            assert_eq!(wrong(address, None).is_none(), of_any, "{address}");
            let found = wrong(address, Some(&snmp));
            assert_eq!(found.is_none(), of_snmp, "{address}: {found:?}");
        }
        let told = wrong("http://10.0.0.1/", Some(&snmp)).unwrap();
        assert!(told.contains("\"snmp\": an IP address or a name"), "{told}");
    }
}
