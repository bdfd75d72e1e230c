//! A line of a recording of snmpsim: OID, tag, value.

use std::{borrow::Cow, net::Ipv4Addr};

use async_snmp::Value;

use super::{Format, Open, Read, WalkLine, encode, oid, snmpwalk};

/// Reads a line.
///
/// # Errors
/// It has this format, but something in it is wrong.
pub(super) fn read(line: &str, is_latin: bool) -> Result<WalkLine<'_>, String> {
    let mut parts = line.splitn(3, '|');
    let parts = (parts.next(), parts.next(), parts.next());
    let (Some(head), Some(tag), Some(text)) = parts else {
        return Ok(WalkLine::Other(Cow::Borrowed("")));
    };
    let Some(oid) = oid(head.trim()) else {
        return Ok(WalkLine::Other(Cow::Borrowed("")));
    };
    if tag.contains(':') {
        return Err(format!("the variation \"{tag}\" of snmpsim is not played"));
    }
    let value = value(tag, text, is_latin)?;
    let open = Open::No;
    Ok(WalkLine::Object(oid, Read { value, open }, Format::Snmprec))
}

fn value(tag: &str, text: &str, is_latin: bool) -> Result<Value, String> {
    let (number, is_hex) = match tag.strip_suffix('x') {
        Some(number) => (number, true),
        None => (tag, false),
    };
    let bytes = || match is_hex {
        true => snmpwalk::hex(text).ok_or_else(|| wrong(text, "hexadecimal")),
        false => Ok(encode(text, is_latin)),
    };
    Ok(match number {
        "2" => Value::Integer(parse(text, "an integer of 32 bits")?),
        "4" => Value::from(bytes()?.as_slice()),
        "5" => Value::Null,
        "6" => {
            let found = oid(text.trim()).ok_or_else(|| wrong(text, "an OID"))?;
            Value::ObjectIdentifier(found)
        }
        "64" if is_hex => match <[u8; 4]>::try_from(bytes()?.as_slice()) {
            Ok(address) => Value::IpAddress(address),
            Err(_) => return Err(wrong(text, "an IPv4 address")),
        },
        "64" => Value::from(parse::<Ipv4Addr>(text, "an IPv4 address")?),
        "65" => Value::Counter32(parse(text, "a counter of 32 bits")?),
        "66" => Value::Gauge32(parse(text, "a gauge of 32 bits")?),
        "67" => Value::TimeTicks(parse(text, "a time of 32 bits")?),
        "68" => Value::Opaque(bytes()?.into()),
        "70" => Value::Counter64(parse(text, "a counter of 64 bits")?),
        _ => return Err(format!("there is no type \"{tag}\"")),
    })
}

fn parse<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| wrong(text, what))
}

fn wrong(text: &str, what: &str) -> String {
    let text: String = text.chars().take(40).collect();
    format!("\"{text}\" is not {what}")
}
