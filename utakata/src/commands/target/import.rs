//! `utakata target import`: targets from a CSV file, all or none.

use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use csv::StringRecord;
use utakata_api::apply::Document;
use utakata_model::{CredentialName, Kind, Labels, Target, TargetName, Zone, label, suggest};

use crate::commands::{Context, apply};

const OWN: [&str; 5] = ["name", "kind", "address", "zone", "credential"];
const NEEDED: [&str; 3] = ["name", "kind", "address"];

#[derive(Debug, Args)]
#[command(after_help = "\
The first line names the columns: name, kind and address must be there, zone and credential may;
every other column is a label. Empty cells are as if they were not there.

  name,kind,address,credential,rack,feed
  pdu-a1-a,apc-pdu,10.0.3.7,pdus,A1,A

Every mistake is told with its line, and nothing is done when there is one.

Examples:
  utakata target import site.csv --dry-run
  iconv -f LATIN1 -t UTF-8 site.csv | utakata target import -")]
pub struct Arguments {
    /// The file, or - for standard input
    file: PathBuf,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

/// Imports.
pub async fn run(arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let is_input = arguments.file.as_os_str() == "-";
    let name = if is_input {
        "standard input".to_owned()
    } else {
        arguments.file.display().to_string()
    };
    let bytes = if is_input {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(&arguments.file)
    };
    let bytes = bytes.with_context(|| format!("{name} cannot be read"))?;
    let text = text(bytes).map_err(|line| {
        anyhow!(
            "{name}:{line}: this is not UTF-8: save it as UTF-8 (\"CSV UTF-8\" in office \
             programs), or `iconv -f LATIN1 -t UTF-8`; nothing was imported"
        )
    })?;
    let targets = match parse(&text) {
        Ok(targets) if targets.is_empty() => bail!("{name} has no line but its first"),
        Ok(targets) => targets,
        Err(mistakes) => {
            let lines: Vec<String> = mistakes
                .iter()
                .map(|mistake| format!("{name}:{}: {}", mistake.line, mistake.message))
                .collect();
            let count = lines.len();
            let word = if count == 1 { "mistake" } else { "mistakes" };
            bail!("{count} {word}; nothing was imported\n{}", lines.join("\n"));
        }
    };
    let documents = targets.into_iter().map(Document::Target).collect();
    apply::send(documents, arguments.dry_run, context).await
}

/// The text of a file. Errors: the first line that is not UTF-8.
fn text(bytes: Vec<u8>) -> Result<String, usize> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    })
}

/// What is wrong in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mistake {
    line: u64,
    message: String,
}

/// The targets of a CSV text. Errors: all that is wrong.
fn parse(text: &str) -> Result<Vec<Target>, Vec<Mistake>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headers = reader.headers().map_err(|error| vec![unreadable(&error)])?;
    let headers = headers.clone();
    let wrong = check_headers(&headers);
    if !wrong.is_empty() {
        let at = |message| Mistake { line: 1, message };
        return Err(wrong.into_iter().map(at).collect());
    }
    let mut targets: Vec<(u64, Target)> = Vec::new();
    let mut mistakes = Vec::new();
    for record in reader.records() {
        match record {
            Err(error) => mistakes.push(unreadable(&error)),
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                match target(&headers, &record) {
                    Ok(target) => targets.push((line, target)),
                    Err(wrong) => {
                        mistakes.extend(wrong.into_iter().map(|message| Mistake { line, message }));
                    }
                }
            }
        }
    }
    mistakes.extend(twice(&targets));
    mistakes.sort_by_key(|mistake| mistake.line);
    if mistakes.is_empty() {
        Ok(targets.into_iter().map(|(_, target)| target).collect())
    } else {
        Err(mistakes)
    }
}

fn unreadable(error: &csv::Error) -> Mistake {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("there are {len} cells, but {expected_len} columns"),
        _ => error.to_string(),
    };
    Mistake { line, message }
}

fn check_headers(headers: &StringRecord) -> Vec<String> {
    if let Some(mark) = other_separator(headers) {
        return vec![format!(
            "the cells are separated by {mark}, and must be by commas"
        )];
    }
    let mut wrong = Vec::new();
    for needed in NEEDED {
        if !headers.iter().any(|header| header == needed) {
            let near = suggest::nearest(needed, headers.iter());
            let hint = near.map_or_else(String::new, |near| format!(": is it \"{near}\"?"));
            wrong.push(format!("there is no column \"{needed}\"{hint}"));
        }
    }
    for (at, header) in headers.iter().enumerate() {
        if headers.iter().take(at).any(|other| other == header) {
            wrong.push(format!("the column \"{header}\" is there twice"));
        }
        let one = Labels::from([(header.to_owned(), String::new())]);
        if let Some(error) = label::validate(&one)
            .err()
            .filter(|_| !OWN.contains(&header))
        {
            wrong.push(error.to_string());
        }
    }
    wrong
}

