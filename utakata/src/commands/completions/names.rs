//! Names of targets, kinds and environments for shell completions, as the server knows them now.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Arg, Args, Command};
use tokio::time::timeout;

use crate::{
    commands::Context,
    connection::{self, Purpose},
    exit::Exit,
    global::Global,
};

/// The time limit, since somebody waits at a prompt: slower names are left out.
const TIMEOUT: Duration = Duration::from_millis(700);
const MAX_NAMES: u32 = 200;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Words after the program name, up to the one at the cursor
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// The type of things whose names are completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Targets,
    Kinds,
    Environments,
}

/// The positions of arguments that are names, from 0.
const PLACES: [(&str, usize, Names); 22] = [
    ("target show", 0, Names::Targets),
    ("target lock", 0, Names::Targets),
    ("target unlock", 0, Names::Targets),
    ("read", 0, Names::Targets),
    ("watch", 0, Names::Targets),
    ("control", 0, Names::Targets),
    ("kind show", 0, Names::Kinds),
    ("kind pin", 0, Names::Kinds),
    ("kind pin", 1, Names::Targets),
    ("kind unpin", 0, Names::Kinds),
    ("kind unpin", 1, Names::Targets),
    ("kind place", 0, Names::Kinds),
    ("kind pause", 0, Names::Kinds),
    ("kind drain", 0, Names::Kinds),
    ("kind resume", 0, Names::Kinds),
    ("worker roll", 0, Names::Kinds),
    ("environment pause", 0, Names::Environments),
    ("environment drain", 0, Names::Environments),
    ("environment resume", 0, Names::Environments),
    ("environment forget", 0, Names::Environments),
    ("environment accept", 0, Names::Environments),
    ("environment revoke", 0, Names::Environments),
];

/// The text being typed.
#[derive(Debug, Default)]
struct Typed {
    names: Option<Names>,
    /// The options that select a server.
    url: Option<String>,
    data: Option<PathBuf>,
    token_file: Option<PathBuf>,
}

/// Prints the names that could stand at the cursor, one per line. Prints nothing if there are none
/// or no answer arrives in time: the shell then offers what it knows itself.
pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let typed = typed(&arguments.words, (context.grammar)());
    let begun = arguments.words.last().map_or("", String::as_str);
    if let Some(names) = typed.names
        && let Ok(Ok(found)) = timeout(TIMEOUT, ask(names, begun, &typed, context.global)).await
    {
        let found = found.iter().filter(|name| name.starts_with(begun));
        let lines: String = found.map(|name| format!("{name}\n")).collect();
        context.output.text(&lines)?;
    }
    Ok(Exit::Done)
}

async fn ask(names: Names, begun: &str, typed: &Typed, global: &Global) -> Result<Vec<String>> {
    let mut global = global.clone();
    global.url = typed.url.clone().or(global.url);
    global.data = typed.data.clone().or(global.data);
    global.token_file = typed.token_file.clone().or(global.token_file);
    let client = connection::client(&global, Purpose::Look)?;
    Ok(match names {
        Names::Targets => {
            let found = client.targets_from(begun, MAX_NAMES).await?;
            found
                .iter()
                .map(|view| view.target.name.to_string())
                .collect()
        }
        Names::Kinds => {
            let found = client.kinds().await?;
            found.iter().map(|view| view.kind.to_string()).collect()
        }
        Names::Environments => {
            let found = client.environments().await?;
            found
                .iter()
                .map(|view| view.status.id.to_string())
                .collect()
        }
    })
}

/// Returns the kind of the last word, judged by those before it.
fn typed(words: &[String], mut root: Command) -> Typed {
    root.build();
    let mut command = &root;
    let (mut path, mut plain) = (Vec::new(), Vec::new());
    let mut typed = Typed::default();
    let mut option: Option<&Arg> = None;
    let Some((last, before)) = words.split_last() else {
        return typed;
    };
    for word in before {
        if let Some(option) = option.take() {
            typed.note(option, word);
        } else if word.starts_with('-') {
            option = option_of(command, word);
        } else if plain.is_empty()
            && let Some(inner) = command.find_subcommand(word)
        {
            command = inner;
            path.push(inner.get_name());
        } else {
            plain.push(word.as_str());
        }
    }
    typed.names = match option {
        Some(option) if option.get_id() == "kind" => Some(Names::Kinds),
        Some(_) => None,
        None if last.starts_with('-') => None,
        None => at(&path.join(" "), &plain),
    };
    typed
}

impl Typed {
    fn note(&mut self, option: &Arg, value: &str) {
        match option.get_id().as_str() {
            "url" => self.url = Some(value.to_owned()),
            "data" => self.data = std::path::absolute(value).ok(),
            "token_file" => self.token_file = std::path::absolute(value).ok(),
            _ => {}
        }
    }
}

/// Returns the option that a word is, if the next word is its value.
fn option_of<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    let is_it = |arg: &&Arg| match word.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => {
            let mut short = word.chars().skip(1);
            arg.get_short() == short.next() && short.next().is_none()
        }
    };
    let option = command.get_arguments().find(is_it)?;
    option.get_action().takes_values().then_some(option)
}

/// Returns the command that these words select.
fn at(path: &str, plain: &[&str]) -> Option<Names> {
    if let ("get" | "delete", Some(what)) = (path, plain.first()) {
        return match *what {
            "target" | "targets" => Some(Names::Targets),
            "kind" | "kinds" => Some(Names::Kinds),
            _ => None,
        };
    }
    let is_here = |(of, place, _): &&(&str, usize, Names)| *of == path && *place == plain.len();
    PLACES.iter().find(is_here).map(|(_, _, names)| *names)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn names(line: &str) -> Option<Names> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        typed(&words, crate::cli::Cli::command()).names
    }

    #[test]
    fn what_is_wanted_follows_from_the_words_before_the_cursor() {
        for (line, expect) in [
            ("target show ", Some(Names::Targets)),
            ("target show pd", Some(Names::Targets)),
            ("-o json target --color never show pd", Some(Names::Targets)),
            ("target show a ", None),
            ("target ", None),
            ("control ", Some(Names::Targets)),
            ("control pdu-1 ", None),
            ("control --why because pdu", Some(Names::Targets)),
            ("get targets ", Some(Names::Targets)),
            ("get kind x", Some(Names::Kinds)),
            ("get readings x", None),
            ("kind show ", Some(Names::Kinds)),
            ("kind pin snmp ", Some(Names::Targets)),
            ("environment pause --kind ", Some(Names::Kinds)),
            ("environment pause --why ", None),
            ("environment pause w", Some(Names::Environments)),
            ("environment pause -", None),
            ("", None),
        ] {
            assert_eq!(names(line), expect, "{line}");
        }
    }

    #[test]
    fn every_place_is_one_of_a_command_that_there_is() {
        let mut root = crate::cli::Cli::command();
        root.build();
        for (path, place, _) in PLACES {
            let mut command = &root;
            for word in path.split(' ') {
                command = command.find_subcommand(word).expect(path);
            }
            assert!(command.get_positionals().count() > place, "{path} {place}");
        }
    }

    #[test]
    fn the_server_that_was_typed_is_asked() {
        let words = ["--url", "http://x:1", "target", "show", ""].map(str::to_owned);
        let typed = typed(&words, crate::cli::Cli::command());
        assert_eq!(typed.url.as_deref(), Some("http://x:1"));
        assert_eq!(typed.names, Some(Names::Targets));
    }
}
