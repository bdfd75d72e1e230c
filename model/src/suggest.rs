//! The nearest known word, for messages about unknown ones.

/// Returns the known word nearest to `unknown`, if one is near enough to be what was meant.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(unknown, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.len().min(unknown.len()) / 3)
        .min()
        .map(|(_, word)| word)
}

/// Returns `did you mean "…"?`, or the known words if none is near.
pub fn hint<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(word) = nearest(unknown, known.clone()) {
        return format!("did you mean \"{word}\"?");
    }
    let words: Vec<&str> = known.into_iter().collect();
    match words.as_slice() {
        [] => "there is none".into(),
        words => format!("known are: {}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_slip_of_the_finger_finds_its_word_and_nonsense_does_not() {
        let known = ["interval", "selector", "action"];
        assert_eq!(super::nearest("intervall", known), Some("interval"));
        assert_eq!(super::nearest("slector", known), Some("selector"));
        assert_eq!(super::nearest("zzz", known), None);
        assert_eq!(
            super::hint("zzz", known),
            "known are: interval, selector, action"
        );
    }
}
