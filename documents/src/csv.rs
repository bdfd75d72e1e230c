//! Targets as a table: CSV as spreadsheets and other inventories write it, in and out.

use std::{num::NonZeroU32, path::Path};

use anyhow::{Context, Result};
use csv::StringRecord;
use utakata_api::apply::Document;
use utakata_model::{
    CredentialName, Kind, Labels, Limits, Target, TargetName, Zone, label, suggest,
    target::PerSecond,
};

use super::{Item, Mistake, Position};

/// Columns that are no labels, in their order: [`cells`] has one for each field of a target, so
/// that none of them is forgotten here.
const OWN: [&str; 8] = [
    "name",
    "kind",
    "address",
    "zone",
    "credential",
    "pin",
    CONVERSATIONS,
    PER_SECOND,
];
const NEEDED: [&str; 3] = ["name", "kind", "address"];
const CONVERSATIONS: &str = "limits.conversations";
const PER_SECOND: &str = "limits.per_second";
/// The prefix of a label that would otherwise be taken for another column.
const LABEL: &str = "label:";

/// Returns true if a text is a table rather than YAML, judged by its file extension or first line.
pub fn is_table(name: &Path, text: &str) -> bool {
    let ending = name.extension().and_then(|ending| ending.to_str());
    if let Some(ending) = ending {
        return ending.eq_ignore_ascii_case("csv");
    }
    let first = text.trim_start_matches('\u{feff}').lines().next();
    let first = first.unwrap_or_default();
    let cells: Vec<&str> = first.split([',', ';', '\t']).map(str::trim).collect();
    NEEDED
        .iter()
        .filter(|column| cells.contains(column))
        .count()
        >= 2
}

/// Reads the targets of a table.
///
/// # Errors
/// Every mistake, with its line.
pub fn parse(file: &str, text: &str) -> Result<Vec<Item>, Vec<Mistake>> {
    let targets = targets(text).map_err(|wrong| {
        let mistake = |Wrong { line, message }| Mistake {
            file: file.into(),
            place: Position { line, column: 0 },
            subject: String::new(),
            message,
        };
        wrong.into_iter().map(mistake).collect::<Vec<_>>()
    })?;
    let item = |target| Item::Document(Document::Target(target));
    Ok(targets.into_iter().map(item).collect())
}

/// A mistake in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrong {
    line: u64,
    message: String,
}

fn targets(text: &str) -> Result<Vec<Target>, Vec<Wrong>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headers = reader.headers().map_err(|error| vec![unreadable(&error)])?;
    let headers = headers.clone();
    let wrong = check_headers(&headers);
    if !wrong.is_empty() {
        let at = |message| Wrong { line: 1, message };
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
                        mistakes.extend(wrong.into_iter().map(|message| Wrong { line, message }));
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

fn unreadable(error: &csv::Error) -> Wrong {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("there are {len} cells, but {expected_len} columns"),
        _ => error.to_string(),
    };
    Wrong { line, message }
}

/// Returns the label that a column stands for, unless it is a column of its own.
fn label_of(header: &str) -> Option<&str> {
    match header.strip_prefix(LABEL) {
        Some(label) => Some(label),
        None => (!OWN.contains(&header)).then_some(header),
    }
}

fn check_headers(headers: &StringRecord) -> Vec<String> {
    if let Some(mark) = other_separator(headers) {
        return vec![format!(
            "the cells are separated by {mark}, and must be separated by commas: choose the comma when you \
             export, or convert the file"
        )];
    }
    let mut wrong = Vec::new();
    for needed in NEEDED {
        if !headers.iter().any(|header| header == needed) {
            let near = suggest::nearest(needed, headers.iter());
            let hint = near.map_or_else(String::new, |near| {
                format!(": did you mean it by \"{near}\"?")
            });
            wrong.push(format!("there is no column \"{needed}\"{hint}"));
        }
    }
    for (at, header) in headers.iter().enumerate() {
        if headers.iter().take(at).any(|other| other == header) {
            wrong.push(format!("the column \"{header}\" is there twice"));
        }
        let Some(key) = label_of(header) else {
            continue;
        };
        let one = Labels::from([(key.to_owned(), String::new())]);
        if let Err(error) = label::validate(&one) {
            wrong.push(error.to_string());
        }
    }
    wrong
}

