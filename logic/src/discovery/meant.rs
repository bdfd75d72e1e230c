//! The kind that was probably meant by a word where an address belongs. Pure.

use utakata_model::suggest;

/// Returns what is wrong with a word that is no address, if it is a kind or nearly one. `able` are the
/// kinds that can be discovered, `others` those that cannot.
pub fn kind(word: &str, able: &[&str], others: &[&str]) -> Option<String> {
    let mut letters = word.chars();
    let is_word = letters.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !is_word {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let asked = |kind: &str| format!("did you mean `utakata discover ADDRESSES --kind {kind}`?");
    if able.contains(&word.as_str()) {
        return Some(format!("a kind, and no address: {}", asked(&word)));
    }
    if others.contains(&word.as_str()) {
        let able = able.join(", ");
        let problem =
            format!("a kind that cannot be discovered, and no address: known are: {able}");
        return Some(problem);
    }
    // A word with a number in it is rather the name of a host.
    if word.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let near = suggest::nearest(&word, able.iter().copied())?;
    Some(format!("no IP address: {}", asked(near)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_in_the_place_of_an_address_is_seen() {
        for (word, expect) in [
            (
                "redfish",
                Some(
                    "a kind, and no address: did you mean `utakata discover ADDRESSES --kind redfish`?",
                ),
            ),
            (
                "Redfsh",
                Some("no IP address: did you mean `utakata discover ADDRESSES --kind redfish`?"),
            ),
            (
                "ssh",
                Some("a kind that cannot be discovered, and no address: known are: redfish, ipmi"),
            ),
            ("gateway", None),
            ("ipmi-1", None),
            ("10.0.3.x", None),
            ("redfish/24", None),
        ] {
            let found = kind(word, &["redfish", "ipmi"], &["ssh"]);
            assert_eq!(found.as_deref(), expect, "{word}");
        }
    }
}
