//! A line that `snmpwalk` of Net-SNMP printed, with types (`-On`) or without (`-Oqn`).

use std::{borrow::Cow, net::Ipv4Addr};

use async_snmp::Value;

use super::{Format, Open, Read, WalkLine, encode, oid};

/// The texts that Net-SNMP prints instead of a value.
const NOTHING: [&str; 4] = [
    "No Such Object",
    "No Such Instance",
    "No more variables left",
    "NULL",
];

/// Reads a line.
///
/// # Errors
/// It is an object, but something in it is wrong.
pub(super) fn read(line: &str, is_latin: bool) -> Result<WalkLine<'_>, String> {
    if let Some((head, rest)) = line.split_once(" = ").or_else(|| line.split_once(" =")) {
        if let Some(oid) = oid(head.trim()) {
            return Ok(match typed(rest.trim_start(), is_latin)? {
                Some(read) => WalkLine::Object(oid, read, Format::Typed),
                None => WalkLine::Nothing,
            });
        }
        if is_name(head) {
            return Err(format!(
                "\"{head}\" is a name: walk with -On, which gives numbers"
            ));
        }
    }
    let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
    match oid(head) {
        Some(oid) if head.starts_with('.') || head.starts_with("iso.") => {
            Ok(match quick(rest, is_latin) {
                Some(read) => WalkLine::Object(oid, read, Format::Quick),
                None => WalkLine::Nothing,
            })
        }
        _ => Ok(WalkLine::Other(Cow::Borrowed(
            "it does not begin with an OID in numbers",
        ))),
    }
}

/// Returns true if a text is the name of an object: `IF-MIB::ifDescr.1`, `.iso.org.dod`.
fn is_name(head: &str) -> bool {
    let has = |c: char| c.is_ascii_alphanumeric() || "-_.:\"'".contains(c);
    let head = head.trim();
    !head.is_empty() && head.chars().all(has) && (head.contains("::") || head.starts_with('.'))
}

/// The value of `TYPE: value`. `None` if there is none.
fn typed(text: &str, is_latin: bool) -> Result<Option<Read>, String> {
    let text = match text.strip_prefix("Wrong Type (should be ") {
        Some(rest) => rest.split_once("): ").map_or(rest, |(_, rest)| rest),
        None => text,
    };
    if NOTHING.iter().any(|nothing| text.starts_with(nothing)) {
        return Ok(None);
    }
    if text.starts_with('"') {
        return Ok(Some(string(text, is_latin)));
    }
    let (kind, text) = text
        .split_once(':')
        .ok_or_else(|| format!("\"{text}\" has no type"))?;
    let text = text.strip_prefix(' ').unwrap_or(text);
    let whole = |value: Value| {
        Ok(Some(Read {
            value,
            open: Open::No,
        }))
    };
    match kind {
        "STRING" => Ok(Some(string(text, is_latin))),
        "Hex-STRING" | "Hex" => {
            let bytes = hex(text).ok_or_else(|| wrong(text, "hexadecimal"))?;
            Ok(Some(Read {
                value: Value::from(bytes.as_slice()),
                open: Open::Hex,
            }))
        }
        "BITS" => {
            let bytes: Vec<&str> = text.split(' ').take_while(|part| is_byte(part)).collect();
            let bytes = hex(&bytes.concat()).unwrap_or_default();
            whole(Value::from(bytes.as_slice()))
        }
        "INTEGER" => whole(Value::Integer(number(text, "an integer of 32 bits")?)),
        "Counter32" => whole(Value::Counter32(number(text, "a counter of 32 bits")?)),
        "Gauge32" | "Unsigned32" | "UInteger32" => {
            whole(Value::Gauge32(number(text, "a gauge of 32 bits")?))
        }
        "Counter64" => whole(Value::Counter64(number(text, "a counter of 64 bits")?)),
        "Timeticks" => whole(Value::TimeTicks(number(text, "a time of 32 bits")?)),
        "OID" => {
            let found = oid(text.trim()).ok_or_else(|| wrong(text, "an OID in numbers"))?;
            whole(Value::ObjectIdentifier(found))
        }
        "IpAddress" => whole(Value::from(
            text.trim()
                .parse::<Ipv4Addr>()
                .map_err(|_| wrong(text, "an IPv4 address"))?,
        )),
        "Network Address" => match hex(text).map(<[u8; 4]>::try_from) {
            Some(Ok(address)) => whole(Value::IpAddress(address)),
            _ => Err(wrong(text, "an IPv4 address in hexadecimal")),
        },
        "Opaque" => whole(opaque(text)?),
        _ => Err(format!("there is no type \"{kind}\"")),
    }
}

