//! The natural order of names: `pdu-2` before `pdu-10`. Pure.

use std::cmp::Ordering;

/// Compares texts part by part, numbers by their value.
pub fn compare(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    while !left.is_empty() && !right.is_empty() {
        let (part, rest) = split(left);
        let (other_part, other_rest) = split(right);
        match compare_parts(part, other_part) {
            Ordering::Equal => {}
            different => return different,
        }
        (left, right) = (rest, other_rest);
    }
    left.len()
        .cmp(&right.len())
        // "01" and "1" have the same value, and still are two names.
        .then_with(|| one.cmp(other))
}

/// Splits off the leading digits of a text, or everything before its first digit.
fn split(text: &str) -> (&str, &str) {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != is_number);
    text.split_at(end.unwrap_or(text.len()))
}

fn compare_parts(one: &str, other: &str) -> Ordering {
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if !(is_number(one) && is_number(other)) {
        return one.cmp(other);
    }
    // Without leading zeros, the longer number is the greater one, whatever its length.
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn numbers_within_names_count_by_their_worth() {
        for sorted in [
            &["outlet=1", "outlet=2", "outlet=10"][..],
            &["pdu-a1-a", "pdu-a1-b", "pdu-a2-a", "pdu-a10-a"],
            &["Outlet 2", "Outlet 10", "outlet 1"],
            &["", "01", "1", "2", "a", "a1", "a1b", "a2"],
            &["10.0.0.9", "10.0.0.10", "10.0.1.1"],
            &["9", "18446744073709551616", "18446744073709551617"],
            &["ä2", "ä10"],
        ] {
            let mut names: Vec<&str> = sorted.to_vec();
            names.reverse();
            names.sort_by(|one, other| compare(one, other));
            assert_eq!(names, sorted);
        }
    }
}
