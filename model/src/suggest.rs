//! The nearest known word, for messages about unknown ones.

/// A shorter part of a word, such as `max`, says too little by itself.
const MIN_PART: usize = 4;

/// Returns the known word nearest to `unknown`, if one is near enough to be what was meant.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(unknown, word), word))
        .filter(|(distance, word)| *distance <= slips(word, unknown))
        .min()
        .map(|(_, word)| word)
}

/// The number of letters that may differ.
fn slips(one: &str, other: &str) -> usize {
    1 + one.len().min(other.len()) / 3
}

/// Returns the only known word that shares at least half of its parts with `unknown`, and more of them
/// than any other, in whatever order they are: `max_workers` for `workers_most`.
fn of_same_parts<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let shared: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|word| Some((shared_parts(unknown, word)?, word)))
        .collect();
    let most = shared.iter().map(|(parts, _)| *parts).max()?;
    let mut best = shared.iter().filter(|(parts, _)| *parts == most);
    let (_, word) = best.next()?;
    best.next().is_none().then_some(*word)
}

/// Returns the number of parts that two words share, if it is at least half of them and a long one is
/// among them.
fn shared_parts(one: &str, other: &str) -> Option<usize> {
    let (one, other) = (parts(one), parts(other));
    let is_shared = |part: &&str| other.iter().any(|theirs| is_same_part(part, theirs));
    let shared: Vec<&str> = one.iter().copied().filter(is_shared).collect();
    let has_long = shared.iter().any(|part| part.len() >= MIN_PART);
    let is_enough = has_long && shared.len() * 4 >= one.len() + other.len();
    is_enough.then_some(shared.len())
}

fn is_same_part(one: &str, other: &str) -> bool {
    let is_long = one.len().min(other.len()) > MIN_PART;
    one == other || (is_long && strsim::damerau_levenshtein(one, other) <= 1)
}

fn parts(word: &str) -> Vec<&str> {
    let parts = word.split(|letter: char| !letter.is_alphanumeric());
    parts.filter(|part| !part.is_empty()).collect()
}

/// Returns `did you mean "…"?`, or the known words if none is near.
pub fn hint<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let word = nearest(unknown, known.clone()).or_else(|| of_same_parts(unknown, known.clone()));
    if let Some(word) = word {
        return format!("did you mean \"{word}\"?");
    }
    let words: Vec<&str> = known.into_iter().collect();
    match words.as_slice() {
        [] => "none is known".into(),
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
        assert_eq!(super::hint("zzz", []), "none is known");
    }

    #[test]
    fn a_key_that_was_renamed_finds_its_new_name_by_their_common_parts() {
        let known = [
            "max_workers",
            "max_file",
            "max_release",
            "idle_after",
            "idle",
        ];
        for (unknown, expect) in [
            ("workers_most", Some("max_workers")),
            ("worker_most", Some("max_workers")),
            ("release_most", Some("max_release")),
            ("file-most", Some("max_file")),
            ("most", None),
            ("max_else", None),
            ("at_most_ten_workers", None),
        ] {
            assert_eq!(super::of_same_parts(unknown, known), expect, "{unknown}");
        }
        // It could be either.
        let both = ["max_workers", "min_workers"];
        assert_eq!(super::of_same_parts("workers_most", both), None);
        assert_eq!(
            super::of_same_parts("workers_max", both),
            Some("max_workers")
        );
        let told = "did you mean \"max_workers\"?";
        assert_eq!(super::hint("workers_most", known), told);
    }
}