/// What stands between the cells where it is not a comma, as some office programs have it.
fn other_separator(headers: &StringRecord) -> Option<&'static str> {
    let all = headers.iter().next().filter(|_| headers.len() == 1)?;
    let marks = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")];
    let found = marks.iter().find(|(mark, _)| all.contains(*mark));
    found.map(|(_, word)| *word)
}

fn target(headers: &StringRecord, record: &StringRecord) -> Result<Target, Vec<String>> {
    let mut wrong = Vec::new();
    let cell = |column: &str| -> Option<&str> {
        let at = headers.iter().position(|header| header == column)?;
        record.get(at).filter(|text| !text.is_empty())
    };
    for needed in NEEDED.iter().filter(|needed| cell(needed).is_none()) {
        wrong.push(format!("the cell \"{needed}\" is empty"));
    }
    let name: Option<TargetName> = named(cell("name"), &mut wrong);
    let kind: Option<Kind> = named(cell("kind"), &mut wrong);
    let zone: Option<Zone> = named(cell("zone"), &mut wrong);
    let credential: Option<CredentialName> = named(cell("credential"), &mut wrong);
    let labels: Labels = headers
        .iter()
        .filter(|header| !OWN.contains(header))
        .filter_map(|header| Some((header.to_owned(), cell(header)?.to_owned())))
        .collect();
    if let Err(error) = label::validate(&labels) {
        wrong.push(error.to_string());
    }
    match (name, kind, cell("address")) {
        (Some(name), Some(kind), Some(address)) if wrong.is_empty() => Ok(Target {
            zone: zone.unwrap_or_default(),
            labels,
            credential,
            ..Target::new(name, kind, address.into())
        }),
        _ => Err(wrong),
    }
}

fn named<T>(text: Option<&str>, wrong: &mut Vec<String>) -> Option<T>
where
    T: std::str::FromStr<Err = utakata_model::NameError>,
{
    match text?.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            wrong.push(error.to_string());
            None
        }
    }
}

fn twice(targets: &[(u64, Target)]) -> Vec<Mistake> {
    let mut seen = std::collections::HashMap::new();
    let mut mistakes = Vec::new();
    for (line, target) in targets {
        if let Some(first) = seen.insert(&target.name, *line) {
            let message = format!("{} is in line {first} already", target.name);
            mistakes.push(Mistake {
                line: *line,
                message,
            });
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_another_encoding_is_told_with_its_line() {
        assert_eq!(
            text(b"name\nk\xc3\xbcche\n".to_vec()).unwrap(),
            "name\nküche\n"
        );
        assert_eq!(text(b"name\nok\nk\xfcche\n".to_vec()), Err(3));
    }

    #[test]
    fn every_line_becomes_a_target_and_other_columns_are_labels() {
        let text = "\u{feff}name,kind,address,zone,credential,rack,note\n\
                    pdu-1, apc-pdu ,10.0.0.7,,pdus,A1,\"left, top\"\n";
        assert!(parse(text).is_err(), "a comma cannot be in a label");
        let text = text.replace("left, top", "left top");
        let targets = parse(&text).unwrap();
        let target = &targets[0];
        assert_eq!(
            (target.name.as_str(), target.kind.as_str()),
            ("pdu-1", "apc-pdu")
        );
        assert_eq!(target.zone, Zone::default());
        assert_eq!(target.credential.as_ref().unwrap().as_str(), "pdus");
        assert_eq!(target.labels["note"], "left top");
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let check = |text: &str, expect: &[(u64, &str)]| {
            let mistakes = parse(text).unwrap_err();
            let told: Vec<(u64, &str)> = mistakes
                .iter()
                .map(|mistake| (mistake.line, mistake.message.as_str()))
                .collect();
            assert_eq!(told, expect, "{text}");
        };
        check(
            "name,kind,adress\n",                                        // typos: on purpose
            &[(1, "there is no column \"address\": is it \"adress\"?")], // typos: on purpose
        );
        check(
            "name,kind,address,rack,rack\n",
            &[(1, "the column \"rack\" is there twice")],
        );
        check(
            "name,kind,address\na,snmp,x\n,snmp,\na,snmp,z\nb,snmp\n",
            &[
                (3, "the cell \"name\" is empty"),
                (3, "the cell \"address\" is empty"),
                (4, "a is in line 2 already"),
                (5, "there are 2 cells, but 3 columns"),
            ],
        );
        check(
            "name,kind,address,a b\n",
            &[(
                1,
                "the label key \"a b\" may have only letters, digits, '.', '_', '-' and '/', and at least one",
            )],
        );
    }
}
