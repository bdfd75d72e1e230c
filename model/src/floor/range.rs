//! Lists of racks, in which `A01..A20` stands for all between.

use serde::{Deserialize, Deserializer, de::Error};

use super::check::MAX_RACKS;

const BETWEEN: &str = "..";

/// Reads the names of racks, and writes out those that a range stands for.
pub(super) fn racks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let written = Vec::<String>::deserialize(from)?;
    let mut racks = Vec::new();
    for one in written {
        match one.split_once(BETWEEN) {
            None => racks.push(one),
            Some((first, last)) => {
                racks.extend(between(first, last).map_err(|reason| {
                    D::Error::custom(format!("\"{one}\" is no range of racks: {reason}"))
                })?);
            }
        }
    }
    Ok(racks)
}

fn between(first: &str, last: &str) -> Result<impl Iterator<Item = String>, String> {
    const EXAMPLE: &str = "write it as in A01..A20";
    let (letters, from) = parted(first);
    let (other, to) = parted(last);
    if letters != other {
        return Err(format!(
            "its ends begin with \"{letters}\" and \"{other}\": {EXAMPLE}"
        ));
    }
    let number = |text: &str| text.parse::<usize>().map_err(|_| EXAMPLE.to_owned());
    let width = from.len();
    let (from, to) = (number(from)?, number(to)?);
    if to < from {
        return Err(format!("it ends before it begins: {EXAMPLE}"));
    }
    if to - from >= MAX_RACKS {
        return Err(format!("it has more than {MAX_RACKS} racks"));
    }
    let letters = letters.to_owned();
    Ok((from..=to).map(move |number| format!("{letters}{number:0width$}")))
}

/// Returns what is before the number at the end of a name, and that number.
fn parted(name: &str) -> (&str, &str) {
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.split_at(letters.len())
}
