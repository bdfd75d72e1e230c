//! Secret parameters: read from standard input or a file, because others see the arguments of a
//! command in the list of processes.

use std::{
    collections::BTreeSet,
    io::{self, BufRead as _, IsTerminal as _, Read as _},
};

use anyhow::{Context as _, Result};
use rustix::termios::{self, LocalModes, OptionalActions};
use serde_json::Value;
use utakata_model::secret;

use crate::exit::Usage;

/// The most bytes that are read of a secret.
const MAX: u64 = 64 * 1024;

/// Replaces `-` and `@FILE` of parameters that a schema declares to be secret by what is there.
///
/// # Errors
/// A secret is an argument of the command, is given twice, or cannot be read.
pub fn read(pairs: &[(String, String)], schemas: &[&Value]) -> Result<Vec<(String, String)>> {
    let names = schemas.iter().flat_map(|schema| secret::names(schema));
    let names: BTreeSet<&str> = names.collect();
    let mut is_read = false;
    let mut all = Vec::with_capacity(pairs.len());
    for (at, (key, text)) in pairs.iter().enumerate() {
        if !names.contains(key.as_str()) {
            all.push((key.clone(), text.clone()));
            continue;
        }
        if pairs[..at].iter().any(|(other, _)| other == key) {
            return Err(Usage(format!("the secret parameter \"{key}\" is given twice")).into());
        }
        let value = match (text.as_str(), text.strip_prefix('@')) {
            ("-", _) if is_read => {
                let what = "standard input has one secret: give the others as @FILE";
                return Err(Usage(what.into()).into());
            }
            ("-", _) => {
                is_read = true;
                of_input(key)?
            }
            (_, Some(path)) => of_file(key, path)?,
            _ => {
                return Err(Usage(format!(
                    "the parameter \"{key}\" is secret, and others see the arguments of a command: \
                     give it by standard input (-p {key}=-) or from a file (-p {key}=@FILE)"
                ))
                .into());
            }
        };
        all.push((key.clone(), value));
    }
    Ok(all)
}

fn of_file(key: &str, path: &str) -> Result<String> {
    let cannot = || format!("cannot read the parameter \"{key}\" from {path}");
    let file = std::fs::File::open(path).with_context(cannot)?;
    let mut text = String::new();
    file.take(MAX)
        .read_to_string(&mut text)
        .with_context(cannot)?;
    Ok(line(text))
}

fn of_input(key: &str) -> Result<String> {
    let cannot = || format!("cannot read the parameter \"{key}\" from standard input");
    let input = io::stdin();
    let mut text = String::new();
    if !input.is_terminal() {
        let mut input = input.lock().take(MAX);
        input.read_to_string(&mut text).with_context(cannot)?;
        return Ok(line(text));
    }
    tell!("{key} (it is not shown):");
    let before = termios::tcgetattr(&input).with_context(cannot)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    termios::tcsetattr(&input, OptionalActions::Flush, &quiet).with_context(cannot)?;
    let read = input.lock().read_line(&mut text);
    let _ = termios::tcsetattr(&input, OptionalActions::Flush, &before);
    read.with_context(cannot)?;
    Ok(line(text))
}

/// Returns a text without the end of its last line, which editors and `echo` add.
fn line(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    fn pair(key: &str, text: &str) -> (String, String) {
        (key.to_owned(), text.to_owned())
    }

    #[test]
    fn a_secret_is_no_argument_of_a_command() {
        let schema = json!({ "properties": {
            "password": { "type": "string", "writeOnly": true }, "user": { "type": "string" },
        } });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "two words\n").unwrap();
        let from = format!("@{}", path.display());
        let given = [pair("user", "@root"), pair("password", &from)];
        let read = super::read(&given, &[&schema]).unwrap();
        assert_eq!(read, [pair("user", "@root"), pair("password", "two words")]);
        let told =
            |given: &[(String, String)]| super::read(given, &[&schema]).unwrap_err().to_string();
        let refused = told(&[pair("password", "hunter2")]);
        assert!(refused.contains("-p password=-"), "{refused}");
        let twice = told(&[pair("password", &from), pair("password", "hunter2")]);
        assert!(twice.contains("twice"), "{twice}");
        for refused in [refused, twice] {
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        let gone = told(&[pair("password", "@/nowhere")]);
        assert!(gone.contains("/nowhere"), "{gone}");
    }
}
