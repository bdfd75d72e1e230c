//! The names that are proposed for targets: those that devices have, in the form of names, each
//! once. Pure.

use std::net::IpAddr;

use utakata_model::{TargetName, id::NAME_MAX};

use super::sighting::Sighting;

/// Names that devices have before anybody gave them one.
const OF_NOBODY: [&str; 12] = [
    "localhost",
    "localhost.localdomain",
    "unknown",
    "none",
    "default",
    "system",
    "system name",
    "hostname",
    "bmc",
    "ups",
    "device",
    "server",
];
/// The room in a name for what makes it unique.
const SUFFIX: usize = 8;

/// Returns the name for a thing: the one that it has, if it is one that somebody gave it; else its
/// kind with its address. `is_taken` says which names are no longer free.
pub fn propose(ways: &[&Sighting], is_taken: impl Fn(&str) -> bool) -> Option<TargetName> {
    let own = ways
        .iter()
        .find_map(|way| given(way.found.name.as_deref()?));
    let name = own.or_else(|| Some(by_address(ways.first()?)))?;
    let name = match is_taken(&name) {
        false => name,
        true => {
            let numbered = (2..).map(|number: u32| format!("{name}-{number}"));
            let mut free = numbered.filter(|name| !is_taken(name));
            free.next()?
        }
    };
    TargetName::new(name).ok()
}

/// Returns a name in the form of names, unless it is one that says nothing.
fn given(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let is_address = text.parse::<IpAddr>().is_ok();
    if is_address || OF_NOBODY.contains(&text.as_str()) {
        return None;
    }
    // The domain is the same for most.
    let host = match text.split_once('.') {
        Some((host, rest)) if rest.chars().any(char::is_alphabetic) => host,
        _ => &text,
    };
    let name = cleaned(host);
    let says_something = name.len() >= 2 && !OF_NOBODY.contains(&name.as_str());
    says_something.then_some(name)
}

fn by_address(way: &Sighting) -> String {
    let address = &way.found.address;
    let address = address.split_once("://").map_or(&**address, |(_, at)| at);
    cleaned(&format!("{}-{address}", way.kind))
}

/// Returns a text of letters, digits and single dashes.
fn cleaned(text: &str) -> String {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let name = words.join("-");
    let name = name.trim_start_matches('_');
    name.chars().take(NAME_MAX - SUFFIX).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::sighting::tests::seen, *};

    fn of(name: Option<&str>, address: &str, taken: &[&str]) -> String {
        let mut way = seen("redfish", address, &[], 0);
        way.found.name = name.map(str::to_owned);
        let proposed = propose(&[&way], |name| taken.contains(&name));
        proposed.unwrap().to_string()
    }

    #[test]
    fn a_thing_has_its_own_name_or_that_of_its_address() {
        let none: &[&str] = &[];
        for (name, address, taken, expect) in [
            (Some("DB-1.example.com"), "10.0.3.7", none, "db-1"),
            (Some(" Rack A1 / PDU ä "), "10.0.3.7", none, "rack-a1-pdu"),
            (
                Some("localhost.localdomain"),
                "10.0.3.7",
                none,
                "redfish-10-0-3-7",
            ),
            (Some("10.0.3.7"), "10.0.3.7", none, "redfish-10-0-3-7"),
            (Some("../../etc"), "10.0.3.7", none, "redfish-10-0-3-7"),
            (Some("-"), "10.0.3.7", none, "redfish-10-0-3-7"),
            (None, "http://10.0.3.7:8000", none, "redfish-10-0-3-7-8000"),
            (None, "[2001:db8::1]:8443", none, "redfish-2001-db8-1-8443"),
            (Some("db-1"), "10.0.3.7", &["db-1", "db-1-2"], "db-1-3"),
        ] {
            assert_eq!(of(name, address, taken), expect, "{name:?}");
        }
        let long = of(Some(&"x".repeat(400)), "10.0.3.7", &[]);
        assert!(long.len() <= NAME_MAX);
    }
}
