//! Arguments as one command. Pure.
//!
//! The protocol has one text for a command (RFC 4254, section 6.5), which the shell of the user
//! takes apart. So each argument is quoted such that a POSIX shell hands it on as it is, whatever is
//! in it; arguments of plain characters stay as they are, for hosts whose shell is another one.

use std::borrow::Cow;

use serde_json::Value as Json;
use utakata_profile::{Pattern, Template};

/// An argument of a command, with `{parameters}`.
#[derive(Debug)]
pub struct Argument(pub Template);

/// The texts that a parameter may have: each `*` stands for letters, digits and `._:-`.
#[derive(Debug)]
pub struct Allowed(pub Vec<Pattern>);

impl Allowed {
    /// Returns true if a text is one of them.
    pub fn has(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.is_match(text))
    }
}

/// Makes a command of arguments.
///
/// # Errors
/// A sentence about an argument that cannot be one.
pub fn command<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<String, String> {
    let quoted = arguments.into_iter().map(quoted);
    let all: Vec<Cow<'_, str>> = quoted.collect::<Result<_, _>>()?;
    Ok(all.join(" "))
}

/// Fills the arguments of a command with parameters. Each stays one argument.
///
/// # Errors
/// A sentence about a parameter.
pub fn fill(arguments: &[Argument], parameters: &Json) -> Result<Vec<String>, String> {
    let value = |name: &str| match parameters.get(name)? {
        Json::String(text) => Some(Cow::Borrowed(text.as_str())),
        Json::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    };
    let filled = arguments.iter().map(|argument| argument.0.fill(value));
    filled
        .collect::<Option<_>>()
        .ok_or_else(|| "a parameter is neither a text nor a number".into())
}

fn quoted(argument: &str) -> Result<Cow<'_, str>, String> {
    if argument.chars().any(char::is_control) {
        return Err("an argument has a control character in it".into());
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:=,@%+-".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(is_plain) {
        return Ok(argument.into());
    }
    Ok(format!("'{}'", argument.replace('\'', r"'\''")).into())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_hands_on_each_argument_as_it_is() {
        for argument in [
            "plain",
            "",
            "two words",
            "it's",
            "$(reboot)",
            "`reboot`",
            "a;b|c&d>e<f",
            "\\",
            "\"",
            "''",
            "-rf",
            "*?[a]{b,c}~!#",
            "umlaut ü",
        ] {
            let text = command(["printf", "%s", argument]).unwrap();
            let done = Command::new("sh").args(["-c", &text]).output().unwrap();
            assert_eq!(String::from_utf8(done.stdout).unwrap(), argument, "{text}");
        }
        assert_eq!(command(["show", "version"]).unwrap(), "show version");
        for argument in ["a\nb", "a\0", "\u{1b}[2J"] {
            assert!(command([argument]).is_err());
        }
    }
}
