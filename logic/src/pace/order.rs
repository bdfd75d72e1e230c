//! The order in which the tasks of an operation begin.

use std::cmp::Ordering;

use utakata_model::{Pace, Target};

/// Sorts targets as a pace requires: by the value of its label, those without it last; then by
/// name. Numbers in texts count as numbers.
pub fn sort<T>(pace: &Pace, items: &mut [T], target: impl Fn(&T) -> &Target) {
    items.sort_by(|one, other| compare(pace, target(one), target(other)));
}

fn compare(pace: &Pace, one: &Target, other: &Target) -> Ordering {
    let key = pace.order_by.as_deref();
    let value = |target| key.and_then(|key| Target::value(target, key));
    let by_value = match (value(one), value(other)) {
        (Some(one), Some(other)) => natural(one, other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    by_value
        .then_with(|| natural(one.name.as_str(), other.name.as_str()))
        .then_with(|| one.name.cmp(&other.name))
}

/// Compares so that `u9` precedes `u10`. Texts that differ only in leading zeros are equal.
fn natural(one: &str, other: &str) -> Ordering {
    // Names of targets mostly begin in the same way.
    let alike = alike(one, other);
    let (mut one, mut other) = (&one[alike..], &other[alike..]);
    loop {
        match (token(&mut one), token(&mut other)) {
            (None, None) => return Ordering::Equal,
            (left, right) => match left.cmp(&right) {
                Ordering::Equal => {}
                decided => return decided,
            },
        }
    }
}

/// Returns the number of equal bytes at the beginning, up to the number or the character in which
/// the texts differ.
fn alike(one: &str, other: &str) -> usize {
    let bytes = one.bytes().zip(other.bytes());
    let mut alike = bytes.take_while(|(one, other)| one == other).count();
    let digits = one.as_bytes()[..alike].iter().rev();
    alike -= digits.take_while(|byte| byte.is_ascii_digit()).count();
    while !(one.is_char_boundary(alike) && other.is_char_boundary(alike)) {
        alike -= 1;
    }
    alike
}

/// A character or a number: its order among characters, its length, its digits. No character lies
/// between `0` and `9`, so that all numbers have the same order.
type Token<'a> = (char, usize, &'a str);

fn token<'a>(text: &mut &'a str) -> Option<Token<'a>> {
    let first = text.chars().next()?;
    if !first.is_ascii_digit() {
        *text = &text[first.len_utf8()..];
        return Some((first, 0, ""));
    }
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    *text = rest;
    let digits = digits.trim_start_matches('0');
    Some(('0', digits.len(), digits))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use utakata_model::{Kind, TargetName};

    use super::*;

    fn target(name: &str, u: Option<&str>) -> Target {
        let kind = Kind::new("pdu").unwrap();
        let mut target = Target::new(TargetName::new(name).unwrap(), kind, "x".into());
        if let Some(u) = u {
            target.labels.insert("u".into(), u.into());
        }
        target
    }

    #[test]
    fn numbers_in_texts_count_as_numbers() {
        for (one, other, expect) in [
            ("u9", "u10", Ordering::Less),
            ("u09", "u9", Ordering::Equal),
            ("0", "", Ordering::Greater),
            ("A2-10", "A2-9", Ordering::Greater),
            ("A10", "B1", Ordering::Less),
            (
                "99999999999999999999999",
                "100000000000000000000000",
                Ordering::Less,
            ),
            ("u1", "u", Ordering::Greater),
            ("/", "1", Ordering::Less),
            ("pdu-a1-10", "pdu-a1-9", Ordering::Greater),
            ("a10b2", "a010b10", Ordering::Less),
            ("aé", "aè", Ordering::Greater),
            ("12", "123", Ordering::Less),
            (":", "1", Ordering::Greater),
        ] {
            assert_eq!(natural(one, other), expect, "{one} {other}");
        }
    }

    #[test]
    fn tasks_go_by_label_then_by_name_and_those_without_it_last() {
        let pace = Pace {
            order_by: Some("u".into()),
            ..Pace::default()
        };
        let mut targets = [
            target("z", None),
            target("pdu-10", Some("7")),
            target("pdu-9", Some("7")),
            target("b", Some("10")),
            target("a", Some("10")),
            target("c", None),
        ];
        sort(&pace, &mut targets, |target| target);
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, ["pdu-9", "pdu-10", "a", "b", "c", "z"]);
        sort(&Pace::default(), &mut targets, |target| target);
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "pdu-9", "pdu-10", "z"]);
    }

    proptest! {
        #[test]
        fn the_order_is_one(texts in prop::collection::vec("[a0-9/:é]{0,6}", 3)) {
            let (one, two, three) = (&texts[0], &texts[1], &texts[2]);
            prop_assert_eq!(natural(one, two), natural(two, one).reverse());
            if natural(one, two).is_le() && natural(two, three).is_le() {
                prop_assert!(natural(one, three).is_le());
            }
        }
    }
}
