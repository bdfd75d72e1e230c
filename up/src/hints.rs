//! The errors of the parser of TOML, in our words.

use utakata_model::{reword, suggest};

/// Rewords a message of serde about a configuration, whose fields are keys.
pub fn plain(message: &str) -> String {
    unknown_key(message).unwrap_or_else(|| reword::message(message))
}

/// Appends the nearest known word to serde's "unknown field `x`, expected one of `a`, `b`".
fn unknown_key(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unknown field `")?;
    let (unknown, rest) = rest.split_once('`')?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let hint = suggest::hint(unknown, known.iter().copied());
    Some(format!("there is no key \"{unknown}\": {hint}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_unknown_key_gets_its_nearest_known_word() {
        for (message, expect) in [
            (
                "unknown field `lisen`, expected `listen` or `limit`",
                "there is no key \"lisen\": did you mean \"listen\"?",
            ),
            (
                "unknown field `x`, expected one of `alpha`, `beta`, `gamma`",
                "there is no key \"x\": known are: alpha, beta, gamma",
            ),
            (
                "unknown variant `podman`, expected `docker` or `kubernetes`",
                "unknown word \"podman\": known are: docker, kubernetes",
            ),
        ] {
            assert_eq!(super::plain(message), expect);
        }
    }
}