/// A value without its type, which is guessed. `None` if there is none.
fn quick(text: &str, is_latin: bool) -> Option<Read> {
    let text = text.trim_start();
    if NOTHING.iter().any(|nothing| text.starts_with(nothing)) {
        return None;
    }
    let whole = |value: Value| {
        Some(Read {
            value,
            open: Open::No,
        })
    };
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let inner = inner.filter(|inner| inner.ends_with(' ') && inner.trim().split(' ').all(is_byte));
    if let Some(bytes) = inner.and_then(hex) {
        return whole(Value::from(bytes.as_slice()));
    }
    if text.starts_with('"') {
        return Some(string(text, is_latin));
    }
    let text = text.trim_end();
    if let Ok(number) = text.parse() {
        return whole(Value::Integer(number));
    }
    if let Ok(number) = text.parse() {
        return whole(Value::Gauge32(number));
    }
    if let Ok(number) = text.parse() {
        return whole(Value::Counter64(number));
    }
    if let Some(ticks) = ticks(text) {
        return whole(Value::TimeTicks(ticks));
    }
    if let Some(found) = oid(text).filter(|_| text.starts_with('.') || text.starts_with("iso.")) {
        return whole(Value::ObjectIdentifier(found));
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return whole(Value::from(address));
    }
    Some(string(text, is_latin))
}

/// A text, possibly quoted, possibly continued on the next line.
fn string(text: &str, is_latin: bool) -> Read {
    let (text, open) = match text.strip_prefix('"') {
        None => (Cow::Borrowed(text), Open::Text),
        Some(text) => match unquote(text) {
            (text, true) => (text, Open::No),
            (text, false) => (text, Open::Quoted),
        },
    };
    Read {
        value: Value::from(encode(&text, is_latin).as_slice()),
        open,
    }
}

/// A text up to its closing quotation mark, and whether there is one.
pub(super) fn unquote(text: &str) -> (Cow<'_, str>, bool) {
    let mut plain = String::with_capacity(text.len());
    let mut escaped = false;
    for c in text.trim_end_matches(' ').chars() {
        match (escaped, c) {
            (true, _) => {
                if !matches!(c, '"' | '\\') {
                    plain.push('\\');
                }
                plain.push(c);
                escaped = false;
            }
            (false, '\\') => escaped = true,
            (false, _) => plain.push(c),
        }
    }
    // Devices put quotation marks into texts, and Net-SNMP does not always escape them: the last
    // one counts.
    let ends = text.trim_end_matches(' ');
    let is_closed = ends.ends_with('"') && !ends.ends_with("\\\"");
    if is_closed {
        plain.pop();
        return (Cow::Owned(plain), true);
    }
    (Cow::Owned(plain), false)
}

/// Bytes in hexadecimal, separated by blanks, colons or nothing.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().filter(|c| !matches!(c, ' ' | ':' | '\t'));
    let digits: Option<Vec<u32>> = digits.map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    let bytes = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
    bytes.map(|byte| u8::try_from(byte).ok()).collect()
}

fn is_byte(text: &str) -> bool {
    text.len() == 2 && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// A number: `5`, `up(1)`, `(4711) 0:00:47.11`, `230 Volts`.
fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    let text = text.trim();
    let inner = text.split_once('(').and_then(|(_, rest)| {
        let (inner, _) = rest.split_once(')')?;
        inner.parse().ok()
    });
    let first = text.split(' ').next().unwrap_or(text);
    if first.contains('.') && first.parse::<f64>().is_ok() {
        return Err(format!(
            "\"{text}\" was scaled by a MIB: walk with -m '' -On, which gives what the device sent"
        ));
    }
    inner
        .or_else(|| first.parse().ok())
        .ok_or_else(|| wrong(text, what))
}

/// Hundredths of a second from `days:hours:minutes:seconds.hundredths`.
fn ticks(text: &str) -> Option<u32> {
    let mut parts = text.split(':');
    let mut next = || parts.next();
    let (days, hours, minutes, seconds) = (next()?, next()?, next()?, next()?);
    let (seconds, hundredths) = seconds.split_once('.')?;
    let number = |text: &str| text.parse::<u32>().ok();
    let hours = number(days)?.checked_mul(24)?.checked_add(number(hours)?)?;
    let minutes = hours.checked_mul(60)?.checked_add(number(minutes)?)?;
    let seconds = minutes.checked_mul(60)?.checked_add(number(seconds)?)?;
    seconds.checked_mul(100)?.checked_add(number(hundredths)?)
}

/// A floating-point number in an Opaque, as encoded by Net-SNMP.
fn opaque(text: &str) -> Result<Value, String> {
    let float = text.strip_prefix("Float: ");
    let float = float.and_then(|text| text.split(' ').next()?.parse::<f32>().ok());
    if let Some(float) = float {
        let bytes = [&[0x9f, 0x78, 4][..], &float.to_be_bytes()].concat();
        return Ok(Value::Opaque(bytes.into()));
    }
    let bytes = hex(text).ok_or_else(|| wrong(text, "a number or hexadecimal"))?;
    Ok(Value::Opaque(bytes.into()))
}

fn wrong(text: &str, what: &str) -> String {
    let text: String = text.chars().take(40).collect();
    format!("\"{text}\" is not {what}")
}
