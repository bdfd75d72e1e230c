//! Names derived from the names of objects. Pure.

/// The words of a name: the same for `acmeTempValue` and `ACME-TEMP` style.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            words.extend(taken(&mut word));
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let begins = letter.is_ascii_uppercase()
            && (before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit())
                // The last of several capitals belongs to the word that follows: PDUOutlet.
                || (before.is_some_and(char::is_ascii_uppercase)
                    && after.is_some_and(char::is_ascii_lowercase)));
        if begins {
            words.extend(taken(&mut word));
        }
        word.push(letter.to_ascii_lowercase());
    }
    words.extend(taken(&mut word));
    words
}

fn taken(word: &mut String) -> Option<String> {
    (!word.is_empty()).then(|| std::mem::take(word))
}

/// The words joined with underscores.
pub fn snake(name: &str) -> String {
    words(name).join("_")
}

/// The name of an object without the prefix common to its module.
pub fn short(name: &str, common: usize) -> String {
    let words = words(name);
    let rest = words.get(common..).filter(|rest| !rest.is_empty());
    rest.unwrap_or(&words).join("_")
}

/// Returns the number of leading words shared by several names.
pub fn common<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    let all: Vec<Vec<String>> = names.map(words).collect();
    let Some((first, rest)) = all.split_first() else {
        return 0;
    };
    let same = |other: &Vec<String>| {
        let both = first.iter().zip(other);
        both.take_while(|(one, other)| one == other).count()
    };
    match rest {
        [] => 0,
        rest => rest.iter().map(same).min().unwrap_or(0),
    }
}

/// Returns the prefix of a module's metrics that have no other name: `acme_pdu`.
pub fn prefix(module: &str) -> String {
    let mut words = words(module);
    words.retain(|word| word != "mib" && word != "smi");
    let first = words
        .first()
        .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    match (words.is_empty(), first) {
        (true, _) => "device".into(),
        (false, true) => format!("mib_{}", words.join("_")),
        (false, false) => words.join("_"),
    }
}

/// Returns the subject of a table as a value of `hw.type`, and whether that is one of our standard
/// values.
pub fn hardware(name: &str, common: usize) -> (String, bool) {
    const TYPES: [(&str, &str); 22] = [
        ("outlet", "outlet"),
        ("receptacle", "outlet"),
        ("fan", "fan"),
        ("blower", "fan"),
        ("cooling", "cooling"),
        ("batt", "battery"),
        ("psu", "power_supply"),
        ("supply", "power_supply"),
        ("supplies", "power_supply"),
        ("temp", "temperature"),
        ("thermal", "temperature"),
        ("humid", "humidity"),
        ("disk", "physical_disk"),
        ("drive", "physical_disk"),
        ("raid", "logical_disk"),
        ("memory", "memory"),
        ("dimm", "memory"),
        ("cpu", "cpu"),
        ("processor", "cpu"),
        ("breaker", "breaker"),
        ("port", "network"),
        ("sensor", "sensor"),
    ];
    let words = words(name);
    let has = |part: &str| words.iter().any(|word| word.starts_with(part));
    match TYPES.iter().find(|(part, _)| has(part)) {
        Some((_, kind)) => ((*kind).into(), true),
        None => {
            let short = short(name, common);
            let short = short.strip_suffix("_table").unwrap_or(&short);
            (short.into(), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        let check = |name: &str, expect: &str| assert_eq!(snake(name), expect, "{name}");
        check("acmeTempValue", "acme_temp_value");
        check("rPDUOutletStatus", "r_pdu_outlet_status");
        check("ups3PhaseInput", "ups3_phase_input");
        check("ACME-PDU-MIB", "acme_pdu_mib");
        check("notPresent", "not_present");
        check("ipAddressTLS", "ip_address_tls");
        let names = ["acmeTempValue", "acmeTempStatus", "acmeFanSpeed"];
        assert_eq!(common(names.into_iter()), 1);
        assert_eq!(short("acmeFanSpeed", 1), "fan_speed");
        assert_eq!(short("acme", 1), "acme");
        assert_eq!(prefix("ACME-PDU-MIB"), "acme_pdu");
        assert_eq!(hardware("acmeFanTable", 1), ("fan".into(), true));
        assert_eq!(hardware("acmeDoorTable", 1), ("door".into(), false));
    }
}
