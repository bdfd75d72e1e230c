//! New passwords for devices.

use aws_lc_rs::{error::Unspecified, rand};
use utakata_model::target::Secret;
use zeroize::Zeroizing;

use crate::Error;

/// The number of passwords that are drawn before one has a character of each class. With eight
/// characters of each class a quarter has.
const DRAWS: usize = 10_000;

/// Draws a password of that many of these characters, each as likely as the others, with at least
/// one of each class of theirs: small letters, capital letters, digits, others.
///
/// # Errors
/// The system has no random numbers, or there are no characters.
pub fn draw_password(length: usize, characters: &str) -> Result<Secret, Error> {
    let characters = characters.as_bytes();
    for _ in 0..DRAWS {
        let drawn = draw(length, characters).map_err(|_| Error::Chance)?;
        let is_right = classes(characters) == classes(&drawn);
        if let (true, Ok(text)) = (is_right, std::str::from_utf8(&drawn)) {
            return Ok(Secret::new(text));
        }
    }
    Err(Error::Chance)
}

fn draw(length: usize, characters: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let count = u8::try_from(characters.len()).map_err(|_| Unspecified)?;
    // Beyond the last whole round of characters the first would be more likely.
    let limit = (u8::MAX - u8::MAX % count.max(1)).max(1);
    let mut drawn = Zeroizing::new(Vec::with_capacity(length));
    let mut bytes = Zeroizing::new([0; 64]);
    if count == 0 {
        return Err(Unspecified);
    }
    while drawn.len() < length {
        rand::fill(bytes.as_mut_slice())?;
        let fair = bytes.iter().filter(|byte| **byte < limit);
        let fair = fair.map(|byte| characters[usize::from(byte % count)]);
        let left = length - drawn.len();
        drawn.extend(fair.take(left));
    }
    Ok(drawn)
}

/// Returns which classes of characters occur.
fn classes(text: &[u8]) -> [bool; 4] {
    let has = |is_one: fn(&u8) -> bool| text.iter().any(is_one);
    [
        has(u8::is_ascii_lowercase),
        has(u8::is_ascii_uppercase),
        has(u8::is_ascii_digit),
        has(|byte| !byte.is_ascii_alphanumeric()),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn passwords_have_the_length_the_characters_and_the_classes_that_are_wanted() {
        let characters = "abcdefXYZ0123-";
        let mut all = BTreeSet::new();
        for _ in 0..200 {
            let drawn = draw_password(8, characters).unwrap();
            let text = drawn.reveal();
            assert_eq!(text.len(), 8);
            assert!(text.chars().all(|one| characters.contains(one)), "{text}");
            assert_eq!(classes(text.as_bytes()), [true; 4], "{text}");
            all.insert(text.to_owned());
        }
        assert_eq!(all.len(), 200);
        assert!(draw_password(8, "").is_err());
    }
}
