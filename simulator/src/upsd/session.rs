//! The answers to one client, line by line (RFC 9271). Clock and delays are outside.

use std::sync::Arc;

use super::told::COMMANDS;
use super::{PASSWORD, Told, USER, Upsd};

/// The state of one client.
#[derive(Debug, Default)]
pub struct Session {
    user: Option<String>,
    password: Option<String>,
    is_tracking: bool,
    /// The commands that are tracked: the number of each is its identifier.
    tracked: u32,
}

/// An answer: whole lines.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Lines(String),
    /// The last one: the connection ends.
    Goodbye,
}

impl Session {
    /// Answers the words of a line.
    pub fn answer(&mut self, upsd: &Upsd, words: &[&str]) -> Answer {
        let answered = match words {
            ["LOGOUT"] => return Answer::Goodbye,
            ["VER"] => Ok("Network UPS Tools upsd 2.8.0 - simulated".to_owned()),
            ["NETVER" | "PROTVER"] => Ok("1.3".to_owned()),
            ["USERNAME", user] => once(&mut self.user, user, "ALREADY-SET-USERNAME"),
            ["PASSWORD", password] => once(&mut self.password, password, "ALREADY-SET-PASSWORD"),
            ["LOGIN", ups] => self.attach(upsd, ups),
            ["LIST", "UPS"] => Ok(list("UPS", upsd.upses().iter().map(described))),
            ["LIST", what, ups] => of_list(upsd, what, ups),
            ["GET", "TRACKING"] => Ok(if self.is_tracking { "ON" } else { "OFF" }.to_owned()),
            ["GET", "TRACKING", id] => self.result(id),
            ["GET", what, ups, name @ ..] => get(upsd, what, ups, name),
            ["SET", "TRACKING", on @ ("ON" | "OFF")] => {
                self.is_tracking = *on == "ON";
                Ok("OK".to_owned())
            }
            ["SET", "VAR", ups, name, _] => find(upsd, ups).and_then(|ups| {
                let variables = ups.variables().ok_or("DATA-STALE")?;
                Err(match variables.get(name) {
                    Some(_) => "READONLY",
                    None => "VAR-NOT-SUPPORTED",
                })
            }),
            ["INSTCMD", ups, name, ..] => self.command(upsd, ups, name),
            [
                "LIST" | "GET" | "SET" | "INSTCMD" | "USERNAME" | "PASSWORD" | "LOGIN",
                ..,
            ] => Err("INVALID-ARGUMENT"),
            _ => Err("UNKNOWN-COMMAND"),
        };
        Answer::Lines(match answered {
            Ok(text) => format!("{text}\n"),
            Err(code) => format!("ERR {code}\n"),
        })
    }

    /// Refuses whoever may not give commands.
    fn check(&self, upsd: &Upsd) -> Result<(), &'static str> {
        let checked = match (self.user.as_deref(), self.password.as_deref()) {
            (None, _) => Err("USERNAME-REQUIRED"),
            (_, None) => Err("PASSWORD-REQUIRED"),
            (Some(USER), Some(PASSWORD)) => Ok(()),
            _ => Err("ACCESS-DENIED"),
        };
        if checked.is_err() {
            upsd.state.lock().counts.denied += 1;
        }
        checked
    }

    fn attach(&self, upsd: &Upsd, ups: &str) -> Result<String, &'static str> {
        self.check(upsd)?;
        find(upsd, ups)?;
        upsd.state.lock().counts.attached += 1;
        Ok("OK".to_owned())
    }

    fn command(&mut self, upsd: &Upsd, ups: &str, name: &str) -> Result<String, &'static str> {
        self.check(upsd)?;
        if !find(upsd, ups)?.command(name) {
            return Err("CMD-NOT-SUPPORTED");
        }
        if !self.is_tracking {
            return Ok("OK".to_owned());
        }
        self.tracked += 1;
        Ok(format!("OK TRACKING {}", tracked(self.tracked)))
    }

    /// The result of a tracked command: each is done at once, or said to be.
    fn result(&self, id: &str) -> Result<String, &'static str> {
        match (1..=self.tracked).any(|number| tracked(number) == id) {
            true => Ok("SUCCESS".to_owned()),
            false => Err("UNKNOWN"),
        }
    }
}

fn tracked(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn once(
    known: &mut Option<String>,
    text: &str,
    twice: &'static str,
) -> Result<String, &'static str> {
    match known {
        Some(_) => Err(twice),
        None => {
            *known = Some(text.to_owned());
            Ok("OK".to_owned())
        }
    }
}

fn find<'a>(upsd: &'a Upsd, name: &str) -> Result<&'a Arc<Told>, &'static str> {
    upsd.ups(name).ok_or("UNKNOWN-UPS")
}

fn described(ups: &Arc<Told>) -> String {
    format!("UPS {} \"UPS of the room\"", ups.of())
}

/// A list between its first and its last line.
fn list(of: &str, lines: impl Iterator<Item = String>) -> String {
    let begin = format!("BEGIN LIST {of}");
    let end = format!("END LIST {of}");
    let all: Vec<String> = [begin].into_iter().chain(lines).chain([end]).collect();
    all.join("\n")
}

fn of_list(upsd: &Upsd, what: &str, name: &str) -> Result<String, &'static str> {
    let ups = find(upsd, name)?;
    let of = format!("{what} {name}");
    match what {
        "VAR" => {
            let variables = ups.variables().ok_or("DATA-STALE")?;
            let lines = variables.iter();
            let lines = lines.map(|(key, value)| format!("VAR {name} {key} \"{value}\""));
            Ok(list(&of, lines))
        }
        "CMD" => {
            let lines = COMMANDS.iter().map(|(key, _)| format!("CMD {name} {key}"));
            Ok(list(&of, lines))
        }
        "RW" | "CLIENT" => Ok(list(&of, std::iter::empty())),
        _ => Err("INVALID-ARGUMENT"),
    }
}

fn get(upsd: &Upsd, what: &str, name: &str, key: &[&str]) -> Result<String, &'static str> {
    let ups = find(upsd, name)?;
    match (what, key) {
        ("VAR", [key]) => {
            let variables = ups.variables().ok_or("DATA-STALE")?;
            let value = variables.get(key).ok_or("VAR-NOT-SUPPORTED")?;
            Ok(format!("VAR {name} {key} \"{value}\""))
        }
        ("UPSDESC", []) => Ok(format!("UPSDESC {name} \"UPS of the room\"")),
        ("NUMLOGINS", []) => Ok(format!("NUMLOGINS {name} 0")),
        _ => Err("INVALID-ARGUMENT"),
    }
}
