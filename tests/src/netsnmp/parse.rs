//! The output of the tools with `-On -Ox -Oe`, parsed into bindings.

use anyhow::{Context, Result};

use super::Binding;

/// Parses the standard output of `snmpget`, `snmpwalk` or `snmpset`.
///
/// # Errors
/// A line has no known form; it is named.
pub fn bindings(output: &str) -> Result<Vec<Binding>> {
    let mut entries: Vec<String> = Vec::new();
    for line in output.lines() {
        match entries.last_mut() {
            // A long string continues on the next lines.
            Some(entry) if !begins_binding(line) => {
                entry.push(' ');
                entry.push_str(line);
            }
            _ => entries.push(line.to_owned()),
        }
    }
    entries.iter().map(|entry| binding(entry)).collect()
}

fn begins_binding(line: &str) -> bool {
    line.split_once(" = ").is_some_and(|(oid, _)| is_oid(oid))
}

fn is_oid(text: &str) -> bool {
    text.starts_with('.') && text.chars().all(|c| c == '.' || c.is_ascii_digit())
}

fn binding(entry: &str) -> Result<Binding> {
    let (oid, rest) = entry
        .split_once(" = ")
        .filter(|(oid, _)| is_oid(oid))
        .with_context(|| format!("not a variable binding: {entry:?}"))?;
    let (kind, value, bytes) = typed(rest.trim()).with_context(|| format!("in {entry:?}"))?;
    Ok(Binding {
        oid: oid.trim_start_matches('.').to_owned(),
        kind,
        value,
        bytes,
    })
}

fn typed(text: &str) -> Result<(String, String, Vec<u8>)> {
    let exception = match text {
        _ if text.starts_with("No Such Object") => Some("noSuchObject"),
        _ if text.starts_with("No Such Instance") => Some("noSuchInstance"),
        _ if text.starts_with("No more variables left") => Some("endOfMibView"),
        "NULL" => Some("NULL"),
        _ => None,
    };
    if let Some(kind) = exception {
        return Ok((kind.to_owned(), String::new(), Vec::new()));
    }
    if text == "\"\"" {
        return Ok(("STRING".to_owned(), String::new(), Vec::new()));
    }
    let (kind, value) = text.split_once(':').context("a value without a type")?;
    let value = value.trim();
    Ok(match kind {
        "Hex-STRING" => {
            let bytes = hexadecimal(value)?;
            (
                "STRING".to_owned(),
                String::from_utf8_lossy(&bytes).into_owned(),
                bytes,
            )
        }
        "Timeticks" => (kind.to_owned(), ticks(value)?, Vec::new()),
        "OID" => (
            kind.to_owned(),
            value.trim_start_matches('.').to_owned(),
            Vec::new(),
        ),
        _ => (kind.to_owned(), value.to_owned(), Vec::new()),
    })
}

fn hexadecimal(text: &str) -> Result<Vec<u8>> {
    text.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).with_context(|| format!("not a byte: {byte:?}")))
        .collect()
}

/// `(25) 0:00:00.25` is 25 hundredths of a second.
fn ticks(text: &str) -> Result<String> {
    let digits = text.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    Ok(digits
        .context("time ticks without their number")?
        .0
        .to_owned())
}
