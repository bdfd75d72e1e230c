//! Numbers in texts: "23.5", "23.5 C", "25 C (77.00 F)", "6.582 mA: Normal".

use regex::Regex;

use crate::convert::{self, Spelling};

/// The position of a number in a text.
#[derive(Debug, Clone, Default)]
pub enum Find {
    /// The text is the number. A unit behind it is tolerated and makes the reading suspect.
    #[default]
    Whole,
    /// The first number in the text.
    First,
    /// The first number, in the unit that follows it.
    Unit,
    /// The group of a pattern.
    Pattern(Regex),
}

/// A number found in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FoundNumber {
    /// The number, in the unit written behind it.
    pub number: f64,
    /// The unit written behind it, if it counts.
    pub spelling: Option<Spelling>,
    /// `true` if it was found although no profile declares it.
    pub is_doubtful: bool,
}

/// A number at the beginning of a text, and the rest of the text.
struct Leading<'a> {
    number: f64,
    /// `true` if its decimal separator was a comma.
    has_comma: bool,
    rest: &'a str,
}

impl Find {
    /// Parses `"first"`, `"unit"` or a pattern with one group. what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "first" => return Ok(Self::First),
            "unit" => return Ok(Self::Unit),
            _ => {}
        }
        if !text.contains('(') {
            let hint = utakata_model::suggest::hint(text, ["first", "unit"]);
            return Err(format!(
                "a number is not found by \"{text}\": {hint} Or a pattern with one group, as in \
                 'Output: ([0-9.]+) V'"
            ));
        }
        let pattern = Regex::new(text).map_err(|error| pattern_problem(text, &error))?;
        match pattern.captures_len() {
            2 => Ok(Self::Pattern(pattern)),
            groups => Err(format!(
                "the pattern \"{text}\" must have one group, around the number: it has {}",
                groups - 1
            )),
        }
    }

    /// Finds the number in a text, for a metric of this unit.
    pub fn in_text(&self, text: &str, unit: &str) -> Option<FoundNumber> {
        let plain = |number| FoundNumber {
            number,
            spelling: None,
            is_doubtful: false,
        };
        match self {
            Self::Whole => {
                let leading = leading(text.trim())?;
                let is_doubtful = leading.has_comma || !leading.rest.is_empty();
                let spelling = match leading.rest {
                    "" => None,
                    rest => Some(convert::spelling(rest, unit)?),
                };
                Some(FoundNumber {
                    number: leading.number,
                    spelling,
                    is_doubtful,
                })
            }
            Self::First => first(text).map(|found| plain(found.number)),
            Self::Unit => {
                let found = first(text)?;
                let spelling = convert::leading_spelling(found.rest, unit)?;
                Some(FoundNumber {
                    spelling: Some(spelling),
                    ..plain(found.number)
                })
            }
            Self::Pattern(pattern) => {
                let group = pattern.captures(text)?.get(1)?.as_str().trim();
                let found = leading(group).filter(|found| found.rest.is_empty())?;
                Some(plain(found.number))
            }
        }
    }
}

/// Describes the mistake in a pattern, in one line.
pub fn pattern_problem(text: &str, error: &regex::Error) -> String {
    let problem = error.to_string();
    let last = problem.lines().last().unwrap_or_default();
    let last = last.trim_start_matches("error: ");
    format!("\"{text}\" is not a regular expression: {last}")
}

/// Returns the number that a text consists of: digits with a sign, a point and an exponent, and
/// nothing else.
pub fn plain(text: &str) -> Option<f64> {
    let found = leading(text.trim())?;
    (found.rest.is_empty() && !found.has_comma).then_some(found.number)
}

/// Finds the first number that stands alone or before a unit. Part of a word (`Fan1`), a date, a
/// time or an address is not a number; in a text with an ambiguous comma (`1,234`) there is none.
fn first(text: &str) -> Option<Leading<'_>> {
    let mut before = ' ';
    let mut starts = text.char_indices();
    let start = loop {
        let (at, c) = starts.next()?;
        let rest = text.get(at..)?;
        let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        let begins = digits
            .strip_prefix('.')
            .unwrap_or(digits)
            .starts_with(|c: char| c.is_ascii_digit());
        if begins && !before.is_alphanumeric() && before != '.' {
            break rest;
        }
        before = c;
    };
    let found = leading(start)?;
    let mut rest = found.rest.chars();
    let is_joined = matches!(rest.next(), Some('/' | ':' | '.' | ',' | '-'))
        && rest.next().is_some_and(|c| c.is_ascii_digit());
    (!is_joined).then_some(found)
}