/// Returns the separator if it is not a comma: some spreadsheets write another.
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
        let text = record.get(at)?.trim();
        Some(text).filter(|text| !text.is_empty())
    };
    for needed in NEEDED.iter().filter(|needed| cell(needed).is_none()) {
        wrong.push(format!("the cell \"{needed}\" is empty"));
    }
    let name: Option<TargetName> = named(cell("name"), &mut wrong);
    let kind: Option<Kind> = named(cell("kind"), &mut wrong);
    let zone: Option<Zone> = named(cell("zone"), &mut wrong);
    let credential: Option<CredentialName> = named(cell("credential"), &mut wrong);
    let limits = Limits {
        conversations: number(CONVERSATIONS, cell(CONVERSATIONS), &mut wrong, |text| {
            text.parse::<NonZeroU32>().ok()
        }),
        per_second: number(PER_SECOND, cell(PER_SECOND), &mut wrong, |text| {
            PerSecond::new(text.parse().ok()?).ok()
        }),
    };
    let label = |(at, header): (usize, &str)| {
        let text = record.get(at).map(str::trim);
        let text = text.filter(|text| !text.is_empty())?;
        Some((label_of(header)?.to_owned(), text.to_owned()))
    };
    let labels: Labels = headers.iter().enumerate().filter_map(label).collect();
    if let Err(error) = label::validate(&labels) {
        wrong.push(error.to_string());
    }
    match (name, kind, cell("address")) {
        // Each field is named: one that is new needs a column, or it would become a label.
        (Some(name), Some(kind), Some(address)) if wrong.is_empty() => Ok(Target {
            name,
            kind,
            address: address.into(),
            zone: zone.unwrap_or_default(),
            labels,
            credential,
            pin: cell("pin").map(ToOwned::to_owned),
            limits,
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

fn number<T>(
    column: &str,
    text: Option<&str>,
    wrong: &mut Vec<String>,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let text = text?;
    let number = parse(text);
    if number.is_none() {
        wrong.push(format!(
            "\"{text}\" in the column \"{column}\" is not a number that it can be: more than 0, as \
             in 2"
        ));
    }
    number
}

fn twice(targets: &[(u64, Target)]) -> Vec<Wrong> {
    let mut seen = std::collections::HashMap::new();
    let mut mistakes = Vec::new();
    for (line, target) in targets {
        if let Some(first) = seen.insert(&target.name, *line) {
            let message = format!("{} is in line {first} already", target.name);
            mistakes.push(Wrong {
                line: *line,
                message,
            });
        }
    }
    mistakes
}

/// Writes targets as a table that [`parse`] reads. Columns in which no target has a cell are left
/// out.
///
/// # Errors
/// The table cannot be written, which is a bug in utakata.
pub fn write<'a>(targets: impl IntoIterator<Item = &'a Target>) -> Result<String> {
    let targets: Vec<&Target> = targets.into_iter().collect();
    let mut labels: Vec<&str> = targets
        .iter()
        .flat_map(|target| target.labels.keys().map(String::as_str))
        .collect();
    labels.sort_unstable();
    labels.dedup();
    let rows: Vec<[String; OWN.len()]> = targets.iter().map(|target| cells(target)).collect();
    let is_used =
        |at: usize| NEEDED.contains(&OWN[at]) || rows.iter().any(|cells| !cells[at].is_empty());
    let columns: Vec<usize> = (0..OWN.len()).filter(|at| is_used(*at)).collect();
    let header = |label: &&str| match OWN.contains(label) || label.starts_with(LABEL) {
        true => format!("{LABEL}{label}"),
        false => (*label).to_owned(),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    let headers = columns.iter().map(|at| OWN[*at].to_owned());
    let unwritable = "the table cannot be written";
    writer
        .write_record(headers.chain(labels.iter().map(header)))
        .context(unwritable)?;
    for (target, cells) in targets.iter().zip(&rows) {
        let cells = columns.iter().map(|at| cells[*at].clone());
        let label = |label: &&str| target.labels.get(*label).cloned().unwrap_or_default();
        writer
            .write_record(cells.chain(labels.iter().map(label)))
            .context(unwritable)?;
    }
    let bytes = writer.into_inner().context(unwritable)?;
    String::from_utf8(bytes).context(unwritable)
}

/// The cells of a target in the columns that are no labels, in the order of [`OWN`].
fn cells(target: &Target) -> [String; OWN.len()] {
    // Each field is named: one that is new does not compile until it has a column.
    let Target {
        name,
        kind,
        address,
        zone,
        labels: _,
        credential,
        pin,
        limits: Limits {
            conversations,
            per_second,
        },
    } = target;
    let zone = Some(zone).filter(|zone| **zone != Zone::default());
    [
        name.to_string(),
        kind.to_string(),
        address.clone(),
        text(zone),
        text(credential.as_ref()),
        text(pin.as_ref()),
        text(conversations.as_ref()),
        text(per_second.map(PerSecond::get).as_ref()),
    ]
}

/// The text of a cell, which is empty where there is nothing.
fn text(value: Option<&impl ToString>) -> String {
    value.map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests;
