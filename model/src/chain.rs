//! Errors with all their sources.

use std::error::Error;

/// Returns the messages of an error and its sources on one line. A message that already contains
/// that of its source is not repeated.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Step {
        text: &'static str,
        source: Option<Box<Step>>,
    }

    #[test]
    fn each_step_is_said_once_and_in_order() {
        let step = |text, source: Option<Step>| Step {
            text,
            source: source.map(Box::new),
        };
        let told = |error: &Step| chain(error);
        let reset = || step("reset by peer", None);
        assert_eq!(told(&reset()), "reset by peer");
        let read = step("the answer was not read", Some(reset()));
        assert_eq!(told(&read), "the answer was not read: reset by peer");
        let repeats = step("not read: reset by peer", Some(reset()));
        assert_eq!(told(&repeats), "not read: reset by peer");
    }
}