/// Reads the number at the beginning of a text and the white space behind it.
fn leading(text: &str) -> Option<Leading<'_>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, rest) = digits(unsigned);
    let (fraction, has_comma, rest) = match rest.strip_prefix(['.', ',']).map(digits) {
        Some((fraction, after)) if !(whole.is_empty() && fraction.is_empty()) => {
            let has_comma = rest.starts_with(',');
            // "1,234" is a thousand to one reader and little more than one to another.
            if has_comma && (matches!(fraction.len(), 0 | 3) || after.starts_with(',')) {
                return None;
            }
            (fraction, has_comma, after)
        }
        _ => ("", false, rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (exponent, rest) = exponent(rest);
    if whole == "0" && fraction.is_empty() && rest.starts_with(['x', 'X']) {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let number: f64 = format!("{sign}{whole}.{fraction}0{exponent}")
        .parse()
        .ok()?;
    number.is_finite().then_some(Leading {
        number,
        has_comma,
        rest: rest.trim_start(),
    })
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// Reads an exponent: `e` and digits, unless a word continues behind them.
fn exponent(text: &str) -> (&str, &str) {
    let Some(after) = text.strip_prefix(['e', 'E']) else {
        return ("", text);
    };
    let (power, rest) = digits(after.strip_prefix(['+', '-']).unwrap_or(after));
    if power.is_empty() || rest.starts_with(|c: char| c.is_alphanumeric()) {
        return ("", text);
    }
    text.split_at(text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_is_a_number_as_a_whole_is_plain() {
        for (text, expect) in [
            ("23.5", Some(23.5)),
            (" 24.1\n", Some(24.1)),
            ("+25.0", Some(25.0)),
            ("-3", Some(-3.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e3", Some(1000.0)),
            ("1E-2", Some(0.01)),
            ("23.5 C", None),
            ("25,5", None),
            ("0x1a", None),
            ("nan", None),
            ("inf", None),
            ("infinity", None),
            ("1e999", None),
            ("--", None),
            ("-", None),
            (".", None),
            ("", None),
            ("N/A", None),
            ("1.2.3", None),
        ] {
            assert_eq!(plain(text), expect, "{text:?}");
        }
    }

    #[test]
    fn a_number_is_found_in_a_text_as_the_profile_says() {
        let find = |text| Find::parse(text).unwrap();
        for (how, text, expect) in [
            (find("first"), "25 C (77.00 F)", Some(25.0)),
            (find("first"), "6.582 mA: Normal", Some(6.582)),
            (find("first"), "Capacitor Charge-Ctlr B: 98%", Some(98.0)),
            (find("first"), "Fan1: 3200 rpm", Some(3200.0)),
            (find("first"), "12,5 V", Some(12.5)),
            (find("first"), "1,234 W", None),
            (find("first"), "-5C", Some(-5.0)),
            (find("first"), "03/04/2026", None),
            (find("first"), "12:30", None),
            (find("first"), "10.0.0.1", None),
            (find("first"), "2026-04-03", None),
            (find("first"), "0x1a", None),
            (find("first"), "Normal", None),
            (find("F\\) ([0-9.]+) V"), "77 F) 12.1 V", Some(12.1)),
            (find("at (.*)"), "at night", None),
        ] {
            let found = how.in_text(text, "Cel").map(|found| found.number);
            assert_eq!(found, expect, "{how:?} {text:?}");
        }
    }

    #[test]
    fn how_a_number_is_found_is_reported_when_it_is_wrong() {
        for (text, part) in [
            ("frist", "did you mean \"first\"?"), // typos: on purpose
            ("([0-9]+) of ([0-9]+)", "it has 2"),
            ("([0-9", "not a regular expression"),
        ] {
            let error = Find::parse(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_number_that_was_printed_is_found(number in -1.0e9..1.0e9, digits in 0_usize..6, before in "([A-Za-z ]{0,8}: ?)?", after in "( ?[A-Za-z%°]{1,4}( \\(.*\\))?)?") {
            prop_assume!(!after.trim_start().to_lowercase().starts_with(['e', 'x']));
            let printed = format!("{number:.digits$}");
            let expect: f64 = printed.parse().unwrap();
            prop_assert_eq!(plain(&printed), Some(expect));
            let text = format!("{before}{printed}{after}");
            let found = Find::First.in_text(&text, "V").map(|found| found.number);
            prop_assert_eq!(found, Some(expect), "{}", text);
        }

        #[test]
        fn any_text_has_a_number_or_none_and_that_is_finite(text in ".{0,30}") {
            for find in [Find::Whole, Find::First, Find::Unit] {
                if let Some(found) = find.in_text(&text, "Cel") {
                    prop_assert!(found.number.is_finite());
                }
            }
        }
    }
}
